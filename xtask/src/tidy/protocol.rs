//! `docs/protocol.md` in step with the golden frames and the close codes.

use std::collections::BTreeMap;

use super::repo::Repo;
use super::tokens::Part;
use super::{Finding, Place, mentions};

const PROTOCOL: &str = "docs/protocol.md";
const FRAMES: &str = "docs/frames/";
const CLOSE_TABLE: &str = "crates/protocol/src/close.rs";

/// Every golden frame is JSON and has its place in the description.
pub(super) fn frames(repo: &Repo) -> Vec<Finding> {
    let protocol = match repo.text(PROTOCOL) {
        Ok(text) => text,
        Err(finding) => return vec![finding],
    };
    let mut findings = Vec::new();
    let mut count = 0;
    for (path, text) in repo.texts(".json") {
        let Some(name) = path.strip_prefix(FRAMES) else {
            continue;
        };
        count += 1;
        if let Err(error) = serde_json::from_str::<serde_json::Value>(text) {
            let place = Place::line(path, error.line());
            findings.push(Finding::new(place, &format!("is no JSON: {error}")));
        }
        if !mentions(protocol, name) {
            let message =
                format!("is not mentioned: describe it in {PROTOCOL} by its name `{name}`");
            findings.push(Finding::new(path, &message));
        }
    }
    if count == 0 {
        findings.push(Finding::new(
            FRAMES,
            "has no *.json: write the golden frames",
        ));
    }
    findings
}

/// Every close code of the table occurs in the description.
pub(super) fn close_codes(repo: &Repo) -> Vec<Finding> {
    let tokens = match repo.rust(CLOSE_TABLE, Part::WithoutTests) {
        Ok(tokens) => tokens,
        Err(finding) => return vec![finding],
    };
    let protocol = match repo.text(PROTOCOL) {
        Ok(text) => text,
        Err(finding) => return vec![finding],
    };
    let mut codes = BTreeMap::new();
    for token in &tokens {
        if let Some(code) = close_code(&token.text) {
            codes.entry(code).or_insert(token.line);
        }
    }
    if codes.is_empty() {
        return vec![Finding::new(
            CLOSE_TABLE,
            "has no close code (1000 to 4999)",
        )];
    }
    let missing = codes
        .iter()
        .filter(|(code, _)| !mentions(protocol, &code.to_string()));
    missing
        .map(|(code, line)| {
            let message = format!("close code {code} is not in {PROTOCOL}: describe it there");
            Finding::new(Place::line(CLOSE_TABLE, *line), &message)
        })
        .collect()
}

/// The value of an integer literal in the range WebSocket has for close codes (RFC 6455, 7.4).
fn close_code(literal: &str) -> Option<u16> {
    let digits = literal
        .strip_suffix("u16")
        .unwrap_or(literal)
        .replace('_', "");
    let value = digits.parse().ok()?;
    (1000..=4999).contains(&value).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(findings: &[Finding]) -> Vec<String> {
        findings.iter().map(Finding::to_string).collect()
    }

    #[test]
    fn a_frame_that_is_no_json_or_not_described_is_found() {
        let protocol = (PROTOCOL, "See `hello.json`.");
        let good = Repo::of(&[protocol, ("docs/frames/hello.json", "{}")]);
        assert_eq!(frames(&good), []);

        let broken = Repo::of(&[protocol, ("docs/frames/hello.json", "{\n}}")]);
        assert!(shown(&frames(&broken))[0].starts_with("docs/frames/hello.json:2: is no JSON"));

        let unknown = Repo::of(&[
            protocol,
            ("docs/frames/hello.json", "{}"),
            ("docs/frames/bye.json", "{}"),
        ]);
        assert!(shown(&frames(&unknown))[0].starts_with("docs/frames/bye.json: is not mentioned"));
    }

    #[test]
    fn no_frames_and_no_description_are_findings() {
        assert_eq!(
            shown(&frames(&Repo::default())),
            ["docs/protocol.md: is missing: write it"]
        );
        let no_frames = Repo::of(&[(PROTOCOL, "")]);
        assert_eq!(frames(&no_frames).len(), 1);
        assert_eq!(close_codes(&no_frames).len(), 1);
    }

    #[test]
    fn a_close_code_that_is_not_described_is_found() {
        let table = (
            CLOSE_TABLE,
            "const A: u16 = 1_000;\n// 4999 in a comment\nconst B: u16 = 4413u16;\nconst C: u16 = 500;",
        );
        let good = Repo::of(&[table, (PROTOCOL, "1000 and `4413`")]);
        assert_eq!(close_codes(&good), []);
        let bad = Repo::of(&[table, (PROTOCOL, "1000 and 44130")]);
        assert_eq!(
            shown(&close_codes(&bad)),
            [
                "crates/protocol/src/close.rs:3: close code 4413 is not in docs/protocol.md: describe it there"
            ]
        );
    }

    #[test]
    fn a_table_without_codes_is_found() {
        let repo = Repo::of(&[(CLOSE_TABLE, "enum Close {}"), (PROTOCOL, "")]);
        assert_eq!(close_codes(&repo).len(), 1);
    }
}
