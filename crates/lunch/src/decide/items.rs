//! The menu: what is on it, and what was.

use std::sync::Arc;

use tablecast_core::Rejection;
use tablecast_core::code::BAD_COMMAND;
use tablecast_core::logic::Member;

use crate::code;
use crate::event::Event;
use crate::item::Item;
use crate::limits::{MAX_REMOVED, clean_item};
use crate::menu::Menu;

impl Menu {
    pub(super) fn find(
        &self,
        item: Option<&str>,
        number: Option<u64>,
    ) -> Result<&Arc<Item>, Rejection> {
        match (item, number) {
            (Some(text), None) => {
                let text = clean_item(text)?;
                match self.table.find(&text) {
                    Some(item) => Ok(item),
                    None => Err(not_found(format!("{text:?} is not on the menu"))),
                }
            }
            (None, Some(number)) => match self.table.item(number) {
                Some(item) => Ok(item),
                None => Err(not_found(format!(
                    "there is no item number {number} on the menu"
                ))),
            },
            (None, None) => Err(Rejection::new(
                BAD_COMMAND,
                "say which item: by \"item\" or by \"number\"",
            )),
            (Some(_), Some(_)) => Err(Rejection::new(
                BAD_COMMAND,
                "name the item by \"item\" or by \"number\", not by both",
            )),
        }
    }

    fn has_room(&self) -> Result<(), Rejection> {
        let most = self.table.max_items;
        if self.table.items.len() < most {
            return Ok(());
        }
        Err(Rejection::new(
            code::MENU_FULL,
            format!("the menu is full: at most {most} items; remove one first"),
        ))
    }

    pub(super) fn add(&self, by: Member<'_>, item: &str) -> Result<Vec<Event>, Rejection> {
        let item = clean_item(item)?;
        self.has_room()?;
        Ok(vec![Event::Added {
            number: self.last.saturating_add(1),
            item: item.into(),
            name: by.name.into(),
        }])
    }

    pub(super) fn restore(&self, number: u64) -> Result<Vec<Event>, Rejection> {
        if self.table.item(number).is_some() {
            return Ok(Vec::new());
        }
        let mut removed = self.table.removed.iter();
        let item = removed.find(|item| item.number == number);
        let item = item.ok_or_else(|| {
            not_found(format!(
                "number {number} is none of the {MAX_REMOVED} items that were removed last"
            ))
        })?;
        self.has_room()?;
        Ok(vec![Event::Restored(item.clone())])
    }
}

fn not_found(message: String) -> Rejection {
    Rejection::new(code::NOT_FOUND, message)
}
