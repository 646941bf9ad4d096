//! How a command can fail.

use std::io;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    /// The terminal, or what stands in its place, could not be read or written.
    #[error("cannot use the terminal: {0}")]
    Terminal(#[from] io::Error),
    /// The system, the network or the server refused: for people.
    #[error("{0}")]
    Refused(String),
}
