//! `SHA256SUMS`, the file that `sha256sum --check` reads.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};

const NAME: &str = "SHA256SUMS";

/// Writes the sums of all files of a folder, and prints them with their sizes.
pub(crate) fn write(folder: &Path) -> Result<()> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_file() && name != NAME {
            names.push(name);
        }
    }
    names.sort();
    let mut lines = String::new();
    for name in names {
        let (sum, size) = sum(&folder.join(&name))?;
        println!("{size:>10}  {sum}  {name}");
        writeln!(lines, "{sum}  {name}")?;
    }
    Ok(fs::write(folder.join(NAME), lines)?)
}

/// Compares the files of a folder with their sums.
pub(crate) fn check(folder: &Path) -> Result<()> {
    let path = folder.join(NAME);
    let lines = fs::read_to_string(&path);
    let lines = lines
        .with_context(|| format!("{} is not there: run `cargo xtask dist`", path.display()))?;
    for line in lines.lines() {
        let (expected, name) = line.split_once("  ").context("no sum and no name")?;
        if sum(&folder.join(name))?.0 != expected {
            bail!("{name} is another file than {NAME} says");
        }
    }
    Ok(())
}

/// The sum of a file, and its size.
fn sum(path: &Path) -> Result<(String, usize)> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok((of(&bytes), bytes.len()))
}

/// The sum of these bytes, in small hexadecimal digits.
pub(crate) fn of(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use xtask::invocation::Invocation;

    #[test]
    fn sums_are_those_of_sha256sum_and_a_changed_file_is_found() {
        let folder = std::env::temp_dir().join(format!("dist-sums-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        for name in ["b", "a"] {
            fs::write(folder.join(name), name).unwrap();
        }
        write(&folder).unwrap();
        // The second time its own file is there, and is left out.
        write(&folder).unwrap();
        check(&folder).unwrap();
        let theirs = Invocation::new("env --chdir").with(folder.to_str());
        let theirs = theirs.with(["sha256sum", "a", "b"]).output().unwrap();
        assert_eq!(fs::read_to_string(folder.join(NAME)).unwrap(), theirs);
        fs::write(folder.join("a"), "another").unwrap();
        let error = check(&folder).unwrap_err().to_string();
        assert!(error.starts_with("a is another file"), "{error}");
        fs::remove_dir_all(&folder).unwrap();
    }
}
