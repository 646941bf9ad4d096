//! What can be done with a database: looked at, dumped, copied.

use std::io::{self, IsTerminal, StdoutLock, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use serde_json::{Value, json};
use tablecast_sqlite::{Dumped, Progress, backup, check, dump};

/// Looks at a database in which rooms live, or copies it. The server may run meanwhile.
#[derive(Debug, Parser)]
#[command(
    name = "tablecast store",
    bin_name = "tablecast store",
    max_term_width = 100,
    disable_help_subcommand = true
)]
pub struct Command {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Looks at every page and every row
    ///
    /// Ends with 0 if all is well, with 1 if something is damaged: stderr says what.
    Check {
        /// The database, such as tablecast.db
        path: PathBuf,
    },
    /// Prints all rooms and results, a line of JSON each
    ///
    /// What members have said is in it, and the secrets by which they come back.
    Dump {
        /// The database
        path: PathBuf,
    },
    /// Copies the database as it is at this moment
    ///
    /// Put in its place while no server runs, the copy begins new epochs: members see the
    /// rooms as they were then.
    Backup {
        /// The database
        path: PathBuf,
        /// The copy, which is not there yet
        to: PathBuf,
    },
}

impl Command {
    /// Does it: the code to end with.
    pub fn run(self) -> ExitCode {
        let done = match self.what {
            What::Check { path } => look_at(&path),
            What::Dump { path } => print_all(&path),
            What::Backup { path, to } => copy(&path, &to),
        };
        match done {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(error) => {
                complain(&format!("error: {error:#}"));
                ExitCode::FAILURE
            }
        }
    }
}

/// Whether all is well.
fn look_at(path: &Path) -> anyhow::Result<bool> {
    let mut shown = Shown::new("rooms");
    let checked = check(path, &mut |progress| shown.show(progress));
    drop(shown);
    let checked = checked?;
    for finding in &checked.findings {
        complain(&format!("damaged: {finding}"));
    }
    let damaged = checked.findings.len();
    writeln!(
        io::stdout(),
        "rooms: {}, results: {}, damaged: {damaged}",
        checked.rooms,
        checked.keepsakes
    )?;
    Ok(damaged == 0)
}

/// Whether all of it could be read.
fn print_all(path: &Path) -> anyhow::Result<bool> {
    let mut out = io::stdout().lock();
    let mut is_well = true;
    let mut printed = Ok(());
    dump(path, &mut |dumped| {
        printed = match line(dumped) {
            Ok(line) => print(&mut out, &line),
            Err(damaged) => {
                is_well = false;
                complain(&format!("damaged: {damaged}"));
                Ok(())
            }
        };
        printed.is_ok()
    })?;
    match printed {
        // Whoever read the output has enough, as `head` does.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(is_well),
        printed => Ok(printed.map(|()| is_well)?),
    }
}

fn print(out: &mut StdoutLock<'_>, line: &Value) -> io::Result<()> {
    writeln!(out, "{line}")
}

fn line(dumped: Dumped) -> Result<Value, tablecast_sqlite::Finding> {
    Ok(match dumped {
        Dumped::Room {
            id,
            position,
            expires_at,
            snapshot,
            events,
        } => {
            let events = events.iter();
            let events = events.map(|one| json!({"seq": one.seq, "event": stored(&one.event)}));
            json!({
                "room": id,
                "epoch": position.epoch.to_string(),
                "seq": position.seq,
                "expires_at": expires_at,
                "snapshot": {"seq": snapshot.seq, "state": stored(&snapshot.state)},
                "events": events.collect::<Vec<_>>(),
            })
        }
        Dumped::Keepsake { id, keepsake } => json!({
            "result_of": id,
            "kept_at": keepsake.kept_at,
            "kept_until": keepsake.kept_until,
            "result": stored(&keepsake.what),
        }),
        Dumped::Damaged(finding) => return Err(finding),
    })
}

/// What is stored is JSON; anything else is shown as text.
fn stored(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes)
        .unwrap_or_else(|_| String::from_utf8_lossy(bytes).into_owned().into())
}

fn copy(path: &Path, to: &Path) -> anyhow::Result<bool> {
    let mut shown = Shown::new("bytes");
    backup(path, to, &mut |progress| shown.show(progress))?;
    Ok(true)
}

/// How far it has come, in one line of a terminal; elsewhere nothing.
struct Shown {
    of_what: &'static str,
    is_terminal: bool,
    percent: Option<u64>,
}

impl Shown {
    fn new(of_what: &'static str) -> Self {
        Shown {
            of_what,
            is_terminal: io::stderr().is_terminal(),
            percent: None,
        }
    }

    fn show(&mut self, progress: Progress) {
        let Progress { done, of } = progress;
        let percent = (done.min(of) * 100).checked_div(of);
        if self.is_terminal && percent != self.percent {
            self.percent = percent;
            let percent = percent.unwrap_or(0);
            let text = format!("\r{percent:3} %  {done} of {of} {}\x1b[K", self.of_what);
            let _ = io::stderr().write_all(text.as_bytes());
        }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if self.percent.is_some() {
            let _ = io::stderr().write_all(b"\r\x1b[K");
        }
    }
}

/// It may not be possible to say so.
fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
