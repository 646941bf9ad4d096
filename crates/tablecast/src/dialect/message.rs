//! A client's messages, in either dialect.

use tablecast_core::membership::Op;
use tablecast_core::{Colour, Position, Rejection, SeatToken};

/// The seat that a client wants, from its first message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WantedSeat {
    /// A new one.
    New {
        name: Option<String>,
        colour: Option<Colour>,
    },
    /// The seat that this token opens; the client knows everything up to this position.
    Again {
        seat: SeatToken,
        known: Option<Position>,
    },
}

/// A member's message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClientMessage<C> {
    pub(crate) op: Op,
    pub(crate) action: Action<C>,
}

/// A member's request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action<C> {
    Rename {
        name: String,
        colour: Option<Colour>,
    },
    Command(C),
}

/// A message that was not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Misunderstood {
    /// The number of the command, if it could be read.
    pub(crate) id: Option<u64>,
    pub(crate) rejection: Rejection,
}
