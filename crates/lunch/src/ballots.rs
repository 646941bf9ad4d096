//! Hidden votes: what was voted since the votes were last shown. Only a server has all of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tablecast_core::MemberId;

use crate::item::Item;

/// What a member has changed in an item's votes: whether they vote for it now.
type Ballot = (MemberId, bool);

/// By the number of the item, in order of voting; of each member at most one. So the votes that
/// were shown and these are the true votes.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Ballots(BTreeMap<u64, Vec<Ballot>>);

// A state easily gets into a log, so Debug hides the votes.
impl std::fmt::Debug for Ballots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ballots(…)")
    }
}

impl Ballots {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn of(&self, item: &Item) -> &[Ballot] {
        self.0.get(&item.number).map_or(&[], Vec::as_slice)
    }

    /// Gives or takes back a member's vote.
    pub(crate) fn cast(&mut self, item: &Item, member: MemberId, on: bool) {
        let ballots = self.0.entry(item.number).or_default();
        ballots.retain(|(other, _)| *other != member);
        if on || item.votes.contains(&member) {
            ballots.push((member, on));
        }
        if ballots.is_empty() {
            self.0.remove(&item.number);
        }
    }

    /// Forgets what a member has voted.
    pub(crate) fn clear(&mut self, member: MemberId) {
        self.0.retain(|_, ballots| {
            ballots.retain(|(other, _)| *other != member);
            !ballots.is_empty()
        });
    }

    /// Those of these items, without what makes no difference any more.
    pub(crate) fn only_of<'a>(&self, items: impl Iterator<Item = &'a Item>) -> Self {
        let mut kept = BTreeMap::new();
        for item in items {
            let ballots = self.of(item).iter();
            let ballots = ballots.filter(|(member, on)| *on || item.votes.contains(member));
            let ballots: Vec<Ballot> = ballots.copied().collect();
            if !ballots.is_empty() {
                kept.insert(item.number, ballots);
            }
        }
        Ballots(kept)
    }

    /// Whether a member votes for an item.
    pub(crate) fn has_vote(&self, item: &Item, member: MemberId) -> bool {
        let mut ballots = self.of(item).iter();
        match ballots.find(|(other, _)| *other == member) {
            Some((_, on)) => *on,
            None => item.votes.contains(&member),
        }
    }

    /// The true votes for an item, in order of voting.
    pub(crate) fn votes(&self, item: &Item) -> Vec<MemberId> {
        let mut votes = item.votes.clone();
        for (member, on) in self.of(item) {
            set_vote(&mut votes, *member, *on);
        }
        votes
    }

    /// The votes for an item as this member sees them: those that were shown, and their own of now.
    pub(crate) fn votes_seen_by(&self, item: &Item, viewer: MemberId) -> Option<Vec<MemberId>> {
        let mut ballots = self.of(item).iter();
        let (member, on) = ballots.find(|(member, _)| *member == viewer)?;
        let mut votes = item.votes.clone();
        set_vote(&mut votes, *member, *on);
        Some(votes)
    }

    /// Whether a member has voted anything that was not shown yet.
    pub(crate) fn have(&self, member: MemberId) -> bool {
        let mut ballots = self.0.values().flatten();
        ballots.any(|(other, _)| *other == member)
    }
}

/// Adds a member's vote at the end, or takes it out.
pub(crate) fn set_vote(votes: &mut Vec<MemberId>, member: MemberId, on: bool) {
    votes.retain(|other| *other != member);
    if on {
        votes.push(member);
    }
}
