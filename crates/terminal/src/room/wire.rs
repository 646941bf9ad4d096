//! What the server says: the protocol's messages, with the lunch table in them.

use serde::Deserialize;
use serde_json::Value;
use tablecast_lunch::{self as lunch, Table};
use tablecast_protocol::{Known, push};

use crate::text::sanitise;

/// One message.
pub type Push = push::Push<'static, Table, Known<lunch::Event>>;

/// The first message to a member.
pub type Hello = push::Hello<'static, Table>;

/// The whole state at a position.
pub type Snapshot = push::Snapshot<Table>;

/// Something happened.
pub type Event = push::Event<'static, Known<lunch::Event>>;

/// Reads a message; nothing, if it is one that is not known here. All text in it is made fit for
/// a terminal: what others wrote comes in by no other way.
///
/// # Errors
/// It is no JSON, or not what the protocol says of such a message.
pub fn read(text: &str) -> Result<Option<Push>, serde_json::Error> {
    let mut message: Value = serde_json::from_str(text)?;
    sanitise_all(&mut message);
    Known::deserialize(message).map(|Known(push)| push)
}

fn sanitise_all(value: &mut Value) {
    match value {
        Value::String(text) => *text = sanitise(text),
        Value::Array(values) => values.iter_mut().for_each(sanitise_all),
        Value::Object(fields) => fields.values_mut().for_each(sanitise_all),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
