//! Rules about source files.

use super::repo::Repo;
use super::tokens::{Part, Token};
use super::{Finding, Place, mentions};

/// A name that only some places may use.
struct Confined {
    /// The first segment of a path, or a type.
    name: &'static str,
    /// Where it is looked for: beginnings of paths.
    within: &'static str,
    /// Where it is at home: beginnings of paths, so that a file may become a folder.
    home: &'static [&'static str],
    /// What to do instead.
    instead: &'static str,
}

const CONFINED: &[Confined] = &[
    Confined {
        name: "axum",
        within: "crates/",
        home: &[
            "crates/bench/peers/",
            "crates/tablecast/src/upgrade",
            "crates/server/",
        ],
        instead: "HTTP enters the library by crates/tablecast/src/upgrade.rs",
    },
    Confined {
        name: "redis",
        within: "crates/",
        home: &["crates/redis/"],
        instead: "use the backend of crates/redis",
    },
    Confined {
        name: "tungstenite",
        within: "crates/",
        // The test client must not depend on the codec that it tests.
        home: &[
            "crates/tablecast/src/codec",
            "crates/tablecast/src/testing/",
            "crates/terminal/src/net/",
        ],
        instead: "frames are made and read in crates/tablecast/src/codec.rs",
    },
    Confined {
        name: "tokio_tungstenite",
        within: "crates/",
        home: &["crates/terminal/src/net/"],
        instead: "the terminal's socket is crates/terminal/src/net/socket.rs",
    },
    Confined {
        name: "tokio",
        within: "crates/terminal/src/",
        home: &[
            "crates/terminal/src/cli.rs",
            "crates/terminal/src/lines.rs",
            "crates/terminal/src/net/",
            "crates/terminal/src/run.rs",
            "crates/terminal/src/screen/terminal.rs",
        ],
        instead: "the session and the room are pure: they are told what happens",
    },
    Confined {
        name: "SystemTime",
        within: "crates/terminal/src/",
        home: &["crates/terminal/src/clock.rs"],
        instead: "pass `now` in",
    },
    Confined {
        name: "tokio",
        within: "crates/core/",
        home: &[],
        instead: "the core does no I/O",
    },
    Confined {
        name: "rand",
        within: "crates/core/",
        home: &[],
        instead: "pass the random value in",
    },
    Confined {
        name: "Instant",
        within: "crates/core/",
        home: &[],
        instead: "pass `now` in",
    },
    Confined {
        name: "SystemTime",
        within: "crates/core/",
        home: &[],
        instead: "pass `now` in",
    },
];

/// More lines than this need a reason on top.
const MANY_LINES: usize = 500;

/// The reason stands in the first lines, where a reader begins.
const TOP: usize = 10;

/// Libraries and types stay behind the module that needs them.
pub(super) fn names(repo: &Repo) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, _) in repo.texts(".rs").filter(|(path, _)| is_shipped(path)) {
        let confined: Vec<&Confined> = CONFINED
            .iter()
            .filter(|c| path.starts_with(c.within))
            .filter(|c| !c.home.iter().any(|home| path.starts_with(home)))
            .collect();
        let tokens = match repo.rust(path, Part::WithoutTests) {
            Ok(tokens) => tokens,
            Err(finding) => {
                findings.push(finding);
                continue;
            }
        };
        for (index, token) in tokens.iter().enumerate() {
            for confined in confined.iter().filter(|c| is_use(c.name, &tokens, index)) {
                let message = format!(
                    "`{}` does not belong here: {}",
                    confined.name, confined.instead
                );
                findings.push(Finding::new(Place::line(path, token.line), &message));
            }
        }
    }
    findings
}

/// Source that is compiled into a library or binary: no tests, benches or examples.
fn is_shipped(path: &str) -> bool {
    let Some((folder, file)) = path.rsplit_once('/') else {
        return false;
    };
    let is_test_file = file == "tests.rs" || file.ends_with("_tests.rs");
    path.starts_with("crates/") && folder.split('/').any(|part| part == "src") && {
        !is_test_file && !folder.split('/').any(|part| part == "tests")
    }
}

