//! The server's table, with the data that members do not see.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tablecast_core::code::BAD_COMMAND;
use tablecast_core::{MemberId, PersonId, Rejection};

use crate::ballots::Ballots;
use crate::code;
use crate::decision::Decision;
use crate::draw::MasterSecret;
use crate::event::{Event, Voted};
use crate::item::{Item, Revealed};
use crate::limits::{MAX_DEADLINE_MS, MAX_VOTES_EACH, MIN_DEADLINE_MS, clean_item, clean_title};
use crate::rules::{Deadline, House, Rules};
use crate::table::{Settling, Table};

/// A [`Table`], and the data that only a server has. The maximum number of items is part of
/// the state, so that nodes with different settings decide the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Menu {
    /// As it is for somebody without a vote: what is hidden is not in it.
    pub(crate) table: Table,
    /// The number of the item that was added last.
    pub(crate) last: u64,
    /// Shared, because most events do not change it.
    pub(crate) private: Arc<Private>,
}

/// What a server shows to nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Private {
    pub(crate) secret: MasterSecret,
    /// Empty where votes are not hidden.
    pub(crate) ballots: Ballots,
    /// Whether somebody has voted in secret since the votes were last shown. Only from what
    /// everybody knows: a ballot also goes when its item does, which would tell what it was for.
    pub(crate) sealed: bool,
    /// Who is host whenever they have a seat.
    pub(crate) host: Option<HostRight>,
}

/// Whose right it is to be host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HostRight {
    /// Whoever made the room and was not in it yet.
    Person(PersonId),
    /// A member, who is the same one when the person comes back.
    Member(MemberId),
}

