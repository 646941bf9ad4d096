//! The items on a table.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tablecast_core::MemberId;

/// One item on the menu.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Item {
    /// 1, 2, 3… in order of adding; never used twice in an epoch of a room.
    pub number: u64,
    /// Its text, cleaned by `clean`.
    pub item: Arc<str>,
    /// The member who added it; 0: it came from the table before.
    #[cfg_attr(feature = "schema", schemars(with = "u64"))]
    pub by: MemberId,
    /// Their name when they added it.
    pub name: Arc<str>,
    /// The members who vote for it, in order of voting, including members who left. Where votes
    /// are hidden: those who did when the votes were last shown, and the viewer if they do now.
    pub votes: Vec<MemberId>,
    /// The members who cannot eat it, in order of saying so. Such an item cannot win.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vetoes: Vec<MemberId>,
}

/// The votes for an item, when hidden votes are shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Revealed {
    /// The item's number.
    pub number: u64,
    /// The members who vote for it, in order of voting.
    pub votes: Vec<MemberId>,
}

/// An item as it was when it became a candidate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Candidate {
    /// Its number on the menu.
    pub number: u64,
    /// Its text.
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
