//! The commit: as `TABLECAST_COMMIT` says, else that of the work tree, if there is one.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

const VARIABLE: &str = "TABLECAST_COMMIT";

/// So many digits are told.
const DIGITS: usize = 12;

/// Tells the compiler the version and the commit.
pub(crate) fn tell() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-env-changed={VARIABLE}");
    let version = env::var("CARGO_PKG_VERSION")?;
    let version = match commit()? {
        Some(commit) => {
            let commit = &commit[..DIGITS];
            println!("cargo::rustc-env=TABLECAST_BUILD_COMMIT={commit}");
            format!("{version} ({commit})")
        }
        None => version,
    };
    println!("cargo::rustc-env=TABLECAST_BUILD_VERSION={version}");
    Ok(())
}

fn commit() -> Result<Option<String>, Box<dyn Error>> {
    match env::var(VARIABLE) {
        Ok(given) if !given.is_empty() => {
            let is_commit = given.len() >= DIGITS && given.bytes().all(|c| c.is_ascii_hexdigit());
            let wrong = format!(
                "{VARIABLE} is {given:?}; expected a commit, at least {DIGITS} digits of 0-9 and a-f"
            );
            is_commit.then_some(Some(given)).ok_or(wrong.into())
        }
        _ => Ok(of_work_tree(&env::var("CARGO_MANIFEST_DIR")?)),
    }
}

/// The commit of the work tree of this project, not of one around it in which a copy of these
/// sources lies. Cargo is told which files say so.
fn of_work_tree(manifest: &str) -> Option<String> {
    let git = |words: &[&str]| {
        let mut git = Command::new("git");
        git.current_dir(manifest).args(words);
        // Those of a hook in which cargo runs perhaps.
        git.env_remove("GIT_DIR").env_remove("GIT_WORK_TREE");
        let output = git.output().ok().filter(|output| output.status.success())?;
        let line = String::from_utf8(output.stdout).ok()?;
        Some(line.trim().to_owned())
    };
    let root = Path::new(manifest).join("../..");
    let top = PathBuf::from(git(&["rev-parse", "--show-toplevel"])?);
    if fs::canonicalize(top).ok()? != fs::canonicalize(root).ok()? {
        return None;
    }
    let file = |name: &str| {
        let path = Path::new(manifest).join(git(&["rev-parse", "--git-path", name])?);
        path.exists().then_some(path)
    };
    // The branch, and where it is. A branch that has no file of its own yet is in a list with
    // others; then the record of what HEAD was tells of each change.
    let branch = git(&["symbolic-ref", "--quiet", "HEAD"]);
    let at = branch.map(|branch| file(&branch).or_else(|| file("logs/HEAD")));
    for path in [file("HEAD"), at.flatten()].into_iter().flatten() {
        println!("cargo::rerun-if-changed={}", path.display());
    }
    git(&["rev-parse", "--verify", "HEAD"]).filter(|commit| commit.len() >= DIGITS)
}
