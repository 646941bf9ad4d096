//! Shared rooms over WebSocket.
#![forbid(unsafe_code)]

pub mod app;
pub mod channel;
pub mod codec;
pub mod config;
pub mod connection;
pub mod dialect;
pub mod hub;
pub mod memory;
pub mod metrics;
pub mod outbox;
mod room_task;
mod session;
mod sync;
#[cfg(feature = "testing")]
pub mod testing;
pub mod upgrade;

pub use app::App;
pub use config::{ConnectionConfig, HubConfig, OutboxLimits};
pub use hub::Hub;
pub use memory::MemoryBackend;
pub use tablecast_core as core;
pub use upgrade::head;
