//! What happens to a table: stored, sent to other nodes, and shown to members as it is.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::hex::Hex32;
use crate::item::Item;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "MenuEvent")
)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// An item was put at the end.
    Added {
        /// Its number.
        number: u64,
        /// What it is.
        item: Arc<str>,
        /// The name of who added it.
        name: Arc<str>,
    },
    /// An item was taken away.
    Removed {
        /// Its number.
        number: u64,
    },
    /// An item that was taken away was put back: all of it.
    Restored(Arc<Item>),
    /// Somebody gave or took back a vote.
    Voted {
        /// The item's number.
        number: u64,
        /// Whether they want it.
        on: bool,
    },
    /// The room has another name, or none.
    Titled {
        /// The name.
        title: Option<Arc<str>>,
    },
    /// The room lives its whole lifetime again, as it does after any event.
    Extended {},
    /// A draw began.
    // Boxed, since all events are as large as the largest.
    Drawing(Box<Began>),
    /// Somebody added their own chance to the draw.
    Contributed {
        /// Their name.
        name: Arc<str>,
        /// Their chance.
        value: Hex32,
    },
    /// It is settled.
    Decided(Decided),
}

impl Event {
    /// Whether there are other items after it than before.
    pub(crate) fn changes_items(&self) -> bool {
        match self {
            Event::Added { .. } | Event::Removed { .. } | Event::Restored(_) => true,
            Event::Voted { .. }
            | Event::Titled { .. }
            | Event::Extended {}
            | Event::Drawing(_)
            | Event::Contributed { .. }
            | Event::Decided(_) => false,
        }
    }
}

/// A draw began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
pub struct Began {
    /// Its number.
    pub number: u64,
    /// The name of who started it.
    pub name: Arc<str>,
    /// The numbers of the items that it is among, in the menu's order.
    pub candidates: Vec<u64>,
    /// What its secret is bound to.
    pub commitment: Hex32,
    /// What the secret of the draw after it is bound to.
    pub next_commitment: Hex32,
}

/// How it was settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum Decided {
    /// One item had the most votes.
    Votes {
        /// The name of who had them counted.
        name: Arc<str>,
        /// The item's number.
        winner: u64,
    },
    /// The draw that was under way is over.
    Draw {
        /// The name of who started it.
        name: Arc<str>,
        /// The number of the candidate that won.
        winner: u64,
        /// The server's part, which the commitment was made to.
        secret: Hex32,
    },
}
