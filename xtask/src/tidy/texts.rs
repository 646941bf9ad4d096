//! Patterns of what must not be in the sources.

use super::finding;
use super::repo::{Repo, regex, without_tests};

/// Text that must not be in some files.
struct Forbidden {
    pattern: &'static str,
    /// A part of the paths of the files where it is forbidden: sources, tests, or both.
    within: &'static str,
    /// Beginnings of paths where it is allowed. A path may be a file or, without `.rs`, also its folder.
    home: &'static [&'static str],
    /// Whether it is allowed all the same: by what the pattern has found, by that line and the one before, and by
    /// the whole file.
    is_fine: fn(found: &str, lines: &str, file: &str) -> bool,
    /// Says what to do instead.
    instead: &'static str,
}

const EVERYWHERE: &str = "crates/";
const TESTS: &str = "/tests/";

const ANY: Forbidden = Forbidden {
    pattern: "",
    within: EVERYWHERE,
    home: &[],
    is_fine: |_, _, _| false,
    instead: "",
};

const FORBIDDEN: &[Forbidden] = &[
    // deny.toml says which crate may use a library. These rules say where within that crate.
    Forbidden {
        pattern: r"(?m)^[^/\n]*\baxum\b\s*(::|as |;|,|\})",
        within: "crates/tablecast/src/",
        home: &["crates/tablecast/src/upgrade", "crates/tablecast/src/sse"],
        instead: "HTTP enters the library by crates/tablecast/src/upgrade and crates/tablecast/src/sse",
        ..ANY
    },
    Forbidden {
        pattern: r"(?m)^[^/\n]*\btungstenite\b\s*(::|as |;|,|\})",
        within: "crates/tablecast/src/",
        home: &["crates/tablecast/src/codec"],
        instead: "frames are made and read in crates/tablecast/src/codec.rs",
        ..ANY
    },
    Forbidden {
        pattern: r"(?m)^[^/\n]*\btokio(_tungstenite)?\b\s*(::|as |;|,|\})",
        within: "crates/client/src/",
        home: &["crates/client/src/client", "crates/client/src/net"],
        instead: "the session and the room are pure: they are told what happens",
        ..ANY
    },
    Forbidden {
        pattern: r"\b(TODO|FIXME)\b",
        instead: "do it now or open an issue",
        ..ANY
    },
    Forbidden {
        // `#[ignore]`, `#[ignore = "…"]` and the end of `#[cfg_attr(…, ignore)]`.
        pattern: r"#\[(cfg_attr\([^\]]*, *)?ignore\b",
        instead: "an ignored test proves nothing: mend it or delete it",
        ..ANY
    },
    Forbidden {
        pattern: r"(?m)^ *//.*```.*\bignore\b",
        instead: "an example that is never compiled: make it compile, or mark it `text`",
        ..ANY
    },
    Forbidden {
        pattern: r"(?m)^[^/\n]*\bsleep(_until|_ms)?\(",
        within: TESTS,
        is_fine: |found, lines, _| {
            let reason = lines.split_once("// sleep: ");
            let has_reason =
                reason.is_some_and(|(_, why)| !why.trim_start_matches(' ').starts_with('\n'));
            has_reason || found.contains("fn sleep")
        },
        instead: "a bare sleep: wait for the condition with a deadline, or write `// sleep: why` on this \
                  line or the one before",
        ..ANY
    },
    Forbidden {
        pattern: r"\.elapsed\(\)\s*<\s*[^,){;&]*",
        within: TESTS,
        is_fine: |found, _, _| found.contains("DEADLINE") || found.contains("PATIENCE"),
        instead: "a threshold on time, and how long something takes is up to the machine: wait for the \
                  condition with a DEADLINE, or move a clock by hand",
        ..ANY
    },
    Forbidden {
        pattern: r"/proc/self|\bset_current_dir\b",
        within: TESTS,
        is_fine: |_, _, file| file.matches("test]").chain(file.matches("test(")).count() < 2,
        instead: "is of the whole process, which other tests change meanwhile: put this test into a file of \
                  its own, or look at a child",
        ..ANY
    },
    Forbidden {
        pattern: r#""/proc/(locks|loadavg|meminfo|net|stat|vmstat)\b"#,
        within: TESTS,
        instead: "is of the whole machine, which changes while it is read: look at a process of the test's own",
        ..ANY
    },
];

