//! `cargo xtask autobahn`: the Autobahn suite, a client that tests WebSocket servers, against the
//! library's example `echo`. The result is a file of the repository, so that every change of it is seen.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::invocation::{Invocation, Running};
use crate::{counts, tools};

/// The suite's name on PyPI. It needs Python 2.7.
const SUITE: &str = "autobahntestsuite";
const VERSION: &str = "25.10.1";
const INSTALL: &str = "-m pip install --quiet --user --no-warn-script-location";
const IMPORT: &str = "from autobahntestsuite import wstest";

/// Prints which Python is a 2.7 with pip: the one on the PATH, or one that pyenv has installed, whose own `python2.7`
/// works only where somebody has switched it on.
const PYTHON: &str = r#"
for python in python2.7 "$0"/versions/*/bin/python2.7; do
    "$python" -c 'import sys, pip; sys.exit(sys.version_info[:2] != (2, 7))' && echo "$python" && exit
done 2>/dev/null
exit 1"#;

const RESULT: &str = "docs/autobahn.md";

/// The name of our server in the suite's reports.
const AGENT: &str = "echo";

/// The largest messages of the suite have 16 MiB. Others of 4 MiB come in frames of 64 bytes and one empty frame.
const ECHO: &str = "--listen 127.0.0.1:0 --message-bytes 16777216 --message-fragments 65537";

/// The groups of cases that must pass. The suite has only two more, 12 and 13: compression, which is absent on
/// purpose.
const GROUPS: [(&str, &str); 9] = [
    ("1", "frames of each size"),
    ("2", "pings and pongs"),
    ("3", "reserved bits"),
    ("4", "reserved opcodes"),
    ("5", "fragments"),
    ("6", "UTF-8"),
    ("7", "the closing handshake"),
    ("9", "large messages, many fragments"),
    ("10", "one message in fragments of each size"),
];

/// What the suite says about a case, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Ok,
    /// Any behaviour is right.
    Informational,
    /// What the standard allows but does not recommend, such as finding a fault late.
    NonStrict,
    Failed,
}

/// Installs the suite where it is missing, runs it and writes the result.
///
/// # Errors
/// There is no Python 2.7, or something could not be installed or started; or a case did not pass.
pub(crate) fn run() -> Result<()> {
    let python = suite()?;
    let program = counts::built(
        Invocation::new("cargo build --package tablecast --example echo"),
        "echo",
    )?;
    let folder = Path::new(&program).with_file_name("autobahn");
    std::fs::create_dir_all(&folder)?;
    let (_echo, address) = start(&program)?;
    let spec = json!({
        "outdir": folder,
        "servers": [{ "agent": AGENT, "url": format!("ws://{address}/") }],
        "cases": GROUPS.map(|(group, _)| format!("{group}.*")),
        "exclude-cases": [],
        "exclude-agent-cases": {},
    });
    let spec_file = folder.join("spec.json");
    std::fs::write(&spec_file, spec.to_string())?;
    let start = format!("{IMPORT}; wstest.run()");
    let spec_file = spec_file.display().to_string();
    python
        .with(["-c", &start, "--mode=fuzzingclient", "--spec", &spec_file])
        .run()?;
    println!(
        "what was said in each case: {}",
        folder.join("index.html").display()
    );
    let index = std::fs::read_to_string(folder.join("index.json"))?;
    let verdicts = verdicts(&serde_json::from_str(&index)?)?;
    let report = report(&verdicts)?;
    std::fs::write(RESULT, &report).with_context(|| format!("cannot write {RESULT}"))?;
    println!("{report}");
    let bad = verdicts
        .values()
        .filter(|verdict| !verdict.passes())
        .count();
    if bad > 0 {
        bail!("cases of the Autobahn suite that did not pass: {bad}; {RESULT} names them");
    }
    Ok(())
}

/// The Python that has the suite, which is installed once for each user, in the folder for caches.
fn suite() -> Result<Invocation> {
    let cache = tools::folder("XDG_CACHE_HOME", ".cache")?;
    let folder = cache.join("tablecast").join(format!("{SUITE}-{VERSION}"));
    // A user's folder of packages and no virtual environment: Python 2.7 comes without the module for those.
    let base = format!("PYTHONUSERBASE={}", folder.display());
    let python = Invocation::new("env").with([&*base, &*python()?]);
    let is_there = || python.clone().with(["-c", IMPORT]).output();
    if is_there().is_err() {
        let package = format!("{SUITE}=={VERSION}");
        let install = python.clone().with(INSTALL.split(' '));
        install.with([&*package]).run()?;
        is_there()?;
    }
    Ok(python)
}

fn python() -> Result<String> {
    let pyenv = tools::folder("PYENV_ROOT", ".pyenv")?;
    let find = Invocation::new("sh -c").with([PYTHON]).with(pyenv.to_str());
    let found = find.output().context(
        "the Autobahn suite needs Python 2.7 with pip, as `python2.7` on the PATH or in pyenv; \
         `pyenv install 2.7.18` installs it",
    )?;
    Ok(found.trim().to_owned())
}

/// Starts the example on a free port, and returns its address.
fn start(program: &str) -> Result<(Running, String)> {
    let mut echo = Command::new(program);
    echo.args(ECHO.split(' ')).stderr(Stdio::piped());
    let echo = echo
        .spawn()
        .with_context(|| format!("cannot start {program}"))?;
    let mut echo = Running(echo);
    let stderr = echo.0.stderr.take().context("no standard error")?;
    let mut line = String::new();
    BufReader::new(stderr).read_line(&mut line)?;
    let address = line.trim().strip_prefix("listening on ");
    let address = address.with_context(|| format!("{program} does not listen: {line}"))?;
    Ok((echo, address.to_owned()))
}

impl Verdict {
    fn read(word: &Value) -> Self {
        match word.as_str() {
            Some("OK") => Verdict::Ok,
            Some("INFORMATIONAL") => Verdict::Informational,
            Some("NON-STRICT") => Verdict::NonStrict,
            // There are several words for a failure, such as `WRONG CODE`.
            _ => Verdict::Failed,
        }
    }

    fn passes(self) -> bool {
        self <= Verdict::Informational
    }
}

/// The numbers of a case, so that cases are sorted by number.
type Case = Vec<u32>;

/// What the suite's index says about each case. It judges the messages and the closing handshake; the worse one counts.
fn verdicts(index: &Value) -> Result<BTreeMap<Case, Verdict>> {
    let cases = index[AGENT]
        .as_object()
        .context("the suite reports no case")?;
    let verdicts = cases.iter().map(|(number, case)| {
        let number = number
            .split('.')
            .map(str::parse)
            .collect::<Result<Case, _>>()?;
        let [messages, closing] =
            ["behavior", "behaviorClose"].map(|part| Verdict::read(&case[part]));
        Ok((number, messages.max(closing)))
    });
    verdicts.collect()
}

/// The document.
///
/// # Errors
/// No case of a group was run.
fn report(verdicts: &BTreeMap<Case, Verdict>) -> Result<String> {
    let mut rows = String::new();
    for (group, about) in GROUPS {
        let of_group = verdicts
            .iter()
            .filter(|(case, _)| case[0].to_string() == group);
        let of_group: Vec<Verdict> = of_group.map(|(_, verdict)| *verdict).collect();
        if of_group.is_empty() {
            bail!("the suite ran no case of group {group}");
        }
        let count = |verdict| of_group.iter().filter(|one| **one == verdict).count();
        let [ok, informational, non_strict, failed] = [
            Verdict::Ok,
            Verdict::Informational,
            Verdict::NonStrict,
            Verdict::Failed,
        ]
        .map(count);
        rows +=
            &format!("| {group} | {about} | {ok} | {informational} | {non_strict} | {failed} |\n");
    }
    let bad = verdicts.iter().filter(|(_, verdict)| !verdict.passes());
    let bad = bad.map(|(case, verdict)| {
        let case: Vec<String> = case.iter().map(u32::to_string).collect();
        format!("- {}: {verdict:?}\n", case.join("."))
    });
    let bad: String = bad.collect();
    let bad = if bad.is_empty() { "All pass.\n" } else { &bad };
    Ok(format!(
        "# The Autobahn suite

The [Autobahn suite](https://github.com/crossbario/autobahn-testsuite) {VERSION} against the library's example `echo`,
started with `{ECHO}`. Written by:

```sh
cargo xtask autobahn
```

| group | cases | OK | informational | non-strict | failed |
|---|---|---|---|---|---|
{rows}
{bad}
*Informational*: there is no right and wrong in it. *Non-strict*: as the standard says, but not as it recommends; here it
counts as a failure. Groups 12 and 13 are compression, which is absent on purpose; there is no 8 and no 11.
"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An index with one good case of each group, and this one.
    fn index(case: &str, messages: &str, closing: &str) -> Value {
        let good = json!({ "behavior": "OK", "behaviorClose": "OK" });
        let cases = GROUPS.map(|(group, _)| (format!("{group}.1"), good.clone()));
        let mut cases = serde_json::Map::from_iter(cases);
        let this = json!({ "behavior": messages, "behaviorClose": closing });
        cases.insert(case.to_owned(), this);
        json!({ AGENT: cases })
    }

    #[test]
    fn a_case_passes_if_its_messages_and_its_closing_do() -> Result<()> {
        for (messages, closing, verdict) in [
            ("OK", "OK", Verdict::Ok),
            ("OK", "INFORMATIONAL", Verdict::Informational),
            ("NON-STRICT", "OK", Verdict::NonStrict),
            ("OK", "UNCLEAN", Verdict::Failed),
            ("FAILED", "OK", Verdict::Failed),
            ("a new word", "OK", Verdict::Failed),
        ] {
            let verdicts = verdicts(&index("6.4.10", messages, closing))?;
            assert_eq!(verdicts[&vec![6, 4, 10]], verdict, "{messages}, {closing}");
            let named = report(&verdicts)?.contains(&format!("- 6.4.10: {verdict:?}\n"));
            assert_eq!(named, !verdict.passes(), "{messages}, {closing}");
        }
        Ok(())
    }

    #[test]
    fn a_suite_that_has_run_nothing_is_no_success() {
        let mut index = index("6.4.1", "OK", "OK");
        index[AGENT].as_object_mut().unwrap().remove("9.1");
        let error = report(&verdicts(&index).unwrap()).unwrap_err();
        assert_eq!(error.to_string(), "the suite ran no case of group 9");
        assert!(verdicts(&json!({})).is_err());
    }
}
