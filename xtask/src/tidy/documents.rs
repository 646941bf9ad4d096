//! Rules about the Markdown documents, read as a Markdown reader does.

use pulldown_cmark::{Event, Options, Parser, Tag};

use super::repo::Repo;
use super::{Finding, Place};

/// "Short" for `ARCHITECTURE.md`.
const ARCHITECTURE_LINES: usize = 150;

/// `ARCHITECTURE.md` exists and is short.
pub(super) fn architecture(repo: &Repo) -> Vec<Finding> {
    let path = "ARCHITECTURE.md";
    let lines = match repo.text(path) {
        Ok(text) => text.lines().count(),
        Err(finding) => return vec![finding],
    };
    if lines <= ARCHITECTURE_LINES {
        return Vec::new();
    }
    let message = format!(
        "has {lines} lines, {ARCHITECTURE_LINES} are allowed: move details next to the code or into docs/"
    );
    vec![Finding::new(path, &message)]
}

/// Both READMEs have the same number of headings and of code blocks.
pub(super) fn readmes(repo: &Repo) -> Vec<Finding> {
    let (english, korean) = ("README.md", "README.ko.md");
    let (first, second) = match (repo.text(english), repo.text(korean)) {
        (Ok(first), Ok(second)) => (shape(first), shape(second)),
        (first, second) => return [first.err(), second.err()].into_iter().flatten().collect(),
    };
    let mut findings = Vec::new();
    for (what, here, there) in [
        ("headings", second.headings, first.headings),
        ("code blocks", second.code_blocks, first.code_blocks),
    ] {
        if here != there {
            let message = format!("has {here} {what}, {english} has {there}: bring them into step");
            findings.push(Finding::new(korean, &message));
        }
    }
    findings
}

#[derive(Default)]
struct Shape {
    headings: usize,
    code_blocks: usize,
}

fn shape(text: &str) -> Shape {
    let mut shape = Shape::default();
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Heading { .. }) => shape.headings += 1,
            Event::Start(Tag::CodeBlock(_)) => shape.code_blocks += 1,
            _ => {}
        }
    }
    shape
}

/// Every relative link in a Markdown file leads to a file or folder of the repository.
pub(super) fn links(repo: &Repo) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in repo.texts(".md") {
        for (target, offset) in targets(text) {
            let Some(wanted) = resolve(path, &target) else {
                continue;
            };
            let folder = format!("{wanted}/");
            let exists = wanted.is_empty()
                || repo.files.contains_key(&wanted)
                || repo.files.keys().any(|file| file.starts_with(&folder));
            if !exists {
                let message = format!("the link `{target}` leads nowhere: there is no {wanted}");
                findings.push(Finding::new(Place::offset(path, text, offset), &message));
            }
        }
    }
    findings
}

/// Links and images with their byte offsets, also those written as HTML.
fn targets(text: &str) -> Vec<(String, usize)> {
    let mut targets = Vec::new();
    for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
        match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                targets.push((dest_url.into_string(), range.start));
            }
            Event::Html(html) | Event::InlineHtml(html) => {
                for attribute in ["href=\"", "src=\"", "srcset=\""] {
                    let values = html.split(attribute).skip(1);
                    let values = values.filter_map(|rest| rest.split('"').next());
                    targets.extend(values.map(|value| (value.to_owned(), range.start)));
                }
            }
            _ => {}
        }
    }
    targets
}

/// The path from the root that `target` means in the file `from`; `None` if it leads elsewhere.
fn resolve(from: &str, target: &str) -> Option<String> {
    let path = target.split(['#', '?']).next().unwrap_or_default();
    // `https:`, `mailto:`: a colon before any slash ends a scheme.
    let is_elsewhere = path
        .split('/')
        .next()
        .is_some_and(|first| first.contains(':'));
    if path.is_empty() || path.starts_with("//") || is_elsewhere {
        return None;
    }
    let mut parts: Vec<&str> = match path.strip_prefix('/') {
        Some(_) => Vec::new(),
        None => from.split('/').collect(),
    };
    parts.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_or_long_architecture_is_found() {
        assert_eq!(architecture(&Repo::default()).len(), 1);
        let of = |lines: usize| Repo::of(&[("ARCHITECTURE.md", "x\n".repeat(lines).as_str())]);
        assert_eq!(architecture(&of(ARCHITECTURE_LINES)), []);
        assert_eq!(architecture(&of(ARCHITECTURE_LINES + 1)).len(), 1);
    }

    #[test]
    fn readmes_out_of_step_are_found() {
        assert_eq!(readmes(&Repo::default()).len(), 2);
        let english = "# Title\n\n```sh\n# no heading\n```\n\n## More\n";
        let of = |korean| Repo::of(&[("README.md", english), ("README.ko.md", korean)]);
        assert_eq!(readmes(&of("제목\n===\n\n~~~\nx\n~~~\n## 더\n")), []);
        assert_eq!(readmes(&of("# 제목\n\n```sh\nx\n```\n")).len(), 1);
        assert_eq!(readmes(&of("# 제목\n\n## 더\n")).len(), 1);
        assert_eq!(readmes(&of("")).len(), 2);
    }

    #[test]
    fn a_relative_link_that_leads_nowhere_is_found() {
        for link in [
            "[a](gone.md)",
            "![a](img/gone.svg)",
            "[a][r]\n\n[r]: gone.md#part",
            "| a |\n|---|\n| [a](gone.md) |",
            "<img src=\"gone.svg\">",
            "[a](../docs/gone/)",
            "[a](/docs/gone.md)",
        ] {
            let text = format!("x\n\n{link}\n");
            let findings = links(&Repo::of(&[("docs/a.md", text.as_str())]));
            assert_eq!(findings.len(), 1, "{link}: {findings:?}");
            let line = findings.first().and_then(|finding| finding.place.line);
            assert!(line >= Some(3), "{link}: {findings:?}");
        }
    }

    #[test]
    fn a_link_to_a_file_a_folder_or_the_web_is_fine() {
        let text = "[a](b.md#x) [a](../README.md) [a](frames/) [a](/docs/b.md) [a](#here) \
                    [a](https://example.org/x) [a](mailto:a@example.org) [a](..) `[a](gone.md)`\n\n\
                    ```\n[a](gone.md)\n```\n";
        let repo = Repo::of(&[
            ("README.md", ""),
            ("docs/a.md", text),
            ("docs/b.md", ""),
            ("docs/frames/x.json", ""),
        ]);
        assert_eq!(links(&repo), []);
    }
}
