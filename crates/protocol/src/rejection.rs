//! A refusal, for programs and for people.

use crate::code::ErrorCode;

/// The refusal of a command that was understood. Only the sender gets it, and nothing
/// changes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Rejection {
    /// For programs.
    pub code: ErrorCode,
    /// For people: what was wrong and what is allowed.
    pub message: String,
}

impl Rejection {
    /// A rejection with this code and message.
    pub fn new(code: impl Into<ErrorCode>, message: impl Into<String>) -> Self {
        Rejection {
            code: code.into(),
            message: message.into(),
        }
    }
}