/// Whether the token at `index` names the type or crate `name`. A crate is at the start of a path or
/// in a `use`; a variable or a module of that name is somebody else.
fn is_use(name: &str, tokens: &[Token], index: usize) -> bool {
    let text = |at: Option<usize>| {
        at.and_then(|at| tokens.get(at))
            .map_or("", |t| t.text.as_str())
    };
    if text(Some(index)) != name {
        return false;
    }
    if name.starts_with(char::is_uppercase) {
        return true;
    }
    let before = text(index.checked_sub(1));
    // In `crate::redis` it is an inner segment, in `use ::redis` the first one.
    let further = text(index.checked_sub(2));
    let is_inner_segment = before == "::"
        && further.ends_with(|c: char| c.is_alphanumeric())
        && !["as", "dyn", "for", "impl", "return", "use"].contains(&further);
    let in_use = || {
        tokens[..index]
            .iter()
            .rev()
            .take_while(|token| token.text != ";")
            .any(|token| token.text == "use" || token.text == "extern")
    };
    !is_inner_segment && before != "." && (text(Some(index + 1)) == "::" || in_use())
}

/// Every library and binary forbids unsafe code, so that no module can allow it again.
pub(super) fn forbid_unsafe(repo: &Repo) -> Vec<Finding> {
    let roots = repo.texts(".rs").filter(|(path, _)| {
        path.ends_with("/src/lib.rs")
            || path.ends_with("/src/main.rs")
            || path.contains("/src/bin/")
    });
    let line = ["#", "!", "[", "forbid", "(", "unsafe_code", ")", "]"];
    let missing = roots.filter_map(|(path, _)| {
        let tokens = match repo.rust(path, Part::Everything) {
            Ok(tokens) => tokens,
            Err(finding) => return Some(finding),
        };
        let is_there = tokens
            .windows(line.len())
            .any(|window| window.iter().map(|token| token.text.as_str()).eq(line));
        (!is_there).then(|| Finding::new(path, "write `#![forbid(unsafe_code)]` on top"))
    });
    missing.collect()
}

/// No file is long without saying why.
pub(super) fn short_files(repo: &Repo) -> Vec<Finding> {
    let sources = repo.texts("").filter(|(path, _)| {
        (path.starts_with("crates/") || path.starts_with("xtask/")) && path.contains("/src/")
    });
    let long = sources.filter_map(|(path, text)| {
        let lines = text.lines().count();
        let has_reason = text
            .lines()
            .take(TOP)
            .any(|line| line.contains("tidy: long because "));
        (lines > MANY_LINES && !has_reason).then(|| {
            let message = format!(
                "has {lines} lines: divide it by what it does, or write `tidy: long because …` as a \
                 comment into its first {TOP} lines"
            );
            Finding::new(path, &message)
        })
    });
    long.collect()
}

/// Nothing is left for later.
pub(super) fn leftovers(repo: &Repo) -> Vec<Finding> {
    // Written in two parts, so that this file is not found.
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME")];
    let mut findings = Vec::new();
    for (path, text) in repo.texts(".rs") {
        for (index, line) in text.lines().enumerate() {
            let mut found = |message: &str| {
                findings.push(Finding::new(Place::line(path, index + 1), message));
            };
            for mark in marks.iter().filter(|mark| mentions(line, mark)) {
                found(&format!("{mark}: do it now or open an issue"));
            }
            let is_doc = line.trim_start().starts_with("//");
            if is_doc && line.contains("```") && mentions(line, "ignore") {
                found("an example that is never compiled: make it compile, or mark it `text`");
            }
        }
        let tokens = match repo.rust(path, Part::Everything) {
            Ok(tokens) => tokens,
            Err(finding) => {
                findings.push(finding);
                continue;
            }
        };
        for window in tokens.windows(2) {
            let [first, second] = window else { continue };
            let message = match (first.text.as_str(), second.text.as_str()) {
                ("dbg", "!") => "`dbg!` is for the moment of debugging: remove it",
                // `#[ignore]`, `#[ignore = "…"]` and the end of `#[cfg_attr(…, ignore)]`.
                ("[" | ",", "ignore") if is_attribute(&tokens, second.line) => {
                    "an ignored test proves nothing: mend it or delete it"
                }
                _ => continue,
            };
            findings.push(Finding::new(Place::line(path, second.line), message));
        }
    }
    findings
}

