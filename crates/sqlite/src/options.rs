//! Which file, and what it is to survive.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// What an acknowledged change survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SyncMode {
    /// The end of the process, however it ends: it has been handed to the system. A
    /// machine that loses power may lose the last changes, and every room begins a new
    /// epoch then.
    #[default]
    Normal,
    /// The loss of power, too: it is on the disk before it is acknowledged.
    Full,
}

impl fmt::Display for SyncMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SyncMode::Normal => "normal",
            SyncMode::Full => "full",
        })
    }
}

/// Which database, and how it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteOptions {
    /// The file. It is made if it is not there, readable by its owner alone. Beside it
    /// stand SQLite's `…-wal` and `…-shm` while it is open, and `…-run`.
    pub path: PathBuf,
    /// What an acknowledged change survives.
    pub sync: SyncMode,
    /// What tells one start of the machine from the next. `None`: what the system says.
    pub boot_id: Option<String>,
    /// How many pages of 4 KiB the file may have; beyond that it is as if the disk were
    /// full. `None`: no bound.
    pub max_pages: Option<u32>,
    /// How long the disk may take to answer: a call that takes longer has failed, or its
    /// outcome is unknown. Default 1 s.
    pub timeout: Duration,
}

impl SqliteOptions {
    /// This file, with [`SyncMode::Normal`].
    pub fn new(path: impl Into<PathBuf>) -> Self {
        SqliteOptions {
            path: path.into(),
            sync: SyncMode::default(),
            boot_id: None,
            max_pages: None,
            timeout: Duration::from_secs(1),
        }
    }
}

impl fmt::Display for SqliteOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        match self.sync {
            SyncMode::Normal => Ok(()),
            SyncMode::Full => f.write_str("?sync=full"),
        }
    }
}

/// A text is not `PATH[?sync=normal|full]`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct OptionsError(String);

impl FromStr for SqliteOptions {
    type Err = OptionsError;

    /// Reads `PATH[?sync=normal|full]`.
    fn from_str(text: &str) -> Result<Self, OptionsError> {
        let (path, query) = match text.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (text, None),
        };
        let error = |text: String| Err(OptionsError(text));
        if path.is_empty() {
            return error("no file is named; allowed is PATH[?sync=normal|full]".to_owned());
        }
        if path.starts_with("//") && !path.starts_with("///") {
            return error(format!(
                "'{path}' has two slashes in front; write the path alone, as in /var/lib/tablecast/tablecast.db"
            ));
        }
        if path == ":memory:" {
            return error(
                "a database in memory is forgotten; choose the store `memory`".to_owned(),
            );
        }
        let sync = match query {
            None | Some("sync=normal") => SyncMode::Normal,
            Some("sync=full") => SyncMode::Full,
            Some(query) => {
                return error(format!(
                    "'?{query}' is no option; allowed are ?sync=normal and ?sync=full"
                ));
            }
        };
        Ok(SqliteOptions {
            sync,
            ..SqliteOptions::new(path)
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_read_as_the_same() {
        for (text, path, sync) in [
            ("tablecast.db", "tablecast.db", SyncMode::Normal),
            (
                "/var/lib/a b.db?sync=full",
                "/var/lib/a b.db",
                SyncMode::Full,
            ),
        ] {
            let options: SqliteOptions = text.parse().unwrap();
            assert_eq!(options.path, PathBuf::from(path));
            assert_eq!(options.sync, sync);
            assert_eq!(options.to_string(), text);
        }
        let same: SqliteOptions = "a.db?sync=normal".parse().unwrap();
        assert_eq!(same, SqliteOptions::new("a.db"));
    }

    #[test]
    fn whoever_writes_something_else_is_told_what_is_allowed() {
        for (text, said) in [
            ("", "no file"),
            ("?sync=full", "no file"),
            ("a.db?sync=off", "?sync=full"),
            ("a.db?", "?sync=full"),
            ("//a.db", "the path alone"),
            (":memory:", "`memory`"),
        ] {
            let error = text.parse::<SqliteOptions>().unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
