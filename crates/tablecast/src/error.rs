//! Refusals of a hub: why a room cannot be made, shown or joined.

use std::time::Duration;

use tablecast_core::backend::BackendError;
use tablecast_core::draft::Refusal;
use tablecast_core::{CloseReason, Rejection, RoomId, code};

/// Why nothing can be done for anybody just now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// The store cannot be reached, or does not tell what is needed: for operators.
    #[error("{0}")]
    Store(String),
    /// The store takes no changes at the moment: why, in words that anybody may read.
    #[error("the store takes no changes at the moment: {0}")]
    Refusing(String),
    /// The node is shutting down.
    #[error("this server is shutting down")]
    Draining,
}

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
    /// A live node of an older version could not read it: `not_yet`.
    #[error("this is possible when all servers are updated; try again in a few minutes")]
    NotYet,
    /// Its alarm is later than its maximum age allows: `too_late`.
    #[error("the room does not live that long; choose an earlier time")]
    TooLate,
    /// None can be made just now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
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
    /// It cannot be said just now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Why what the server asked for was not done in a room.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// There is no such room (any more), or the id is malformed.
    #[error("there is no such room, or it expired")]
    NotFound,
    /// The application's rules refuse it, or (`not_yet`) a node of the version before lives,
    /// which could not read it.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// It cannot be done just now, and nothing has changed.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The store did not say in time what became of it: it may have been done, now or in a
    /// moment. The room's state tells.
    #[error("{0}; whether it was done is unknown")]
    Unknown(String),
}

impl From<RoomError> for CommandError {
    fn from(error: RoomError) -> Self {
        match error {
            RoomError::NotFound => CommandError::NotFound,
            RoomError::Refused(why) => Rejection::new(code::NO_SEAT, why.to_string()).into(),
            RoomError::Unavailable(why) => why.into(),
        }
    }
}

impl From<BackendError> for Unavailable {
    fn from(error: BackendError) -> Self {
        match error {
            BackendError::Refused(why) => Unavailable::Refusing(why),
            BackendError::Unavailable(_)
            | BackendError::Unknown(_)
            | BackendError::Corrupt(_)
            | BackendError::Unwritable(_) => Unavailable::Store(error.to_string()),
        }
    }
}

impl RoomError {
    /// The word for it in metrics and logs, and how a connection is closed for it.
    fn told(&self) -> (&'static str, CloseReason) {
        match self {
            RoomError::NotFound => ("not_found", CloseReason::NoSuchRoom),
            RoomError::Refused(Refusal::Full { .. }) => ("room_full", CloseReason::RoomFull),
            RoomError::Refused(Refusal::NoSuchSeat) => {
                (code::NO_SEAT.as_str(), CloseReason::BadSeat)
            }
            RoomError::Refused(Refusal::Dismissed) => ("dismissed", CloseReason::Dismissed),
            RoomError::Refused(Refusal::TakenOver) => ("taken_over", CloseReason::TakenOver),
            RoomError::Unavailable(Unavailable::Draining) => ("draining", CloseReason::Restarting),
            RoomError::Unavailable(_) => (code::UNAVAILABLE.as_str(), CloseReason::Unavailable),
        }
    }

    /// The word for it in metrics and logs.
    pub(crate) fn word(&self) -> &'static str {
        self.told().0
    }

    /// The close reason, for a connection that was accepted first.
    pub fn close_reason(&self) -> CloseReason {
        self.told().1
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
