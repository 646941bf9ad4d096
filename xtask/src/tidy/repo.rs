//! The files that the rules look at, read once.

use std::collections::BTreeMap;
use std::io::ErrorKind::{IsADirectory, NotFound};

use anyhow::{Context as _, Result};
use regex_lite::Regex;

use super::finding;
use xtask::invocation::Invocation;

/// git refuses the directory of another user, which a mounted clone in a container is, unless it is told to
/// trust it. Listing files is safe.
const LIST: &str =
    "git -c safe.directory=* ls-files -z --cached --others --exclude-standard --deduplicate";

/// The repository as the rules see it: the text of every file that git tracks or would add, by its path
/// from the root. Files that are not UTF-8 are left out. Tests make one by hand.
#[derive(Debug, Default)]
pub(crate) struct Repo(BTreeMap<String, String>);

impl Repo {
    /// Reads the current directory.
    pub(crate) fn read() -> Result<Self> {
        let mut files = BTreeMap::new();
        for path in Invocation::new(LIST).output()?.split_terminator('\0') {
            match std::fs::read(path) {
                Ok(bytes) => files.extend(String::from_utf8(bytes).map(|text| (path.into(), text))),
                // A link to a directory, whose files are listed where they are; or deleted, but git still lists it.
                Err(error) if [IsADirectory, NotFound].contains(&error.kind()) => {}
                Err(error) => return Err(error).with_context(|| format!("cannot read {path}")),
            };
        }
        Ok(Self(files))
    }

    /// The text of a file that must exist.
    pub(crate) fn text(&self, path: &str) -> Result<&str, String> {
        let text = self.0.get(path).map(String::as_str);
        text.ok_or_else(|| finding::new(path, "is missing: write it"))
    }

    /// A path, if there is a file.
    pub(crate) fn path(&self, path: &str) -> Option<&str> {
        self.0.get_key_value(path).map(|(path, _)| &**path)
    }

    /// All text files whose paths begin and end so.
    pub(crate) fn texts(&self, begin: &str, end: &str) -> impl Iterator<Item = (&str, &str)> {
        let files = self.0.iter().map(|(path, text)| (&**path, &**text));
        files.filter(move |(path, _)| path.starts_with(begin) && path.ends_with(end))
    }
}

/// A pattern of ours.
#[expect(
    clippy::expect_used,
    reason = "the patterns are constants, and all are used in each run"
)]
pub(super) fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern")
}

/// Whether a file is compiled into a library or program, and is not only for tests.
pub(super) fn is_shipped(path: &str) -> bool {
    path.contains("/src/")
        && !path.contains("/tests/")
        && !path.ends_with("/tests.rs")
        && !path.ends_with("_tests.rs")
}

/// A Rust file without its tests, which come last.
pub(super) fn without_tests(text: &str) -> &str {
    let tests = regex(r"(?m)^#\[cfg\(test\)\]\n(?:#.*\n)*mod \w+ \{").find(text);
    tests.map_or(text, |tests| &text[..tests.start()])
}

#[cfg(test)]
impl Repo {
    /// A repository of these files.
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let owned = |(path, text): &(&str, &str)| ((*path).to_owned(), (*text).to_owned());
        Self(files.iter().map(owned).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_not_shipped() {
        assert!(is_shipped("crates/a/src/room.rs"));
        for path in [
            "crates/a/tests/t.rs",
            "crates/a/src/tests.rs",
            "crates/a/src/x_tests.rs",
            "crates/a/examples/chat.rs",
        ] {
            assert!(!is_shipped(path), "{path}");
        }
        assert_eq!(
            without_tests("use a;\n\n#[cfg(test)]\nmod tests {}\n"),
            "use a;\n\n"
        );
    }
}
