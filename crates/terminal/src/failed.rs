//! How a command can fail.

use std::io;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    /// The terminal, or what stands in its place, could not be read or written.
    #[error("cannot use the terminal: {0}")]
    Terminal(#[from] io::Error),
    /// The system gives no random numbers, without which nothing here is safe.
    #[error("no random numbers: {0}")]
    Random(String),
    /// The server could not be asked.
    #[error("{0}")]
    Network(String),
    /// The server refused.
    #[error("{0}")]
    Refused(String),
}
