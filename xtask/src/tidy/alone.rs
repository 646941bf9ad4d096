//! Tests that are green only where nothing else runs.

use super::repo::Repo;
use super::tokens::{Part, Token};
use super::{Finding, Place};

/// What a test may compare a time that has passed with: after that long it hangs.
const DEADLINES: [&str; 2] = ["DEADLINE", "PATIENCE"];

/// How long something takes is up to the machine.
pub(super) fn thresholds(repo: &Repo) -> Vec<Finding> {
    in_tests(repo, |path, tokens| {
        let mut findings = Vec::new();
        for (at, window) in tokens.windows(4).enumerate() {
            let is_compared = is(window, &["elapsed", "(", ")", "<"]);
            let mut with = tokens[at + window.len()..].iter();
            let ends = |token: &&Token| !matches!(token.text.as_str(), "," | ")" | "{" | "&" | ";");
            let is_deadline = with
                .by_ref()
                .take_while(ends)
                .any(|token| DEADLINES.contains(&token.text.as_str()));
            if is_compared && !is_deadline {
                let message = "a threshold on time: wait for the condition with a DEADLINE, or \
                               move a clock by hand";
                findings.push(Finding::new(Place::line(path, window[0].line), message));
            }
        }
        findings
    })
}

/// What a whole process shares, other tests of the process change.
pub(super) fn whole_process(repo: &Repo) -> Vec<Finding> {
    in_tests(repo, |path, tokens| {
        let is_test = |pair: &&[Token]| is(pair, &["test", "]"]) || is(pair, &["test", "("]);
        if tokens.windows(2).filter(is_test).count() < 2 {
            return Vec::new();
        }
        let is_shared =
            |token: &&Token| token.text.contains("/proc/self") || token.text == "set_current_dir";
        let message = "is of the whole process, which other tests change meanwhile: put this test \
                       into a file of its own, or look at a child";
        tokens
            .iter()
            .filter(is_shared)
            .map(|token| Finding::new(Place::line(path, token.line), message))
            .collect()
    })
}

fn is(tokens: &[Token], texts: &[&str]) -> bool {
    tokens.len() == texts.len()
        && tokens
            .iter()
            .zip(texts)
            .all(|(token, text)| token.text == *text)
}

fn in_tests(repo: &Repo, look: impl Fn(&str, &[Token]) -> Vec<Finding>) -> Vec<Finding> {
    let files = repo
        .texts(".rs")
        .filter(|(path, _)| path.contains("/tests/"));
    files
        .flat_map(|(path, _)| match repo.rust(path, Part::Everything) {
            Ok(tokens) => look(path, &tokens),
            Err(finding) => vec![finding],
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(check: fn(&Repo) -> Vec<Finding>, source: &str) -> usize {
        check(&Repo::of(&[("crates/a/tests/x.rs", source)])).len()
    }

    #[test]
    fn a_time_that_is_measured_and_compared_is_found() {
        for source in [
            "fn f() { assert!(begin.elapsed() < Duration::from_secs(5)); }",
            "fn f() { assert!(cut.elapsed() < BUSY, \"{DEADLINE}\"); }",
        ] {
            assert_eq!(count(thresholds, source), 1, "{source}");
        }
        for source in [
            "fn f() { assert!(begin.elapsed() < support::DEADLINE, \"it hangs\"); }",
            "fn f() { while is() && begin.elapsed() < DEADLINE {} }",
            "fn f() { assert!(begin.elapsed() > NOT_AT_ONCE); }",
        ] {
            assert_eq!(count(thresholds, source), 0, "{source}");
        }
    }

    #[test]
    fn what_a_whole_process_shares_is_found_beside_other_tests() {
        let one = "#[tokio::test] async fn a() { read_dir(\"/proc/self/fd\"); }";
        let more = "#[test] fn b() {}";
        assert_eq!(count(whole_process, one), 0);
        assert_eq!(count(whole_process, &format!("{one} {more}")), 1);
        let folder = "#[test] fn a() { std::env::set_current_dir(\"/\"); }";
        assert_eq!(count(whole_process, &format!("{folder} {more}")), 1);
        let child = "#[test] fn a() { read_dir(\"/proc/7/fd\"); }";
        assert_eq!(count(whole_process, &format!("{child} {more}")), 0);
    }
}
