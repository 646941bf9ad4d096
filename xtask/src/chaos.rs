//! `cargo xtask chaos`: the clients that people hold in their hands, under faults.

use anyhow::{Context as _, Result};

use crate::counts;
use crate::invocation::Invocation;

const BUILD: [&str; 4] = ["cargo", "build", "--package", "tablecast-server"];

/// Builds the server, and runs `e2e/chaos` with these arguments, which it checks. What that needs
/// is installed by `cargo xtask test`.
///
/// # Errors
/// Something is missing, or a run found something.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    // Twice, since cargo's progress is for people and its answer for us.
    Invocation::new(BUILD).run()?;
    let messages = Invocation::new(BUILD.into_iter().chain(["--message-format=json"])).output()?;
    let program = counts::executable("tablecast", &messages)?;
    let path = program.to_str().context("the path of target is no UTF-8")?;
    let server = format!("TABLECAST_BIN={path}");
    let words = ["env", &server, "node", "e2e/chaos/main.js"];
    let command = Invocation::new(words.into_iter().chain(arguments.iter().copied()));
    println!("$ {command}");
    command.run()
}
