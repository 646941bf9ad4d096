//! Instructions in user space, counted by valgrind, since the processor's counters can often not
//! be read. A program runs about fifty times slower under it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

use crate::program::said;

/// The command before a program under which it is counted, from [`switch`]`(pid, "on")` on.
pub fn wrapper(out: &Path) -> String {
    let valgrind = "valgrind --quiet --tool=callgrind --instr-atstart=no";
    format!("{valgrind} --callgrind-out-file='{}'", out.display())
}

/// Switches counting `on` or `off`.
///
/// # Errors
///
/// The process does not run under callgrind, or valgrind is not there.
pub fn switch(pid: u32, to: &str) -> anyhow::Result<()> {
    control(&["-i", to], pid)
}

/// The instructions that were counted until now. The file is that of [`wrapper`].
///
/// # Errors
///
/// As for [`switch`], or the file cannot be read.
pub fn count(pid: u32, out: &Path) -> anyhow::Result<u64> {
    control(&["-d"], pid)?;
    let path = PathBuf::from(format!("{}.1", out.display()));
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    fs::remove_file(&path)?;
    total(&text).with_context(|| format!("{} has no totals", path.display()))
}

fn control(args: &[&str], pid: u32) -> anyhow::Result<()> {
    let mut control = Command::new("callgrind_control");
    let text = said(control.args(args).arg(pid.to_string()))?;
    ensure!(!text.contains("Error"), "callgrind_control: {text}");
    Ok(())
}

/// The sum of the lines `totals: 1234`, one for each part.
fn total(text: &str) -> Option<u64> {
    let parts = text.lines().filter_map(|line| line.strip_prefix("totals:"));
    let parts: Vec<u64> = parts.map_while(|part| part.trim().parse().ok()).collect();
    (!parts.is_empty()).then(|| parts.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_totals_are_read() {
        let text = "version: 1\nevents: Ir\nfn=main\n16 3\n\ntotals: 1200\n";
        assert_eq!(total(text), Some(1200));
        assert_eq!(total("events: Ir\n"), None);
    }
}
