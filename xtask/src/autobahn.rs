//! `cargo xtask autobahn`: the Autobahn suite, a client that tests WebSocket servers, against the
//! library's example `echo`. The result is in the repository, so that a change of it shows.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::counts;
use crate::invocation::Invocation;

/// On PyPI. It needs Python 2.7, of which nothing changes any more.
const SUITE: &str = "autobahntestsuite";
const VERSION: &str = "25.10.1";
const INSTALL: &str = "-m pip install --quiet --user --no-warn-script-location";
const IMPORT: &str = "from autobahntestsuite import wstest";

const RESULT: &str = "docs/autobahn.md";

/// The name of our server in the suite's reports.
const AGENT: &str = "echo";

/// The largest messages of the suite have 16 MiB; others of 4 MiB come in frames of 64 bytes, and an empty one.
const ECHO: &str = "--listen 127.0.0.1:0 --message-bytes 16777216 --message-fragments 65537";

/// The groups of cases that must pass. 12 and 13 are compression, which is absent on purpose; there
/// are no others.
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

/// What the suite says about a case, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Ok,
    /// There is no right and wrong in it.
    Informational,
    /// As the standard says, but not as it recommends: such as a fault that is found late.
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
    let (_echo, address) = Echo::start(&program)?;
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

/// The Python that has the suite. It is installed once for each user, beside what other programs keep.
fn suite() -> Result<Invocation> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || std::env::home_dir().map(|home| home.join(".cache"));
    let cache = cache
        .or_else(home)
        .context("there is no home directory to install into")?;
    let folder = cache.join("tablecast").join(format!("{SUITE}-{VERSION}"));
    // A folder for a user's packages needs no virtual environment, which Python 2.7 does not bring.
    let base = format!("PYTHONUSERBASE={}", folder.display());
    let python = Invocation::new("env").with([&*base, &*python()?]);
    let is_there = || python.clone().with(["-c", IMPORT]).output();
    if is_there().is_err() {
        let package = format!("{SUITE}=={VERSION}");
        let install = python.clone().with(INSTALL.split(' ')).with([&*package]);
        println!("$ {install}");
        install.run()?;
        is_there()?;
    }
    Ok(python)
}

/// A Python 2.7: that of the PATH, or one of pyenv's, whose own `python2.7` works only where it
/// is switched on.
fn python() -> Result<String> {
    let pyenv = std::env::var_os("PYENV_ROOT").map(PathBuf::from);
    let pyenv = pyenv.or_else(|| std::env::home_dir().map(|home| home.join(".pyenv")));
    let versions = pyenv.and_then(|pyenv| std::fs::read_dir(pyenv.join("versions")).ok());
    let versions = versions.into_iter().flatten().flatten();
    let of_pyenv = versions.map(|version| version.path().join("bin/python2.7"));
    let mut candidates = std::iter::once("python2.7".into()).chain(of_pyenv);
    let works = |python: &PathBuf| {
        let check = [
            "-c",
            "import sys, pip; sys.exit(sys.version_info[:2] != (2, 7))",
        ];
        let python = Invocation::new("env").with([&*python.to_string_lossy()]);
        python.with(check).output().is_ok()
    };
    let found = candidates
        .find(works)
        .map(|python| python.display().to_string());
    found.context(
        "the Autobahn suite needs Python 2.7 with pip, as `python2.7` on the PATH or in pyenv; \
         `pyenv install 2.7.18` installs it",
    )
}

/// The example, which ends with its value.
struct Echo(Child);

impl Echo {
    /// Starts it on a free port, and returns its address.
    fn start(program: &str) -> Result<(Self, String)> {
        let mut command = Command::new(program);
        command.args(ECHO.split(' ')).stderr(Stdio::piped());
        let mut echo = Echo(
            command
                .spawn()
                .with_context(|| format!("cannot start {program}"))?,
        );
        let mut line = String::new();
        let stderr = echo.0.stderr.take().context("no standard error")?;
        BufReader::new(stderr).read_line(&mut line)?;
        let address = line.trim().strip_prefix("listening on ");
        let address = address.with_context(|| format!("{program} does not listen: {line}"))?;
        Ok((echo, address.to_owned()))
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        // It ends no other way.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Verdict {
    fn read(word: &Value) -> Self {
        match word.as_str() {
            Some("OK") => Verdict::Ok,
            Some("INFORMATIONAL") => Verdict::Informational,
            Some("NON-STRICT") => Verdict::NonStrict,
            // Several words for how it failed, such as `WRONG CODE`.
            _ => Verdict::Failed,
        }
    }

    fn passes(self) -> bool {
        self <= Verdict::Informational
    }
}

/// The numbers of a case, for their order.
type Case = Vec<u32>;

/// What the suite's index says about each case: of the messages and of the closing handshake, the worse.
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
