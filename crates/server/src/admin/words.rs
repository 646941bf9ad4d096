//! The words of people: hidden from operators, unless they say why they must see them. What is
//! hidden from the members of a room is in no answer at all.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::Serialize;
use serde_json::Value;
use tablecast::inspect;
use tablecast_core::room::Event;
use tablecast_core::text::clean;
use tablecast_http::{Client, Problem};
use tablecast_lunch::{HIDDEN, Menu, hide_words};

use super::params::bad;

/// The header with the reason.
const REVEAL: &str = "tablecast-reveal";

/// The longest reason, in characters as people count them.
const REASON_GRAPHEMES: usize = 200;

/// Whether the words of people are shown in an answer.
pub(super) struct Words {
    reason: Option<String>,
    client: Client,
}

impl<S: Send + Sync> FromRequestParts<S> for Words {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let client = Client::from_request_parts(parts, state).await?;
        let mut given = parts.headers.get_all(REVEAL).iter();
        let reason = match (given.next(), given.next()) {
            (None, _) => None,
            (Some(reason), None) => Some(read(reason.as_bytes())?),
            (Some(_), Some(_)) => return Err(bad("Tablecast-Reveal is there twice")),
        };
        Ok(Words { reason, client })
    }
}

/// The reason that a header says.
fn read(sent: &[u8]) -> Result<String, Problem> {
    let wrong = || bad("Tablecast-Reveal is not UTF-8 with %XX for what is not ASCII");
    let text = String::from_utf8(decode(sent).ok_or_else(wrong)?).map_err(|_| wrong())?;
    let reason = clean("the reason in Tablecast-Reveal", &text, REASON_GRAPHEMES);
    reason.map(String::from).map_err(|no| bad(&*no.message))
}

/// Replaces each `%XX` by the byte that it means.
fn decode(sent: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = sent.iter();
    let mut decoded = Vec::with_capacity(sent.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let mut digit = || char::from(*bytes.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            byte => *byte,
        });
    }
    Some(decoded)
}

impl Words {
    /// Whether they are shown.
    pub(super) fn are_shown(&self) -> bool {
        self.reason.is_some()
    }

    /// Logs who sees the words of this room and why, if they do; of all rooms without one.
    pub(super) fn log(&self, room: Option<&str>) {
        if let Some(reason) = &self.reason {
            let address = self.client.0;
            tracing::info!(room, %address, reason, "an operator sees what people said");
        }
    }

    /// A name.
    pub(super) fn name<'a>(&self, name: &'a str) -> &'a str {
        match self.reason {
            Some(_) => name,
            None => HIDDEN,
        }
    }

    /// What everybody sees of a menu.
    pub(super) fn state(&self, menu: &Menu) -> Result<Value, Problem> {
        let mut seen = json(menu.table())?;
        if !self.are_shown() {
            hide_words(&mut seen);
        }
        Ok(seen)
    }

    /// An event.
    pub(super) fn event(&self, event: &Event<tablecast_lunch::Event>) -> Result<Value, Problem> {
        let mut seen = json(&inspect::shown::<Menu>(event))?;
        match (self.are_shown(), event.of_app()) {
            (true, _) => {}
            (false, Some(_)) => hide_words(&mut seen),
            (false, None) => hide_name(&mut seen),
        }
        Ok(seen)
    }
}

/// Hides the name in an event of a seat.
fn hide_name(seen: &mut Value) {
    let kinds = seen.as_object_mut().into_iter().flat_map(Map::values_mut);
    for name in kinds.filter_map(|kind| kind.get_mut("name")) {
        *name = HIDDEN.into();
    }
}

type Map = serde_json::Map<String, Value>;

fn json(seen: &impl Serialize) -> Result<Value, Problem> {
    serde_json::to_value(seen).map_err(|error| {
        tracing::error!(%error, "a room cannot be written as JSON");
        Problem::internal("the room cannot be written as JSON")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_text_with_escapes_and_neither_empty_nor_long() {
        let reason = |sent: &[u8]| read(sent).ok();
        assert_eq!(reason(b"Mina asked"), Some("Mina asked".to_owned()));
        assert_eq!(reason(b"%EB%AF%B8%EB%82%98 %41"), Some("미나 A".to_owned()));
        let most = "x".repeat(REASON_GRAPHEMES);
        assert_eq!(reason(most.as_bytes()), Some(most.clone()));
        let more = most + "x";
        for bad in [
            b"".as_slice(),
            b"%20",
            b"%",
            b"%4",
            b"%4g",
            b"%ff",
            b"\xff",
            b"a%0Ab",
            more.as_bytes(),
        ] {
            assert_eq!(reason(bad), None, "{}", bad.escape_ascii());
        }
    }
}
