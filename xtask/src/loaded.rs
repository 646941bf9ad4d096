//! `cargo xtask test --loaded`: all tests again and again on a machine that has no core to
//! spare, to find those that are green only where nothing else runs.

use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::invocation::Invocation;

/// To the end, so that each round shows all that fail in it.
const TESTS: &str = "cargo test --workspace --no-fail-fast";

/// As many programs as there are cores, each of which wants a core for itself. They end with
/// their value; if this program is interrupted, they are as well.
struct Load(Vec<Child>);

impl Load {
    fn start() -> Result<Self> {
        let mut load = Load(Vec::new());
        for _ in 0..std::thread::available_parallelism()?.get() {
            let busy = Command::new("sh")
                .args(["-c", "while :; do :; done"])
                .stdin(Stdio::null())
                .spawn();
            load.0.push(busy.context("cannot start a busy loop")?);
        }
        Ok(load)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        for busy in &mut self.0 {
            // It ends no other way.
            let _ = busy.kill();
            let _ = busy.wait();
        }
    }
}

/// Runs all tests so many times beside the load.
///
/// # Errors
/// It is no number of rounds, the tests could not be built, or some round was red.
pub(crate) fn run(rounds: &str) -> Result<()> {
    let rounds: u32 = match rounds.parse() {
        Ok(rounds @ 1..) => rounds,
        _ => bail!("{rounds} is no number of rounds; allowed are whole numbers from 1"),
    };
    // Compilers are not what is tested.
    Invocation::new("cargo test --workspace --no-run").run()?;
    let tests = Invocation::new(TESTS);
    let mut red = 0;
    for round in 1..=rounds {
        println!("\n=== round {round} of {rounds}\n$ {tests}");
        let load = Load::start()?;
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
        let load = Load::start().unwrap();
        let cores = std::thread::available_parallelism().unwrap().get();
        assert_eq!(load.0.len(), cores);
        let folders: Vec<_> = load
            .0
            .iter()
            .map(|busy| format!("/proc/{}", busy.id()))
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
