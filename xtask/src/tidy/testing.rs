//! `docs/testing.md` in step with the tests: what it names exists, and what tests number stands there.

use std::collections::{BTreeMap, BTreeSet};

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::repo::Repo;
use super::tokens::{Part, Token};
use super::{Finding, Place};

const TESTING: &str = "docs/testing.md";

/// The document leaves this out of the paths of tests.
const ROOT: &str = "crates/";

/// Its functions become tests by the macro `backend_contract!`.
const CONTRACT: &str = "crates/tablecast/src/testing/contract/";

const DEFECTS: Table = Table {
    heading: "Defects that are guarded against",
    word: "defect",
};

const HOSTILE_INPUT: Table = Table {
    heading: "Hostile input",
    word: "hostile input",
};

/// A chapter whose tables have a number in the first column.
struct Table {
    heading: &'static str,
    /// What a comment calls a row of it, before the number.
    word: &'static str,
}

/// Every test that the document names exists, and every defect has one.
pub(super) fn named(repo: &Repo) -> Vec<Finding> {
    let text = match repo.text(TESTING) {
        Ok(text) => text,
        Err(finding) => return vec![finding],
    };
    let document = Document::read(text);
    let mut findings = Vec::new();
    let mut known: BTreeMap<String, Result<BTreeSet<String>, Finding>> = BTreeMap::new();
    for (file, test, offset) in &document.tests {
        let path = format!("{ROOT}{file}");
        let tests = known
            .entry(path.clone())
            .or_insert_with(|| tests_in(repo, &path));
        let message = match tests {
            Ok(tests) if tests.contains(test) => continue,
            Ok(_) => format!("there is no test `{test}` in {path}: name the one there is"),
            Err(finding) => format!("`{file}::{test}` leads nowhere: {finding}"),
        };
        findings.push(Finding::new(
            Place::offset(TESTING, text, *offset),
            &message,
        ));
    }
    for row in document.rows_of(&DEFECTS).filter(|row| !row.has_test) {
        let message = format!("no test for defect {}: name it, or write one", row.number);
        findings.push(Finding::new(
            Place::offset(TESTING, text, row.offset),
            &message,
        ));
    }
    findings
}

/// Every number that the sources give to a defect or a hostile input is a row of the document.
pub(super) fn numbers(repo: &Repo) -> Vec<Finding> {
    let document = match repo.text(TESTING) {
        Ok(text) => Document::read(text),
        Err(finding) => return vec![finding],
    };
    let mut findings = Vec::new();
    for table in [DEFECTS, HOSTILE_INPUT] {
        let rows: BTreeSet<u32> = document.rows_of(&table).map(|row| row.number).collect();
        if rows.is_empty() {
            let message = format!("has no numbered table in a chapter `{}`", table.heading);
            findings.push(Finding::new(TESTING, &message));
            continue;
        }
        for (path, text) in repo.texts(".rs").filter(|(path, _)| path.starts_with(ROOT)) {
            for (index, line) in text.lines().enumerate() {
                for number in numbers_after(table.word, line) {
                    if !rows.contains(&number) {
                        let message = format!(
                            "{} {number} is nowhere explained: give it a row in {TESTING}",
                            table.word
                        );
                        findings.push(Finding::new(Place::line(path, index + 1), &message));
                    }
                }
            }
        }
    }
    findings
}

/// What matters of the document here.
#[derive(Default)]
struct Document {
    /// File, test and byte offset of each `file::test` in it.
    tests: Vec<(String, String, usize)>,
    rows: Vec<Row>,
}

/// A row of a table that begins with a number.
struct Row {
    chapter: String,
    number: u32,
    offset: usize,
    has_test: bool,
}

impl Document {
    fn read(text: &str) -> Self {
        let mut document = Document::default();
        let (mut chapter, mut in_title) = (String::new(), false);
        // The text of the first cell, while it is read.
        let mut first_cell: Option<String> = None;
        let (mut row_start, mut is_first_cell, mut in_row) = (0, false, false);
        for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
            match event {
                Event::Start(Tag::Heading {
                    level: HeadingLevel::H2,
                    ..
                }) => (chapter, in_title) = (String::new(), true),
                Event::End(TagEnd::Heading(_)) => in_title = false,
                Event::Start(Tag::TableRow) => (row_start, is_first_cell) = (range.start, true),
                Event::End(TagEnd::TableRow) => in_row = false,
                Event::Start(Tag::TableCell) if is_first_cell => {
                    (first_cell, is_first_cell) = (Some(String::new()), false);
                }
                Event::End(TagEnd::TableCell) => {
                    if let Some(Ok(number)) = first_cell.take().map(|cell| cell.trim().parse()) {
                        in_row = true;
                        document.rows.push(Row {
                            chapter: chapter.clone(),
                            number,
                            offset: row_start,
                            has_test: false,
                        });
                    }
                }
                Event::Text(more) => {
                    if in_title {
                        chapter.push_str(&more);
                    }
                    if let Some(cell) = &mut first_cell {
                        cell.push_str(&more);
                    }
                }
                Event::Code(code) => {
                    let Some((file, test)) = code.split_once("::") else {
                        continue;
                    };
                    if !file.ends_with(".rs") {
                        continue;
                    }
                    let test = (file.to_owned(), test.to_owned(), range.start);
                    document.tests.push(test);
                    if let Some(row) = document.rows.last_mut().filter(|_| in_row) {
                        row.has_test = true;
                    }
                }
                _ => {}
            }
        }
        document
    }

    fn rows_of(&self, table: &Table) -> impl Iterator<Item = &Row> {
        let heading = table.heading;
        self.rows.iter().filter(move |row| row.chapter == heading)
    }
}

