//! What a client says.

use serde::{Deserialize, Serialize};

use crate::colour::Colour;
use crate::id::SeatToken;
use crate::position::Epoch;

/// What a client says first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum First {
    /// Asks for a seat.
    Join(Join),
    /// Asks for the seat that one had, and for what was missed.
    Resume(Resume),
}

// Unknown fields are ignored, here and in `resume`: a refusal would be final, and a newer
// client is to be let in.
/// `{"join":{"name":…,"colour":…}}`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(description = "")
)]
#[serde(expecting = "an object, {} or {\"name\":…}")]
pub struct Join {
    /// What the others see. Without it, or if it is null: `guest N`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Without it, or if it is null: one that the fewest members have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub colour: Option<Colour>,
}

/// `{"resume":{"seat":…,"epoch":…,"seq":…}}`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(description = "", transform = both_or_neither)
)]
#[serde(expecting = "an object with \"seat\"")]
pub struct Resume {
    /// The seat that a `hello` told.
    pub seat: SeatToken,
    /// The epoch of the last thing known; together with `seq`, or not at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
    /// The seq of the last thing known; together with `epoch`, or not at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
}

/// A command and its number: `{"id":7,"add":{…}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbered<R> {
    /// Higher than all before it from this seat.
    pub id: u64,
    /// The command.
    #[serde(flatten)]
    pub request: R,
}

/// What a client says once it has a seat, to an application whose commands are `C`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request<C> {
    /// Takes another name. Every room knows it.
    Rename(Rename),
    /// A command of the application.
    #[serde(untagged)]
    Command(C),
}

impl<C> From<C> for Request<C> {
    fn from(command: C) -> Self {
        Request::Command(command)
    }
}

/// `{"id":…,"rename":{"name":…,"colour":…}}`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(description = "")
)]
#[serde(deny_unknown_fields, expecting = "an object with \"name\"")]
pub struct Rename {
    /// What the others see from now on.
    pub name: String,
    /// Without it, or if it is null: the one it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub colour: Option<Colour>,
}

/// Says in the schema of `resume` what its type does not: that epoch and seq come
/// together. Null is understood in place of neither, but there is no use for it.
#[cfg(feature = "schema")]
fn both_or_neither(schema: &mut schemars::Schema) {
    use serde_json::json;
    if let Some(epoch) = schema.pointer_mut("/properties/epoch")
        && let Some(nullable) = epoch
            .as_object_mut()
            .and_then(|epoch| epoch.remove("anyOf"))
    {
        epoch["allOf"] = json!([nullable[0]]);
    }
    if let Some(seq) = schema.pointer_mut("/properties/seq") {
        seq["type"] = json!("integer");
        seq["maximum"] = json!(crate::MAX_SAFE_INTEGER);
    }
    schema.insert(
        "dependencies".to_owned(),
        json!({ "epoch": ["seq"], "seq": ["epoch"] }),
    );
}
