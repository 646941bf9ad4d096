//! What can be set on the backend.

use std::time::Duration;

/// What can be set on the backend, with the defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisConfig {
    /// What all keys and channels begin with: several sites can share one Redis. Without
    /// braces, which would change the slots of a Cluster. Default `tablecast:`.
    pub key_prefix: String,
    /// How long Redis may take to answer. A connection on which it takes longer is made anew,
    /// and until that has worked nothing can be changed. Default 1 s.
    pub timeout: Duration,
}

impl Default for RedisConfig {
    fn default() -> Self {
        RedisConfig {
            key_prefix: "tablecast:".into(),
            timeout: Duration::from_secs(1),
        }
    }
}
