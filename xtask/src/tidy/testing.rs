//! `docs/testing.md` agrees with the tests: the tests that it names exist, and the numbers that tests have are in it.

use std::collections::{BTreeMap, BTreeSet};

use super::finding;
use super::repo::{Repo, regex};

const TESTING: &str = "docs/testing.md";

/// The document's paths of tests begin after this.
const ROOT: &str = "crates/";

/// The macro `backend_contract!` makes tests of the functions in folders with this name.
const CONTRACT: &str = "/contract/";

/// The chapters whose tables have a number in the first column, and the word before such a number in comments.
const DEFECTS: (&str, &str) = ("Defects that are guarded against", "defect");
const HOSTILE_INPUT: (&str, &str) = ("Hostile input", "hostile input");

/// A test in the document, `file.rs::test`.
const NAMED: &str = r"`([^`\s]+\.rs)::(\w+)`";

/// Every test that the document names exists, and every defect has one.
pub(super) fn named(repo: &Repo) -> Vec<String> {
    let text = match repo.text(TESTING) {
        Ok(text) => text,
        Err(finding) => return vec![finding],
    };
    let mut findings = Vec::new();
    let mut known = BTreeMap::new();
    let pattern = regex(NAMED);
    for captures in pattern.captures_iter(text) {
        let (file, test) = (&captures[1], &captures[2]);
        let path = format!("{ROOT}{file}");
        let tests = known
            .entry(path.clone())
            .or_insert_with(|| tests_in(repo, &path));
        let message = match tests {
            Ok(tests) if tests.contains(test) => continue,
            Ok(_) => format!("there is no test `{test}` in {path}: name the one there is"),
            Err(finding) => format!("`{file}::{test}` leads nowhere: {finding}"),
        };
        let offset = captures.get(0).map_or(0, |all| all.start());
        findings.push(finding::at(TESTING, text, offset, &message));
    }
    for (number, line, row) in rows(text, DEFECTS.0) {
        if !pattern.is_match(row) {
            let message = format!("no test for defect {number}: name it, or write one");
            findings.push(finding::new(&format!("{TESTING}:{line}"), &message));
        }
    }
    findings
}

/// Every number of a defect or a hostile input in the sources is a row of the document.
pub(super) fn numbers(repo: &Repo) -> Vec<String> {
    let document = match repo.text(TESTING) {
        Ok(text) => text,
        Err(finding) => return vec![finding],
    };
    let mut findings = Vec::new();
    for (heading, word) in [DEFECTS, HOSTILE_INPUT] {
        let rows: BTreeSet<u32> = rows(document, heading).map(|(number, ..)| number).collect();
        if rows.is_empty() {
            let message = format!("has no numbered table in a chapter `{heading}`");
            findings.push(finding::new(TESTING, &message));
            continue;
        }
        for (path, text) in repo.texts(ROOT, ".rs") {
            for (offset, number) in numbers_after(word, text) {
                if !rows.contains(&number) {
                    let message =
                        format!("{word} {number} is nowhere explained: give it a row in {TESTING}");
                    findings.push(finding::at(path, text, offset, &message));
                }
            }
        }
    }
    findings
}

/// The rows of a chapter's tables that begin with a number: the number, the line's number, and the row.
fn rows<'a>(text: &'a str, heading: &str) -> impl Iterator<Item = (u32, usize, &'a str)> {
    let title = format!("## {heading}");
    let lines = (1..)
        .zip(text.lines())
        .skip_while(move |(_, line)| *line != title)
        .skip(1);
    let chapter = lines.take_while(|(_, line)| !line.starts_with("## "));
    chapter.filter_map(|(at, line)| {
        let number = line.strip_prefix('|')?.split('|').next()?.trim().parse();
        Some((number.ok()?, at, line))
    })
}

/// The test functions of a Rust file.
fn tests_in(repo: &Repo, path: &str) -> Result<BTreeSet<String>, String> {
    let text = repo.text(path)?;
    let pattern = match path.contains(CONTRACT) {
        true => regex(r"(?m)^pub async fn (\w+)"),
        // The attribute, then other attributes and comments, then the function.
        false => regex(
            r"(?m)^\s*#\[(?:\w+::)*test\b.*\]\s*(?:(?:#\[|//).*\s+)*(?:pub )?(?:async )?fn (\w+)",
        ),
    };
    let names = pattern.captures_iter(text);
    Ok(names.map(|captures| captures[1].to_owned()).collect())
}

