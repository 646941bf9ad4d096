//! The commands of members. They are read strictly: an unknown field is refused.

use serde::{Deserialize, Serialize};

use crate::decision::How;
use crate::hex::Hex32;

/// A member's command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Puts an item at the end.
    Add(Add),
    /// Removes an item.
    Remove(Target),
    /// Puts back an item that was removed.
    Restore(Restore),
    /// Gives or takes back the member's vote.
    Vote(Vote),
    /// Names the room.
    Title(Title),
    /// Lets the room live its full lifetime again.
    Extend(Extend),
    /// Decides by votes or by a draw.
    Decide(Decide),
    /// Adds the member's random value to the draw under way.
    Contribute(Contribute),
    /// Ends the draw that is under way.
    Reveal(Reveal),
}

impl Command {
    /// Adds an item.
    pub fn add(item: impl Into<String>) -> Self {
        Command::Add(Add { item: item.into() })
    }

    /// Removes the item with this number.
    pub fn remove(number: u64) -> Self {
        Command::Remove(Target {
            item: None,
            number: Some(number),
        })
    }

    /// Gives the vote to the item with this number, or takes it back.
    pub fn vote(number: u64, on: bool) -> Self {
        Command::Vote(Vote {
            item: None,
            number: Some(number),
            on,
        })
    }
}

/// An item to add.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, expecting = "an object with \"item\"")]
pub struct Add {
    /// Its text.
    pub item: String,
}

/// An item on the menu: the first one equal to `item`, or the one with this `number`.
/// Exactly one of the two is given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "Remove", transform = one_way_to_name)
)]
#[serde(
    deny_unknown_fields,
    expecting = "an object with \"item\" or \"number\""
)]
pub struct Target {
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// Its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
}

/// An item that was removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, expecting = "an object with \"number\"")]
pub struct Restore {
    /// Its number.
    pub number: u64,
}

/// A vote for an item, which is named as in `remove`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(transform = one_way_to_name)
)]
#[serde(
    deny_unknown_fields,
    expecting = "an object with \"on\", and \"item\" or \"number\""
)]
pub struct Vote {
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// Its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// Whether the member wants it.
    pub on: bool,
}

/// A name for the room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(extend("required" = ["title"]))
)]
#[serde(
    deny_unknown_fields,
    expecting = "an object with \"title\", a string or null"
)]
pub struct Title {
    /// The name; null removes it.
    // The field is required, so that a forgotten title does not remove the title.
    #[serde(deserialize_with = "Option::deserialize")]
    pub title: Option<String>,
}

/// Has no fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, expecting = "an object without fields, {}")]
pub struct Extend {}

/// How to decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(
    deny_unknown_fields,
    expecting = "an object with \"how\", which is \"votes\" or \"draw\""
)]
pub struct Decide {
    /// By votes or by a draw.
    pub how: How,
}

/// A member's random value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(
    deny_unknown_fields,
    expecting = "an object with \"draw\" and \"value\""
)]
pub struct Contribute {
    /// The draw's number.
    pub draw: u64,
    /// A value that nobody else could predict.
    pub value: Hex32,
}

/// A draw to end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, expecting = "an object with \"draw\"")]
pub struct Reveal {
    /// The draw's number.
    pub draw: u64,
}

/// Adds to a schema that exactly one of `item` and `number` names the item: in the types
/// both are optional.
#[cfg(feature = "schema")]
fn one_way_to_name(schema: &mut schemars::Schema) {
    use serde_json::{Value, json};
    for (name, kind) in [("item", "string"), ("number", "integer")] {
        let property = schema.pointer_mut(&format!("/properties/{name}"));
        if let Some(property) = property.and_then(Value::as_object_mut) {
            property.insert("type".to_owned(), kind.into());
            property.remove("default");
        }
    }
    schema.insert(
        "oneOf".to_owned(),
        json!([{ "required": ["item"] }, { "required": ["number"] }]),
    );
}
