//! What the server says: the protocol's messages, with an application's state and events in them.

use serde::Deserialize;
use tablecast_protocol::{Known, push};

use crate::application::Application;

/// One message.
pub type Push<A> = push::Push<'static, <A as Application>::State, Known<<A as Application>::Event>>;

/// Reads a message; nothing, if it is one that is not known here.
///
/// # Errors
/// It is no JSON, or not what the protocol says of such a message.
pub fn read<A: Application>(text: &str) -> Result<Option<Push<A>>, serde_json::Error> {
    let mut message = serde_json::from_str(text)?;
    A::clean(&mut message);
    Known::deserialize(message).map(|Known(push)| push)
}
