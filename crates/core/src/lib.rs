//! The pure core of Tablecast: what a room is, who has a seat in it, what
//! happened in which order, and what a store must be able to do. No I/O, no
//! clock, no randomness: all of it is passed in, so that every rule can be
//! tested as a function.
//!
//! - [`logic`] and [`app`]: what an application supplies: a state, commands and events, and how
//!   they are spoken.
//! - [`room`] and [`draft`]: the state machine: seats + logic + seq, and the only
//!   place that makes events.
//! - [`stored`]: how events and states become bytes.
//! - [`backend`]: the port behind which rooms live.
//! - [`tablecast_protocol`], of which much is here too: what goes over the wire.
// No clock, no I/O.
#![deny(clippy::disallowed_types)]

pub mod app;
pub mod backend;
pub mod draft;
pub mod history;
pub mod id;
pub mod limits;
pub mod logic;
pub mod membership;
pub mod room;
pub mod stored;

pub use tablecast_protocol::{close, code, colour, error_codes, position, text};

pub use app::App;
pub use backend::{Backend, BackendError};
pub use close::CloseReason;
pub use code::ErrorCode;
pub use colour::Colour;
pub use id::{ConnectionId, MemberId, NodeId, OpId, RoomId, SeatToken};
pub use logic::{Logic, Rejection};
pub use position::{Epoch, Position};
pub use room::Room;
