//! The Redis backend of Tablecast.
#![forbid(unsafe_code)]

mod backend;
mod client;
mod discovery;
mod keys;
mod link;
mod node;
mod notices;
mod scripts;
mod subscriber;
#[cfg(feature = "testing")]
pub mod testing;
mod topology;
mod url;
mod wire;

pub use backend::RedisBackend;
pub use url::UrlError;
