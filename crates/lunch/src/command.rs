//! What members ask for. Read strictly: a field that is not known here is refused.

use serde::{Deserialize, Serialize};

use crate::decision::How;
use crate::hex::Hex32;

/// What a member asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Puts an item at the end.
    Add(Add),
    /// Takes an item away.
    Remove(Target),
    /// Puts an item back that was taken away.
    Restore(Restore),
    /// Gives or takes back one's vote.
    Vote(Vote),
    /// Names the room.
    Title(Title),
    /// Lets the room live its whole lifetime again.
    Extend(Extend),
    /// Settles what there will be.
    Decide(Decide),
    /// Adds one's own chance to the draw that is under way.
    Contribute(Contribute),
    /// Ends the draw that is under way.
    Reveal(Reveal),
}

impl Command {
    /// Adds an item.
    pub fn add(item: impl Into<String>) -> Self {
        Command::Add(Add { item: item.into() })
    }

    /// Takes the item with this number away.
    pub fn remove(number: u64) -> Self {
        Command::Remove(Target {
            item: None,
            number: Some(number),
        })
    }

    /// Gives one's vote to the item with this number, or takes it back.
    pub fn vote(number: u64, on: bool) -> Self {
        Command::Vote(Vote {
            item: None,
            number: Some(number),
            on,
        })
    }
}

/// An item to be added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, expecting = "an object with \"item\"")]
pub struct Add {
    /// What it is.
    pub item: String,
}

/// An item that is there: the first one equal to `item`, or the one with this
/// number. Exactly one of the two is given.
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

/// An item that was there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, expecting = "an object with \"number\"")]
pub struct Restore {
    /// Its number.
    pub number: u64,
}

/// A vote for an item, which is named as one to be taken away is.
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
    /// The name; null takes it away.
    // Named, so that a title that was forgotten is not one that is taken away.
    #[serde(deserialize_with = "Option::deserialize")]
    pub title: Option<String>,
}

/// It has no fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, expecting = "an object without fields, {}")]
pub struct Extend {}

/// How to settle it.
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

/// A member's own chance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(
    deny_unknown_fields,
    expecting = "an object with \"draw\" and \"value\""
)]
pub struct Contribute {
    /// The draw's number.
    pub draw: u64,
    /// What nobody else could foresee.
    pub value: Hex32,
}

/// A draw to be ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, expecting = "an object with \"draw\"")]
pub struct Reveal {
    /// The draw's number.
    pub draw: u64,
}

/// Says in a schema that an item is named by `item` or by `number`, one of which
/// must be there: the types have both as options.
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
