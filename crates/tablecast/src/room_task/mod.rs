//! One task a room: the sole owner of the room's state on this node.
//!
//! Everything reaches it by its mailbox. What waits there is decided together,
//! committed in one step, and then told to every connection in one write. While a
//! commit is under way the task goes on reading its mailbox; it never waits for a
//! socket.

mod batch;
mod locals;
mod mailbox;
mod queue;
mod task;

use std::sync::Arc;

use tablecast_core::backend::{Health, Publication};
use tablecast_core::membership::Op;
use tablecast_core::{Colour, ConnectionId, MemberId, Position, SeatToken};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;

use crate::app::App;
use crate::dialect::Dialect;
use crate::hub::RoomError;
use crate::outbox::Outbox;

pub(crate) use mailbox::{Inbox, Mailbox, mailbox};
pub(crate) use task::run;

/// What a room is told. Small, since a mailbox has places for dozens of them, and
/// each is moved from hand to hand.
pub(crate) enum Mail<A: App> {
    /// Somebody wants a seat.
    Enter(Box<Entrant>),
    /// A member says something.
    Say(Box<Say<A>>),
    /// A connection is gone; it may never have had a seat. Never refused.
    Leave {
        connection: ConnectionId,
        keep_seat: bool,
    },
    /// Events were published.
    Published(Box<Publication>, OwnedSemaphorePermit),
    /// Something may have been missed.
    Resync,
    /// The backend became reachable or unreachable.
    Health(Health),
    /// Other nodes live than before.
    Live,
    /// The node shuts down: close all connections.
    Drain,
}

/// Somebody who wants a seat.
pub(crate) struct Entrant {
    pub(crate) connection: ConnectionId,
    pub(crate) dialect: Dialect,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) wish: Wish,
    pub(crate) deadline: Instant,
    pub(crate) reply: oneshot::Sender<Result<MemberId, RoomError>>,
}

/// Which seat.
pub(crate) enum Wish {
    /// A new one.
    New {
        name: Option<String>,
        colour: Option<Colour>,
        token: SeatToken,
    },
    /// The one that the token opens; the client knows all up to this position.
    Again {
        token: SeatToken,
        known: Option<Position>,
    },
}

/// What a member says.
pub(crate) struct Say<A: App> {
    /// Which must hold the member's seat when it is decided: a member id alone may
    /// have gone to somebody else if the store lost its newest events.
    pub(crate) connection: ConnectionId,
    pub(crate) member: MemberId,
    pub(crate) dialect: Dialect,
    /// Where the answer goes.
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) op: Op,
    pub(crate) what: What<A::Command>,
    pub(crate) deadline: Instant,
    /// Its place in the bounded mailbox; free again when it is answered.
    pub(crate) _permit: OwnedSemaphorePermit,
}

pub(crate) enum What<C> {
    Rename {
        name: String,
        colour: Option<Colour>,
    },
    Command(C),
}
