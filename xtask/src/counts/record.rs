//! Counts of instructions, and how two of them compare.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

/// The instructions that each path takes, for going through it once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    /// The kind of processor.
    pub(super) arch: String,
    /// Compiler, C library (malloc and memcpy are counted too) and valgrind.
    pub(super) with: String,
    pub(super) counts: BTreeMap<String, u64>,
}

/// How far counts of this machine can be compared with the recorded ones.
///
/// A new compiler changes counts a little, up or down, and everybody has it within weeks. That must not
/// fail the tests of somebody who changed nothing. But there must be some bound, or a machine that
/// always has the newest compiler would find no regression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// Everything is as it was when it was recorded.
    Full,
    /// The same kind of processor, with another compiler, C library or valgrind.
    Some,
    /// Another kind of processor, with other instructions.
    None,
}

impl Trust {
    pub(super) fn of(recorded: &Record, now: &Record) -> Trust {
        if recorded.arch != now.arch {
            Trust::None
        } else if recorded.with != now.with {
            Trust::Some
        } else {
            Trust::Full
        }
    }

    /// By how many percent a count may differ.
    pub(super) fn margin(self) -> Option<f64> {
        match self {
            Trust::Full => Some(5.0),
            Trust::Some => Some(30.0),
            Trust::None => None,
        }
    }
}

/// By how much `now` is more than `before`.
fn percent(before: u64, now: u64) -> f64 {
    (now as f64 / before as f64 - 1.0) * 100.0
}

impl Record {
    pub(super) fn from_json(text: &str) -> Result<Record> {
        let [arch, with, counts] = ["arch", "with", "counts"];
        let mut value: Value = serde_json::from_str(text)?;
        let mut take = |name: &str| value.get_mut(name).map(Value::take).unwrap_or_default();
        let counts: BTreeMap<String, u64> = serde_json::from_value(take(counts)).context(counts)?;
        ensure!(counts.values().all(|count| *count > 0), "a count of 0");
        Ok(Record {
            arch: serde_json::from_value(take(arch)).context(arch)?,
            with: serde_json::from_value(take(with)).context(with)?,
            counts,
        })
    }

    pub(super) fn to_json(&self) -> String {
        let value = json!({"arch": self.arch, "with": self.with, "counts": self.counts});
        format!("{value:#}\n")
    }

    /// What is wrong, a line for each path.
    pub(super) fn findings(&self, recorded: &Record, trust: Trust) -> Vec<String> {
        let paths: BTreeSet<&String> = self.counts.keys().chain(recorded.counts.keys()).collect();
        let finding = |path: &String| {
            let (before, now) = match (recorded.counts.get(path), self.counts.get(path)) {
                (Some(before), Some(now)) => (*before, *now),
                (Some(_), None) => return Some(format!("`{path}` is recorded, and gone")),
                (None, _) => return Some(format!("`{path}` is not recorded")),
            };
            let (margin, moved) = (trust.margin()?, percent(before, now));
            let numbers = format!("{before} -> {now} instructions ({moved:+.1} %)");
            if moved > margin {
                Some(format!(
                    "`{path}` takes more than recorded: {numbers}; the margin is {margin} %"
                ))
            } else if moved < -margin && trust == Trust::Full {
                Some(format!(
                    "`{path}` takes less than recorded: {numbers}; record it, or it may be lost \
                     again unseen"
                ))
            } else {
                None
            }
        };
        paths.into_iter().filter_map(finding).collect()
    }

    /// A table of all paths, with the recorded counts and those of now.
    pub(super) fn table(&self, recorded: &Record) -> String {
        let width = self.counts.keys().map(String::len).max().unwrap_or(0);
        let mut lines = vec![
            format!("recorded with {} ({})", recorded.with, recorded.arch),
            format!("counted with  {} ({})", self.with, self.arch),
            format!("{:width$}  {:>9}  {:>9}", "", "recorded", "now"),
        ];
        for (path, now) in &self.counts {
            let before = recorded.counts.get(path);
            let moved = before.map_or_else(String::new, |before| {
                format!("  {:+.1} %", percent(*before, *now))
            });
            let before = before.map_or_else(|| "-".to_owned(), u64::to_string);
            lines.push(format!("{path:width$}  {before:>9}  {now:>9}{moved}"));
        }
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(counts: &[(&str, u64)]) -> Record {
        Record {
            arch: "x86_64".to_owned(),
            with: "rustc 1.95.0".to_owned(),
            counts: counts
                .iter()
                .map(|(path, n)| ((*path).to_owned(), *n))
                .collect(),
        }
    }

    fn findings(recorded: &[(&str, u64)], now: &[(&str, u64)], trust: Trust) -> String {
        record(now).findings(&record(recorded), trust).join("\n")
    }

    #[test]
    fn a_regression_of_a_tenth_is_found_and_names_its_path() {
        let recorded = [("decode", 1_000), ("encode", 600)];
        assert_eq!(findings(&recorded, &recorded, Trust::Full), "");
        assert_eq!(
            findings(
                &recorded,
                &[("decode", 1_049), ("encode", 571)],
                Trust::Full
            ),
            ""
        );
        let found = findings(
            &recorded,
            &[("decode", 1_100), ("encode", 600)],
            Trust::Full,
        );
        assert!(
            found.starts_with(
                "`decode` takes more than recorded: 1000 -> 1100 instructions (+10.0 %)"
            ),
            "{found}"
        );
        assert!(!found.contains("encode"), "{found}");
    }

    #[test]
    fn an_improvement_is_to_be_recorded() {
        let found = findings(&[("decode", 1_000)], &[("decode", 900)], Trust::Full);
        assert!(found.contains("less than recorded: 1000 -> 900"), "{found}");
        assert!(found.contains("record it"), "{found}");
    }

    #[test]
    fn a_path_that_is_new_or_gone_is_found_on_any_machine() {
        for trust in [Trust::Full, Trust::Some, Trust::None] {
            let found = findings(&[("decode", 1)], &[("encode", 1)], trust);
            assert_eq!(
                found,
                "`decode` is recorded, and gone\n`encode` is not recorded"
            );
        }
    }

    #[test]
    fn another_compiler_widens_the_margin_and_another_processor_takes_it_away() {
        let recorded = record(&[("decode", 1_000)]);
        let with = |arch: &str, with: &str, count| Record {
            arch: arch.to_owned(),
            with: with.to_owned(),
            ..record(&[("decode", count)])
        };
        for (now, trust, is_found) in [
            (with("x86_64", "rustc 1.95.0", 1_250), Trust::Full, true),
            (with("x86_64", "rustc 1.96.0", 1_250), Trust::Some, false),
            (with("x86_64", "rustc 1.96.0", 1_350), Trust::Some, true),
            (with("x86_64", "rustc 1.96.0", 500), Trust::Some, false),
            (with("aarch64", "rustc 1.95.0", 5_000), Trust::None, false),
        ] {
            assert_eq!(Trust::of(&recorded, &now), trust);
            let findings = now.findings(&recorded, trust);
            assert_eq!(!findings.is_empty(), is_found, "{findings:?}");
        }
    }

    #[test]
    fn what_is_recorded_is_read_again() -> Result<()> {
        let record = record(&[("decode: a text", 922), ("encode", 606)]);
        assert_eq!(Record::from_json(&record.to_json())?, record);
        for bad in ["", "{}", r#"{"arch":"x","with":"y","counts":{"decode":0}}"#] {
            assert!(Record::from_json(bad).is_err(), "{bad}");
        }
        Ok(())
    }
}
