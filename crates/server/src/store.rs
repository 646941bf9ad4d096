//! Opens where rooms live, and the commands for a database.

mod command;

use std::sync::Arc;

use tablecast::MemoryBackend;
use tablecast_core::Backend;
use tablecast_redis::{RedisBackend, UrlError};
use tablecast_sqlite::{OpenError, SqliteBackend};

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

/// Opens the store. Must be called in a tokio runtime. Redis is connected to in
/// the background: a server starts while Redis is down, and is ready when it is up.
///
/// # Errors
/// The Redis URL cannot be read, or the database not be used.
pub fn open(store: &Store) -> Result<Arc<dyn Backend>, StoreError> {
    match store {
        Store::Memory => Ok(Arc::new(MemoryBackend::new())),
        Store::Sqlite(options) => Ok(Arc::new(SqliteBackend::open(options)?)),
        Store::Redis(url) => Ok(Arc::new(RedisBackend::connect(url)?)),
    }
}
