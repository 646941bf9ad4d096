//! For tests of stores, of rooms and of whole servers.
//!
//! - [`client`]: a WebSocket client that is independent of the server's codec.
//! - [`contract`]: what every [`Backend`](tablecast_core::Backend) must hold.
//! - [`faulty`]: a backend that fails as and when a test asks.
//! - [`recorder`]: records what a backend tells.
//! - [`until`], [`blocking_until`]: wait for a condition, with a [`DEADLINE`] and a message.
//!
//! It is published, since whoever writes a store of their own proves it by the contract suite, and since the console of
//! `/docs/live` makes tests that use the client. It stands on the core alone, so that every crate above it, the library
//! itself too, can use it in its tests without a circle.

pub mod client;
pub mod contract;
pub mod faulty;
pub mod recorder;
mod wait;

pub use faulty::FaultyBackend;
pub use recorder::{Notification, Recorder};
pub use wait::{DEADLINE, blocking_until, until};
