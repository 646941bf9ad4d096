//! Rules about documents and about the length of files.

use super::finding;
use super::repo::{Repo, is_shipped};

/// The most lines: of a document that is read in one sitting, and of each source file.
const ARCHITECTURE: (&str, usize) = ("ARCHITECTURE.md", 150);
const SOURCE_LINES: usize = 500;

/// The reason why a file is long must be in the first lines, where a reader begins.
const TOP: usize = 10;

/// No source file is long without a reason that it names, and `ARCHITECTURE.md` is short.
pub(super) fn lengths(repo: &Repo) -> Vec<String> {
    let (architecture, most) = ARCHITECTURE;
    let mut findings = match repo.text(architecture).map(|text| text.lines().count()) {
        Ok(lines) if lines <= most => Vec::new(),
        Ok(lines) => {
            let message =
                format!("has {lines} lines, {most} are allowed: move details next to the code");
            vec![finding::new(architecture, &message)]
        }
        Err(finding) => vec![finding],
    };
    for (path, text) in repo.texts("", "").filter(|(path, _)| is_shipped(path)) {
        let (lines, mut top) = (text.lines().count(), text.lines().take(TOP));
        if lines > SOURCE_LINES && !top.any(|line| line.contains("tidy: long because ")) {
            let message = format!(
                "has {lines} lines: divide it by what it does, or write `tidy: long because …` as a comment \
                 into its first {TOP} lines"
            );
            findings.push(finding::new(path, &message));
        }
    }
    findings
}

/// Both READMEs have the same number of headings and of code blocks.
pub(super) fn readmes(repo: &Repo) -> Vec<String> {
    let (english, korean) = ("README.md", "README.ko.md");
    let (first, second) = match (repo.text(english), repo.text(korean)) {
        (Ok(first), Ok(second)) => (shape(first), shape(second)),
        (first, second) => return [first.err(), second.err()].into_iter().flatten().collect(),
    };
    if first == second {
        return Vec::new();
    }
    let message = format!(
        "has {} headings and {} code blocks, {english} has {} and {}: bring them into step",
        second.0, second.1, first.0, first.1
    );
    vec![finding::new(korean, &message)]
}

/// Headings and code blocks of a document.
fn shape(text: &str) -> (usize, usize) {
    let (mut headings, mut fences) = (0, 0);
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fences += 1;
        } else if fences % 2 == 0 && line.starts_with('#') {
            headings += 1;
        }
    }
    (headings, fences / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_or_long_architecture_is_found() {
        assert_eq!(lengths(&Repo::default()).len(), 1);
        let of = |lines: usize| Repo::of(&[("ARCHITECTURE.md", "x\n".repeat(lines).as_str())]);
        assert_eq!(lengths(&of(ARCHITECTURE.1)), [""; 0]);
        assert_eq!(lengths(&of(ARCHITECTURE.1 + 1)).len(), 1);
    }

    #[test]
    fn a_long_file_without_a_reason_is_found() {
        let count = |path: &str, text: &str| {
            lengths(&Repo::of(&[("ARCHITECTURE.md", ""), (path, text)])).len()
        };
        let long = "//\n".repeat(SOURCE_LINES + 1);
        let path = "crates/a/src/web/page.js";
        assert_eq!(count(path, &long), 1);
        assert_eq!(count(path, &"//\n".repeat(SOURCE_LINES)), 0);
        let with_reason = format!("// tidy: long because it is a table\n{long}");
        assert_eq!(count(path, &with_reason), 0);
        let too_late = format!("{}// tidy: long because late\n{long}", "//\n".repeat(TOP));
        assert_eq!(count(path, &too_late), 1);
        assert_eq!(count("crates/a/tests/t.rs", &long), 0);
    }

    #[test]
    fn readmes_out_of_step_are_found() {
        assert_eq!(readmes(&Repo::default()).len(), 2);
        let english = "# Title\n\n```sh\n# no heading\n```\n\n## More\n";
        let of = |korean| Repo::of(&[("README.md", english), ("README.ko.md", korean)]);
        assert_eq!(readmes(&of("# 제목\n\n```\nx\n```\n## 더\n")), [""; 0]);
        for korean in ["# 제목\n\n```sh\nx\n```\n", "# 제목\n\n## 더\n", ""] {
            assert_eq!(readmes(&of(korean)).len(), 1, "{korean}");
        }
    }
}