/// Whether an attribute begins on this line.
fn is_attribute(tokens: &[Token], line: usize) -> bool {
    tokens
        .windows(2)
        .any(|pair| matches!(pair, [a, b] if a.line == line && a.text == "#" && b.text == "["))
}

/// A test that sleeps says why.
pub(super) fn sleeps(repo: &Repo) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in repo
        .texts(".rs")
        .filter(|(path, _)| path.contains("/tests/"))
    {
        let lines: Vec<&str> = text.lines().collect();
        let explained = |line: usize| {
            let has_reason = |at: usize| {
                let reason = lines.get(at).and_then(|l| l.split_once("// sleep: "));
                reason.is_some_and(|(_, why)| !why.trim().is_empty())
            };
            // `line` counts from one, so the same line is at `line - 1`.
            has_reason(line - 1) || (line >= 2 && has_reason(line - 2))
        };
        let tokens = match repo.rust(path, Part::Everything) {
            Ok(tokens) => tokens,
            Err(finding) => {
                findings.push(finding);
                continue;
            }
        };
        for window in tokens.windows(3) {
            let [before, name, after] = window else {
                continue;
            };
            let is_call = matches!(name.text.as_str(), "sleep" | "sleep_until" | "sleep_ms")
                && after.text == "("
                && before.text != "fn";
            if is_call && !explained(name.line) {
                let message = "a bare sleep: wait for the condition with a deadline, or write \
                               `// sleep: why` on this line or the one before";
                findings.push(Finding::new(Place::line(path, name.line), message));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(check: fn(&Repo) -> Vec<Finding>, path: &str, text: &str) -> Vec<Option<usize>> {
        let findings = check(&Repo::of(&[(path, text)]));
        findings.into_iter().map(|f| f.place.line).collect()
    }

    #[test]
    fn a_name_outside_its_home_is_found() {
        for (path, source) in [
            ("crates/tablecast/src/hub.rs", "fn f() { axum::serve() }"),
            (
                "crates/tablecast/src/lib.rs",
                "use {std::fmt, axum as http};",
            ),
            ("crates/redis/src/lib.rs", "pub use ::axum::Router;"),
            ("crates/server/src/main.rs", "type C = redis::Client;"),
            ("crates/tablecast/src/hub.rs", "extern crate redis;"),
            (
                "crates/tablecast/src/outbox.rs",
                "use tungstenite::Message;",
            ),
            (
                "crates/core/src/room.rs",
                "use std::time::{Duration, Instant};",
            ),
            (
                "crates/core/src/room.rs",
                "fn f(now: std::time::SystemTime) {}",
            ),
            ("crates/core/src/room.rs", "use tokio::sync::mpsc;"),
            ("crates/core/src/id.rs", "fn f() -> u8 { rand::random() }"),
        ] {
            assert_eq!(lines(names, path, source), [Some(1)], "{path}: {source}");
        }
    }

    #[test]
    fn a_name_at_home_or_of_something_else_is_fine() {
        for (path, source) in [
            ("crates/tablecast/src/upgrade.rs", "use axum::Router;"),
            (
                "crates/tablecast/src/upgrade/policy.rs",
                "use axum::Router;",
            ),
            ("crates/tablecast/src/codec.rs", "use tungstenite::Message;"),
            ("crates/tablecast/examples/chat.rs", "use axum::Router;"),
            (
                "crates/tablecast/tests/peer.rs",
                "use tungstenite::Message;",
            ),
            ("crates/server/src/routes/pages.rs", "use axum::Router;"),
            ("crates/redis/src/keys.rs", "use redis::Client;"),
            (
                "crates/server/src/config.rs",
                "let redis = url; redis.len(); self.redis::<u8>()",
            ),
            ("crates/server/src/config.rs", "crate::redis::connect()"),
            (
                "crates/tablecast/src/lib.rs",
                "//! With `axum::serve`.\n/// See axum.\npub mod hub;",
            ),
            (
                "crates/tablecast/src/hub.rs",
                "#[cfg(test)] mod tests { use axum::Router; }",
            ),
            ("crates/tablecast/src/hub.rs", "use std::time::Instant;"),
        ] {
            assert_eq!(lines(names, path, source), [], "{path}: {source}");
        }
    }

    #[test]
    fn a_crate_root_that_allows_unsafe_code_is_found() {
        let good = "//! Doc.\n#![forbid(unsafe_code)]\n";
        assert_eq!(lines(forbid_unsafe, "crates/a/src/lib.rs", good), []);
        assert_eq!(lines(forbid_unsafe, "crates/a/src/room.rs", ""), []);
        for path in [
            "crates/a/src/lib.rs",
            "xtask/src/main.rs",
            "crates/a/src/bin/x.rs",
        ] {
            let mentioned = "// #![forbid(unsafe_code)]\n";
            assert_eq!(lines(forbid_unsafe, path, mentioned), [None], "{path}");
        }
    }

    #[test]
    fn a_long_file_without_a_reason_is_found() {
        let long = "//\n".repeat(MANY_LINES + 1);
        let path = "crates/a/src/web/page.js";
        assert_eq!(lines(short_files, path, &long), [None]);
        assert_eq!(lines(short_files, path, &"//\n".repeat(MANY_LINES)), []);
        let with_reason = format!("// tidy: long because it is a table\n{long}");
        assert_eq!(lines(short_files, path, &with_reason), []);
        let too_late = format!("{}// tidy: long because late\n{long}", "//\n".repeat(TOP));
        assert_eq!(lines(short_files, path, &too_late), [None]);
        assert_eq!(lines(short_files, "crates/a/tests/t.rs", &long), []);
    }

    #[test]
    fn leftovers_are_found() {
        for source in [
            concat!("// TO", "DO later"),
            concat!("/* FIX", "ME */"),
            "fn f() { dbg!(1); }",
            "#[ignore] fn f() {}",
            "#[ignore = \"slow\"] fn f() {}",
            "#[cfg_attr(unix, ignore)] fn f() {}",
            "/// ```ignore",
            "//! ```rust,ignore",
        ] {
            assert_eq!(
                lines(leftovers, "crates/a/src/x.rs", source),
                [Some(1)],
                "{source}"
            );
        }
        for source in [
            "// errors we ignore here",
            "let x = [ignore, keep];",
            "/// ```text",
            "fn dbg() {}",
        ] {
            assert_eq!(
                lines(leftovers, "crates/a/src/x.rs", source),
                [],
                "{source}"
            );
        }
    }

    #[test]
    fn a_bare_sleep_in_a_test_is_found() {
        let path = "crates/a/tests/t.rs";
        let call = "std::thread::sleep(TICK);";
        let inside = |body: &str| format!("fn f() {{\n{body}\n}}");
        for source in [
            inside(call),
            inside("tokio::time::sleep(TICK).await;"),
            inside(&format!("// sleep: \n{call}")),
            inside(&format!("// sleep: far away\n\n{call}")),
        ] {
            assert_eq!(lines(sleeps, path, &source).len(), 1, "{source}");
        }
        for source in [
            inside(&format!("{call} // sleep: between two looks")),
            inside(&format!("// sleep: between two looks\n{call}")),
            "fn sleep() {}".to_owned(),
        ] {
            assert_eq!(lines(sleeps, path, &source), [], "{source}");
        }
        assert_eq!(lines(sleeps, "crates/a/src/x.rs", &inside(call)), []);
    }

    #[test]
    fn a_file_that_is_no_rust_is_found() {
        for check in [names, forbid_unsafe, leftovers] {
            let found = lines(check, "crates/a/src/lib.rs", "fn f() {}\nfn g( {");
            assert_eq!(found.len(), 1);
        }
    }
}
