//! The table as its members see it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tablecast_core::{MemberId, text::folded};

use crate::decision::Decision;
use crate::draw::{Drawing, NextDraw};
use crate::item::Item;
use crate::rules::House;

/// The menu as the JSON dialect shows it: without its secret, and without hidden votes.
// The same item may be there twice. Cloning copies nothing; all lists are shared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Seen", into = "Seen")]
pub struct Table {
    /// What the room is called.
    pub title: Option<Arc<str>>,
    /// The items in order of adding.
    pub items: Arc<[Arc<Item>]>,
    /// How many items are allowed.
    pub max_items: usize,
    /// Shared, because most events do not change it.
    pub settling: Arc<Settling>,
    /// The items that can be restored, the last one first.
    pub removed: Arc<[Arc<Item>]>,
    /// The decisions before the present one, the last one first, without their draws.
    pub past: Arc<[Arc<Decision>]>,
    /// What holds besides the menu.
    pub house: Arc<House>,
    /// Who has voted, sorted; only where votes are hidden, since else the items tell.
    pub(crate) voters: Arc<[MemberId]>,
}

/// The draw under way, and the last decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Settling {
    /// The next draw.
    // Older servers without draws do not send it; then its number is 0, which no draw has.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(!default))]
    pub next_draw: NextDraw,
    /// The draw under way.
    pub drawing: Option<Drawing>,
    /// The last decision.
    pub decision: Option<Arc<Decision>>,
}

impl Table {
    /// The index of an item, or else the index at which it would be inserted.
    pub(crate) fn place(&self, number: u64) -> Result<usize, usize> {
        self.items.binary_search_by_key(&number, |item| item.number)
    }

    /// The item with this number.
    pub fn item(&self, number: u64) -> Option<&Arc<Item>> {
        let at = self.place(number).ok()?;
        self.items.get(at)
    }

    /// The first item with exactly this text.
    pub fn find(&self, text: &str) -> Option<&Arc<Item>> {
        self.items.iter().find(|item| *item.item == *text)
    }

    /// The first item that people take for the same as this text. Adding it again would only split
    /// its votes.
    pub fn find_alike(&self, text: &str) -> Option<&Arc<Item>> {
        let text = folded(text);
        self.items.iter().find(|item| folded(&item.item) == text)
    }

    /// Who has given a vote and not taken it back, also for an item that was removed; sorted.
    pub fn voted(&self) -> Vec<MemberId> {
        if self.house.rules.hidden_votes {
            return self.voters.to_vec();
        }
        let items = self.items.iter().chain(&*self.removed);
        let mut voted: Vec<MemberId> = items.flat_map(|item| &item.votes).copied().collect();
        voted.sort_unstable();
        voted.dedup();
        voted
    }
}

/// A [`Table`] on the wire.
#[derive(Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "Menu")
)]
pub(crate) struct Seen {
    /// What the room is called.
    title: Option<Arc<str>>,
    /// The items in order of adding.
    items: Arc<[Arc<Item>]>,
    /// How many items are allowed.
    max_items: usize,
    #[serde(flatten)]
    settling: Arc<Settling>,
    // Older servers send nothing of what follows.
    #[serde(flatten)]
    house: Arc<House>,
    /// Who has given a vote and not taken it back, also for an item that was removed; sorted.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(!default))]
    voted: Vec<MemberId>,
    /// The items that can be restored, the last one first.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(!default))]
    removed: Arc<[Arc<Item>]>,
    /// The decisions before the present one, the last one first.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(!default))]
    past: Arc<[Arc<Decision>]>,
}

impl From<Table> for Seen {
    fn from(table: Table) -> Self {
        Seen {
            voted: table.voted(),
            title: table.title,
            items: table.items,
            max_items: table.max_items,
            settling: table.settling,
            house: table.house,
            removed: table.removed,
            past: table.past,
        }
    }
}

impl From<Seen> for Table {
    fn from(seen: Seen) -> Self {
        let hidden = seen.house.rules.hidden_votes;
        Table {
            title: seen.title,
            items: seen.items,
            max_items: seen.max_items,
            settling: seen.settling,
            removed: seen.removed,
            past: seen.past,
            house: seen.house,
            voters: if hidden {
                seen.voted.into()
            } else {
                Arc::default()
            },
        }
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Table {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        Seen::schema_name()
    }

    fn schema_id() -> std::borrow::Cow<'static, str> {
        Seen::schema_id()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Seen::json_schema(generator)
    }

    fn inline_schema() -> bool {
        Seen::inline_schema()
    }
}
