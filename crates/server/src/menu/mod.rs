//! The lunch menu: what friends add, remove and vote for, and how they settle it. Pure.

mod commands;
mod decision;
mod draw;
mod events;
mod view;

use std::borrow::Cow;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tablecast_core::logic::Member;
use tablecast_core::text::clean;
use tablecast_core::{Logic, MemberId, Rejection};

pub(crate) use commands::LINES;
pub use commands::{
    Add, Command, Contribute, Decide, Extend, Restore, Reveal, Target, Title, Vote,
};
use decision::Settling;
pub use decision::{Decision, How, Keepsake, MAX_CONTRIBUTIONS};
pub use draw::{Candidate, Contribution, Drawing, Drawn, Hex32, MasterSecret, NextDraw, NotHex32};
pub use events::{Began, Decided, Event};
pub(crate) use view::Texts;
pub use view::{View, max_view_bytes};

/// The longest item as people count characters; a line on a phone is half of it.
pub const MAX_ITEM_GRAPHEMES: usize = 80;

/// The longest title of a room as people count characters.
pub const MAX_TITLE_GRAPHEMES: usize = 60;

/// The most votes for one item. Votes of members who left are kept, so without a
/// bound somebody who joins, votes and leaves for ever would grow the state.
pub const MAX_VOTES: usize = 200;

/// How many of the items that were removed last can be restored.
pub const MAX_REMOVED: usize = 20;

/// One thing on the menu.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Item {
    /// 1, 2, 3… in order of adding; never used twice in a room.
    pub number: u64,
    /// What it is, as [`clean`] leaves it.
    pub item: Arc<str>,
    /// Who added it.
    pub by: MemberId,
    /// Their name when they added it.
    pub name: Arc<str>,
    /// Who votes for it, in order of voting, members who left among them.
    pub votes: Vec<MemberId>,
}

/// The menu: the items in order of adding, and what came of them. The same item
/// may be there twice. Cloning copies the list of items; all else is shared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Menu {
    /// How many items there may be. Part of the state, so that nodes with other
    /// settings still decide alike.
    max_items: usize,
    /// What the room is called.
    title: Option<Arc<str>>,
    /// The number of the item that was added last.
    last: u64,
    /// Sorted by number.
    items: Vec<Arc<Item>>,
    /// The last that were removed, in order of removal.
    removed: Arc<[Arc<Item>]>,
    /// Nearly all events leave it as it is.
    settling: Arc<Settling>,
}

impl Menu {
    /// An empty menu for at most `max_items` items. All its draws follow from the
    /// secret, which must be another one for each room.
    pub fn new(max_items: usize, secret: MasterSecret) -> Self {
        Menu {
            max_items,
            title: None,
            last: 0,
            items: Vec::new(),
            removed: Arc::default(),
            settling: Arc::new(Settling::new(secret)),
        }
    }

    /// The same with a title.
    ///
    /// # Errors
    /// `empty`, `too_long` or `bad_item`, as for the command.
    pub fn with_title(self, title: &str) -> Result<Self, Rejection> {
        let title = Some(cleaned_title(title)?.into());
        Ok(Menu { title, ..self })
    }

    /// What the room is called.
    pub fn title(&self) -> Option<&str> {
        self.title.as_deref()
    }

    /// The items in order of adding.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().map(|item| &**item)
    }

    /// What was settled last.
    pub fn decision(&self) -> Option<&Decision> {
        self.settling.decision.as_deref()
    }

    /// Where an item is, or else where it would be.
    fn place(&self, number: u64) -> Result<usize, usize> {
        self.items.binary_search_by_key(&number, |item| item.number)
    }

    fn get(&self, number: u64) -> Option<&Item> {
        let at = self.place(number).ok()?;
        self.items.get(at).map(|item| &**item)
    }

    fn find(&self, item: Option<&str>, number: Option<u64>) -> Result<&Item, Rejection> {
        match (item, number) {
            (Some(text), None) => {
                let text = cleaned(text)?;
                self.items()
                    .find(|item| *item.item == *text)
                    .ok_or_else(|| not_found(format!("{text:?} is not on the menu")))
            }
            (None, Some(number)) => self
                .get(number)
                .ok_or_else(|| not_found(format!("there is no item number {number} on the menu"))),
            (None, None) => Err(Rejection::new(
                "bad_command",
                "say which item: by \"item\" or by \"number\"",
            )),
            (Some(_), Some(_)) => Err(Rejection::new(
                "bad_command",
                "name the item by \"item\" or by \"number\", not by both",
            )),
        }
    }

    fn has_room(&self) -> Result<(), Rejection> {
        if self.items.len() < self.max_items {
            return Ok(());
        }
        Err(Rejection::new(
            "menu_full",
            format!(
                "the menu is full: at most {} items; remove one first",
                self.max_items
            ),
        ))
    }

    fn restore(&self, number: u64) -> Result<Vec<Event>, Rejection> {
        if self.place(number).is_ok() {
            return Ok(Vec::new());
        }
        let removed = self.removed.iter().find(|item| item.number == number);
        let item = removed.ok_or_else(|| {
            not_found(format!(
                "number {number} is none of the {MAX_REMOVED} items that were removed last"
            ))
        })?;
        self.has_room()?;
        Ok(vec![Event::Restored(item.clone())])
    }
}

