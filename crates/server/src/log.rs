//! The log on stderr. A separate thread writes it, so a stderr that cannot be written, or
//! that nobody reads, does not affect the rooms. Lines that cannot be written are lost.
//!
//! By default tracing-subscriber reports on stderr that it could not write to stderr, and
//! so panics in the task that logged. And a terminal that is stopped (Ctrl-S), or a pipe
//! that nobody reads, would block all tasks, one by one.

use std::ffi::OsString;
use std::io;

use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::{LevelFilter, ParseError, Targets};
use tracing_subscriber::fmt;
use tracing_subscriber::prelude::*;

/// The format of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object on each line.
    Json,
}

/// The environment variable that chooses the lines.
pub const VARIABLE: &str = "RUST_LOG";

/// How many lines may wait to be written. Further lines are dropped, because the reader is blocked.
const WAITING_LINES: usize = 8192;

/// The choice of lines: by default those at `info` and above.
///
/// # Errors
/// The variable's value is wrong: the message says why and what is allowed. Without this
/// check, `Targets` would take a misspelt level for the name of a target, and switch off
/// all other lines.
pub fn filter(variable: Option<OsString>) -> Result<Targets, String> {
    let text = variable.unwrap_or_default();
    let wrong = |part: &str, why: &str| {
        format!(
            "invalid value '{part}' for the environment variable {VARIABLE}: {why}; expected off, error, warn, info, debug or trace, or such a level for a part of the program as in tablecast=debug, or a list of them with commas between"
        )
    };
    let Some(text) = text.to_str() else {
        return Err(wrong(&text.to_string_lossy(), "not UTF-8"));
    };
    let parts = text.split(',').map(str::trim);
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    if parts.is_empty() {
        return Ok(Targets::new().with_default(LevelFilter::INFO));
    }
    for part in &parts {
        let is_level = part.parse::<LevelFilter>().is_ok();
        let names_its_level = part.contains('=') || part.starts_with("tablecast");
        if !is_level && !names_its_level {
            return Err(wrong(part, "no level"));
        }
        // Of the spans and fields of other programs; here they would choose nothing.
        if part.contains('[') {
            return Err(wrong(part, "no part of the program"));
        }
        let read = part.parse::<Targets>();
        read.map_err(|error| wrong(part, &error.to_string()))?;
    }
    let all = parts.join(",");
    all.parse()
        .map_err(|error: ParseError| wrong(&all, &error.to_string()))
}

/// Starts the log; may be called once in a process. Dropping the returned guard writes the
/// waiting lines, or gives up after about a second.
pub fn start(format: LogFormat, filter: Targets) -> WorkerGuard {
    let (lines, guard) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(WAITING_LINES)
        .thread_name("log")
        .finish(io::stderr());
    let written = fmt::layer().log_internal_errors(false).with_writer(lines);
    let logs = tracing_subscriber::registry().with(filter);
    match format {
        LogFormat::Text => logs.with(written).init(),
        LogFormat::Json => logs.with(written.json()).init(),
    }
    guard
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, String> {
        filter(Some(text.into())).map(|filter| filter.to_string())
    }

    #[test]
    fn levels_are_read_for_all_and_for_a_part() {
        for (text, shown) in [
            ("", "info"),
            (" ,", "info"),
            ("debug", "debug"),
            ("WARN", "warn"),
            ("0", "off"),
            ("tablecast=debug", "tablecast=debug"),
            ("tablecast", "tablecast=trace"),
            ("info, hyper=warn,", "hyper=warn,info"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(shown), "{text}");
        }
        assert!(filter(None).is_ok_and(|filter| filter.to_string() == "info"));
    }

    #[test]
    fn what_is_no_level_is_named() {
        for (text, named) in [
            ("dbug", "'dbug'"),
            ("verbose", "'verbose'"),
            ("info,hyper", "'hyper'"),
            ("tablecast=dbug", "'tablecast=dbug'"),
            ("info;debug", "'info;debug'"),
            ("warn,tablecast=debug=x", "'tablecast=debug=x'"),
            ("[", "'['"),
            ("warn,a[room{id=1}]=info", "'a[room{id=1}]=info'"),
        ] {
            let said = read(text)
                .err()
                .unwrap_or_else(|| panic!("{text} is taken"));
            assert!(said.contains(named) && said.contains("RUST_LOG"), "{said}");
            assert!(said.contains("warn, info, debug"), "{said}");
        }
    }
}
