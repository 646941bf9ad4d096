//! The machine of a run.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::lists;
use crate::program::{said, shell};

/// Raises the limit of open files as far as this user may, also for the servers that are started. Returns
/// the limit.
pub(super) fn raise_file_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    // If it fails, the limit is what it was.
    let _ = setrlimit(Resource::Nofile, raised);
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// The facts of `machine.toml` that can be found out here.
pub(super) fn facts() -> Vec<(String, String)> {
    let facts = lists::entries::<(String, String)>(include_str!("machine.toml"));
    let known = facts.into_iter();
    let known = known.filter_map(|(name, script)| Some((name, said(&mut shell(&script)).ok()?)));
    known.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_their_keys() {
        let facts = facts();
        for name in ["processor", "cores", "memory", "system", "kernel", "date"] {
            let says = facts.iter().find(|(known, _)| known == name);
            assert!(says.is_some_and(|(_, says)| !says.is_empty()), "{facts:?}");
        }
    }
}
