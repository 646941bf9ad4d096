//! Opens where rooms live.

use std::sync::Arc;

use tablecast::MemoryBackend;
use tablecast_core::Backend;
use tablecast_redis::{RedisBackend, UrlError};

use crate::config::Store;

/// Opens the store. Must be called in a tokio runtime. Redis is connected to in
/// the background: a server starts while Redis is down, and is ready when it is up.
///
/// # Errors
/// The Redis URL cannot be read.
pub fn open(store: &Store) -> Result<Arc<dyn Backend>, UrlError> {
    match store {
        Store::Memory => Ok(Arc::new(MemoryBackend::new())),
        Store::Redis(url) => Ok(Arc::new(RedisBackend::connect(url)?)),
    }
}