impl Menu {
    /// An empty menu for at most `max_items` items. All its draws follow from the secret,
    /// so each room needs its own.
    pub fn new(max_items: usize, secret: MasterSecret) -> Self {
        Menu {
            table: Table {
                title: None,
                items: Arc::default(),
                max_items,
                settling: Arc::new(Settling {
                    next_draw: secret.next_draw(1),
                    drawing: None,
                    decision: None,
                }),
                removed: Arc::default(),
                past: Arc::default(),
                house: Arc::default(),
                voters: Arc::default(),
            },
            last: 0,
            private: Arc::new(Private {
                secret,
                ballots: Ballots::default(),
                sealed: false,
                host: None,
            }),
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

    /// The same menu, of which this person is the host.
    #[must_use]
    pub fn with_host(mut self, person: PersonId) -> Self {
        Arc::make_mut(&mut self.private).host = Some(HostRight::Person(person));
        self
    }

    /// The same menu, of which nobody is host; `None` if nobody is anyway.
    #[must_use]
    pub fn without_host(&self) -> Option<Self> {
        self.private.host?;
        let mut menu = self.clone();
        Arc::make_mut(&mut menu.private).host = None;
        Some(menu)
    }

    /// The same menu, which decides at this time; `now` is the present one (store's clock, ms since
    /// 1970).
    ///
    /// # Errors
    /// `bad_deadline`, as for the command.
    pub fn with_deadline(mut self, at: u64, now: u64) -> Result<Self, Rejection> {
        check_deadline(at, now)?;
        let (by, name) = (None, None);
        Arc::make_mut(&mut self.table.house).deadline = Some(Deadline { at, by, name });
        Ok(self)
    }

    /// The same menu with these rules.
    ///
    /// # Errors
    /// `bad_command`: the votes for each are not 1 to 100, as for the command.
    pub fn with_rules(mut self, rules: Rules) -> Result<Self, Rejection> {
        check_rules(rules)?;
        Arc::make_mut(&mut self.table.house).rules = rules;
        Ok(self)
    }

    /// The same menu with these dishes, of which each has a text and the name of who wanted it
    /// at an earlier table. Nobody here has added them, so they are by member 0, which is nobody.
    /// What is no item's text, and what the menu has no space for, is left out.
    #[must_use]
    pub fn with_dishes<'a>(mut self, dishes: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let cleaned = dishes.into_iter().filter_map(|(item, name)| {
            let item = clean_item(item).ok()?;
            Some((Arc::from(item), Arc::from(name)))
        });
        let items = (1..).zip(cleaned).map(|(number, (item, name))| {
            Arc::new(Item {
                number,
                item,
                by: MemberId(0),
                name,
                votes: Vec::new(),
                vetoes: Vec::new(),
            })
        });
        self.table.items = items.take(self.table.max_items).collect();
        self.last = self.table.items.len() as u64;
        self
    }

    /// What those see who have no seat.
    pub fn table(&self) -> &Table {
        &self.table
    }

    pub(crate) fn items(&self) -> impl Iterator<Item = &Item> {
        self.table.items.iter().map(|item| &**item)
    }

    /// The items on the menu, and those that can be restored.
    pub(crate) fn all_items(&self) -> impl Iterator<Item = &Item> {
        let removed = self.table.removed.iter().map(|item| &**item);
        self.items().chain(removed)
    }

    /// Whether there is a vote or a veto of this member. Everybody knows that, also of hidden votes.
    pub(crate) fn has_say(&self, member: MemberId) -> bool {
        self.all_items()
            .any(|item| item.votes.contains(&member) || item.vetoes.contains(&member))
            || self.table.voters.binary_search(&member).is_ok()
    }

    /// What this member sees: the table with their own hidden votes.
    pub(crate) fn seen_by(&self, viewer: Option<MemberId>) -> Cow<'_, Table> {
        let Some(viewer) = viewer.filter(|viewer| self.private.ballots.have(*viewer)) else {
            return Cow::Borrowed(&self.table);
        };
        let mut table = self.table.clone();
        let with_own = |item: &mut Arc<Item>| {
            if let Some(votes) = self.private.ballots.votes_seen_by(item, viewer) {
                Arc::make_mut(item).votes = votes;
            }
        };
        Arc::make_mut(&mut table.items)
            .iter_mut()
            .for_each(with_own);
        table.change_removed(with_own);
        Cow::Owned(table)
    }

    /// The true votes of all items, if votes are hidden.
    pub(crate) fn revealed(&self) -> Option<Vec<Revealed>> {
        let all = || {
            let items = self.all_items().map(|item| Revealed {
                number: item.number,
                votes: self.private.ballots.votes(item),
            });
            items.collect()
        };
        self.table.house.rules.hidden_votes.then(all)
    }

    /// Applies an event.
    pub(crate) fn take(&mut self, by: Option<MemberId>, event: &Event) {
        match event {
            Event::Voted(Voted::For {
                number,
                on,
                any: Some(any),
            }) => {
                // The table shows only that there was a vote.
                if let Some(by) = by {
                    self.cast(by, *number, *on);
                    self.table.set_voter(by, *any);
                    let sealed = !self.table.voters.is_empty();
                    Arc::make_mut(&mut self.private).sealed = sealed;
                }
                return;
            }
            Event::Added { number, .. } => self.last = self.last.max(*number),
            Event::Hosted {
                member: Some(member),
                ..
            } => Arc::make_mut(&mut self.private).host = Some(HostRight::Member(*member)),
            _ => {}
        }
        self.table.apply(by, event);
        if self.private.ballots.is_empty() && !self.private.sealed {
            return;
        }
        if event.reveals().is_some() {
            let private = Arc::make_mut(&mut self.private);
            private.ballots = Ballots::default();
            private.sealed = false;
        } else if let Event::Removed { .. } | Event::Ruled(_) = event {
            let ballots = self.private.ballots.only_of(self.all_items());
            Arc::make_mut(&mut self.private).ballots = ballots;
        } else if let Event::Cleared { member } = event {
            let private = Arc::make_mut(&mut self.private);
            private.ballots.clear(*member);
            private.sealed &= !self.table.voters.is_empty();
        }
    }

    fn cast(&mut self, by: MemberId, number: u64, on: bool) {
        let Some(item) = self.table.item(number) else {
            return;
        };
        let ballots = &mut Arc::make_mut(&mut self.private).ballots;
        ballots.cast(item, by, on);
        if on {
            let too_many = self.table.too_many(|item| ballots.has_vote(item, by));
            let removed = self.table.removed.iter();
            for item in removed.filter(|item| too_many.contains(&item.number)) {
                ballots.cast(item, by, false);
            }
        }
    }
}

