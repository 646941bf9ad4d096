//! `cargo xtask tidy`: the rules of this repository that no compiler checks.
//!
//! A rule is a function from the repository to findings. Documents a rule speaks of must exist.

mod alone;
mod dependencies;
mod documents;
mod protocol;
mod repo;
mod sources;
mod testing;
mod tokens;

use std::fmt;

use anyhow::{Result, bail};

use repo::Repo;

struct Rule {
    name: &'static str,
    /// Why the rule exists, in one line.
    reason: &'static str,
    check: fn(&Repo) -> Vec<Finding>,
}

const RULES: &[Rule] = &[
    Rule {
        name: "direction of dependencies",
        reason: "core <- tablecast <- server and core <- redis <- server; each can be tested without those that follow",
        check: dependencies::direction,
    },
    Rule {
        name: "pure core",
        reason: "no I/O, clock or randomness below the port, so that every room can be replayed",
        check: dependencies::pure_core,
    },
    Rule {
        name: "one version",
        reason: "the crates are released together",
        check: dependencies::one_version,
    },
    Rule {
        name: "lock file",
        reason: "a fresh clone builds what was tested",
        check: dependencies::lock_file,
    },
    Rule {
        name: "names in their places",
        reason: "a library can be replaced, or its next major version taken, by editing one module",
        check: sources::names,
    },
    Rule {
        name: "no unsafe code",
        reason: "memory safety is the compiler's business alone",
        check: sources::forbid_unsafe,
    },
    Rule {
        name: "short files",
        reason: "a file does one thing; a long one says on top why it is long",
        check: sources::short_files,
    },
    Rule {
        name: "no leftovers",
        reason: "what is to be done stands in an issue, and every test runs",
        check: sources::leftovers,
    },
    Rule {
        name: "no bare sleep in tests",
        reason: "a test waits for a condition with a deadline, else it is slow or flaky",
        check: sources::sleeps,
    },
    Rule {
        name: "no thresholds on time in tests",
        reason: "how long something takes is up to the machine, and to what else runs on it",
        check: alone::thresholds,
    },
    Rule {
        name: "nothing process-wide beside other tests",
        reason: "tests of one file are threads of one process",
        check: alone::whole_process,
    },
    Rule {
        name: "golden frames",
        reason: "a client can be written from docs/protocol.md alone, and its examples are tested",
        check: protocol::frames,
    },
    Rule {
        name: "close codes",
        reason: "whoever sees a code finds it in docs/protocol.md",
        check: protocol::close_codes,
    },
    Rule {
        name: "short architecture",
        reason: "ARCHITECTURE.md is read in one sitting",
        check: documents::architecture,
    },
    Rule {
        name: "READMEs in step",
        reason: "readers of both languages are told the same",
        check: documents::readmes,
    },
    Rule {
        name: "links",
        reason: "a relative link leads to a file",
        check: documents::links,
    },
    Rule {
        name: "named tests",
        reason: "docs/testing.md says which test guards against what, and every defect has one",
        check: testing::named,
    },
    Rule {
        name: "numbers in tests",
        reason: "whoever sees the number of a defect or of a hostile input finds it in docs/testing.md",
        check: testing::numbers,
    },
];

/// Checks all rules and prints every finding.
///
/// # Errors
/// There were findings, or the repository could not be read.
pub(crate) fn run() -> Result<()> {
    let repo = Repo::read()?;
    let mut count = 0;
    for rule in RULES {
        let findings = (rule.check)(&repo);
        if findings.is_empty() {
            continue;
        }
        println!("{}: {}", rule.name, rule.reason);
        for finding in &findings {
            println!("  {finding}");
        }
        count += findings.len();
    }
    if count > 0 {
        bail!("findings against the rules of this repository: {count}");
    }
    println!("{} rules hold", RULES.len());
    Ok(())
}

/// A file, and a line of it if the rule knows one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    path: String,
    line: Option<usize>,
}

impl Place {
    fn line(path: &str, line: usize) -> Self {
        Self {
            path: path.to_owned(),
            line: Some(line),
        }
    }

    /// The line in which `offset` bytes of `text` end.
    fn offset(path: &str, text: &str, offset: usize) -> Self {
        let before = text.bytes().take(offset);
        Self::line(path, 1 + before.filter(|byte| *byte == b'\n').count())
    }
}

impl From<&str> for Place {
    fn from(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            line: None,
        }
    }
}

/// One violation: where, what, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    place: Place,
    message: String,
}

impl Finding {
    fn new(place: impl Into<Place>, message: &str) -> Self {
        Self {
            place: place.into(),
            message: message.to_owned(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place.line {
            Some(line) => write!(f, "{}:{line}: {}", self.place.path, self.message),
            None => write!(f, "{}: {}", self.place.path, self.message),
        }
    }
}

/// Whether `text` has `word` with no letter, digit, `_` or `-` beside it.
fn mentions(text: &str, word: &str) -> bool {
    let joins = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    text.match_indices(word).any(|(start, _)| {
        let before = text[..start].chars().next_back();
        let after = text[start + word.len()..].chars().next();
        !before.is_some_and(joins) && !after.is_some_and(joins)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_names_file_and_line() {
        let finding = Finding::new(Place::line("a.rs", 3), "is wrong: mend it");
        assert_eq!(finding.to_string(), "a.rs:3: is wrong: mend it");
        let finding = Finding::new("a.rs", "is missing");
        assert_eq!(finding.to_string(), "a.rs: is missing");
    }

    #[test]
    fn the_line_of_an_offset_counts_from_one() {
        assert_eq!(Place::offset("a", "x\ny\nz", 0), Place::line("a", 1));
        assert_eq!(Place::offset("a", "x\ny\nz", 4), Place::line("a", 3));
    }

    #[test]
    fn a_word_inside_another_is_no_mention() {
        assert!(mentions("see `ack.json`.", "ack.json"));
        assert!(!mentions("see `no-ack.json`.", "ack.json"));
        assert!(mentions("| 4400 |", "4400"));
        assert!(!mentions("| 44001 |", "4400"));
        assert!(mentions("44001 and 4400", "4400"));
    }
}
