//! Known vulnerabilities of the dependencies, as far as the database of them can be had.
//!
//! The RustSec database is a git repository. A machine that reaches package registries only cannot fetch
//! it, and a test run that could never be green there would be of no use. So this is the one check that
//! may not take place: with a copy of the database, fresh or not, the check counts like any other;
//! without one the step says in the output and in the summary that nothing was checked.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::invocation::Invocation;
use crate::outcome::Outcome;
use crate::tools::Missing;

/// Without general internet some networks answer at once and some never; nobody should wait for
/// minutes to be told so.
const FETCH: &str = "timeout 60 cargo deny fetch db";

/// Checks with a fetched database, else with the one that is there, else not at all and says so.
pub(crate) fn check(missing: Missing) -> Result<Outcome> {
    let fetch = || match missing {
        Missing::Install => Invocation::new(FETCH).run(),
        Missing::Refuse => bail!("--no-install was given, so it was not tried"),
    };
    if let Err(error) = fetch() {
        println!("the advisory database could not be fetched: {error}");
        if !has_database(&databases()?)? {
            return Ok(Outcome::NotChecked(
                "known vulnerabilities (RustSec): no copy of the database is here, and it could not be fetched",
            ));
        }
        println!("checking with the copy that is here");
    }
    // `--offline`: a second attempt to fetch it would turn "cannot be reached" into a failure.
    Invocation::new("cargo deny --offline check advisories").run()?;
    Ok(Outcome::Passed)
}

/// Where cargo-deny keeps them.
fn databases() -> Result<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    let home = home.context("neither CARGO_HOME nor a home directory is known")?;
    Ok(home.join("advisory-dbs"))
}

/// cargo-deny keeps each database in a git clone of its own; an attempt that failed leaves only a lock file.
fn has_database(folder: &Path) -> Result<bool> {
    if !folder.exists() {
        return Ok(false);
    }
    let mut entries = std::fs::read_dir(folder)?.flatten();
    Ok(entries.any(|entry| entry.path().join(".git").exists()))
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
