//! Opens where rooms live, and the commands for a database.

mod command;

use std::sync::Arc;
use std::time::Duration;

use tablecast::MemoryBackend;
use tablecast_core::Backend;
use tablecast_redis::{RedisBackend, RedisConfig, UrlError};
use tablecast_sqlite::{OpenError, SqliteBackend, SqliteOptions};

use crate::config::Store;

pub use command::Command;

/// Why the store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The Redis URL cannot be read.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// The database cannot be used.
    #[error(transparent)]
    Database(#[from] OpenError),
}

/// Opens the store, which may take this long to answer. Must be called in a tokio runtime.
/// Redis is connected to in the background: a server starts while Redis is down, and is
/// ready when it is up.
///
/// # Errors
/// The Redis URL cannot be read, or the database cannot be used.
pub fn open(store: &Store, timeout: Duration) -> Result<Arc<dyn Backend>, StoreError> {
    match store {
        Store::Memory => Ok(Arc::new(MemoryBackend::new())),
        Store::Sqlite(options) => {
            let options = SqliteOptions {
                timeout,
                ..options.clone()
            };
            Ok(Arc::new(SqliteBackend::open(&options)?))
        }
        Store::Redis(url) => {
            let config = RedisConfig {
                timeout,
                ..RedisConfig::default()
            };
            Ok(Arc::new(RedisBackend::connect_with(url, &config)?))
        }
    }
}