/// The numbers in `word 3`, `Words 3, 4 and 5`, `words 3 to 5`, each with the offset of the word.
fn numbers_after(word: &str, text: &str) -> Vec<(usize, u32)> {
    let list = regex(&format!(
        r"(?i){word}s?((?:(?:, and | and |, | to | )\d+)+)"
    ));
    let one = regex(r"( to )?(\d+)");
    let mut numbers: Vec<(usize, u32)> = Vec::new();
    for captures in list.captures_iter(text) {
        let offset = captures.get(0).map_or(0, |all| all.start());
        for number in one.captures_iter(&captures[1]) {
            let Ok(last) = number[2].parse() else {
                continue;
            };
            let from = numbers.last().filter(|_| number.get(1).is_some());
            let first = from.map_or(last, |(_, from)| from + 1);
            numbers.extend((first..=last).map(|number| (offset, number)));
        }
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "\
# Testing

See `a/tests/t.rs::a_test` and `cargo::test`.

## Defects that are guarded against

| # | defect | tests |
|---|---|---|
| 1 | one `x` | `a/tests/t.rs::a_test`<br>`a/tests/t.rs::with_arguments` |
| 2 | two | `a/tests/t.rs::of_a_macro` |

## Hostile input

### Frames

| # | input | tests |
|---|---|---|
| 3 | three | later |
";

    const SOURCE: &str = "\
#[test]
fn a_test() {}
#[tokio::test(flavor = \"x\")]
#[allow(dead_code)]
async fn with_arguments() { fn helper() {} }
proptest! {
    #[test]
    fn of_a_macro(x in y()) {}
}
#[cfg(test)]
fn no_test() {}
// #[test] fn in_a_comment() {}
";

    fn with(document: &str, source: &str) -> Repo {
        Repo::of(&[(TESTING, document), ("crates/a/tests/t.rs", source)])
    }

    #[test]
    fn tests_that_exist_are_fine() {
        assert_eq!(named(&with(DOCUMENT, SOURCE)), [""; 0]);
        let contract = DOCUMENT.replace(
            "a/tests/t.rs::of_a_macro",
            "testing/src/contract/c.rs::a_property",
        );
        let property = "fn helper() {}\npub async fn a_property(nodes: Nodes) {}";
        let path = "crates/testing/src/contract/c.rs";
        let repo = Repo::of(&[
            (TESTING, contract.as_str()),
            ("crates/a/tests/t.rs", SOURCE),
            (path, property),
        ]);
        assert_eq!(named(&repo), [""; 0]);
    }

    #[test]
    fn a_test_that_does_not_exist_is_found() {
        for name in ["gone", "no_test", "in_a_comment", "helper"] {
            let document = DOCUMENT.replace("of_a_macro", name);
            let found = named(&with(&document, SOURCE));
            let expected = format!(
                "docs/testing.md:10: there is no test `{name}` in crates/a/tests/t.rs: name the one there is"
            );
            assert_eq!(found, [expected]);
        }
        let document = DOCUMENT.replace("a/tests/t.rs::of_a_macro", "a/tests/u.rs::of_a_macro");
        let found = named(&with(&document, SOURCE));
        assert!(
            found[0].contains("crates/a/tests/u.rs: is missing"),
            "{found:?}"
        );
        let document = DOCUMENT.replace("`a/tests/t.rs::a_test` and", "`a/tests/t.rs::gone` and");
        assert!(named(&with(&document, SOURCE))[0].starts_with("docs/testing.md:3: "));
    }

    #[test]
    fn a_defect_without_a_test_is_found() {
        let document = DOCUMENT.replace("`a/tests/t.rs::of_a_macro`", "none");
        assert_eq!(
            named(&with(&document, SOURCE)),
            ["docs/testing.md:10: no test for defect 2: name it, or write one"]
        );
    }

    #[test]
    fn a_number_without_a_row_is_found() {
        for (comment, missing) in [
            ("/// Defect 3.", "defect 3"),
            ("/// Defects 1, 2 and 4: more.", "defect 4"),
            ("// It is so (defect 33).", "defect 33"),
            ("/// Defects 1 and 2, hostile input 4.", "hostile input 4"),
            ("/// Hostile inputs 2 to 3.", "hostile input 2"),
        ] {
            let source = format!("fn f() {{}}\n{comment}\n{SOURCE}");
            let expected = format!(
                "crates/a/tests/t.rs:2: {missing} is nowhere explained: give it a row in docs/testing.md"
            );
            assert_eq!(numbers(&with(DOCUMENT, &source)), [expected]);
        }
        for comment in [
            "/// Defects 1 and 2, hostile input 3: 99 times.",
            "/// Defect 2 and hostile input 3.",
            "// A defect of 7 kinds.",
        ] {
            let source = format!("{comment}\n{SOURCE}");
            assert_eq!(numbers(&with(DOCUMENT, &source)), [""; 0], "{comment}");
        }
    }

    #[test]
    fn a_range_holds_what_is_between() {
        let line = "Hostile inputs 1 to 3, 7 and 9; hostile input 12.";
        let found = numbers_after("hostile input", line);
        let found: Vec<u32> = found.into_iter().map(|(_, number)| number).collect();
        assert_eq!(found, [1, 2, 3, 7, 9, 12]);
    }

    #[test]
    fn no_document_and_no_tables_are_findings() {
        assert_eq!(named(&Repo::default()).len(), 1);
        assert_eq!(numbers(&Repo::default()).len(), 1);
        assert_eq!(numbers(&Repo::of(&[(TESTING, "# Testing\n")])).len(), 2);
    }
}
