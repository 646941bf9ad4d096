//! `cargo xtask fuzz`: libFuzzer looks for inputs that break a promise of `crates/fuzz`.
//!
//! It uses the stable compiler. Sanitizers would need nightly, but they look for errors that only code with
//! `unsafe` can have, and ours has none.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use xtask::invocation::Invocation;
use xtask::tools::{self, Missing};

/// Without LTO, which takes long to compile. The option of cargo-fuzz switches the checks of debug builds on.
const CARGO: &str = "env CARGO_PROFILE_RELEASE_LTO=off CARGO_TARGET_DIR=target/fuzz cargo fuzz";

const LIST: &str = "cargo fuzz list --fuzz-dir crates/fuzz";

const BUILD: &str = "--fuzz-dir crates/fuzz --sanitizer none --debug-assertions --codegen-units 16 --features libfuzzer";

/// The limits for libFuzzer: seconds for an input (a hang is a finding), memory in MiB, bytes of an input. Of what goes
/// well it tells only the sums at the end.
const LIMITS: &str =
    "-timeout=10 -rss_limit_mb=2048 -max_len=32768 -verbosity=0 -print_final_stats=1";

const CORPORA: &str = "crates/fuzz/corpus";

/// Where the inputs are that reach new code, and those that break a promise.
const OUTPUT: &str = "target/fuzz";

/// Runs one target or all of them, one after the other.
///
/// # Errors
/// An input breaks a promise, which libFuzzer says with the name of its file. Or a tool is missing.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let (named, seconds) = options(arguments)?;
    tools::provide(tools::needed(|user| user == "fuzz")?, Missing::Install)?;
    let list = Invocation::new(LIST).output()?;
    let is_meant = |target: &&str| named.is_none_or(|named| named == *target);
    let targets: Vec<&str> = list.lines().filter(is_meant).collect();
    if targets.is_empty() {
        bail!("there is no such target; there are:\n{list}");
    }
    Invocation::new(&format!("{CARGO} build {BUILD}")).run()?;
    let mut failed = Vec::new();
    for target in targets {
        if let Err(error) = fuzz(target, seconds) {
            println!("{error:#}");
            failed.push(target);
        }
    }
    if !failed.is_empty() {
        bail!(
            "these targets failed, as is said above: {}; inputs that break a promise are in {OUTPUT}",
            failed.join(", ")
        );
    }
    Ok(())
}

/// The target, if only one is to run, and the seconds for each.
fn options<'a>(arguments: &[&'a str]) -> Result<(Option<&'a str>, u64)> {
    let (target, seconds) = match *arguments {
        [] => (None, "600"),
        ["--seconds", seconds] => (None, seconds),
        ["--seconds", seconds, target] | [target, "--seconds", seconds] => (Some(target), seconds),
        [target] if !target.starts_with('-') => (Some(target), "600"),
        _ => bail!("allowed is [TARGET] [--seconds N]"),
    };
    let seconds = seconds.parse().context("`--seconds` needs a number")?;
    Ok((target, seconds))
}

/// Runs one target. New inputs are not put into its corpus, which people keep small.
fn fuzz(target: &str, seconds: u64) -> Result<()> {
    let folder = format!("{OUTPUT}/{target}");
    fs::create_dir_all(Path::new(&folder).join("corpus"))?;
    Invocation::new(&format!(
        "{CARGO} run {BUILD} {target} {folder}/corpus {CORPORA}/{target} \
         -- {LIMITS} -max_total_time={seconds} -artifact_prefix={folder}/"
    ))
    .run()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_and_its_time_are_given_in_any_order() -> Result<()> {
        let both = (Some("heads"), 60);
        assert_eq!(options(&["heads", "--seconds", "60"])?, both);
        assert_eq!(options(&["--seconds", "60", "heads"])?, both);
        assert_eq!(options(&[])?, (None, 600));
        for wrong in [&["--seconds"][..], &["a", "b"], &["--secs", "1"]] {
            assert!(options(wrong).is_err(), "{wrong:?}");
        }
        Ok(())
    }
}
