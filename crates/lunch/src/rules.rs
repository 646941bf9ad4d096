//! What a room's members agree on besides the menu: how they vote, until when, and who decides that.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tablecast_core::MemberId;

/// How members vote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Rules {
    /// Whether members see only their own votes until it is decided.
    pub hidden_votes: bool,
    /// How many votes each member may give; null: as many as they like.
    pub votes_each: Option<u32>,
}

impl Rules {
    /// Whether somebody may have more votes now than these rules allow, who had not more than the
    /// other rules allow.
    pub(crate) fn are_stricter_than(self, other: Rules) -> bool {
        let most = |rules: Rules| rules.votes_each.unwrap_or(u32::MAX);
        most(self) < most(other)
    }

    /// Whether so many votes of one member are more than allowed.
    pub(crate) fn exceeded_by(self, votes: usize) -> bool {
        self.votes_each.is_some_and(|most| votes > most as usize)
    }
}

/// When the votes decide by themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Deadline {
    /// The time (store's clock, ms since 1970).
    pub at: u64,
    /// The member who set it; absent: it was set when the room was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<MemberId>,
    /// Their name at that time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Arc<str>>,
}

/// What holds in a room besides its menu.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct House {
    /// How members vote.
    #[serde(default)]
    pub rules: Rules,
    /// When the votes decide by themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Deadline>,
    /// The member who is host; absent: nobody is, and everybody may do everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<MemberId>,
    /// Whether only the host may change the menu and decide.
    #[serde(default)]
    pub locked: bool,
    /// When somebody last asked the others to vote (store's clock, ms since 1970).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nudged_at: Option<u64>,
}