/// Nothing that is forbidden is in the sources.
pub(super) fn texts(repo: &Repo) -> Vec<String> {
    let mut findings = Vec::new();
    for forbidden in FORBIDDEN {
        let pattern = regex(forbidden.pattern);
        let is_at_home = |path: &str| forbidden.home.iter().any(|home| path.starts_with(home));
        let files = repo
            .texts("crates/", ".rs")
            .filter(|(path, _)| !is_at_home(path));
        for (path, text) in files.filter(|(path, _)| path.contains(forbidden.within)) {
            let file = match forbidden.within {
                TESTS | EVERYWHERE => text,
                _ => without_tests(text),
            };
            for found in pattern.find_iter(file) {
                let newline = |before: usize| file[..before].rfind('\n').unwrap_or(0);
                let lines = file[newline(newline(found.start()))..].split_inclusive('\n');
                if !(forbidden.is_fine)(found.as_str(), &lines.take(3).collect::<String>(), file) {
                    let message = format!("`{}`: {}", found.as_str().trim(), forbidden.instead);
                    findings.push(finding::at(path, text, found.start(), &message));
                }
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, source: &str) -> usize {
        texts(&Repo::of(&[(path, source)])).len()
    }

    #[test]
    fn a_name_outside_its_home_is_found() {
        for (path, source) in [
            ("crates/tablecast/src/hub.rs", "fn f() { axum::serve() }"),
            (
                "crates/tablecast/src/lib.rs",
                "use {std::fmt, axum as http};",
            ),
            ("crates/tablecast/src/lib.rs", "pub use ::axum::Router;"),
            (
                "crates/tablecast/src/outbox.rs",
                "use tungstenite::Message;",
            ),
            ("crates/client/src/room.rs", "use tokio::sync::mpsc;"),
        ] {
            assert_eq!(count(path, source), 1, "{path}: {source}");
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
            (
                "crates/tablecast/src/lib.rs",
                "//! With `axum::serve`.\n/// See axum.\npub mod hub;",
            ),
            (
                "crates/tablecast/src/hub.rs",
                "use a;\n\n#[cfg(test)]\nmod tests { use axum::Router; }",
            ),
        ] {
            assert_eq!(count(path, source), 0, "{path}: {source}");
        }
    }

    #[test]
    fn leftovers_are_found() {
        for source in [
            "// TODO later",
            "/* FIXME */",
            "#[ignore] fn f() {}",
            "#[ignore = \"slow\"] fn f() {}",
            "#[cfg_attr(unix, ignore)] fn f() {}",
            "/// ```ignore",
            "//! ```rust,ignore",
        ] {
            assert_eq!(count("crates/a/src/x.rs", source), 1, "{source}");
        }
        for source in [
            "// errors we ignore here",
            "let x = [ignore, keep];",
            "/// ```text",
        ] {
            assert_eq!(count("crates/a/src/x.rs", source), 0, "{source}");
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
            assert_eq!(count(path, &source), 1, "{source}");
        }
        for source in [
            inside(&format!("{call} // sleep: between two looks")),
            inside(&format!("// sleep: between two looks\n{call}")),
            "fn sleep() {}".to_owned(),
        ] {
            assert_eq!(count(path, &source), 0, "{source}");
        }
        assert_eq!(count("crates/a/src/x.rs", &inside(call)), 0);
    }

    #[test]
    fn a_time_that_is_measured_and_compared_is_found() {
        let path = "crates/a/tests/x.rs";
        for source in [
            "fn f() { assert!(begin.elapsed() < Duration::from_secs(5)); }",
            "fn f() { assert!(cut.elapsed() < BUSY, \"{DEADLINE}\"); }",
        ] {
            assert_eq!(count(path, source), 1, "{source}");
        }
        for source in [
            "fn f() { assert!(begin.elapsed() < support::DEADLINE, \"it hangs\"); }",
            "fn f() { while is() && begin.elapsed() < DEADLINE {} }",
            "fn f() { assert!(begin.elapsed() > NOT_AT_ONCE); }",
        ] {
            assert_eq!(count(path, source), 0, "{source}");
        }
    }

    #[test]
    fn what_a_whole_process_shares_is_found_beside_other_tests() {
        let path = "crates/a/tests/x.rs";
        let one = "#[tokio::test] async fn a() { read_dir(\"/proc/self/fd\"); }";
        let more = "#[test] fn b() {}";
        assert_eq!(count(path, one), 0);
        assert_eq!(count(path, &format!("{one} {more}")), 1);
        let machine = "#[test] fn a() { read(\"/proc/locks\"); }";
        assert_eq!(count(path, machine), 1);
        let folder = "#[test] fn a() { std::env::set_current_dir(\"/\"); }";
        assert_eq!(count(path, &format!("{folder} {more}")), 1);
        let child = "#[test] fn a() { read_dir(\"/proc/7/fd\"); }";
        assert_eq!(count(path, &format!("{child} {more}")), 0);
    }
}
