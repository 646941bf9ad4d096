//! Shared rooms over WebSocket.
#![forbid(unsafe_code)]

pub mod app;
pub mod config;
pub mod hub;
pub mod memory;
pub mod metrics;
pub mod upgrade;
#[cfg(feature = "testing")]
pub mod testing;

pub use app::App;
pub use config::{ConnectionConfig, HubConfig, OutboxLimits};
pub use hub::Hub;
pub use memory::MemoryBackend;
pub use tablecast_core as core;
