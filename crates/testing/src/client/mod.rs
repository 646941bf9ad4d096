//! A WebSocket client for tests. Frames are read and answered by `tungstenite`,
//! so it judges the server independently of this crate's codec; what it sends
//! may be anything, right or wrong.
//!
//! Every wait has a deadline ([`DEADLINE`](crate::DEADLINE)), so that a test fails instead of
//! hanging.

mod connect;
mod socket;

pub use connect::Connect;
pub use socket::{
    BINARY, CLOSE, CONTINUES, Client, ClientError, ENDS, PING, PONG, Said, TEXT, TEXT_BEGINS, frame,
};
