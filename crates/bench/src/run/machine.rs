//! Where a run takes place.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::program::{said, shell};

/// What is worth knowing, and how the shell tells it.
const FACTS: [(&str, &str); 12] = [
    (
        "processor",
        "sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1",
    ),
    ("cores", "nproc"),
    (
        "memory",
        "awk '/^MemTotal/ { printf \"%.1f GiB\", $2 / 1048576 }' /proc/meminfo",
    ),
    ("system", ". /etc/os-release && echo $PRETTY_NAME"),
    ("kernel", "uname -sr"),
    ("`ulimit -n`", "ulimit -n"),
    ("perf", "perf --version"),
    ("redis", "redis-server --version"),
    ("rustc", "rustc --version"),
    ("valgrind", "valgrind --version"),
    (
        "commit",
        "git -C \"$peers\" describe --always --dirty --abbrev=40 --exclude='*'",
    ),
    ("date", "date -u +%FT%TZ"),
];

/// As many files as this user may open; servers that are started inherit it. Tells how
/// many that are.
pub(super) fn raise_file_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    // What it was is still the limit then.
    let _ = setrlimit(Resource::Nofile, raised);
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// What is known of this machine.
pub(super) fn facts() -> Vec<(String, String)> {
    let known = FACTS.iter().filter_map(|(name, script)| {
        let says = said(&mut shell(script)).ok()?;
        Some(((*name).to_owned(), says))
    });
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
