//! What the rules look at, read once.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::tokens::{Part, Token, tokens};
use super::{Finding, Place};
use crate::invocation::Invocation;

/// The repository as the rules see it. Tests build one by hand.
#[derive(Debug, Default)]
pub(crate) struct Repo {
    /// Every file that git tracks or would add, by its path from the root; `None` if it is no UTF-8.
    pub(crate) files: BTreeMap<String, Option<String>>,
    /// The paths that git tracks.
    pub(crate) tracked: BTreeSet<String>,
    /// The output of `cargo metadata --no-deps`.
    pub(crate) metadata: Value,
    /// The crates `tablecast-core` is built from, itself among them, one `name vX.Y.Z` a line.
    pub(crate) core_tree: String,
}

impl Repo {
    /// Reads the current directory.
    pub(crate) fn read() -> Result<Self> {
        // git refuses a directory of another user unless told to trust it, which is just what a
        // container with a mounted clone has. Listing files is all we do with it.
        let git = [
            "git",
            "-c",
            "safe.directory=*",
            "ls-files",
            "-z",
            "--cached",
        ];
        let listed = |more: &[&'static str]| -> Result<BTreeSet<String>> {
            let output = Invocation::new(git.iter().chain(more).copied()).output()?;
            Ok(output.split_terminator('\0').map(str::to_owned).collect())
        };
        let tracked = listed(&[])?;
        let mut files = BTreeMap::new();
        for path in listed(&["--others", "--exclude-standard"])? {
            match std::fs::read(&path) {
                Ok(bytes) => files.insert(path, String::from_utf8(bytes).ok()),
                // A link to a directory, whose files are listed where they are.
                Err(error) if error.kind() == std::io::ErrorKind::IsADirectory => None,
                // Deleted, and git was not told yet.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error).with_context(|| format!("cannot read {path}")),
            };
        }
        let metadata = Invocation::new(["cargo", "metadata", "--no-deps", "--format-version", "1"])
            .output()?;
        let core_tree = Invocation::new([
            "cargo",
            "tree",
            "--package",
            "tablecast-core",
            "--all-features",
            "--edges",
            "normal,no-proc-macro",
            "--prefix",
            "none",
        ])
        .output()?;
        Ok(Self {
            files,
            tracked,
            metadata: serde_json::from_str(&metadata).context("cargo metadata printed no JSON")?,
            core_tree,
        })
    }

    /// The text of a file that must exist.
    pub(crate) fn text(&self, path: &str) -> Result<&str, Finding> {
        match self.files.get(path) {
            Some(Some(text)) => Ok(text),
            Some(None) => Err(Finding::new(path, "is no UTF-8")),
            None => Err(Finding::new(path, "is missing: write it")),
        }
    }

    /// All text files with this ending.
    pub(crate) fn texts(&self, ending: &str) -> impl Iterator<Item = (&str, &str)> {
        self.files
            .iter()
            .filter(move |(path, _)| path.ends_with(ending))
            .filter_map(|(path, text)| Some((path.as_str(), text.as_deref()?)))
    }

    /// The tokens of a Rust file that must exist.
    pub(crate) fn rust(&self, path: &str, part: Part) -> Result<Vec<Token>, Finding> {
        tokens(self.text(path)?, part).map_err(|(line, error)| {
            Finding::new(Place::line(path, line), &format!("cannot be read: {error}"))
        })
    }

    /// The workspace's packages, as cargo tells them.
    pub(crate) fn packages(&self) -> &[Value] {
        self.metadata["packages"]
            .as_array()
            .map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
impl Repo {
    /// A repository of these files, all tracked.
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let files: BTreeMap<_, _> = files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), Some((*text).to_owned())))
            .collect();
        Self {
            tracked: files.keys().cloned().collect(),
            files,
            ..Self::default()
        }
    }
}
