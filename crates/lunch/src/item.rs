//! The items on a table.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tablecast_core::MemberId;

/// One item on the menu.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Item {
    /// 1, 2, 3… in order of adding; never used twice in a room.
    pub number: u64,
    /// Its text, cleaned by `clean`.
    pub item: Arc<str>,
    /// The member who added it.
    pub by: MemberId,
    /// Their name when they added it.
    pub name: Arc<str>,
    /// The members who vote for it, in order of voting, including members who left.
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
