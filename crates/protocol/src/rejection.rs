//! A refusal, for programs and for people.

/// The codes of refusals that may pass: the same command may succeed when it is sent again, with
/// the same number and before anything newer.
pub const PASSING: [&str; 2] = ["unavailable", "rate_limited"];

/// A command was understood and refused. It goes to its sender alone and changes
/// nothing.
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
