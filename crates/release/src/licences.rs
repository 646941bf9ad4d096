//! The licences of all crates that are in the binary. Most of them ask that their text is given with it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::release::Release;
use xtask::invocation::Invocation;

/// Prints the crates that the binary is built from, each line with a name and `vVERSION`. Crates of build scripts count,
/// since they too may put something into the binary.
const TREE: &str = "cargo tree --locked --package tablecast-server --edges normal,build --prefix none --format {p} --target";

const METADATA: &str = "cargo metadata --locked --format-version 1 --filter-platform";

/// How the names of files with a licence begin, in small letters.
const NAMES: [&str; 5] = ["licen", "copying", "copyright", "notice", "unlicense"];

/// Each text once, below the names of all packages with this text.
pub(crate) fn of(release: &Release) -> Result<String> {
    let tree = Invocation::new(TREE).with([&*release.target]).output()?;
    let metadata = Invocation::new(METADATA)
        .with([&*release.target])
        .output()?;
    let metadata: Value = serde_json::from_str(&metadata)?;
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let field = |key: &str| package[key].as_str().unwrap_or_default();
        let (name, version) = (field("name"), field("version"));
        // Our own licence is a file of its own.
        if package["source"].is_null() || !is_in(&tree, name, version) {
            continue;
        }
        let folder = Path::new(field("manifest_path")).parent();
        let found = files(folder.context("a manifest is in a folder")?)?;
        let whose = format!("{name} {version} ({})", field("license"));
        // A package without a file has only what its manifest says.
        let found = if found.is_empty() {
            vec![String::new()]
        } else {
            found
        };
        for text in found {
            texts.entry(text).or_default().push(whose.clone());
        }
    }
    Ok(list(texts))
}

fn is_in(tree: &str, name: &str, version: &str) -> bool {
    let mut lines = tree.lines().map(|line| line.split(' '));
    lines.any(|mut words| {
        words.next() == Some(name)
            && words.next().and_then(|word| word.strip_prefix('v')) == Some(version)
    })
}

/// The texts of a package, in the order of their names.
fn files(folder: &Path) -> Result<Vec<String>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_lowercase();
        if entry.path().is_file() && NAMES.iter().any(|begin| name.starts_with(begin)) {
            paths.push(entry.path());
        }
    }
    paths.sort();
    let texts = paths.iter().map(|path| {
        let text = fs::read(path)?;
        Ok(String::from_utf8_lossy(&text)
            .replace('\r', "")
            .trim()
            .to_owned())
    });
    texts.collect()
}

/// The whole file: texts in the order of their packages. A package may have several texts.
fn list(texts: BTreeMap<String, Vec<String>>) -> String {
    let mut parts: Vec<(Vec<String>, String)> = texts
        .into_iter()
        .map(|(text, mut whose)| {
            whose.sort();
            (whose, text)
        })
        .collect();
    parts.sort();
    let mut all = "What Tablecast is built from, and its licences.\n".to_owned();
    for (whose, text) in parts {
        let line = "-".repeat(80);
        // Writing to a String cannot fail.
        let _ = write!(all, "\n{line}\n{}\n\n{text}\n", whose.join("\n"));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stands_once_below_all_that_have_it() {
        let one = |text: &str, whose: &[&str]| {
            let whose = whose.iter().map(|name| (*name).to_owned()).collect();
            (text.to_owned(), whose)
        };
        let texts = BTreeMap::from([one("Text A", &["c 1", "b 1"]), one("Text B", &["a 1"])]);
        let listed = list(texts);
        let parts: Vec<&str> = listed.split(&"-".repeat(80)).collect();
        assert_eq!(
            parts[1..],
            ["\na 1\n\nText B\n\n", "\nb 1\nc 1\n\nText A\n"]
        );
    }

    #[test]
    fn only_what_is_built_from_counts() {
        let tree = "tablecast-server v0.1.0 (/src)\ntar v0.4.46\ntar v0.4.46 (*)\n";
        assert!(is_in(tree, "tar", "0.4.46"));
        assert!(!is_in(tree, "tar", "0.4.4") && !is_in(tree, "ta", "0.4.46"));
    }
}
