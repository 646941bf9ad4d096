#![doc = include_str!("../README.md")]
// Its one clock is in `clock`.
#![deny(clippy::disallowed_types)]

mod application;
mod client;
mod clock;
mod entropy;
mod message;
mod net;
mod notification;
mod room;
mod session;

pub use tablecast_protocol as protocol;
pub use url;

pub use application::Application;
pub use client::Client;
pub use clock::{Millis, now};
pub use entropy::Entropy;
pub use message::{Push, read};
pub use net::{Answer, Trust, dial, get, post};
pub use notification::{Notification, Refusal, Who};
pub use room::Room;
pub use session::link::{Failure, Reason, Status};
pub use session::{Effect, Incoming, Outgoing, Session};
