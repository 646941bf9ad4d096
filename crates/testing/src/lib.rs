//! For tests of stores, of rooms and of whole servers.
//!
//! - [`client`]: a WebSocket client that is independent of the server's codec.
//! - [`contract`]: what every [`Backend`](tablecast_core::Backend) must hold.
//! - [`faulty`]: a backend that fails as and when a test asks.
//! - [`recorder`]: records what a backend tells.
//! - [`frail`]: a backend whose own tasks die.
//! - [`process`]: the server's program as a process, and programs that end by themselves.
//! - [`redis`]: Redis servers and Clusters of a test's own.
//! - [`reverse_proxy`]: nginx, HAProxy and Caddy as they are shipped; [`FaultyProxy`]: a TCP proxy that fails on demand.
//! - [`Directory`] for temporary files; [`free_port`]: a port that must be known before, or used again.
//! - [`until`], [`blocking_until`]: wait for a condition, with a [`DEADLINE`] and a message.
//!
//! What starts something panics when that fails, with what there is to read of it: a test cannot do anything about it.
//!
//! It is published, since whoever writes a store of their own proves it by the contract suite, and since the console of
//! `/docs/live` makes tests that use the client. It stands on the core and the protocol alone, so that the library and
//! every store can use it in their tests without a circle.
// To panic is how a test fails.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

pub mod client;
pub mod contract;
mod directory;
pub mod events;
pub mod faulty;
mod faulty_proxy;
pub mod frail;
mod port;
pub mod process;
pub mod recorder;
pub mod redis;
pub mod reverse_proxy;
mod wait;

pub use directory::Directory;
pub use faulty::FaultyBackend;
pub use faulty_proxy::FaultyProxy;
pub use port::free_port;
pub use recorder::{Notification, Recorder};
pub use wait::{DEADLINE, blocking_until, until};
