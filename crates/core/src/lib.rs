//! The pure core of Tablecast: rooms, their seats, the order of events, and what a store
//! must provide. It does no I/O and has no clock and no randomness: all of these are passed
//! in, so that every rule can be tested as a function.
//!
//! - [`logic`] and [`app`]: what an application supplies: a state, commands and events, and
//!   their wire format.
//! - [`room`] and [`draft`]: the state machine: seats + logic + seq, and the only
//!   place that makes events.
//! - [`stored`]: how events and states become bytes; [`forms`]: the versions of these.
//! - [`backend`]: the port to the store of rooms.
//! - [`tablecast_protocol`], partly re-exported here: the messages on the wire.
// No clock, no I/O.
#![deny(clippy::disallowed_types)]

pub mod app;
pub mod backend;
pub mod draft;
pub mod forms;
pub mod history;
pub mod id;
pub mod limits;
pub mod logic;
pub mod membership;
pub mod room;
pub mod stored;

pub use tablecast_protocol::{close, code, colour, error_codes, position, text, written_as_text};

pub use app::App;
pub use backend::{Backend, BackendError};
pub use close::CloseReason;
pub use code::ErrorCode;
pub use colour::Colour;
pub use forms::Forms;
pub use id::{
    ClientNumber, ConnectionId, MemberId, NodeId, OpId, PersonId, PersonKey, RoomId, SeatToken,
};
pub use logic::{Logic, Rejection};
pub use position::{Epoch, Position};
pub use room::Room;
