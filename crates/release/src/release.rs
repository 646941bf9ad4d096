//! What is released, and where its files are.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use xtask::invocation::Invocation;

/// What is released, and for which machine.
#[derive(Debug)]
pub(crate) struct Release {
    pub(crate) version: String,
    pub(crate) commit: String,
    /// When it was committed, in seconds since 1970: the time of every file of the release.
    pub(crate) time: u64,
    pub(crate) target: String,
    pub(crate) out: PathBuf,
}

impl Release {
    /// That of the commit at hand.
    pub(crate) fn of(target: String, out: PathBuf) -> Result<Self> {
        let metadata = Invocation::new("cargo metadata --no-deps --format-version 1").output()?;
        let metadata: Value = serde_json::from_str(&metadata)?;
        let packages = metadata["packages"].as_array().into_iter().flatten();
        let mut servers = packages.filter(|package| package["name"] == "tablecast-server");
        let version = servers
            .next()
            .and_then(|package| package["version"].as_str());
        let commit = Invocation::new("git rev-parse HEAD").output()?;
        let time = Invocation::new("git log -1 --format=%ct").output()?;
        Ok(Self {
            version: version.context("cargo names no tablecast-server")?.into(),
            commit: commit.trim().to_owned(),
            time: time.trim().parse().context("git names no time")?,
            target,
            out,
        })
    }

    /// What its files are called, without an ending.
    pub(crate) fn name(&self) -> String {
        let Self {
            version, target, ..
        } = self;
        format!("tablecast-{version}-{target}")
    }

    /// Where its files are, before they are packed.
    pub(crate) fn folder(&self) -> PathBuf {
        self.out.join(self.name())
    }

    /// A file beside the folder.
    pub(crate) fn file(&self, ending: &str) -> PathBuf {
        self.out.join(format!("{}{ending}", self.name()))
    }
}

/// Refuses what is larger.
pub(crate) fn is_at_most(what: &str, size: u64, largest: u64) -> Result<()> {
    if size > largest {
        bail!("{what} has {size} bytes, {largest} are allowed");
    }
    println!("{what} has {size} bytes, at most {largest} are allowed");
    Ok(())
}

/// Writes a file, and makes its folder.
pub(crate) fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// A path as text.
pub(crate) fn text(path: &Path) -> Result<&str> {
    let text = path.to_str();
    text.with_context(|| format!("{} is no UTF-8", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_large_is_refused() {
        assert!(is_at_most("it", 7, 7).is_ok());
        let error = is_at_most("it", 8, 7).unwrap_err().to_string();
        assert_eq!(error, "it has 8 bytes, 7 are allowed");
    }
}
