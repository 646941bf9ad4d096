//! What a check looks at, and what it finds.

use serde::Serialize;
use tokio::runtime::Runtime;

use crate::config::Config;

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// It works.
    Ok,
    /// A server starts with it; it may not be what is wanted.
    Warn,
    /// A server does not start with it, or is never ready.
    Fail,
}

/// One thing, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) level: Level,
    pub(super) words: String,
}

pub(super) fn ok(words: impl Into<String>) -> Finding {
    let words = words.into();
    Finding {
        level: Level::Ok,
        words,
    }
}

pub(super) fn warn(words: impl Into<String>) -> Finding {
    let words = words.into();
    Finding {
        level: Level::Warn,
        words,
    }
}

pub(super) fn fail(words: impl Into<String>) -> Finding {
    let words = words.into();
    Finding {
        level: Level::Fail,
        words,
    }
}

/// What is looked at.
pub(super) struct Subject<'a> {
    /// The options, which are valid.
    pub(super) config: &'a Config,
    /// For what must be waited for.
    pub(super) runtime: &'a Runtime,
}
