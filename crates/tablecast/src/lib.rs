//! Shared rooms over WebSocket.
#![forbid(unsafe_code)]

pub mod app;
pub mod channel;
pub mod codec;
pub mod config;
pub mod connection;
pub mod head;
pub mod dialect;
pub mod hub;
pub mod memory;
pub mod metrics;
pub mod outbox;
mod room_task;
mod session;
mod sync;
pub mod upgrade;
#[cfg(feature = "testing")]
pub mod testing;

pub use app::App;
pub use config::{ConnectionConfig, HubConfig, OutboxLimits};
pub use hub::Hub;
pub use memory::MemoryBackend;
pub use tablecast_core as core;
