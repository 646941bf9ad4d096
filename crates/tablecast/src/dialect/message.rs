//! A client's messages, in either dialect.

use tablecast_core::membership::Op;
use tablecast_core::{Colour, Position, Rejection, SeatToken, code};
use tablecast_protocol::client::{self, Watch};

/// The seat that a client wants, from its first message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WantedSeat {
    /// A new one.
    New {
        name: Option<String>,
        colour: Option<Colour>,
        watch: Watch,
    },
    /// The seat that this token opens; the client knows everything up to this position.
    Again {
        seat: SeatToken,
        known: Option<Position>,
    },
}

impl WantedSeat {
    /// Whether to watch where there is no seat.
    pub(crate) fn watch(&self) -> Watch {
        match self {
            WantedSeat::New { watch, .. } => *watch,
            WantedSeat::Again { .. } => Watch::No,
        }
    }
}

/// A member's message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClientMessage<C> {
    pub(crate) op: Op,
    /// What the member wants to be done.
    pub(crate) content: client::Request<C>,
}

/// A message that was not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Misunderstood {
    /// The number of the command, if it could be read.
    pub(crate) id: Option<u64>,
    pub(crate) rejection: Rejection,
}

impl Misunderstood {
    /// What was said is no command, for this reason.
    pub(crate) fn bad_command(id: Option<u64>, why: impl Into<String>) -> Self {
        let rejection = Rejection::new(code::BAD_COMMAND, why);
        Misunderstood { id, rejection }
    }
}
