//! A client's messages, in either dialect.

use tablecast_core::membership::Op;
use tablecast_core::{Rejection, code};
use tablecast_protocol::client;

/// A member's message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClientMessage<C> {
    pub(crate) op: Op,
    /// What the member wants to be done.
    pub(crate) content: client::Request<C>,
}

/// A message that was not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Misunderstood {
    /// The number of the command, if it could be read.
    pub(crate) id: Option<u64>,
    pub(crate) rejection: Rejection,
}

impl Misunderstood {
    /// What was said is no command, for this reason.
    pub(crate) fn bad_command(id: Option<u64>, why: impl Into<String>) -> Self {
        let rejection = Rejection::new(code::BAD_COMMAND, why);
        Misunderstood { id, rejection }
    }
}
