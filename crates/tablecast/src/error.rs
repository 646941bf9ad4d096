//! Refusals of a hub: why a room cannot be made, shown or joined.

use std::time::Duration;

use tablecast_core::backend::BackendError;
use tablecast_core::draft::Refusal;
use tablecast_core::{CloseReason, RoomId};

/// Why a room was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CreateError {
    /// There is a room with this id.
    #[error("there is a room with this id already")]
    Exists,
    /// The node has as many rooms as allowed.
    #[error("this node has as many rooms as it may have: {max}")]
    TooManyRooms {
        /// How many are allowed.
        max: usize,
        /// When there may be space again.
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

/// Why a room cannot be shown or joined.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoomError {
    /// There is no such room (any more), or the id is malformed.
    #[error("there is no such room, or it expired")]
    NotFound,
    /// The room refuses a seat.
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

    /// The close reason, for a connection that was accepted first.
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

/// Logs that a room cannot be read, if this error means that. Then waiting does not help,
/// and only the operator of the store can do something.
pub(crate) fn log_unreadable(room: &RoomId, error: &BackendError) {
    match error {
        BackendError::Corrupt(reason) | BackendError::Unwritable(reason) => {
            tracing::error!(%room, reason, "the stored room cannot be read");
        }
        BackendError::Unavailable(_) | BackendError::Refused(_) | BackendError::Unknown(_) => {}
    }
}
