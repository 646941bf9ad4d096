//! `cargo xtask counts`: how many instructions the hot paths take, compared with the recorded counts.
//!
//! Times of two machines, or of a busy one, cannot be compared; instructions can. Callgrind counts them
//! in software, so it needs no counter of the processor. The paths are in
//! `crates/server/benches/counts`. Each runs in a process of its own, so that none depends on how
//! another one has used the allocator.
//!
//! gungraun does the same and more. But it keeps the counts of the last run on this machine, in
//! `target`: from the second run on a regression is compared with itself. Its limits in absolute
//! numbers are in the source, where no command can write them. And its runner must have exactly the
//! version of the library, and takes longer to install than all of this.

mod record;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use self::record::{Record, Trust};
use xtask::cargo::built;
use xtask::invocation::Invocation;

use crate::outcome::Outcome;

const RECORDED: &str = "crates/server/benches/counts/recorded.json";

/// Builds the program that runs the paths. `Cargo.toml` says why it has a profile of its own.
const BUILD: &str =
    "cargo bench --profile counts --package tablecast-server --bench counts --no-run";

/// Counts, and compares with what is recorded.
///
/// # Errors
/// A path differs by more than its margin, or is not recorded; the message names it.
pub(crate) fn check() -> Result<Outcome> {
    let recorded = read()?;
    let now = count()?;
    println!("{}", now.table(&recorded));
    let trust = Trust::of(&recorded, &now);
    let findings = now.findings(&recorded, trust);
    if !findings.is_empty() {
        bail!(
            "{}\n\nwhat a path spends its instructions on: `callgrind_annotate FILE`, with the files \
             named above. If the change is meant:\n  cargo xtask counts --record",
            findings.join("\n")
        );
    }
    let unknown = match trust {
        Trust::Full => return Ok(Outcome::Passed),
        Trust::Some => {
            "small regressions: the counts were recorded with another compiler, C library or valgrind"
        }
        Trust::None => "regressions: the counts were recorded on another kind of processor",
    };
    Ok(Outcome::NotChecked(unknown))
}

/// Counts, and records it.
pub(crate) fn record() -> Result<()> {
    let now = count()?;
    if let Ok(before) = read() {
        println!("{}", now.table(&before));
    }
    std::fs::write(RECORDED, now.to_json()).with_context(|| format!("cannot write {RECORDED}"))?;
    println!("recorded in {RECORDED}: commit it with the change that it belongs to");
    Ok(())
}

fn read() -> Result<Record> {
    let anew = || format!("cannot read {RECORDED}; `cargo xtask counts --record` writes it anew");
    let text = std::fs::read_to_string(RECORDED).with_context(anew)?;
    Record::from_json(&text).with_context(anew)
}

fn count() -> Result<Record> {
    let program = built(Invocation::new(BUILD), "counts")?;
    let folder = Path::new(&program).with_file_name("callgrind");
    std::fs::create_dir_all(&folder)?;
    println!("callgrind's files are in {}", folder.display());
    let mut counts = BTreeMap::new();
    for name in Invocation::new(&program).output()?.lines() {
        let file = folder.join(format!("{}.out", name.replace([':', ',', ' '], "")));
        let out = format!("--callgrind-out-file={}", file.display());
        let measured = "--toggle-collect=counts::measured*";
        let callgrind = Invocation::new("valgrind --tool=callgrind");
        let times = callgrind.with([measured, &out, &program, name]).output()?;
        let collected = total(&std::fs::read_to_string(&file)?);
        let times: u64 = times.trim().parse()?;
        match collected {
            Some(total) if total > 0 && times > 0 => counts.insert(name.to_owned(), total / times),
            _ => bail!("`{name}`: callgrind collected nothing within `counts::measured`"),
        };
    }
    // Other C libraries do not know this name.
    let libc = first_line("getconf GNU_LIBC_VERSION").unwrap_or("another libc".to_owned());
    let (rustc, valgrind) = (
        first_line("rustc --version")?,
        first_line("valgrind --version")?,
    );
    Ok(Record {
        arch: std::env::consts::ARCH.to_owned(),
        with: format!("{rustc}, {libc}, {valgrind}"),
        counts,
    })
}

/// The sum of the instructions in a file of callgrind.
fn total(file: &str) -> Option<u64> {
    let totals = file.lines().find_map(|line| line.strip_prefix("totals: "));
    totals?.trim().parse().ok()
}

fn first_line(command: &str) -> Result<String> {
    let output = Invocation::new(command).output()?;
    Ok(output.lines().next().unwrap_or_default().trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_read_from_callgrinds_file() {
        let file = "version: 1\nevents: Ir\nsummary: 7\n\nfn=(1) main\n0 7\n\ntotals: 92209\n";
        assert_eq!(total(file), Some(92_209));
        assert_eq!(total("version: 1\n"), None);
    }
}
