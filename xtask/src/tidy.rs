//! `cargo xtask tidy`: the rules of this repository that no other tool checks.
//!
//! A rule is a function from the repository to findings. Other tools check the rest: clippy and rustc the lints
//! in `Cargo.toml` and `clippy.toml`, `cargo deny` which crate may use which, typos the spelling, and lychee the
//! links of documents. A test of the server checks that the protocol's description has every golden frame and
//! close code.

mod circles;
mod documents;
mod finding;
mod manifests;
mod repo;
mod testing;
mod texts;

use anyhow::{Result, bail};

use repo::Repo;

/// The name of a rule, and its check.
type Rule = (&'static str, fn(&Repo) -> Vec<String>);

const RULES: &[Rule] = &[
    // The crates are released together.
    ("manifests", manifests::common),
    // A licence asks that its text goes with what is under it.
    ("licences", manifests::licences),
    // A file can be read, tested and replaced without those that follow it.
    ("no circles", circles::circles),
    // Only a few modules use a library, and tests are neither slow nor flaky.
    ("texts", texts::texts),
    // A file does one thing, and a document is read in one sitting.
    ("short files", documents::lengths),
    // Readers of both languages read the same.
    ("READMEs in step", documents::readmes),
    // docs/testing.md says which test guards against what, and every defect has one.
    ("named tests", testing::named),
    // Whoever sees the number of a defect or of a hostile input finds it in docs/testing.md.
    ("numbers in tests", testing::numbers),
];

/// Checks all rules and prints every finding.
///
/// # Errors
/// There were findings, or the repository could not be read.
pub(crate) fn run() -> Result<()> {
    let repo = Repo::read()?;
    let mut count = 0;
    let rules = RULES.iter().map(|(name, check)| (*name, check(&repo)));
    // No I/O, clock or randomness, so that every room can be replayed.
    for (name, findings) in rules.chain([("pure crates", manifests::pure()?)]) {
        if !findings.is_empty() {
            println!("{name}:");
        }
        for finding in &findings {
            println!("  {finding}");
        }
        count += findings.len();
    }
    if count > 0 {
        bail!("findings against the rules of this repository: {count}");
    }
    println!("{} rules hold", RULES.len() + 1);
    Ok(())
}
