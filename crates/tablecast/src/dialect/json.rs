//! `tablecast.v1`: the dialect for programs, with the types of [`tablecast_protocol`];
//! stored data has its own types. This file reads a client's messages; `push` writes the
//! server's.

mod fault;
mod push;

use std::borrow::Cow;
use std::fmt;

use serde::de::{
    Deserialize, DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IgnoredAny,
    MapAccess, Visitor,
};
use serde_json::value::RawValue;
use tablecast_core::membership::Op;
use tablecast_core::text::{NAME_GRAPHEMES, clean};
use tablecast_protocol::MAX_SAFE_INTEGER;
use tablecast_protocol::client::{First, Join, Rename, Request, Resume};

use crate::dialect::digest;
use crate::dialect::message::{ClientMessage, Misunderstood};
use fault::cut;
pub(crate) use fault::fault;
pub(crate) use push::{Greeting, ack, error, event, hello, members, snapshot, status};

/// `{"id":…,"VERB":…}` with exactly one verb.
struct Envelope<'a> {
    id: Option<u64>,
    verb: String,
    content: &'a str,
}

/// Reads an object with a verb. The number is stored even if the rest cannot be read,
/// because an error without a number cannot be matched to a command.
struct Keys<'a>(&'a mut Option<u64>);

impl<'de> DeserializeSeed<'de> for Keys<'_> {
    type Value = (String, &'de RawValue);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Keys<'_> {
    type Value = (String, &'de RawValue);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with an id and one command")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut said = None;
        let mut second = None;
        while let Some(key) = map.next_key::<String>()? {
            if key == "id" {
                if self.0.is_some() {
                    return Err(M::Error::duplicate_field("id"));
                }
                let Number(id) = map.next_value()?;
                *self.0 = Some(id);
            } else if said.is_some() {
                map.next_value::<IgnoredAny>()?;
                second.get_or_insert(key);
            } else {
                said = Some((key, map.next_value::<&RawValue>()?));
            }
        }
        match (said, second) {
            (_, Some(key)) => Err(M::Error::custom(format_args!(
                "one command a message, but {key:?} is a second one"
            ))),
            (said, None) => said.ok_or_else(|| M::Error::custom("no command")),
        }
    }
}

/// The number of a message, which says its name where something else stands.
struct Number(u64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_u64(Digits).map(Number)
    }
}

struct Digits;

impl Visitor<'_> for Digits {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "as \"id\" a number from 1 to {MAX_SAFE_INTEGER}")
    }

    fn visit_u64<E>(self, number: u64) -> Result<u64, E> {
        Ok(number)
    }
}

fn envelope(text: &str) -> Result<Envelope<'_>, Misunderstood> {
    let mut id = None;
    let mut reader = serde_json::Deserializer::from_str(text);
    let said = Keys(&mut id)
        .deserialize(&mut reader)
        .and_then(|said| reader.end().map(|()| said));
    match said {
        Ok((verb, content)) => Ok(Envelope {
            id,
            verb,
            content: content.get(),
        }),
        Err(error) => {
            let form = "a message is one JSON object, like {\"id\":1,\"COMMAND\":{…}}";
            let why = format!("not understood: {}; {form}", cut(&error.to_string()));
            Err(Misunderstood::bad_command(id, why))
        }
    }
}

/// A command without content may be sent with `{}` or null: both become `{}` here.
fn content_of(written: &str) -> &str {
    let inside = written
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'));
    let is_empty = inside.is_some_and(|inside| inside.trim_ascii().is_empty());
    if is_empty || written == "null" {
        "{}"
    } else {
        written
    }
}

/// A member's name as it is shown.
fn clean_name(id: Option<u64>, name: &str) -> Result<String, Misunderstood> {
    let cleaned = clean("the name", name, NAME_GRAPHEMES).map(Cow::into_owned);
    cleaned.map_err(|rejection| Misunderstood { id, rejection })
}

