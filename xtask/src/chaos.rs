//! `cargo xtask chaos`: the clients that people hold in their hands, under faults.

use anyhow::Result;

use crate::counts;
use crate::invocation::Invocation;

/// Builds the server, and runs `e2e/chaos` with these arguments, which it checks. What that needs
/// is installed by `cargo xtask test`.
///
/// # Errors
/// Something is missing, or a run found something.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let program = counts::built(
        Invocation::new("cargo build --package tablecast-server"),
        "tablecast",
    )?;
    let server = format!("TABLECAST_BIN={program}");
    let node = ["node", "e2e/chaos/main.js"];
    let command = Invocation::new("env").with([&*server]).with(node);
    let command = command.with(arguments.iter().copied());
    println!("$ {command}");
    command.run()
}
