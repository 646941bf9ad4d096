//! `cargo xtask chaos`: the page, the terminal and the JavaScript client, under faults.

use anyhow::Result;

use crate::counts;
use crate::invocation::Invocation;

/// Builds the server, and runs `e2e/chaos` with these arguments, which `e2e/chaos` checks itself.
/// `cargo xtask test` installs what it needs.
///
/// # Errors
/// Something is missing, or a run found a fault.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let program = counts::built(
        Invocation::new("cargo build --package tablecast-server"),
        "tablecast",
    )?;
    let server = format!("TABLECAST_BIN={program}");
    let node = ["node", "e2e/chaos/main.js"];
    let command = Invocation::new("env").with([&*server]).with(node);
    command.with(arguments.iter().copied()).run()
}
