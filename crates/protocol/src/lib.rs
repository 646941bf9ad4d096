//! The messages on the wire, as `docs/protocol.md` describes them. Each message is one type,
//! which one side writes and the other reads. Written values may borrow, read values own their
//! data.
//!
//! - [`client`]: the messages of a client. A server reads them strictly.
//! - [`push`]: the messages of a server. A client reads them leniently and ignores what it
//!   does not know, see [`Known`].
//! - [`code`]: why something is refused.
//! - [`close`]: why a connection ends, with code and whether to come back.
//! - [`text`]: the rules for items, names and titles.

pub mod client;
pub mod close;
pub mod code;
pub mod colour;
pub mod id;
mod known;
pub mod position;
pub mod push;
pub mod rejection;
#[cfg(feature = "schema")]
pub mod schema;
pub mod text;

pub use close::CloseReason;
pub use code::ErrorCode;
pub use colour::Colour;
pub use id::{ClientNumber, MemberId, PersonKey, RoomId, SeatToken};
pub use known::Known;
pub use position::{Epoch, Position};
pub use push::Push;
pub use rejection::Rejection;

/// The WebSocket subprotocol of the JSON dialect.
pub const SUBPROTOCOL: &str = "tablecast.v1";

/// The version of the messages in this crate, as `hello` names it. It is raised with each message or event that a
/// client must know to show a room rightly.
pub const VERSION: u32 = 2;

/// The highest number of a command or an event: JavaScript cannot hold all whole numbers above it.
pub const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// How many members without a seat a room remembers, and a client with it.
pub const FORMER_MEMBERS: usize = 256;
