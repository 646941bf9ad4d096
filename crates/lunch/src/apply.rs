//! How events change the table: the same on every node and in every client.

use std::sync::Arc;

use tablecast_core::MemberId;

use crate::ballots::set_vote;
use crate::decision::{Decision, How};
use crate::draw::{Contribution, Drawing, NextDraw};
use crate::event::{Began, Decided, Event, Ruled, Voted};
use crate::item::{Candidate, Item, Revealed};
use crate::limits::{MAX_PAST, MAX_REMOVED};
use crate::rules::Deadline;
use crate::table::Table;

impl Table {
    /// Applies an event. An event that does not fit the table changes nothing, because a client
    /// cannot rely on what a server sends.
    pub fn apply(&mut self, by: Option<MemberId>, event: &Event) {
        if let Some(votes) = event.reveals() {
            self.reveal(votes);
        }
        match event {
            Event::Added { number, item, name } => {
                let Some(by) = by else { return };
                if self.items.last().is_none_or(|last| last.number < *number) {
                    let added = Arc::new(Item {
                        number: *number,
                        item: item.clone(),
                        by,
                        name: name.clone(),
                        votes: Vec::new(),
                        vetoes: Vec::new(),
                    });
                    self.items = self.items.iter().chain([&added]).cloned().collect();
                }
            }
            Event::Removed { number } => {
                if let Some(item) = self.item(*number).cloned() {
                    let others = self.items.iter().filter(|o| o.number != item.number);
                    self.items = others.cloned().collect();
                    let others = self.removed.iter().take(MAX_REMOVED - 1);
                    self.removed = [&item].into_iter().chain(others).cloned().collect();
                }
            }
            Event::Restored(item) => self.restore(item),
            Event::Voted(voted) => {
                if let Some(by) = by {
                    self.vote(by, *voted);
                }
            }
            Event::Titled { title } => self.title.clone_from(title),
            Event::Extended {} | Event::Dismissed { .. } => {}
            Event::Drawing(began) => self.begin(by, began),
            Event::Contributed { name, value } => {
                let Some(member) = by else { return };
                if let Some(drawing) = &mut Arc::make_mut(&mut self.settling).drawing {
                    drawing.contributions.push(Contribution {
                        member,
                        name: name.clone(),
                        value: *value,
                    });
                }
            }
            Event::Decided(decided) => {
                if let Some(decision) = self.decided(by, decided) {
                    self.replace_decision(decision.into(), None);
                }
                if self.house.deadline.is_some() {
                    Arc::make_mut(&mut self.house).deadline = None;
                }
            }
            Event::Deadline { at, name } => {
                let name = name.clone();
                let deadline = at.map(|at| Deadline { at, by, name });
                Arc::make_mut(&mut self.house).deadline = deadline;
            }
            Event::Nudged { at, .. } => Arc::make_mut(&mut self.house).nudged_at = Some(*at),
            Event::Vetoed { number, on } => {
                if let (Some(by), Some(item)) = (by, self.item_mut(*number)) {
                    set_vote(&mut item.vetoes, by, *on);
                }
            }
            Event::Cleared { member } => self.clear(*member),
            Event::Ruled(ruled) => self.rule(ruled),
            Event::Locked { on, .. } => Arc::make_mut(&mut self.house).locked = *on,
            Event::Hosted { member, .. } => {
                let house = Arc::make_mut(&mut self.house);
                house.host = *member;
                house.locked &= member.is_some();
            }
            Event::Reinstated { decision, .. } => {
                let mut past = self.past.iter();
                if let Some(again) = past.find(|one| one.number == Some(*decision)).cloned() {
                    self.replace_decision(again, Some(*decision));
                }
            }
        }
    }

    /// Shows the votes of all items.
    fn reveal(&mut self, votes: &[Revealed]) {
        let show = |item: &mut Arc<Item>| {
            let revealed = votes.iter().find(|revealed| revealed.number == item.number);
            if let Some(revealed) = revealed.filter(|revealed| revealed.votes != item.votes) {
                Arc::make_mut(item).votes.clone_from(&revealed.votes);
            }
        };
        Arc::make_mut(&mut self.items).iter_mut().for_each(show);
        self.change_removed(show);
    }

    /// Changes items that can be restored.
    pub(crate) fn change_removed(&mut self, change: impl FnMut(&mut Arc<Item>)) {
        if !self.removed.is_empty() {
            Arc::make_mut(&mut self.removed).iter_mut().for_each(change);
        }
    }

    /// An item to be changed, which is this table's alone from now on.
    fn item_mut(&mut self, number: u64) -> Option<&mut Item> {
        let at = self.place(number).ok()?;
        let item = Arc::make_mut(&mut self.items).get_mut(at)?;
        Some(Arc::make_mut(item))
    }

    /// Puts back what was removed; a client has its own hidden votes in it, which the event has not.
    fn restore(&mut self, item: &Arc<Item>) {
        let Err(at) = self.place(item.number) else {
            return;
        };
        let mut removed = self.removed.iter();
        let kept = removed.find(|removed| removed.number == item.number);
        let (before, after) = self.items.split_at(at);
        let restored = [kept.unwrap_or(item)];
        let items = before.iter().chain(restored).chain(after);
        self.items = items.cloned().collect();
        let others = self.removed.iter().filter(|o| o.number != item.number);
        self.removed = others.cloned().collect();
    }

