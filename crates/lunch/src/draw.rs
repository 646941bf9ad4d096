//! The draw: how each part is computed, so that anybody can compute it again.
//!
//! The server is bound to its secret before members contribute, and members do not know the
//! secret; the winner follows from the secret and the contributions. `docs/protocol.md`
//! explains the rules, what they prove, and how to check a draw by hand.

use std::fmt::{self, Write};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tablecast_core::MemberId;

use crate::hex::Hex32;
use crate::item::Candidate;

/// The secrets of all draws of a room are derived from this. It is stored with the room and
/// never shown: anybody who knows it knows the secret of every later draw.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MasterSecret(Hex32);

impl MasterSecret {
    /// A master secret of 32 bytes, which nobody must be able to guess.
    pub fn new(random: [u8; 32]) -> Self {
        MasterSecret(random.into())
    }

    /// The secret of a draw.
    pub(crate) fn secret(&self, draw: u64) -> Hex32 {
        Hex32::of(&format!("tablecast secret\n{}\n{draw}\n", self.0))
    }

    /// What members know of a draw before it begins.
    pub(crate) fn next_draw(&self, number: u64) -> NextDraw {
        NextDraw {
            number,
            commitment: commitment(self.secret(number)),
        }
    }
}

// A state easily gets into a log, so Debug hides the secret.
impl fmt::Debug for MasterSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterSecret(…)")
    }
}

/// The draw that may begin next.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NextDraw {
    /// 1, 2, 3… in a room.
    pub number: u64,
    /// SHA-256 of the digits of its secret.
    pub commitment: Hex32,
}

/// A member's contribution to a draw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Contribution {
    /// The member who made it.
    pub member: MemberId,
    /// Their name when they contributed.
    pub name: Arc<str>,
    /// Their random value.
    pub value: Hex32,
}

/// A draw that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Drawing {
    /// Its number.
    pub number: u64,
    /// SHA-256 of the digits of its secret.
    pub commitment: Hex32,
    /// The member who started it; absent: a deadline did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<MemberId>,
    /// Their name at that time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Arc<str>>,
    /// When the server ends it by itself (store's clock, ms since 1970), if a deadline started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<u64>,
    /// What it is among, in the menu's order.
    pub candidates: Vec<Candidate>,
    /// In the order they came in; of each member at most one.
    pub contributions: Vec<Contribution>,
}

impl Drawing {
    /// Whether a member contributed.
    pub fn has(&self, member: MemberId) -> bool {
        self.contributions.iter().any(|one| one.member == member)
    }

    /// The finished draw, with its secret.
    pub(crate) fn end(&self, secret: Hex32) -> Drawn {
        Drawn {
            number: self.number,
            commitment: self.commitment,
            secret,
            candidates: self.candidates.clone(),
            contributions: self.contributions.clone(),
        }
    }
}

/// A draw that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Drawn {
    /// Its number.
    pub number: u64,
    /// SHA-256 of the digits of its secret, known before it began.
    pub commitment: Hex32,
    /// Its secret, known because it is over.
    pub secret: Hex32,
    /// What it was among, in the menu's order.
    pub candidates: Vec<Candidate>,
    /// In the order they came in; of each member at most one.
    pub contributions: Vec<Contribution>,
}

/// A member's knowledge of a draw beyond its record.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known {
    /// The commitment, as the member saw it before the draw began.
    pub commitment: Option<Hex32>,
    /// The member's id, and what they contributed.
    pub own: Option<(MemberId, Hex32)>,
}

/// What checking a draw found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The server committed to the secret before it knew the contributions, revealed that
    /// secret, and the winner follows from secret and contributions.
    Fair,
    /// The computation is right, but this member was not there when the server committed to the secret.
    AddsUp,
    /// It is fair for all whose contribution was counted, but this member's was not. Once
    /// may be bad timing; a server that does this repeatedly excludes somebody.
    WithoutYours,
    /// The secret is not the one that the server had committed to.
    OtherSecret,
    /// Secret and contributions lead to another winner.
    OtherWinner,
    /// It adds up, but nobody contributed: the server's secret alone chose the winner, and the server
    /// knew it before.
    ServerAlone,
}

impl Drawn {
    /// The candidate that the secret and the contributions choose; none without candidates.
    pub fn winner(&self) -> Option<&Candidate> {
        if self.candidates.is_empty() {
            return None;
        }
        let place = Hex32::of(&self.transcript()).modulo(self.candidates.len());
        self.candidates.get(place)
    }

    /// The text that is hashed: everything that decides the draw.
    pub(crate) fn transcript(&self) -> String {
        let numbers = self.candidates.iter().map(|c| c.number.to_string());
        let numbers = numbers.collect::<Vec<_>>().join(" ");
        let mut text = format!("tablecast draw\n{}\n{numbers}\n", self.secret);
        for Contribution { member, value, .. } in &self.contributions {
            // Writing into memory cannot fail.
            let _ = writeln!(text, "{member} {value}");
        }
        text
    }

    /// Checks the draw, which candidate number `winner` is said to have won.
    pub fn check(&self, winner: u64, known: Known) -> Verdict {
        let committed = commitment(self.secret);
        let is_own = |one: &Contribution| Some((one.member, one.value)) == known.own;
        if committed != self.commitment || known.commitment.is_some_and(|c| c != committed) {
            Verdict::OtherSecret
        } else if self.winner().map(|candidate| candidate.number) != Some(winner) {
            Verdict::OtherWinner
        } else if known.own.is_some() && !self.contributions.iter().any(is_own) {
            Verdict::WithoutYours
        } else if self.contributions.is_empty() {
            Verdict::ServerAlone
        } else if known.commitment.is_none() {
            Verdict::AddsUp
        } else {
            Verdict::Fair
        }
    }
}

/// What members know of a secret before it is revealed.
fn commitment(secret: Hex32) -> Hex32 {
    Hex32::of(&secret.to_string())
}
