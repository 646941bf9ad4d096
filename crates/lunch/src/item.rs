//! What is on a table.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tablecast_core::MemberId;

/// One thing on the menu.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Item {
    /// 1, 2, 3… in order of adding; never used twice in a room.
    pub number: u64,
    /// What it is, as `clean` leaves it.
    pub item: Arc<str>,
    /// Who added it.
    pub by: MemberId,
    /// Their name when they added it.
    pub name: Arc<str>,
    /// Who votes for it, in order of voting, members who left among them.
    pub votes: Vec<MemberId>,
}

/// An item as it was when it became one to choose from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
