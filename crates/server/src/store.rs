//! Opens where rooms live.

use std::sync::Arc;
use std::time::Duration;

use tablecast::MemoryBackend;
use tablecast_core::Backend;
use tablecast_redis::{RedisBackend, RedisConfig, UrlError};

use crate::config::Store;

/// Opens the store, which may take this long to answer. Must be called in a tokio runtime. Redis is connected to in
/// the background: a server starts while Redis is down, and is ready when it is up.
///
/// # Errors
/// The Redis URL cannot be read.
pub fn open(store: &Store, timeout: Duration) -> Result<Arc<dyn Backend>, UrlError> {
    match store {
        Store::Memory => Ok(Arc::new(MemoryBackend::new())),
        Store::Redis(url) => {
            let config = RedisConfig {
                timeout,
                ..RedisConfig::default()
            };
            Ok(Arc::new(RedisBackend::connect_with(url, &config)?))
        }
    }
}
