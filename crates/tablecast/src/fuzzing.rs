//! How the JSON dialect reads a client's messages, as the types that a client writes.

use serde::de::DeserializeOwned;
use tablecast_core::Rejection;
use tablecast_protocol::client::{First, Join, Numbered, Request, Resume};

use crate::dialect::json;
use crate::dialect::message::{Misunderstood, WantedSeat};

/// A client's first message.
///
/// # Errors
/// It is refused for this reason.
pub fn first(text: &str) -> Result<First, Rejection> {
    match json::first(text) {
        Ok((
            WantedSeat::New {
                name,
                colour,
                watch,
            },
            person,
        )) => Ok(First::Join(Join {
            name,
            colour,
            person,
            watch,
        })),
        Ok((WantedSeat::Again { seat, known }, person)) => Ok(First::Resume(Resume {
            seat,
            person,
            epoch: known.map(|known| known.epoch),
            seq: known.map(|known| known.seq),
        })),
        Err(Misunderstood { rejection, .. }) => Err(rejection),
    }
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
