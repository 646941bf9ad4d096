//! Known vulnerabilities of the dependencies, as far as the database of them can be had.
//!
//! The RustSec database is a git repository. A machine that reaches package registries only cannot fetch
//! it, and a test run that could never be green there would be of no use. So this is the one check that
//! may not take place: with a copy of the database, fresh or not, the check counts like any other;
//! without one the step says in the output and in the summary that nothing was checked.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::invocation::{Invocation, cargo_home};
use crate::test::Outcome;
use crate::tools::Missing;

/// The database is a few megabytes. Without general internet some networks answer at once and some
/// never; nobody should wait for minutes to be told so.
const FETCH_LIMIT: Duration = Duration::from_secs(60);

/// Checks with a fetched database, else with the one that is there, else not at all and says so.
pub(crate) fn check(missing: Missing) -> Result<Outcome> {
    let fetched = match missing {
        Missing::Install => {
            Invocation::new(["cargo", "deny", "fetch", "db"]).run_within(FETCH_LIMIT)
        }
        Missing::Refuse => Err(anyhow::anyhow!(
            "--no-install was given, so it was not tried"
        )),
    };
    if let Err(error) = fetched {
        println!("the advisory database could not be fetched: {error}");
        if !has_database(&cargo_home()?.join("advisory-dbs"))? {
            return Ok(Outcome::NotChecked(
                "known vulnerabilities (RustSec): no copy of the database is here, and it could not be fetched",
            ));
        }
        println!("checking with the copy that is here");
    }
    // `--offline`: the database was fetched above, and a second attempt would turn "cannot be
    // reached" into a failure.
    Invocation::new(["cargo", "deny", "--offline", "check", "advisories"]).run()?;
    Ok(Outcome::Passed)
}

/// cargo-deny keeps each database in a git clone of its own; an attempt that failed leaves only a lock file.
fn has_database(folder: &Path) -> Result<bool> {
    if !folder.exists() {
        return Ok(false);
    }
    for entry in std::fs::read_dir(folder)? {
        if entry?.path().join(".git").exists() {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_failed_fetch_leaves_is_no_database() {
        let folder = std::env::temp_dir().join(format!("xtask-advisories-{}", std::process::id()));
        assert!(!has_database(&folder).unwrap());
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("db.lock"), "").unwrap();
        assert!(!has_database(&folder).unwrap());
        std::fs::create_dir_all(folder.join("advisory-db-0/.git")).unwrap();
        assert!(has_database(&folder).unwrap());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
