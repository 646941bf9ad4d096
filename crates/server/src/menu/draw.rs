//! The draw: what each part of it is computed from, so that anybody can compute it
//! again.
//!
//! The server is bound to its secret before members contribute, and members do not
//! know the secret; the winner follows from both. The rules in words, what they
//! prove, and how to check a draw by hand are in `docs/protocol.md`.

use std::fmt::{self, Write};
use std::num::NonZeroUsize;
use std::str::FromStr;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tablecast_core::MemberId;

use super::Item;

/// 32 bytes, written as 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^[0-9a-f]{64}$"))]
pub struct Hex32([u8; 32]);

/// A text is not what a [`Hex32`] is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 64 lower-case hex digits")]
pub struct NotHex32;

impl Hex32 {
    /// SHA-256 of a text.
    fn of(text: &str) -> Self {
        Hex32(Sha256::digest(text).into())
    }
}

impl From<[u8; 32]> for Hex32 {
    fn from(bytes: [u8; 32]) -> Self {
        Hex32(bytes)
    }
}

impl FromStr for Hex32 {
    type Err = NotHex32;

    // One spelling for each value: it is hashed as text.
    fn from_str(text: &str) -> Result<Self, NotHex32> {
        let mut bytes = [0; 32];
        match base16ct::lower::decode(text, &mut bytes) {
            Ok(decoded) if decoded.len() == 32 => Ok(Hex32(bytes)),
            _ => Err(NotHex32),
        }
    }
}

impl TryFrom<String> for Hex32 {
    type Error = NotHex32;

    fn try_from(text: String) -> Result<Self, NotHex32> {
        text.parse()
    }
}

impl From<Hex32> for String {
    fn from(value: Hex32) -> Self {
        value.to_string()
    }
}

impl fmt::Display for Hex32 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0; 64];
        f.write_str(base16ct::lower::encode_str(&self.0, &mut digits)?)
    }
}

impl fmt::Debug for Hex32 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What the secrets of all draws of a room are made from. It is stored with the
/// room, and shown to nobody: whoever knows it knows every later draw's secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MasterSecret(Hex32);

impl MasterSecret {
    /// From 32 bytes that nobody can guess.
    pub fn new(random: [u8; 32]) -> Self {
        MasterSecret(Hex32(random))
    }

    /// The secret of a draw.
    pub(super) fn secret(&self, draw: u64) -> Hex32 {
        Hex32::of(&format!("tablecast secret\n{}\n{draw}\n", self.0))
    }

    /// What members know of a draw's secret before it is told.
    pub(super) fn commitment(&self, draw: u64) -> Hex32 {
        Hex32::of(&self.secret(draw).to_string())
    }
}

// A state is easily logged.
impl fmt::Debug for MasterSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterSecret(…)")
    }
}

/// The draw that may begin next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NextDraw {
    /// 1, 2, 3… in a room.
    pub number: u64,
    /// SHA-256 of the digits of its secret.
    pub commitment: Hex32,
}

/// An item as it was when it became one to choose from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Candidate {
    /// Its number on the menu.
    pub number: u64,
    /// What it is.
    pub item: Arc<str>,
    /// The name of who added it.
    pub name: Arc<str>,
    /// How many votes it had.
    pub votes: usize,
}

impl From<&Item> for Candidate {
    fn from(item: &Item) -> Self {
        Candidate {
            number: item.number,
            item: item.item.clone(),
            name: item.name.clone(),
            votes: item.votes.len(),
        }
    }
}

/// A member's own chance in a draw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Contribution {
    /// Whose it is.
    pub member: MemberId,
    /// Their name when they contributed.
    pub name: Arc<str>,
    /// Their chance.
    pub value: Hex32,
}

/// A draw that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Drawing {
    /// Its number.
    pub number: u64,
    /// SHA-256 of the digits of its secret.
    pub commitment: Hex32,
    /// Who started it.
    pub by: MemberId,
    /// Their name at that time.
    pub name: Arc<str>,
    /// What it is among, in the menu's order.
    pub candidates: Vec<Candidate>,
    /// In the order they came in; of each member at most one.
    pub contributions: Vec<Contribution>,
}

impl Drawing {
    /// The candidate that this secret and the contributions choose; none without
    /// candidates.
    pub(super) fn winner(&self, secret: Hex32) -> Option<&Candidate> {
        let among = NonZeroUsize::new(self.candidates.len())?;
        let digest = Hex32::of(&self.transcript(secret));
        self.candidates.get(remainder(digest, among))
    }

    /// All that decides, as the text that is hashed.
    pub(super) fn transcript(&self, secret: Hex32) -> String {
        let numbers: Vec<String> = self
            .candidates
            .iter()
            .map(|c| c.number.to_string())
            .collect();
        let mut text = format!("tablecast draw\n{secret}\n{}\n", numbers.join(" "));
        for Contribution { member, value, .. } in &self.contributions {
            // Writing into memory cannot fail.
            let _ = writeln!(text, "{member} {value}");
        }
        text
    }
}

/// A draw that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Drawn {
    /// Its number.
    pub number: u64,
    /// SHA-256 of the digits of its secret, known before it began.
    pub commitment: Hex32,
    /// Its secret, known since it is over.
    pub secret: Hex32,
    /// What it was among, in the menu's order.
    pub candidates: Vec<Candidate>,
    /// In the order they came in; of each member at most one.
    pub contributions: Vec<Contribution>,
}

/// A digest as a big-endian number, modulo `divisor`.
fn remainder(digest: Hex32, divisor: NonZeroUsize) -> usize {
    let next = |rest: usize, byte: &u8| ((rest << 8) | usize::from(*byte)) % divisor;
    digest.0.iter().fold(0, next)
}
