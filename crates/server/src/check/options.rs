//! The options, where they are from, and what is none.

use super::finding::{Finding, Subject, fail, ok, warn};
use crate::log;

pub(super) fn options(subject: &Subject<'_>) -> Vec<Finding> {
    let from = match &subject.config.file {
        Some(path) => format!("valid, with those of {}", path.display()),
        None => "valid; there is no file with options".to_owned(),
    };
    let notices = subject.config.notices().into_iter().map(warn);
    std::iter::once(ok(from)).chain(notices).collect()
}

/// What is wrong with the options, without what clap adds for a terminal.
pub(super) fn wrong(error: &clap::Error) -> Finding {
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let end = ["\n\nUsage:", "\n\nFor more information"];
    let end = end.iter().filter_map(|end| text.find(end)).min();
    let text = &text[..end.unwrap_or(text.len())];
    let paragraphs = text.split("\n\n");
    let lines = paragraphs.map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
    fail(lines.collect::<Vec<_>>().join("; "))
}

pub(super) fn log_filter(_: &Subject<'_>) -> Vec<Finding> {
    let chosen = std::env::var_os(log::VARIABLE);
    let is_chosen = chosen.is_some();
    match log::filter(chosen) {
        Ok(_) if is_chosen => vec![ok(format!("lines as {} chooses them", log::VARIABLE))],
        Ok(_) => Vec::new(),
        Err(error) => vec![fail(error)],
    }
}
