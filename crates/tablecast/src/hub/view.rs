//! What a hub answers: rooms as others see them, and why not.

use std::time::Duration;

use tablecast_core::backend::{BackendError, Stamp};
use tablecast_core::draft::Refusal;
use tablecast_core::{CloseReason, Position, RoomId};
pub use tablecast_protocol::push::Member as MemberView;

/// What one room has otherwise than the hub's configuration says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RoomSettings {
    /// How long it lives after the last join or change. By default
    /// [`HubConfig::room_ttl`](crate::HubConfig::room_ttl); never more than
    /// [`HubConfig::room_max_age`](crate::HubConfig::room_max_age).
    pub ttl: Option<Duration>,
}

/// A room that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedRoom {
    /// Its id.
    pub id: RoomId,
    /// The backend's clock, and when the room expires.
    pub stamp: Stamp,
    /// How many seats it has.
    pub seats: usize,
    /// How long it lives after the last join or change.
    pub ttl: Duration,
}

/// Why a room was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CreateError {
    /// There is a room with this id.
    #[error("there is a room with this id already")]
    Exists,
    /// As many rooms as allowed are there.
    #[error("this node has as many rooms as it may have: {max}")]
    TooManyRooms {
        /// How many are allowed.
        max: usize,
        /// When a place may be free.
        retry_after: Duration,
    },
    /// The store cannot be reached.
    #[error("{0}")]
    Unavailable(String),
    /// The store takes no changes at the moment: why, in words that anybody may read.
    #[error("the store takes no changes at the moment: {0}")]
    Refusing(String),
    /// The node is shutting down.
    #[error("this server is shutting down")]
    Draining,
}

/// A room as it stands.
#[derive(Debug, Clone)]
pub struct RoomView<A> {
    /// Where it stands.
    pub position: Position,
    /// The backend's clock, and when the room expires.
    pub stamp: Stamp,
    /// How many seats it has.
    pub seats: usize,
    /// How long it lives after the last join or change.
    pub ttl: Duration,
    /// Who has one.
    pub members: Vec<MemberView>,
    /// The application's state.
    pub app: A,
}

/// Why a room cannot be shown or joined.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoomError {
    /// There is no such room (any more), or the id is none.
    #[error("there is no such room, or it expired")]
    NotFound,
    /// The room gives no seat.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store cannot be reached.
    #[error("{0}")]
    Unavailable(String),
    /// The store takes no changes at the moment: why, in words that anybody may read.
    #[error("the store takes no changes at the moment: {0}")]
    Refusing(String),
    /// The node is shutting down.
    #[error("this server is shutting down")]
    Draining,
}

impl From<BackendError> for CreateError {
    fn from(error: BackendError) -> Self {
        match error {
            BackendError::Refused(why) => CreateError::Refusing(why),
            BackendError::Unavailable(_)
            | BackendError::Unknown(_)
            | BackendError::Corrupt(_)
            | BackendError::Unwritable(_) => CreateError::Unavailable(error.to_string()),
        }
    }
}

impl From<BackendError> for RoomError {
    fn from(error: BackendError) -> Self {
        match error {
            BackendError::Refused(why) => RoomError::Refusing(why),
            BackendError::Unavailable(_)
            | BackendError::Unknown(_)
            | BackendError::Corrupt(_)
            | BackendError::Unwritable(_) => RoomError::Unavailable(error.to_string()),
        }
    }
}

impl RoomError {
    /// The word for it in metrics and logs.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            RoomError::NotFound => "not_found",
            RoomError::Refused(Refusal::Full { .. }) => "room_full",
            RoomError::Refused(Refusal::NoSuchSeat) => "no_seat",
            RoomError::Refused(Refusal::TakenOver) => "taken_over",
            RoomError::Unavailable(_) | RoomError::Refusing(_) => "unavailable",
            RoomError::Draining => "draining",
        }
    }

    /// How a connection is closed for it, where it was accepted first.
    pub fn close_reason(&self) -> CloseReason {
        match self {
            RoomError::NotFound => CloseReason::NoSuchRoom,
            RoomError::Refused(Refusal::Full { .. }) => CloseReason::RoomFull,
            RoomError::Refused(Refusal::NoSuchSeat) => CloseReason::BadSeat,
            RoomError::Refused(Refusal::TakenOver) => CloseReason::TakenOver,
            RoomError::Unavailable(_) | RoomError::Refusing(_) => CloseReason::Unavailable,
            RoomError::Draining => CloseReason::Restarting,
        }
    }
}
