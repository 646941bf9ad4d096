//! Known vulnerabilities of the dependencies, if their database can be had.
//!
//! The RustSec database is a git repository. A machine that reaches package registries alone cannot fetch
//! it, and a test run that can never be green is of no use. So this is the one check that may be left out:
//! with a copy of the database, new or old, it counts like any other. Without one the output and the
//! summary say that nothing was checked.

use std::path::Path;

use anyhow::{Result, bail};

use crate::outcome::Outcome;
use xtask::invocation::Invocation;
use xtask::tools::{self, Missing};

/// Without internet access some networks refuse at once, and others never answer. Nobody should wait minutes
/// for that.
const FETCH: &str = "timeout 60 cargo deny fetch db";

/// Checks with a database that it fetches, else with the copy that is there. Without either it does not check.
pub(crate) fn check(missing: Missing) -> Result<Outcome> {
    let fetch = || match missing {
        Missing::Install => Invocation::new(FETCH).run(),
        Missing::Refuse => bail!("--no-install was given, so it was not tried"),
    };
    if let Err(error) = fetch() {
        println!("the advisory database could not be fetched: {error}");
        // Where cargo-deny keeps them.
        let databases = tools::folder("CARGO_HOME", ".cargo")?.join("advisory-dbs");
        if !has_database(&databases)? {
            return Ok(Outcome::NotChecked(
                "known vulnerabilities (RustSec): no copy of the database is here, and it could not be fetched",
            ));
        }
        println!("checking with the copy that is here");
    }
    // Offline, since a second attempt to fetch it would fail, and the check with it.
    Invocation::new("cargo deny --offline check advisories").run()?;
    Ok(Outcome::Passed)
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
