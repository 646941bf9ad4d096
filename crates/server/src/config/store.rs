//! The choice of where rooms live.

use std::fmt;

use tablecast_sqlite::SqliteOptions;

use super::secret;

/// Where rooms live.
#[derive(Clone, PartialEq, Eq)]
pub enum Store {
    /// In this process; they end with it.
    Memory,
    /// In a SQLite database of this server's own.
    Sqlite(SqliteOptions),
    /// In Redis or a Redis Cluster, at this URL.
    Redis(String),
}

// A Redis URL may hold a password, and a configuration is easily logged.
impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Default for Store {
    /// A file in the working directory.
    fn default() -> Self {
        Store::Sqlite(SqliteOptions::new("tablecast.db"))
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Store::Memory => f.write_str("memory"),
            Store::Sqlite(options) => write!(f, "sqlite:{options}"),
            Store::Redis(url) => f.write_str(&secret::redact(url)),
        }
    }
}
