//! Other programs and what they print.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

/// A script of the shell, which stops at what fails, and does not outlive this process, however
/// that ends. `peers.toml` says what its variables are.
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

/// What a program prints, and only if that is nothing, what it says beside.
///
/// # Errors
///
/// It cannot be started, or fails; then what it has printed is in the error.
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
