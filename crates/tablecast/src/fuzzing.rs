//! How the JSON dialect reads a client's messages, as the types that a client writes.

use serde::de::DeserializeOwned;
use tablecast_core::Rejection;
use tablecast_protocol::client::{First, Numbered, Request};

use crate::dialect::json;
use crate::dialect::message::Misunderstood;

/// A client's first message.
///
/// # Errors
/// It is refused for this reason.
pub fn first(text: &str) -> Result<First, Rejection> {
    json::first(text).map_err(|no| no.rejection)
}

/// A later message, to an application with commands `C`.
///
/// # Errors
/// It is refused for this reason.
pub fn later<C: DeserializeOwned>(text: &str) -> Result<Numbered<Request<C>>, Rejection> {
    match json::later(text) {
        Ok(message) => Ok(Numbered {
            id: message.op.number,
            request: message.content,
        }),
        Err(Misunderstood { rejection, .. }) => Err(rejection),
    }
}
