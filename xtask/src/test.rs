//! `cargo xtask test`: everything that must be green, cheap steps first.

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

use crate::invocation::Invocation;
use crate::tools::Missing;
use crate::{advisories, counts, tidy, tools};

/// What clippy looks at. A workspace build turns on every feature that any member asks for, so the
/// feature sets that users build need rows of their own.
const CLIPPY: &[&[&str]] = &[
    &["--workspace", "--all-targets"],
    // Without the features that tests of other crates switch on.
    &["--package", "tablecast"],
];

/// The test runs, each with its arguments to `cargo test`. The first builds all examples and runs all
/// doctests too; the others are what a plain workspace run cannot hold.
///
/// Not by `cargo nextest`, which gives each test a process: each of the 56 tests of the contract on a
/// Cluster would then wait for a Cluster of its own, and that takes seconds to become whole. A new
/// machine would have to compile it first, besides.
const TESTS: &[(&str, &[&str])] = &[
    ("all tests", &["--workspace"]),
    (
        "interleavings",
        &[
            "--package",
            "tablecast",
            "--features",
            "shuttle",
            "--test",
            "interleavings",
        ],
    ),
];

/// How a step ended that did not fail.
pub(crate) enum Outcome {
    /// Done, and green.
    Passed,
    /// Could not take place; the text says what is therefore unknown.
    NotChecked(&'static str),
}

struct Step {
    title: String,
    /// What somebody types to do this step alone.
    command: String,
    action: Box<dyn Fn() -> Result<Outcome>>,
}

impl Step {
    fn new(title: &str, command: &str, action: impl Fn() -> Result<Outcome> + 'static) -> Self {
        Self {
            title: title.to_owned(),
            command: command.to_owned(),
            action: Box::new(action),
        }
    }

    fn command(title: &str, invocation: Invocation) -> Self {
        Self::new(title, &invocation.to_string(), move || {
            invocation.run().map(|()| Outcome::Passed)
        })
    }
}

/// Runs all steps and prints how long each took; stops at the first that fails.
pub(crate) fn run(missing: Missing) -> Result<()> {
    let steps = steps(missing);
    let start = Instant::now();
    let mut rows = Vec::new();
    let mut failure = None;
    for (index, step) in steps.iter().enumerate() {
        println!(
            "\n=== [{}/{}] {}  ({} so far)\n$ {}",
            index + 1,
            steps.len(),
            step.title,
            seconds(start.elapsed()),
            step.command
        );
        let began = Instant::now();
        let outcome = (step.action)();
        let took = began.elapsed();
        let word = match &outcome {
            Ok(Outcome::Passed) => "ok".to_owned(),
            Ok(Outcome::NotChecked(what)) => format!("NOT CHECKED: {what}"),
            Err(_) => "FAILED".to_owned(),
        };
        println!("--- {}: {word} ({})", step.title, seconds(took));
        rows.push((step.title.as_str(), took, word));
        if let Err(error) = outcome {
            failure = Some(anyhow!(
                "{error:#}\n\nthe step `{}` failed; to repeat it alone:\n  {}",
                step.title,
                step.command
            ));
            break;
        }
    }
    println!("\n{}", summary(&rows, start.elapsed()));
    failure.map_or(Ok(()), Err)
}

fn steps(missing: Missing) -> Vec<Step> {
    let this_command = match missing {
        Missing::Install => "cargo xtask test",
        Missing::Refuse => "cargo xtask test --no-install",
    };
    let mut steps = vec![
        Step::new("tools", this_command, move || {
            tools::provide(tools::TEST, missing).map(|()| Outcome::Passed)
        }),
        Step::new("tidy", "cargo xtask tidy", || {
            tidy::run().map(|()| Outcome::Passed)
        }),
        Step::command(
            "format",
            Invocation::new(["cargo", "fmt", "--all", "--check"]),
        ),
        Step::command(
            "licences, bans, sources",
            Invocation::new(["cargo", "deny", "check", "bans", "licenses", "sources"]),
        ),
        Step::new("advisories", "cargo deny check advisories", move || {
            advisories::check(missing)
        }),
    ];
    for arguments in CLIPPY {
        let words = ["cargo", "clippy"]
            .iter()
            .chain(*arguments)
            .chain(&["--", "-D", "warnings"]);
        steps.push(Step::command(
            &format!("clippy {}", arguments.join(" ")),
            Invocation::new(words.copied()),
        ));
    }
    steps.push(Step::command(
        "documentation",
        Invocation::new(["cargo", "doc", "--workspace", "--no-deps"])
            .with_env("RUSTDOCFLAGS", "-D warnings"),
    ));
    for (title, arguments) in TESTS {
        let words = ["cargo", "test"].iter().chain(*arguments);
        steps.push(Step::command(title, Invocation::new(words.copied())));
    }
    steps.push(Step::new(
        "instructions",
        "cargo xtask counts",
        counts::check,
    ));
    steps
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
