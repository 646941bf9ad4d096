//! For tests of backends and of what is built on them (feature `testing`).
//!
//! - [`client`]: a WebSocket client that is independent of this crate's codec.
//! - [`contract`]: what every [`Backend`](tablecast_core::Backend) must hold.
//! - [`faulty`]: a backend that fails as and when a test asks.
//! - [`recorder`]: records what a backend tells.

pub mod client;
pub mod contract;
pub mod faulty;
pub mod recorder;

pub use faulty::FaultyBackend;
pub use recorder::{Notification, Recorder};