/// The test functions of a Rust file.
fn tests_in(repo: &Repo, path: &str) -> Result<BTreeSet<String>, Finding> {
    let tokens = repo.rust(path, Part::Everything)?;
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    let starts = (0..tokens.len()).filter(|&at| {
        if path.starts_with(CONTRACT) {
            text(at) == "pub" && text(at + 1) == "async"
        } else {
            text(at) == "#" && text(at + 1) == "[" && is_test(&tokens[at + 2..])
        }
    });
    let names = starts.filter_map(|at| {
        let function = (at..tokens.len()).find(|&at| text(at) == "fn")?;
        Some(text(function + 1).to_owned())
    });
    Ok(names.collect())
}

/// Whether what stands in an attribute is `test`, `tokio::test` or the like.
fn is_test(attribute: &[Token]) -> bool {
    let mut path = attribute.iter().map(|token| token.text.as_str());
    let mut last = path.next();
    while let (Some("::"), Some(next)) = (path.next(), path.next()) {
        last = Some(next);
    }
    last == Some("test")
}

/// The numbers in `word 3`, `Words 3, 4 and 5`, `words 3 to 5`.
fn numbers_after(word: &str, line: &str) -> Vec<u32> {
    let line = line.to_lowercase();
    let mut numbers = Vec::new();
    for (start, _) in line.match_indices(word) {
        let rest = &line[start + word.len()..];
        let mut rest = rest.strip_prefix('s').unwrap_or(rest);
        let mut between: &[&str] = &[" "];
        while let Some((found, number, after)) = next_number(between, rest) {
            let from = numbers.last().filter(|_| found == " to ");
            let range = from.map_or(number, |from| from + 1)..=number;
            numbers.extend(range);
            between = &[", ", " and ", ", and ", " to "];
            rest = after;
        }
    }
    numbers
}

/// A number after one of these: which, the number, and what follows.
fn next_number<'a>(between: &[&'a str], rest: &'a str) -> Option<(&'a str, u32, &'a str)> {
    between.iter().find_map(|found| {
        let rest = rest.strip_prefix(found)?;
        let end = rest.find(|c: char| !c.is_ascii_digit());
        let (digits, after) = rest.split_at(end.unwrap_or(rest.len()));
        Some((*found, digits.parse().ok()?, after))
    })
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

    fn shown(findings: &[Finding]) -> Vec<String> {
        findings.iter().map(Finding::to_string).collect()
    }

    fn with(document: &str, source: &str) -> Repo {
        Repo::of(&[(TESTING, document), ("crates/a/tests/t.rs", source)])
    }

    #[test]
    fn tests_that_exist_are_fine() {
        assert_eq!(shown(&named(&with(DOCUMENT, SOURCE))), [""; 0]);
        let contract = DOCUMENT.replace(
            "a/tests/t.rs::of_a_macro",
            "tablecast/src/testing/contract/c.rs::a_property",
        );
        let property = "fn helper() {}\npub async fn a_property(nodes: Nodes) {}";
        let path = "crates/tablecast/src/testing/contract/c.rs";
        let repo = Repo::of(&[
            (TESTING, contract.as_str()),
            ("crates/a/tests/t.rs", SOURCE),
            (path, property),
        ]);
        assert_eq!(shown(&named(&repo)), [""; 0]);
    }

    #[test]
    fn a_test_that_does_not_exist_is_found() {
        for name in ["gone", "no_test", "in_a_comment", "helper"] {
            let document = DOCUMENT.replace("of_a_macro", name);
            let found = shown(&named(&with(&document, SOURCE)));
            let expected = format!(
                "docs/testing.md:10: there is no test `{name}` in crates/a/tests/t.rs: name the one there is"
            );
            assert_eq!(found, [expected]);
        }
        let document = DOCUMENT.replace("a/tests/t.rs::of_a_macro", "a/tests/u.rs::of_a_macro");
        let found = shown(&named(&with(&document, SOURCE)));
        assert!(
            found[0].contains("crates/a/tests/u.rs: is missing"),
            "{found:?}"
        );
        let document = DOCUMENT.replace("`a/tests/t.rs::a_test` and", "`a/tests/t.rs::gone` and");
        assert!(shown(&named(&with(&document, SOURCE)))[0].starts_with("docs/testing.md:3: "));
    }

    #[test]
    fn a_defect_without_a_test_is_found() {
        let document = DOCUMENT.replace("`a/tests/t.rs::of_a_macro`", "none");
        assert_eq!(
            shown(&named(&with(&document, SOURCE))),
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
            assert_eq!(shown(&numbers(&with(DOCUMENT, &source))), [expected]);
        }
        for comment in [
            "/// Defects 1 and 2, hostile input 3: 99 times.",
            "/// Defect 2 and hostile input 3.",
            "// A defect of 7 kinds.",
        ] {
            let source = format!("{comment}\n{SOURCE}");
            assert_eq!(
                shown(&numbers(&with(DOCUMENT, &source))),
                [""; 0],
                "{comment}"
            );
        }
    }

    #[test]
    fn a_range_holds_what_is_between() {
        let line = "Hostile inputs 1 to 3, 7 and 9; hostile input 12.";
        assert_eq!(numbers_after("hostile input", line), [1, 2, 3, 7, 9, 12]);
    }

    #[test]
    fn no_document_and_no_tables_are_findings() {
        assert_eq!(named(&Repo::default()).len(), 1);
        assert_eq!(numbers(&Repo::default()).len(), 1);
        assert_eq!(numbers(&Repo::of(&[(TESTING, "# Testing\n")])).len(), 2);
    }
}
