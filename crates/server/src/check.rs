//! `tablecast check`: what would fail, before it fails. It changes nothing that lasts.
//!
//! A check is a function from the options to findings; all stand in `CHECKS`.

mod finding;
mod options;
mod ports;
mod store;
mod system;
mod tls;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Args, FromArgMatches, ValueEnum};
use serde_json::json;

use crate::config::{self, Config};
use finding::{Finding, Level, Subject, fail};

/// Its name, and the function.
type Check = (&'static str, fn(&Subject<'_>) -> Vec<Finding>);

const CHECKS: &[Check] = &[
    (OPTIONS, options::options),
    ("log", options::log_filter),
    ("store", store::store),
    ("ports", ports::ports),
    ("certificate", tls::certificate),
    ("acme", tls::acme),
    ("domain", tls::domains),
    ("descriptors", system::descriptors),
    ("memory", system::memory),
    ("user", system::user),
    ("clock", system::clock),
];

const OPTIONS: &str = "options";

// What is its own; the options of a server follow.
#[derive(Debug, Args)]
struct Own {
    /// How the findings are printed: a line for each, or one JSON array
    #[arg(long, value_name = "FORMAT", default_value = "text", value_enum)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// The command, with its options.
pub(crate) fn command() -> clap::Command {
    let command = Own::augment_args(clap::Command::new("tablecast check"))
        .bin_name("tablecast check")
        .max_term_width(100)
        .next_line_help(true)
        .about("Says what would fail, before it fails")
        .long_about(
            "Says what would fail, before it fails: a line for each thing, with ok, warn or fail\n\n\
             It looks at the server that the same flags, variables and file would start: its options, \
             store, ports, certificate, and what the machine allows. Nothing that lasts is changed; a database that is \
             not there is not made. A server may run meanwhile: what it has in use is said.\n\n\
             Ends with 1 if something would fail, else with 0.",
        );
    config::with_options(command)
}

/// Does it, from a command line that begins with the command: the code to end with.
pub fn run(args: &[OsString]) -> ExitCode {
    let (format, findings) = match Config::read(command(), args) {
        Ok((config, matches)) => match Own::from_arg_matches(&matches) {
            Ok(own) => (own.format, look(&config)),
            Err(error) => error.exit(),
        },
        Err(error) if !error.use_stderr() => error.exit(),
        Err(error) => (asked_for(args), vec![(OPTIONS, options::wrong(&error))]),
    };
    // Whoever reads the output may have enough of it.
    let _ = print(format, &findings);
    let fails = |(_, finding): &(_, Finding)| finding.level == Level::Fail;
    ExitCode::from(u8::from(findings.iter().any(fails)))
}

/// The format that a command line with a fault asks for.
fn asked_for(args: &[OsString]) -> Format {
    let is_json = args.windows(2).any(|pair| pair == ["--format", "json"])
        || args.iter().any(|arg| arg == "--format=json");
    match is_json {
        true => Format::Json,
        false => Format::Text,
    }
}

fn look(config: &Config) -> Vec<(&'static str, Finding)> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return vec![("threads", fail(format!("cannot start threads: {error}")))],
    };
    let subject = Subject {
        config,
        runtime: &runtime,
    };
    // Timers and sockets are the runtime's.
    let context = runtime.enter();
    let findings = CHECKS.iter().flat_map(|(name, check)| {
        let findings = check(&subject);
        findings.into_iter().map(|finding| (*name, finding))
    });
    let findings = findings.collect();
    drop(context);
    // A DNS look-up may hang.
    runtime.shutdown_background();
    findings
}

fn print(format: Format, findings: &[(&str, Finding)]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match format {
        Format::Text => {
            for (name, finding) in findings {
                let level = match finding.level {
                    Level::Ok => "ok  ",
                    Level::Warn => "warn",
                    Level::Fail => "fail",
                };
                writeln!(out, "{level}  {name}: {}", finding.words)?;
            }
        }
        Format::Json => {
            let all = findings.iter().map(|(name, finding)| {
                json!({"check": name, "level": finding.level, "words": finding.words})
            });
            writeln!(out, "{}", serde_json::Value::from_iter(all))?;
        }
    }
    out.flush()
}
