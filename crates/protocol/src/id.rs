//! Identifiers: how each is made, parsed and printed.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The longest room id in bytes. A UUID has 36; applications with their own names get more.
/// Redis keys stay short.
pub const MAX_ROOM_ID_BYTES: usize = 64;

/// What is wrong with an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text is empty or longer than allowed.
    #[error("an id has 1 to {max} characters, this one has {found}")]
    Length {
        /// How long it was, in bytes.
        found: usize,
        /// How long it may be, in bytes.
        max: usize,
    },
    /// The text holds a character that ids do not have.
    #[error("{0:?} is not allowed in an id: only a-z, A-Z, 0-9, '-' and '_' are")]
    Character(char),
}

/// Names a room: 1 to 64 characters of `a-z A-Z 0-9 - _`.
///
/// The lunch server makes random UUIDs; an embedding application may use its own names.
/// Every id from outside goes through [`FromStr`] before it reaches a store, so an id never
/// holds a wildcard, a brace, a separator or a line end.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(
        description = "Names a room. Whoever knows it may join.",
        extend("pattern" = "^[A-Za-z0-9_-]{1,64}$")
    )
)]
pub struct RoomId(Arc<str>);

impl RoomId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RoomId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        checked(text, MAX_ROOM_ID_BYTES).map(|text| RoomId(text.into()))
    }
}

impl Borrow<str> for RoomId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Checks that a text is an id, and returns it.
///
/// # Errors
/// It is empty, longer than `max` bytes, or has a character other than `a-z A-Z 0-9 - _`.
pub fn checked(text: &str, max: usize) -> Result<&str, IdError> {
    if text.is_empty() || text.len() > max {
        return Err(IdError::Length {
            found: text.len(),
            max,
        });
    }
    let odd = |c: &char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    match text.chars().find(odd) {
        Some(c) => Err(IdError::Character(c)),
        None => Ok(text),
    }
}

/// Names a member within a room: the seq of the event that gave them the seat,
/// so ids need no randomness and are never used twice in one epoch of a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(
        description = "Names a member in a room; never used twice in one epoch of it.",
        extend("minimum" = 1)
    )
)]
#[serde(transparent)]
pub struct MemberId(pub u64);

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Names a client among those of the same person: a tab of a browser, or a run of a program. The client draws it at
/// random and says it with each `join` and `resume`, so that a server tells its connections from those of another tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(
        description = "Names a client among those of the same person, such as a tab: drawn once, at random.",
        extend("minimum" = 1, "maximum" = ClientNumber::MAX)
    )
)]
#[serde(try_from = "u32")]
pub struct ClientNumber(u32);

impl ClientNumber {
    /// The highest. Few clients share a seat, so that two of them hardly ever draw the same.
    pub const MAX: u32 = (1 << 20) - 1;

    /// The number that these random bits choose.
    pub fn drawn(random: u32) -> Self {
        ClientNumber(random % Self::MAX + 1)
    }

    /// The number, from 1 to [`ClientNumber::MAX`].
    pub fn get(self) -> u32 {
        self.0
    }
}

/// A number that no client has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no number of a client, which is a whole number from 1 to {max}", max = ClientNumber::MAX)]
pub struct NoClientNumber(u32);

impl TryFrom<u32> for ClientNumber {
    type Error = NoClientNumber;

    fn try_from(number: u32) -> Result<Self, NoClientNumber> {
        match number {
            1..=Self::MAX => Ok(ClientNumber(number)),
            _ => Err(NoClientNumber(number)),
        }
    }
}

/// For types with `#[serde(try_from = "String", into = "String")]`: they are read as they are
/// parsed, and written as they are displayed.
#[macro_export]
macro_rules! written_as_text {
    ($type:ty) => {
        impl TryFrom<String> for $type {
            type Error = <$type as std::str::FromStr>::Err;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> String {
                value.to_string()
            }
        }
    };
}

pub(crate) use written_as_text;

// Debug hides a secret, so that it cannot get into a log.
macro_rules! secret {
    ($(#[$about:meta])* $name:ident) => {
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(
            feature = "schema",
            derive(schemars::JsonSchema),
            schemars(extend("pattern" = "^[0-9a-f]{32}$"))
        )]
        $(#[$about])*
        #[serde(try_from = "String", into = "String")]
        pub struct $name(pub u128);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(hidden)"))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:032x}", self.0)
            }
        }

        impl FromStr for $name {
            type Err = HexError;

            fn from_str(text: &str) -> Result<Self, HexError> {
                hex(text, 32).map($name)
            }
        }

        written_as_text!($name);
    };
}

secret! {
    /// The secret with which a member takes the same seat again. Printed as 32 hex digits;
    /// [`Debug`](fmt::Debug) hides it.
    #[cfg_attr(
        feature = "schema",
        schemars(
            rename = "Seat",
            description = "A secret: whoever knows it can take over the seat."
        )
    )]
    SeatToken
}

secret! {
    /// The secret by which a room knows a person again: random, made once by the client, and
    /// the same in each room of the site. Servers store only a hash of it. Printed as 32 hex
    /// digits; [`Debug`](fmt::Debug) hides it.
    #[cfg_attr(
        feature = "schema",
        schemars(description = "A secret: whoever knows it is this person, in every room of the site.")
    )]
    PersonKey
}

/// A secret or an epoch does not consist of the expected hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {digits} lower-case hex digits")]
pub struct HexError {
    /// How many digits are expected.
    pub digits: usize,
}

/// Exactly `digits` lower-case hex digits: one spelling for each value.
pub(crate) fn hex(text: &str, digits: usize) -> Result<u128, HexError> {
    let right =
        text.len() == digits && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if !right {
        return Err(HexError { digits });
    }
    u128::from_str_radix(text, 16).map_err(|_| HexError { digits })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_id_never_holds_what_a_store_could_misread() {
        for bad in [
            "",
            "*",
            "{}",
            "a b",
            "a\r\nb",
            "a:b",
            "..",
            "방",
            "a/b",
            "a\0",
            &"x".repeat(65),
        ] {
            assert!(bad.parse::<RoomId>().is_err(), "{bad:?} was accepted");
        }
        for good in [
            "e0432a93-e791-437b-a8f8-3b27ea76c3e5",
            "lunch_1",
            "A",
            &"x".repeat(64),
        ] {
            assert_eq!(
                good.parse::<RoomId>().map(|id| id.to_string()),
                Ok(good.to_owned())
            );
        }
    }

    #[test]
    fn a_seat_token_has_one_spelling_and_is_hidden_in_debug() {
        let token = SeatToken(0xabc);
        assert_eq!(token.to_string().parse::<SeatToken>(), Ok(token));
        assert!(
            token
                .to_string()
                .to_uppercase()
                .parse::<SeatToken>()
                .is_err()
        );
        assert!("abc".parse::<SeatToken>().is_err());
        assert!(!format!("{token:?}").contains("abc"));
    }
}