/// Checks that a time is neither too early nor too late for a deadline.
///
/// # Errors
/// `bad_deadline`.
pub(crate) fn check_deadline(at: u64, now: u64) -> Result<(), Rejection> {
    let from_now = at.saturating_sub(now);
    if (MIN_DEADLINE_MS..=MAX_DEADLINE_MS).contains(&from_now) {
        return Ok(());
    }
    Err(Rejection::new(
        code::BAD_DEADLINE,
        "a deadline is at least 5 seconds and at most 24 hours from now",
    ))
}

/// Checks that members can vote by these rules.
///
/// # Errors
/// `bad_command`.
pub(crate) fn check_rules(rules: Rules) -> Result<(), Rejection> {
    let each = rules.votes_each;
    if each.is_none_or(|each| (1..=MAX_VOTES_EACH).contains(&each)) {
        return Ok(());
    }
    Err(Rejection::new(
        BAD_COMMAND,
        format!("\"votes_each\" is 1 to {MAX_VOTES_EACH}, or null for as many as one likes"),
    ))
}

/// The stored form of a [`Menu`].
#[derive(Serialize, Deserialize)]
struct Stored {
    max_items: usize,
    title: Option<Arc<str>>,
    last: u64,
    items: Arc<[Arc<Item>]>,
    /// In order of removal.
    removed: Vec<Arc<Item>>,
    settling: WithSecret,
    // What follows is absent until it is used, so that older servers read what does not use it.
    #[serde(default, skip_serializing_if = "<[Arc<Decision>]>::is_empty")]
    past: Arc<[Arc<Decision>]>,
    #[serde(default, skip_serializing_if = "is_default")]
    house: Arc<House>,
    #[serde(default, skip_serializing_if = "<[MemberId]>::is_empty")]
    voters: Arc<[MemberId]>,
    #[serde(default, skip_serializing_if = "is_default")]
    ballots: Ballots,
    /// Absent where the ballots tell it, which they do in a state of a server that did not note it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sealed: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    host: Option<HostRight>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
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
        let private = Arc::unwrap_or_clone(menu.private);
        let sealed = private.sealed;
        Stored {
            max_items: table.max_items,
            title: table.title,
            last: menu.last,
            items: table.items,
            removed: table.removed.iter().rev().cloned().collect(),
            settling: WithSecret {
                secret: private.secret,
                settling: table.settling,
            },
            past: table.past,
            house: table.house,
            voters: table.voters,
            sealed: (sealed == private.ballots.is_empty()).then_some(sealed),
            ballots: private.ballots,
            host: private.host,
        }
    }
}

impl TryFrom<Stored> for Menu {
    type Error = &'static str;

    fn try_from(stored: Stored) -> Result<Self, Self::Error> {
        // An item is looked up by its number, and a voter by the id.
        let in_order = |one: &Arc<Item>, next: &Arc<Item>| one.number < next.number;
        if !stored.items.is_sorted_by(in_order) {
            return Err("the items are not in the order of their numbers");
        }
        if !stored.voters.is_sorted_by(|one, next| one < next) {
            return Err("the voters are not in the order of their ids");
        }
        Ok(Menu {
            table: Table {
                title: stored.title,
                items: stored.items,
                max_items: stored.max_items,
                settling: stored.settling.settling,
                removed: stored.removed.into_iter().rev().collect(),
                past: stored.past,
                house: stored.house,
                voters: stored.voters,
            },
            last: stored.last,
            private: Arc::new(Private {
                secret: stored.settling.secret,
                sealed: stored.sealed.unwrap_or(!stored.ballots.is_empty()),
                ballots: stored.ballots,
                host: stored.host,
            }),
        })
    }
}
