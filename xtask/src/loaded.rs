//! `cargo xtask test --loaded`: all tests several times on a machine whose cores are all busy, to find
//! tests that pass only where nothing else runs.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use xtask::invocation::{Invocation, Running};

/// It does not stop at the first failure, so that each round shows all of them.
const TESTS: &str = "cargo test --workspace --no-fail-fast";

/// As many programs as there are cores, each of which keeps one core busy. Ctrl-C ends them too.
fn load() -> Result<Vec<Running>> {
    let mut load = Vec::new();
    for _ in 0..std::thread::available_parallelism()?.get() {
        let mut busy = Command::new("sh");
        busy.args(["-c", "while :; do :; done"])
            .stdin(Stdio::null());
        let busy = busy.spawn().context("cannot start a busy loop")?;
        load.push(Running(busy));
    }
    Ok(load)
}

/// Runs all tests this many times beside the load.
///
/// # Errors
/// `rounds` is no number from 1, the tests could not be built, or a test failed in some round.
pub(crate) fn run(rounds: &str) -> Result<()> {
    let rounds: u32 = match rounds.parse() {
        Ok(rounds @ 1..) => rounds,
        _ => bail!("{rounds} is no number of rounds; allowed are whole numbers from 1"),
    };
    // Only the tests run beside the load, not the compiler.
    Invocation::new("cargo test --workspace --no-run").run()?;
    let tests = Invocation::new(TESTS);
    let mut red = 0;
    for round in 1..=rounds {
        println!("\n=== round {round} of {rounds}");
        let load = load()?;
        let outcome = tests.run();
        drop(load);
        if let Err(error) = outcome {
            println!("--- round {round}: {error:#}");
            red += 1;
        }
    }
    println!("\n{} of {rounds} rounds were green", rounds - red);
    if red > 0 {
        bail!("a test that fails on a busy machine is a defect, of the test or of what it tests");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_of_rounds_is_named() {
        for wrong in ["0", "-1", "many", ""] {
            let error = run(wrong).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("{wrong} is no number")),
                "{error}"
            );
        }
    }

    #[test]
    fn the_load_is_one_process_a_core_and_ends_with_its_value() {
        let load = load().unwrap();
        let cores = std::thread::available_parallelism().unwrap().get();
        assert_eq!(load.len(), cores);
        let folders: Vec<_> = load
            .iter()
            .map(|busy| format!("/proc/{}", busy.0.id()))
            .collect();
        assert!(
            folders
                .iter()
                .all(|folder| std::fs::exists(folder).unwrap())
        );
        drop(load);
        assert!(
            !folders
                .iter()
                .any(|folder| std::fs::exists(folder).unwrap())
        );
    }
}
