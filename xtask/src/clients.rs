//! Programs in `e2e`, which drive a program that is built here. `cargo xtask test` installs what they need.

use anyhow::Result;
use xtask::cargo::built;
use xtask::invocation::Invocation;

/// `cargo xtask chaos`: the page, the terminal and the JavaScript client under faults. The program checks the arguments.
///
/// # Errors
/// Something is missing, or a run found a fault.
pub(crate) fn chaos(arguments: &[&str]) -> Result<()> {
    let build = Invocation::new("cargo build --package tablecast-server");
    let server = format!("TABLECAST_BIN={}", built(build, "tablecast")?);
    let chaos = Invocation::new("env").with([&*server, "node", "e2e/chaos/main.js"]);
    chaos.with(arguments.iter().copied()).run()
}

/// `cargo xtask autobahn`: the Autobahn suite against the library's example `echo`.
///
/// # Errors
/// There is no Node or no Python 2.7, or a case did not pass.
pub(crate) fn autobahn() -> Result<()> {
    let build = Invocation::new("cargo build --package tablecast --example echo");
    let echo = built(build, "echo")?;
    let suite = Invocation::new("node e2e/autobahn/main.js");
    suite.with([&*echo]).run()
}
