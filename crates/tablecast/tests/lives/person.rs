//! Somebody at the table, who knows for what they have voted.

use std::collections::BTreeSet;
use std::ops::Range;

use tablecast::core::room::Room;
use tablecast::core::{MemberId, PersonId, PersonKey};
use tablecast_lunch::Menu;
use tokio::time::Instant;

use super::tab::{Asked, News, Tab};

/// The numbers of the dishes.
pub(crate) const ITEMS: Range<u64> = 1..4;

/// Somebody, in all their tabs; the newest is the last.
pub(crate) struct Person {
    pub(crate) key: Option<PersonKey>,
    pub(crate) tabs: Vec<Tab>,
    /// For what they vote, as far as they were told.
    pub(crate) votes: BTreeSet<u64>,
    /// The newest position of which they know.
    seq: u64,
    /// When they looked at their tabs last.
    looked: Instant,
}

impl Person {
    pub(crate) fn new(key: Option<PersonKey>) -> Person {
        Person {
            key,
            tabs: vec![Tab::new(key)],
            votes: BTreeSet::new(),
            seq: 0,
            looked: Instant::now(),
        }
    }

    pub(crate) fn tab(&mut self) -> &mut Tab {
        self.tabs.last_mut().expect("nobody closes the last tab")
    }

    /// Another one, which remembers no more than their key.
    pub(crate) fn open_tab(&mut self) {
        self.tabs.push(Tab::new(self.key));
        if self.key.is_none() {
            self.votes.clear();
        }
    }

    pub(crate) async fn hear(&mut self) {
        for at in 0..self.tabs.len() {
            for news in self.tabs[at].hear().await {
                match news {
                    // Tabs are read one after the other, and what is older is known already.
                    News::Voted { seq, .. } | News::Whole { seq, .. } if seq < self.seq => {}
                    News::Voted { item, on, seq } => {
                        self.seq = seq;
                        match on {
                            true => self.votes.insert(item),
                            false => self.votes.remove(&item),
                        };
                    }
                    News::Nobody if self.key.is_none() => self.votes.clear(),
                    News::Nobody => {}
                    News::TakenOver => {
                        let mut others = self.tabs.iter().enumerate();
                        let has_it = |(other, tab): (usize, &Tab)| {
                            other != at && tab.may_have_a_seat(self.looked)
                        };
                        assert!(others.any(has_it), "the seat went to nobody who is there");
                    }
                    News::Whole { votes, seq, asked } => {
                        self.seq = seq;
                        self.check_votes(&votes, asked);
                        self.votes = votes.into_iter().collect();
                        for (other, tab) in self.tabs.iter_mut().enumerate() {
                            if other != at {
                                tab.asked = None;
                            }
                        }
                    }
                }
            }
        }
        self.looked = Instant::now();
    }

    /// They vote for exactly this, but for what they have asked without an answer; this may have
    /// been answered since.
    pub(crate) fn check_votes(&self, votes: &[u64], then: Option<Asked>) {
        for item in ITEMS {
            let asked = self.tabs.iter().filter_map(|tab| tab.asked).chain(then);
            let mut asked = asked.filter(|asked| asked.item == item);
            let is_on = votes.contains(&item);
            assert!(
                is_on == self.votes.contains(&item) || asked.any(|asked| asked.on == is_on),
                "item {item}: {is_on} in {votes:?}, not in {:?}",
                self.votes
            );
        }
    }

    /// Their member in this room.
    pub(crate) fn member(&self, room: &Room<Menu>) -> Option<MemberId> {
        match self.key {
            Some(key) => room
                .members
                .by_person(PersonId::new(key, &"r".parse().unwrap())),
            None => self.tabs.last()?.member(),
        }
    }
}