/// Reads a client's first message: `{"join":{"name":…,"colour":…,"person":…,"watch":…,"client":…}}`, or
/// `{"resume":{"seat":…,"epoch":…,"seq":…,"person":…,"client":…,"take":…}}`.
pub(crate) fn first(text: &str) -> Result<First, Misunderstood> {
    let said = envelope(text)?;
    let bad = |why: String| Misunderstood::bad_command(said.id, why);
    let content = said.content;
    match said.verb.as_str() {
        "join" => {
            let mut join: Join = read("join", content).map_err(bad)?;
            let name = join.name.take();
            join.name = name.map(|name| clean_name(said.id, &name)).transpose()?;
            Ok(First::Join(join))
        }
        "resume" => {
            let resume: Resume = read("resume", content).map_err(bad)?;
            match (resume.epoch, resume.seq) {
                (Some(_), Some(0..=MAX_SAFE_INTEGER)) | (None, None) => Ok(First::Resume(resume)),
                _ => Err(bad(format!(
                    "in \"resume\": give epoch and seq together (seq at most {MAX_SAFE_INTEGER}), or neither"
                ))),
            }
        }
        other => Err(bad(format!(
            "the first message is {{\"join\":{{}}}} or {{\"resume\":{{…}}}}, not {:?}",
            cut(other)
        ))),
    }
}

/// Reads a later message: `{"id":…,"rename":{"name":…,"colour":…}}`, or
/// `{"id":…,"COMMAND":…}`.
pub(crate) fn later<C: DeserializeOwned>(text: &str) -> Result<ClientMessage<C>, Misunderstood> {
    let Envelope { id, verb, content } = envelope(text)?;
    let bad = |why: String| Misunderstood::bad_command(id, why);
    if matches!(&*verb, "join" | "resume") {
        return Err(bad(format!(
            "{verb:?} is for the first message; you have a seat already"
        )));
    }
    let number = match id {
        Some(number @ 1..=MAX_SAFE_INTEGER) => number,
        _ => {
            return Err(bad(format!(
                "\"id\" must be a number from 1 to {MAX_SAFE_INTEGER}"
            )));
        }
    };
    let content = content_of(content);
    let op = Op {
        number,
        digest: digest(&[&verb, content]),
    };
    if verb == "rename" {
        let mut rename: Rename = read("rename", content).map_err(bad)?;
        rename.name = clean_name(id, &rename.name)?;
        let content = Request::Rename(rename);
        return Ok(ClientMessage { op, content });
    }
    let command = command(&verb, content).map_err(bad)?;
    let content = Request::Command(command);
    Ok(ClientMessage { op, content })
}

/// Reads what is said with a verb of the protocol.
fn read<'de, T: Deserialize<'de>>(verb: &str, content: &'de str) -> Result<T, String> {
    let read = serde_json::from_str(content);
    read.map_err(|error| format!("in {verb:?}: {}", fault::<T>(content, &error)))
}

/// Reads a command of the application.
fn command<C: DeserializeOwned>(verb: &str, content: &str) -> Result<C, String> {
    let key = serde_json::to_string(verb).unwrap_or_default();
    let text = format!("{{{key}:{content}}}");
    let error = match serde_json::from_str(&text) {
        Ok(command) => return Ok(command),
        Err(error) => error,
    };
    if content == "{}" {
        // A variant without content, which serde reads from null. If that fails too, the
        // error about `{}` says more.
        if let Ok(command) = serde_json::from_str(&format!("{{{key}:null}}")) {
            return Ok(command);
        }
    }
    let what = fault::<C>(&text, &error);
    let unknown = format!("unknown value `{verb}`");
    Err(match what.strip_prefix(&unknown) {
        Some(known) => format!("unknown command `{verb}`{known}, `rename`"),
        None => format!("in {:?}: {what}", cut(verb)),
    })
}
