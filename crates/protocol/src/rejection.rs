//! A refusal, for programs and for people.

/// The codes of temporary refusals: the same command may succeed when it is sent again, with the
/// same number and before anything newer.
pub const PASSING: [&str; 2] = ["unavailable", "rate_limited"];

/// The refusal of a command that was understood. Only the sender gets it, and nothing
/// changes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Rejection {
    /// For programs: lower case with underscores, stable, documented.
    pub code: &'static str,
    /// For people: what was wrong and what is allowed.
    pub message: String,
}

impl Rejection {
    /// A rejection with this code and message.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Rejection {
            code,
            message: message.into(),
        }
    }
}
