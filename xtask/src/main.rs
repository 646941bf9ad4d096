//! Tasks of the repository, started as `cargo xtask TASK`.
//!
//! They are Rust and not shell, so that a machine with cargo alone can start them.
#![allow(
    clippy::print_stdout,
    reason = "a command line tool: what it prints is its result"
)]

mod advisories;
mod clients;
mod counts;
mod fuzz;
mod loaded;
mod outcome;
mod rolling;
mod test;
mod tidy;

use std::process::ExitCode;

use anyhow::{Result, bail};
use xtask::invocation::Invocation;
use xtask::tools;

use outcome::Outcome;

const HELP: &str = include_str!("help.txt");

/// Crates of their own, since they need much that other tasks should not wait for.
const BENCH: &str = "cargo run --release --package tablecast-bench --";
const RELEASE: &str = "cargo run --quiet --package tablecast-release --";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    // Every path in these sources starts at the root of the repository, wherever cargo was called.
    std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [] | ["help"] | [.., "--help" | "-h"] => print!("{HELP}"),
        ["test"] => test::run(tools::Missing::Install)?,
        ["test", "--no-install"] => test::run(tools::Missing::Refuse)?,
        ["test", "--loaded"] => loaded::run("3")?,
        ["test", "--loaded", rounds] => loaded::run(rounds)?,
        ["counts"] => match counts::check()? {
            Outcome::Passed => println!("every path is within its margin"),
            Outcome::NotChecked(what) => println!("NOT CHECKED: {what}"),
        },
        ["counts", "--record"] => counts::record()?,
        ["tidy"] => tidy::run()?,
        ["chaos", arguments @ ..] => clients::chaos(arguments)?,
        ["rolling"] => rolling::run(rolling::NEIGHBOUR)?,
        ["rolling", commit] => rolling::run(commit)?,
        ["autobahn"] => clients::autobahn()?,
        ["fuzz", arguments @ ..] => fuzz::run(arguments)?,
        ["bench", ..] => Invocation::new(BENCH).with(arguments).run()?,
        ["dist" | "image", ..] => Invocation::new(RELEASE).with(arguments).run()?,
        said => bail!(
            "`cargo xtask {}` is not understood\n\n{HELP}",
            said.join(" ")
        ),
    }
    Ok(())
}
