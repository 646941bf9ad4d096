//! The commands of members. They are read strictly: an unknown field is refused.

use serde::{Deserialize, Deserializer, Serialize};
use tablecast_core::MemberId;

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
    /// Says when the votes decide by themselves.
    Deadline(SetDeadline),
    /// Asks the others to vote.
    Nudge(Nudge),
    /// Says that the member cannot eat an item, or that they can after all.
    Veto(Veto),
    /// Changes how members vote.
    Rules(ChangeRules),
    /// Leaves the menu and the decision to the host, or to everybody again.
    Lock(Lock),
    /// Makes another member the host.
    Host(MakeHost),
    /// Asks a member to leave. Whoever they are may not come back.
    Dismiss(Dismiss),
    /// Makes an earlier decision the decision again.
    Reinstate(Reinstate),
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

    /// Whether only the host may ask for it when the menu is locked.
    pub(crate) fn is_locked(&self) -> bool {
        match self {
            Command::Add(_)
            | Command::Remove(_)
            | Command::Restore(_)
            | Command::Title(_)
            | Command::Rules(_)
            | Command::Deadline(_)
            | Command::Decide(_)
            | Command::Reinstate(_) => true,
            Command::Vote(_)
            | Command::Veto(_)
            | Command::Nudge(_)
            | Command::Extend(_)
            | Command::Contribute(_)
            | Command::Reveal(_)
            // These are the host's anyway.
            | Command::Lock(_)
            | Command::Host(_)
            | Command::Dismiss(_) => false,
        }
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

/// When the votes decide. Exactly one of the two is given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(transform = one_way_to_say_when)
)]
#[serde(
    deny_unknown_fields,
    expecting = "an object with \"at\", a time or null, or with \"in_ms\""
)]
pub struct SetDeadline {
    /// The time (store's clock, ms since 1970); null: never.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    pub at: Option<Option<u64>>,
    /// So many milliseconds from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_ms: Option<u64>,
}

/// Has no fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, expecting = "an object without fields, {}")]
pub struct Nudge {}

/// A veto against an item, which is named as in `remove`.
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
pub struct Veto {
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// Its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// Whether the member cannot eat it.
    pub on: bool,
}

/// Changes how members vote. What is absent stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(transform = absent_stays)
)]
#[serde(
    deny_unknown_fields,
    expecting = "an object with \"hidden_votes\" or \"votes_each\""
)]
pub struct ChangeRules {
    /// Whether members see only their own votes until it is decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden_votes: Option<bool>,
    /// How many votes each may give, 1 to 100; null: as many as they like.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    pub votes_each: Option<Option<u32>>,
}

/// Who may change the menu and decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, expecting = "an object with \"on\"")]
pub struct Lock {
    /// Whether it is the host alone.
    pub on: bool,
}

/// The next host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, expecting = "an object with \"member\"")]
pub struct MakeHost {
    /// The member, who has a seat.
    pub member: MemberId,
}

/// Somebody who is to leave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, expecting = "an object with \"member\"")]
pub struct Dismiss {
    /// The member, who has a seat.
    pub member: MemberId,
}

/// A decision to return to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, expecting = "an object with \"decision\"")]
pub struct Reinstate {
    /// The decision's number.
    pub decision: u64,
}

/// Reads a field that may be null, and differs then from one that is absent.
fn given<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// Describes a field that may be absent: what it is if it is there.
#[cfg(feature = "schema")]
fn describe(schema: &mut schemars::Schema, name: &str, described: serde_json::Value) {
    let property = schema.pointer_mut(&format!("/properties/{name}"));
    if let Some(property) = property.and_then(serde_json::Value::as_object_mut) {
        property.remove("default");
        property.extend(described.as_object().cloned().unwrap_or_default());
    }
}

/// Adds to a schema that exactly one of `item` and `number` names the item: in the types
/// both are optional.
#[cfg(feature = "schema")]
fn one_way_to_name(schema: &mut schemars::Schema) {
    use serde_json::json;
    describe(schema, "item", json!({ "type": "string" }));
    describe(schema, "number", json!({ "type": "integer" }));
    one_of(schema, ["item", "number"]);
}

/// Adds to a schema that exactly one of `at` and `in_ms` says when.
#[cfg(feature = "schema")]
fn one_way_to_say_when(schema: &mut schemars::Schema) {
    use serde_json::json;
    describe(schema, "at", json!({ "type": ["integer", "null"] }));
    describe(schema, "in_ms", json!({ "type": "integer" }));
    one_of(schema, ["at", "in_ms"]);
}

#[cfg(feature = "schema")]
fn one_of(schema: &mut schemars::Schema, fields: [&str; 2]) {
    let required = fields.map(|field| serde_json::json!({ "required": [field] }));
    schema.insert("oneOf".to_owned(), required.to_vec().into());
}

/// Adds to a schema what the rules may be, if they are there.
#[cfg(feature = "schema")]
fn absent_stays(schema: &mut schemars::Schema) {
    use serde_json::json;
    let most = crate::limits::MAX_VOTES_EACH;
    let each = json!({ "type": ["integer", "null"], "minimum": 1, "maximum": most });
    describe(schema, "hidden_votes", json!({ "type": "boolean" }));
    describe(schema, "votes_each", each);
}
