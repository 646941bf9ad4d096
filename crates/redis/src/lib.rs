#![doc = include_str!("../README.md")]
//!
//! # How it is made
//!
//! **A standalone server is a Cluster of one server that has all slots.** So every command
//! takes the same way: its room's slot, the slot's server, that server's connection.
//!
//! **Each server has two connections**, one for commands and one for
//! subscriptions, however many rooms and sockets there are. Each is probed twice
//! a second and made again when it does not answer in time, because a
//! peer that silently swallows everything is found in no other way. After a new
//! subscription connection is made, its rooms are subscribed one by one, and who
//! watches one then hears that something may have been missed.
//!
//! **A server is up if it takes changes.** This is tried, because a server may answer every
//! probe and still refuse every change.
//!
//! **An epoch belongs to one run of one server process, and to one period as a primary.**
//! Every script gets its connection's run and that server's replid. If it finds a room
//! written by another run, or under another replid, it begins a new epoch before anything
//! else.
//!
//! redis-rs does the protocol, TLS and multiplexing. Its upper layers are not used, for
//! these reasons:
//! - its Cluster client hides which server a command goes to, but the run must be
//!   that of the server that executes the script. It also subscribes channels of
//!   several slots with one `SSUBSCRIBE`, which a Cluster refuses, and forgets a
//!   channel when its slot moves;
//! - its `ConnectionManager` gives up after some attempts, and probes nothing;
//! - it takes a `SUNSUBSCRIBE` that Redis sends on its own, as it does when a slot moves,
//!   for the answer to the oldest waiting command. So a connection on which that happened
//!   is replaced.
// These macros panic if stderr cannot be written.
#![warn(clippy::print_stderr)]

mod backend;
mod check;
mod config;
mod connection;
mod context;
mod discovery;
mod encoding;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod keys;
mod pipeline;
mod refusal;
mod rooms;
mod router;
mod routing;
mod scripts;
mod server;
mod slots;
mod subscriptions;
mod url;

pub use backend::RedisBackend;
pub use config::RedisConfig;
pub use connection::Told;
pub use url::UrlError;
