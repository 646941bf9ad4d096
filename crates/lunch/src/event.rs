//! The events of a table. They are stored, sent to other nodes, and shown to members unchanged.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::hex::Hex32;
use crate::item::Item;

/// An event of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "MenuEvent")
)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// An item was added at the end.
    Added {
        /// Its number.
        number: u64,
        /// Its text.
        item: Arc<str>,
        /// The name of who added it.
        name: Arc<str>,
    },
    /// An item was removed.
    Removed {
        /// Its number.
        number: u64,
    },
    /// A removed item was put back, with everything it had.
    Restored(Arc<Item>),
    /// A member gave or took back a vote.
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
    /// The room lives its full lifetime again, as after any event.
    Extended {},
    /// A draw began.
    // Boxed, because every event takes as much memory as the largest.
    Drawing(Box<Began>),
    /// A member contributed to the draw.
    Contributed {
        /// Their name.
        name: Arc<str>,
        /// Their random value.
        value: Hex32,
    },
    /// A decision was made.
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
    /// The numbers of the candidates, in the menu's order.
    pub candidates: Vec<u64>,
    /// The commitment to its secret.
    pub commitment: Hex32,
    /// The commitment to the secret of the next draw.
    pub next_commitment: Hex32,
}

/// How it was decided.
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
    /// The draw under way is over.
    Draw {
        /// The name of who started it.
        name: Arc<str>,
        /// The number of the candidate that won.
        winner: u64,
        /// The server's secret, to which the commitment was made.
        secret: Hex32,
    },
}
