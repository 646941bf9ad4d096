//! The messages of a client.

use std::fmt;

use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::colour::Colour;
use crate::id::{ClientNumber, PersonKey, SeatToken};
use crate::position::Epoch;

/// A client's first message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum First {
    /// Asks for a seat.
    Join(Join),
    /// Asks for an earlier seat, and for the missed events.
    Resume(Resume),
}

impl First {
    /// Who they say that they are.
    pub fn person(&self) -> Option<PersonKey> {
        match self {
            First::Join(join) => join.person,
            First::Resume(resume) => resume.person,
        }
    }

    /// Whether they watch where there is no seat.
    pub fn watch(&self) -> Watch {
        match self {
            First::Join(join) => join.watch,
            First::Resume(_) => Watch::No,
        }
    }

    /// Which client says it.
    pub fn client(&self) -> Option<ClientNumber> {
        match self {
            First::Join(join) => join.client,
            First::Resume(resume) => resume.client,
        }
    }
}

// Unknown fields are ignored, here and in `resume`: a refusal would be final, and a newer
// client must be accepted.
/// `{"join":{"name":…,"colour":…}}`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(description = "")
)]
#[serde(expecting = "an object, {} or {\"name\":…}")]
pub struct Join {
    /// The name that the others see. If absent or null: `guest N`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// If absent or null: a colour that the fewest members have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub colour: Option<Colour>,
    /// Who you are in every room of this site. Whoever joins with a key that the room knows is the member they
    /// were, with their name and colour, and takes over the seat from an older connection. If absent or null: you
    /// are somebody new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonKey>,
    /// Whether you watch without a seat.
    #[serde(skip_serializing_if = "Watch::is_no", default)]
    pub watch: Watch,
    /// Your number. If absent or null: your connections are not told from those of other clients.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientNumber>,
}

/// Whether somebody sees a room without a seat in it, and has no say there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(
        description = "`true`: if the room is full, until a seat is free, which is given in order of coming on a server. `\"only\"`: in any case and for good. If absent, null or false: not at all.",
        transform = watch
    )
)]
pub enum Watch {
    /// Not at all: a full room lets nobody in.
    #[default]
    No,
    /// If the room is full, until a seat is free.
    UntilSeated,
    /// In any case, and for good.
    Only,
}

const ONLY: &str = "only";

impl Watch {
    fn is_no(&self) -> bool {
        *self == Watch::No
    }
}

impl Serialize for Watch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Watch::No => serializer.serialize_bool(false),
            Watch::UntilSeated => serializer.serialize_bool(true),
            Watch::Only => serializer.serialize_str(ONLY),
        }
    }
}

impl<'de> Deserialize<'de> for Watch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Said;
        impl Visitor<'_> for Said {
            type Value = Watch;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("whether to watch: true, false or \"only\"")
            }

            fn visit_bool<E: Error>(self, watches: bool) -> Result<Watch, E> {
                Ok(match watches {
                    true => Watch::UntilSeated,
                    false => Watch::No,
                })
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Watch, E> {
                match text {
                    ONLY => Ok(Watch::Only),
                    other => Err(E::invalid_value(serde::de::Unexpected::Str(other), &self)),
                }
            }

            fn visit_unit<E: Error>(self) -> Result<Watch, E> {
                Ok(Watch::No)
            }
        }
        deserializer.deserialize_any(Said)
    }
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
    /// The seat from a `hello`.
    pub seat: SeatToken,
    /// The epoch of the last known position; together with `seq`, or not at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
    /// The seq of the last known position; together with `epoch`, or not at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// Who you are. If the seat was given up and the room knows this person, they are seated as by `join`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonKey>,
    /// Your number, as in `join`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientNumber>,
    /// Whether you take the seat where another client has it now. A client that comes back by itself says false: the
    /// seat then stays with a client that has said another number, and you get close 4409. If absent or null: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub take: Option<bool>,
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

/// What a client says by HTTP, where it hears by a stream of events. Unknown fields are ignored, as
/// in `join`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "an object with \"seat\"")]
pub struct Post<C> {
    /// The `seat` of the `hello`; who watches gives its `stream`.
    pub seat: SeatToken,
    /// Commands with their numbers, as by WebSocket, in order. None: only a sign of life.
    #[serde(default = "Vec::new")]
    pub commands: Vec<C>,
    /// Whether they leave after them: the seat is given up, or they watch no more.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub leave: bool,
}

/// A message of a client that has a seat, to an application with commands `C`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request<C> {
    /// Takes another name. Every application has this command.
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
    /// The name that the others see from now on.
    pub name: String,
    /// If absent or null: the colour stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub colour: Option<Colour>,
}

/// The schema of `watch`, which no derive writes: its values are of two types.
#[cfg(feature = "schema")]
fn watch(schema: &mut schemars::Schema) {
    let description = schema.remove("description");
    *schema = schemars::json_schema!({ "enum": [false, true, ONLY, null] });
    if let Some(description) = description {
        schema.insert("description".to_owned(), description);
    }
}

/// Adds to the schema of `resume` what its type cannot say: epoch and seq come together.
/// Null is read like an absent field, but the schema leaves it out because nobody needs it.
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
