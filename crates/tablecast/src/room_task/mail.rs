//! What a room is told.

use std::sync::Arc;

use tablecast_core::App;
use tablecast_core::backend::{Health, Publication};
use tablecast_core::{ConnectionId, MemberId, SeatToken};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;

use crate::dialect::Dialect;
use crate::dialect::message::{ClientMessage, WantedSeat};
use crate::error::RoomError;
use crate::outbox::Outbox;

/// What a room is told. Small, since a mailbox has places for dozens of them, and
/// each is moved from hand to hand.
pub(crate) enum Mail<A: App> {
    /// Somebody wants a seat.
    Join(Box<JoinRequest>),
    /// A member wants something to be done.
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
    /// Other nodes live than before.
    Live,
    /// The node shuts down: close all connections.
    Drain,
}

/// Somebody wants a seat.
pub(crate) struct JoinRequest {
    pub(crate) connection: ConnectionId,
    pub(crate) dialect: Dialect,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) wanted: WantedSeat,
    /// The secret for the seat, if it is a new one.
    pub(crate) token: SeatToken,
    /// Later than this it is refused.
    pub(crate) deadline: Instant,
    pub(crate) reply: oneshot::Sender<Result<MemberId, RoomError>>,
}

/// A member wants something to be done.
pub(crate) struct CommandRequest<A: App> {
    /// It must hold the member's seat when the command is decided: a member id alone
    /// may have gone to somebody else if the store lost its newest events.
    pub(crate) connection: ConnectionId,
    pub(crate) member: MemberId,
    pub(crate) dialect: Dialect,
    /// Where the answer goes.
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) message: ClientMessage<A::Command>,
    /// Later than this it is answered `unavailable`.
    pub(crate) deadline: Instant,
    /// Its place in the bounded mailbox; free again when it is answered.
    pub(crate) _permit: OwnedSemaphorePermit,
}