    fn vote(&mut self, by: MemberId, voted: Voted) {
        match voted {
            Voted::For { number, on, any } => {
                if let Some(item) = self.item_mut(number) {
                    set_vote(&mut item.votes, by, on);
                }
                if on && self.house.rules.votes_each.is_some() {
                    let votes = |item: &Item| item.votes.contains(&by);
                    let too_many = self.too_many(votes);
                    self.change_removed(|item| {
                        if too_many.contains(&item.number) {
                            set_vote(&mut Arc::make_mut(item).votes, by, false);
                        }
                    });
                }
                if let Some(any) = any {
                    self.set_voter(by, any);
                }
            }
            Voted::Hidden { any, .. } => self.set_voter(by, any),
        }
    }

    /// The removed items whose vote a member has to give up, so that no item that comes back brings
    /// them more votes than allowed: those that were removed first. `votes` tells for what the member
    /// votes.
    pub(crate) fn too_many(&self, votes: impl Fn(&Item) -> bool) -> Vec<u64> {
        let mut given = self.items.iter().filter(|item| votes(item)).count();
        let removed = self.removed.iter().filter(|item| votes(item));
        let too_many = removed.filter(|_| {
            given += 1;
            self.house.rules.exceeded_by(given)
        });
        too_many.map(|item| item.number).collect()
    }

    /// Notes whether a member has voted, where votes are hidden.
    pub(crate) fn set_voter(&mut self, member: MemberId, any: bool) {
        let place = self.voters.binary_search(&member);
        if place.is_ok() == any {
            return;
        }
        let mut voters = self.voters.to_vec();
        match place {
            Ok(at) => drop(voters.remove(at)),
            Err(at) => voters.insert(at, member),
        }
        self.voters = voters.into();
    }

    /// Takes back all that a member has said.
    fn clear(&mut self, member: MemberId) {
        let clear = |item: &mut Arc<Item>| {
            if item.votes.contains(&member) || item.vetoes.contains(&member) {
                let item = Arc::make_mut(item);
                set_vote(&mut item.votes, member, false);
                set_vote(&mut item.vetoes, member, false);
            }
        };
        Arc::make_mut(&mut self.items).iter_mut().for_each(clear);
        self.change_removed(clear);
        self.set_voter(member, false);
    }

    fn rule(&mut self, ruled: &Ruled) {
        let before = self.house.rules;
        if ruled.rules.are_stricter_than(before) {
            // Nobody has more votes on the menu than allowed. This makes sure that it stays so.
            self.change_removed(|item| {
                if !item.votes.is_empty() {
                    Arc::make_mut(item).votes.clear();
                }
            });
        }
        self.voters = match ruled.rules.hidden_votes {
            true => self.voted().into(),
            false => Arc::default(),
        };
        Arc::make_mut(&mut self.house).rules = ruled.rules;
    }

    fn begin(&mut self, by: Option<MemberId>, began: &Began) {
        let items = began.candidates.iter().filter_map(|n| self.item(*n));
        let drawing = Drawing {
            number: began.number,
            commitment: began.commitment,
            by,
            name: began.name.clone(),
            ends_at: began.ends_at,
            candidates: items.map(|item| Candidate::from(&**item)).collect(),
            contributions: Vec::new(),
        };
        let settling = Arc::make_mut(&mut self.settling);
        settling.drawing = Some(drawing);
        settling.next_draw = NextDraw {
            number: began.number.saturating_add(1),
            commitment: began.next_commitment,
        };
    }

    /// The decision of an event; `None` if it does not fit this table.
    fn decided(&mut self, by: Option<MemberId>, decided: &Decided) -> Option<Decision> {
        let number = |at: &Option<u64>| at.map(|_| self.last_decision().saturating_add(1));
        match decided {
            Decided::Votes {
                name, winner, at, ..
            } => Some(Decision {
                how: How::Votes,
                number: number(at),
                at: *at,
                by,
                name: name.clone(),
                deadline: by.is_none(),
                winner: Candidate::from(&**self.item(*winner)?),
                draw: None,
            }),
            Decided::Draw {
                name,
                winner,
                secret,
                at,
            } => {
                let number = number(at);
                let drawing = Arc::make_mut(&mut self.settling).drawing.take()?;
                let mut candidates = drawing.candidates.iter();
                Some(Decision {
                    how: How::Draw,
                    number,
                    at: *at,
                    by: drawing.by,
                    name: name.clone(),
                    deadline: drawing.by.is_none(),
                    winner: candidates.find(|c| c.number == *winner)?.clone(),
                    draw: Some(drawing.end(*secret)),
                })
            }
        }
    }

    /// The number of the decision that was made last.
    fn last_decision(&self) -> u64 {
        let decisions = self.settling.decision.iter().chain(&*self.past);
        let numbers = decisions.filter_map(|decision| decision.number);
        numbers.max().unwrap_or_default()
    }

    /// Makes this the decision. The present one becomes one of the past, among which `again` is
    /// none any more. What has no number cannot be named, and is not kept.
    fn replace_decision(&mut self, decision: Arc<Decision>, again: Option<u64>) {
        let present = Arc::make_mut(&mut self.settling).decision.replace(decision);
        let present = present.filter(|present| present.number.is_some());
        let present = present.map(|present| Arc::new(present.without_draw()));
        if present.is_some() || again.is_some() {
            let past = self.past.iter();
            let others = past.filter(|one| again.is_none() || one.number != again);
            let past = present.into_iter().chain(others.cloned());
            self.past = past.take(MAX_PAST).collect();
        }
    }
}
