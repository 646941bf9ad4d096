//! Other programs and what they print.

use std::process::Command;

use anyhow::{Context, ensure};

/// What a program prints, and only if that is nothing, what it says beside.
///
/// # Errors
///
/// It cannot be started, or fails; then what it has printed is in the error.
pub(crate) fn said(command: &mut Command) -> anyhow::Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output();
    let output = output.with_context(|| format!("cannot start {program}"))?;
    let [text, beside] = [output.stdout, output.stderr].map(|bytes| {
        let text = String::from_utf8_lossy(&bytes);
        text.trim().to_owned()
    });
    ensure!(output.status.success(), "{program}: {text} {beside}");
    Ok(if text.is_empty() { beside } else { text })
}