fn cleaned(item: &str) -> Result<Cow<'_, str>, Rejection> {
    clean("the item", item, MAX_ITEM_GRAPHEMES)
}

fn cleaned_title(title: &str) -> Result<Cow<'_, str>, Rejection> {
    clean("the title", title, MAX_TITLE_GRAPHEMES)
}

fn not_found(message: String) -> Rejection {
    Rejection::new("not_found", message)
}

impl Logic for Menu {
    type Command = Command;
    type Event = Event;

    fn decide(&self, by: Member<'_>, command: &Command) -> Result<Vec<Event>, Rejection> {
        match command {
            Command::Add(Add { item }) => {
                let item = cleaned(item)?;
                self.has_room()?;
                Ok(vec![Event::Added {
                    number: self.last + 1,
                    item: item.into(),
                    name: by.name.into(),
                }])
            }
            Command::Remove(Target { item, number }) => {
                let found = self.find(item.as_deref(), *number)?;
                Ok(vec![Event::Removed {
                    number: found.number,
                }])
            }
            Command::Restore(Restore { number }) => self.restore(*number),
            Command::Vote(Vote { item, number, on }) => {
                let found = self.find(item.as_deref(), *number)?;
                if found.votes.contains(&by.id) == *on {
                    return Ok(Vec::new());
                }
                if *on && found.votes.len() >= MAX_VOTES {
                    return Err(Rejection::new(
                        "votes_full",
                        format!("an item has at most {MAX_VOTES} votes"),
                    ));
                }
                Ok(vec![Event::Voted {
                    number: found.number,
                    on: *on,
                }])
            }
            Command::Title(Title { title }) => {
                let title = title.as_deref().map(cleaned_title).transpose()?;
                if self.title() == title.as_deref() {
                    return Ok(Vec::new());
                }
                let title = title.map(Into::into);
                Ok(vec![Event::Titled { title }])
            }
            Command::Extend(Extend {}) => Ok(vec![Event::Extended {}]),
            Command::Decide(Decide { how }) => self.decide_how(by, *how),
            Command::Contribute(Contribute { draw, value }) => {
                self.settling.contribute(by, *draw, *value)
            }
            Command::Reveal(Reveal { draw }) => self.settling.reveal(*draw),
        }
    }

    fn apply(&mut self, by: MemberId, event: &Event) {
        match event {
            Event::Added { number, item, name } => {
                debug_assert!(*number > self.last);
                self.last = *number;
                self.items.push(Arc::new(Item {
                    number: *number,
                    item: item.clone(),
                    by,
                    name: name.clone(),
                    votes: Vec::new(),
                }));
            }
            Event::Removed { number } => {
                if let Ok(at) = self.place(*number) {
                    let item = self.items.remove(at);
                    let forgotten = (self.removed.len() + 1).saturating_sub(MAX_REMOVED);
                    let kept = self.removed.iter().skip(forgotten).cloned();
                    self.removed = kept.chain([item]).collect();
                }
            }
            Event::Restored(item) => {
                if let Err(at) = self.place(item.number) {
                    let removed = self.removed.iter();
                    let others = removed.filter(|other| other.number != item.number);
                    self.removed = others.cloned().collect();
                    self.items.insert(at, item.clone());
                }
            }
            Event::Voted { number, on } => {
                if let Ok(at) = self.place(*number) {
                    let votes = &mut Arc::make_mut(&mut self.items[at]).votes;
                    votes.retain(|member| *member != by);
                    if *on {
                        votes.push(by);
                    }
                }
            }
            Event::Titled { title } => self.title.clone_from(title),
            Event::Extended {} => {}
            Event::Drawing(began) => self.begin(by, began),
            Event::Contributed { name, value } => {
                if let Some(drawing) = &mut Arc::make_mut(&mut self.settling).drawing {
                    drawing.contributions.push(Contribution {
                        member: by,
                        name: name.clone(),
                        value: *value,
                    });
                }
            }
            Event::Decided(decided) => {
                if let Some(decision) = self.decided(by, decided) {
                    Arc::make_mut(&mut self.settling).decision = Some(Arc::new(decision));
                }
            }
        }
    }

    fn keepsake(&self, event: &Event) -> Option<impl Serialize + Send + Sync + 'static> {
        match event {
            Event::Decided(_) => self.result(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
