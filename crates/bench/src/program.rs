//! Starts other programs, and reads what they print.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

/// A script of the shell. It stops at the first command that fails, and it ends when this process
/// ends, even if this is killed. `peers.toml` says which variables it has.
pub(crate) fn shell(script: &str) -> Command {
    let program = std::env::current_exe().unwrap_or_default();
    let binaries = program.parent().unwrap_or(Path::new(""));
    let mut shell = Command::new("setpriv");
    shell
        .args(["--pdeathsig", "KILL", "sh", "-e", "-c", script])
        .env("peers", concat!(env!("CARGO_MANIFEST_DIR"), "/peers"))
        .env("bin", binaries)
        .env("scratch", binaries.with_file_name("bench"))
        .env("ours", env!("CARGO_PKG_VERSION"));
    shell
}

/// What a program writes to stdout, or if that is nothing, to stderr.
///
/// # Errors
///
/// It cannot be started, or it fails; then the error has what it has written.
pub(crate) fn said(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output();
    let output = output.with_context(|| format!("cannot start {command:?}"))?;
    let [text, beside] = [output.stdout, output.stderr].map(|bytes| {
        let text = String::from_utf8_lossy(&bytes);
        text.trim().to_owned()
    });
    ensure!(output.status.success(), "{command:?}: {text} {beside}");
    Ok(if text.is_empty() { beside } else { text })
}
