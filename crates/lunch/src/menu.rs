//! The server's table, with the data that members do not see.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tablecast_core::Rejection;

use crate::draw::MasterSecret;
use crate::item::Item;
use crate::limits::clean_title;
use crate::table::{Settling, Table};

/// A [`Table`], and the data that only a server has. The maximum number of items is part of
/// the state, so that nodes with different settings decide the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Menu {
    pub(crate) table: Table,
    /// The number of the item that was added last.
    pub(crate) last: u64,
    /// The last removed items, in order of removal.
    pub(crate) removed: Arc<[Arc<Item>]>,
    pub(crate) secret: MasterSecret,
}

impl Menu {
    /// An empty menu for at most `max_items` items. All its draws follow from the secret,
    /// so each room needs its own.
    pub fn new(max_items: usize, secret: MasterSecret) -> Self {
        Menu {
            table: Table {
                title: None,
                items: Vec::new(),
                max_items,
                settling: Arc::new(Settling {
                    next_draw: secret.next_draw(1),
                    drawing: None,
                    decision: None,
                }),
            },
            last: 0,
            removed: Arc::default(),
            secret,
        }
    }

    /// The same menu with a title.
    ///
    /// # Errors
    /// `empty`, `too_long` or `bad_item`, as for the command.
    pub fn with_title(mut self, title: &str) -> Result<Self, Rejection> {
        self.table.title = Some(clean_title(title)?.into());
        Ok(self)
    }

    /// The part that members see.
    pub fn table(&self) -> &Table {
        &self.table
    }
}

/// The stored form of a [`Menu`].
#[derive(Serialize, Deserialize)]
struct Stored {
    max_items: usize,
    title: Option<Arc<str>>,
    last: u64,
    items: Vec<Arc<Item>>,
    removed: Arc<[Arc<Item>]>,
    settling: WithSecret,
}

/// The decision, and the secret from which all draws follow.
#[derive(Serialize, Deserialize)]
struct WithSecret {
    secret: MasterSecret,
    #[serde(flatten)]
    settling: Arc<Settling>,
}

impl From<Menu> for Stored {
    fn from(menu: Menu) -> Self {
        let table = menu.table;
        Stored {
            max_items: table.max_items,
            title: table.title,
            last: menu.last,
            items: table.items,
            removed: menu.removed,
            settling: WithSecret {
                secret: menu.secret,
                settling: table.settling,
            },
        }
    }
}

impl TryFrom<Stored> for Menu {
    type Error = &'static str;

    fn try_from(stored: Stored) -> Result<Self, Self::Error> {
        // An item is looked up by its number.
        let in_order = |one: &Arc<Item>, next: &Arc<Item>| one.number < next.number;
        if !stored.items.is_sorted_by(in_order) {
            return Err("the items are not in the order of their numbers");
        }
        Ok(Menu {
            table: Table {
                title: stored.title,
                items: stored.items,
                max_items: stored.max_items,
                settling: stored.settling.settling,
            },
            last: stored.last,
            removed: stored.removed,
            secret: stored.settling.secret,
        })
    }
}
