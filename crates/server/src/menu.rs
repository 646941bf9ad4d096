//! The lunch menu: what friends add, remove and vote for. Pure.

use std::borrow::Cow;
use std::sync::Arc;

use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};
use tablecast::App;
use tablecast_core::logic::Member;
use tablecast_core::text::clean;
use tablecast_core::{Logic, MemberId, Rejection};

/// The longest item as people count characters; a line on a phone is half of it.
pub const MAX_ITEM_GRAPHEMES: usize = 80;

/// The most votes for one item. Votes of members who left are kept, so without a
/// bound somebody who joins, votes and leaves for ever would grow the state.
pub const MAX_VOTES: usize = 200;

/// What a line of the text dialect may be.
const ALLOWED: &str = "say add:ITEM or remove:ITEM";

/// One thing on the menu.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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

/// The menu: the items in order of adding. The same item may be there twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Menu {
    /// How many items there may be. Part of the state, so that nodes with other
    /// settings still decide alike.
    max_items: usize,
    /// The number of the item that was added last.
    last: u64,
    /// Sorted by number, since items are only added at the end.
    items: Vec<Arc<Item>>,
}

/// What a member asks for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Puts an item at the end.
    Add(Add),
    /// Takes an item away.
    Remove(Target),
    /// Gives or takes back one's vote.
    Vote(Vote),
}

/// An item to be added.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with \"item\"")]
pub struct Add {
    /// What it is.
    pub item: String,
}

/// An item that is there: the first one equal to `item`, or the one with this
/// number. Exactly one of the two is given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "an object with \"item\" or \"number\""
)]
pub struct Target {
    /// What it is.
    #[serde(default)]
    pub item: Option<String>,
    /// Its number.
    #[serde(default)]
    pub number: Option<u64>,
}

/// A vote for an item, which is named as in [`Target`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "an object with \"on\", and \"item\" or \"number\""
)]
pub struct Vote {
    /// What it is.
    #[serde(default)]
    pub item: Option<String>,
    /// Its number.
    #[serde(default)]
    pub number: Option<u64>,
    /// Whether the member wants it.
    pub on: bool,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Somebody gave or took back a vote.
    Voted {
        /// The item's number.
        number: u64,
        /// Whether they want it.
        on: bool,
    },
}

impl Menu {
    /// An empty menu for at most `max_items` items.
    pub fn new(max_items: usize) -> Self {
        Menu {
            max_items,
            last: 0,
            items: Vec::new(),
        }
    }

    /// The items in order of adding.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().map(|item| &**item)
    }

    fn place(&self, number: u64) -> Option<usize> {
        self.items
            .binary_search_by_key(&number, |item| item.number)
            .ok()
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
                .place(number)
                .and_then(|at| self.items.get(at))
                .map(|item| &**item)
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
}

fn cleaned(item: &str) -> Result<Cow<'_, str>, Rejection> {
    clean("the item", item, MAX_ITEM_GRAPHEMES)
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
                if self.items.len() >= self.max_items {
                    return Err(Rejection::new(
                        "menu_full",
                        format!(
                            "the menu is full: at most {} items; remove one first",
                            self.max_items
                        ),
                    ));
                }
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
                if let Some(at) = self.place(*number) {
                    self.items.remove(at);
                }
            }
            Event::Voted { number, on } => {
                if let Some(at) = self.place(*number) {
                    let votes = &mut Arc::make_mut(&mut self.items[at]).votes;
                    votes.retain(|member| *member != by);
                    if *on {
                        votes.push(by);
                    }
                }
            }
        }
    }
}

/// The items alone, as the text dialect shows them.
struct Texts<'a>(&'a [Arc<Item>]);

impl Serialize for Texts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|item| &item.item))
    }
}

/// The menu as the JSON dialect shows it.
struct View<'a>(&'a Menu);

impl Serialize for View<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut view = serializer.serialize_struct("Menu", 2)?;
        view.serialize_field("items", &self.0.items)?;
        view.serialize_field("max_items", &self.0.max_items)?;
        view.end()
    }
}

impl App for Menu {
    fn text_command(line: &str) -> Result<Command, Rejection> {
        let bad = |found: &str| {
            Rejection::new(
                "bad_command",
                format!("{found} is not understood; {ALLOWED}"),
            )
        };
        // A search made for long texts costs more than a line has characters.
        let Some(colon) = line.bytes().position(|byte| byte == b':') else {
            return Err(bad("a line without a colon"));
        };
        let word = line[..colon].trim();
        let item = line[colon + 1..].to_owned();
        if word.eq_ignore_ascii_case("add") {
            Ok(Command::Add(Add { item }))
        } else if word.eq_ignore_ascii_case("remove") {
            Ok(Command::Remove(Target {
                item: Some(item),
                number: None,
            }))
        } else {
            // Only the beginning is repeated: an answer never grows with what it
            // answers, and Debug escapes what a terminal would obey.
            let shown: String = word.chars().take(20).collect();
            Err(bad(&format!("the command {shown:?}")))
        }
    }

    fn changes_text(event: &Event) -> bool {
        match event {
            Event::Added { .. } | Event::Removed { .. } => true,
            Event::Voted { .. } => false,
        }
    }

    fn text_state(&self) -> String {
        // Writing strings into memory cannot fail.
        serde_json::to_string(&Texts(&self.items)).unwrap_or_default()
    }

    fn view(&self) -> impl Serialize + '_ {
        View(self)
    }
}

#[cfg(test)]
mod tests;
