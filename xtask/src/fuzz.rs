//! `cargo xtask fuzz`: libFuzzer looks for inputs that break a promise of `crates/fuzz`.
//!
//! It uses the stable compiler. Sanitizers would need nightly, but they look for errors that only code with
//! `unsafe` can have, and ours has none.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::invocation::Invocation;
use crate::tools::{self, Missing};

/// Without LTO, which takes long to compile. The option of cargo-fuzz switches the checks of debug builds on.
const CARGO: &str = "env CARGO_PROFILE_RELEASE_LTO=off CARGO_TARGET_DIR=target/fuzz cargo fuzz";

const BUILD: &str = "--fuzz-dir crates/fuzz --sanitizer none --debug-assertions --codegen-units 16 --features libfuzzer";

/// The limits for libFuzzer: seconds for an input (a hang is a finding), memory in MiB, bytes of an input.
const LIMITS: &str = "-timeout=10 -rss_limit_mb=2048 -max_len=32768 -print_final_stats=1";

const CORPORA: &str = "crates/fuzz/corpus";

/// Where a run writes its log, and the inputs that reach new code.
const OUTPUT: &str = "target/fuzz";

/// Runs one target or all of them, one after the other, and prints the result of each.
///
/// # Errors
/// An input breaks a promise; the message says where it is. Or a tool is missing.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let (named, seconds) = options(arguments)?;
    tools::provide(tools::needed(|user| user == "fuzz")?, Missing::Install)?;
    let mut targets = Vec::new();
    for folder in fs::read_dir(CORPORA).with_context(|| format!("cannot read {CORPORA}"))? {
        targets.push(folder?.file_name().to_string_lossy().into_owned());
    }
    targets.sort();
    if let Some(named) = named {
        targets.retain(|target| target == named);
        if targets.is_empty() {
            bail!("there is no target `{named}` in {CORPORA}");
        }
    }
    Invocation::new(&format!("{CARGO} build {BUILD}")).run()?;
    let mut findings = Vec::new();
    for target in &targets {
        let Outcome {
            executions,
            coverage,
            new,
            finding,
        } = fuzz(target, seconds)?;
        let found = u8::from(finding.is_some());
        println!(
            "{target:10}{executions:>12} executions, coverage {coverage}, {new} new inputs, {found} findings"
        );
        findings.extend(finding.map(|input| format!("\n  {target}: {input}")));
    }
    if !findings.is_empty() {
        bail!(
            "these inputs break a promise; `cargo xtask fuzz` keeps its log beside them, in {OUTPUT}:{}",
            findings.concat()
        );
    }
    Ok(())
}

/// The target, if only one is to run, and the seconds for each.
fn options<'a>(arguments: &[&'a str]) -> Result<(Option<&'a str>, u64)> {
    let (mut target, mut seconds) = (None, 600);
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match *argument {
            "--seconds" => {
                let number = arguments.next().and_then(|it| it.parse().ok());
                seconds = number.context("`--seconds` needs a number")?;
            }
            named if target.is_none() && !named.starts_with('-') => target = Some(named),
            other => bail!("`{other}` is not understood: [TARGET] [--seconds N]"),
        }
    }
    Ok((target, seconds))
}

/// The result of a run.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    executions: u64,
    /// How many edges of the program were reached.
    coverage: u64,
    /// How many inputs reached new edges.
    new: u64,
    /// The file with the input that broke a promise.
    finding: Option<String>,
}

impl Outcome {
    fn read(log: &str) -> Outcome {
        let after = |what: &str| {
            let line = log.lines().rev().find_map(|line| line.split_once(what))?;
            line.1.split_whitespace().next()
        };
        let number = |what| after(what).and_then(|word| word.parse().ok()).unwrap_or(0);
        Outcome {
            executions: number("stat::number_of_executed_units:"),
            coverage: number(" cov: "),
            new: number("stat::new_units_added:"),
            finding: after("Test unit written to ").map(str::to_owned),
        }
    }
}

/// Runs one target. New inputs are not put into its corpus, which people keep small.
fn fuzz(target: &str, seconds: u64) -> Result<Outcome> {
    let folder = format!("{OUTPUT}/{target}");
    fs::create_dir_all(Path::new(&folder).join("corpus"))?;
    let log = format!("{folder}/log");
    let line = format!(
        "{CARGO} run {BUILD} {target} {folder}/corpus {CORPORA}/{target} \
         -- {LIMITS} -max_total_time={seconds} -artifact_prefix={folder}/ 2> {log}"
    );
    let ended = Invocation::new("sh -c").with([&*line]).run();
    let text = fs::read_to_string(&log).with_context(|| format!("cannot read {log}"))?;
    let outcome = Outcome::read(&text);
    match ended {
        Err(error) if outcome.finding.is_none() => {
            Err(error).with_context(|| format!("{log} says why"))
        }
        _ => Ok(outcome),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_run_came_to_is_read_from_its_log() {
        let log = "#2\tINITED cov: 10 ft: 11 corp: 1/1b exec/s: 0 rss: 30Mb\n\
                   #9\tNEW    cov: 12 ft: 13 corp: 2/2b lim: 4 exec/s: 0 rss: 30Mb L: 1/1\n\
                   SUMMARY: libFuzzer: deadly signal\n\
                   artifact_prefix='x/'; Test unit written to x/crash-0a\n\
                   stat::number_of_executed_units: 9\nstat::new_units_added:          1\n";
        let outcome = Outcome::read(log);
        let expected = Outcome {
            executions: 9,
            coverage: 12,
            new: 1,
            finding: Some("x/crash-0a".to_owned()),
        };
        assert_eq!(outcome, expected);
        assert_eq!(Outcome::read("error: no such command"), Outcome::default());
    }

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
