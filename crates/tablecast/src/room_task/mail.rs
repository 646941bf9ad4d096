//! The messages to a room's task.

use std::sync::Arc;

use tablecast_core::App;
use tablecast_core::backend::{Health, Publication};
use tablecast_core::{ConnectionId, MemberId, PersonId, Position, SeatToken};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;

use crate::dialect::Dialect;
use crate::dialect::message::{ClientMessage, WantedSeat};
use crate::error::RoomError;
use crate::outbox::Outbox;

/// A message to a room's task. Small, because a mailbox has space for dozens of them, and
/// each is moved several times.
pub(crate) enum Mail<A: App> {
    /// A request for a seat.
    Join(Box<JoinRequest>),
    /// A member's command.
    Command(Box<CommandRequest<A>>),
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
    /// The set of live nodes has changed.
    Live,
    /// The node is shutting down: close all connections.
    Drain,
}

/// A request for a seat.
pub(crate) struct JoinRequest {
    pub(crate) connection: ConnectionId,
    pub(crate) dialect: Dialect,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) wanted: WantedSeat,
    /// Who asks, if they say so.
    pub(crate) person: Option<PersonId>,
    /// The secret for the seat, unless the client has one that opens it.
    pub(crate) token: SeatToken,
    /// After this time it is refused.
    pub(crate) deadline: Instant,
    /// The seat is kept for a while if the connection gets no answer.
    pub(crate) keep_seat: bool,
    /// The position at which it was decided, if the outcome of that commit is not known.
    pub(crate) may_be_seated: Option<Position>,
    pub(crate) reply: oneshot::Sender<Result<MemberId, RoomError>>,
}

/// A member's command.
pub(crate) struct CommandRequest<A: App> {
    /// It must hold the member's seat when the command is decided: if the store lost its
    /// newest events, the member id may belong to somebody else.
    pub(crate) connection: ConnectionId,
    pub(crate) member: MemberId,
    pub(crate) dialect: Dialect,
    /// Where the answer goes.
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) message: ClientMessage<A::Command>,
    /// After this time it is answered `unavailable`.
    pub(crate) deadline: Instant,
    /// Its place in the bounded mailbox; freed when it is answered.
    pub(crate) _permit: OwnedSemaphorePermit,
}
