//! A refusal, for programs and for people.

use crate::code::ErrorCode;

/// A command was understood and refused. It goes to its sender alone and changes
/// nothing.
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
