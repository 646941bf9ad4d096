//! What happened to the table, as people speak of it; in no language yet.

use std::sync::Arc;

use tablecast_lunch::{Event, Item, Table, Voted};

/// An event that people may want to hear of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// What happened.
    pub event: Event,
    /// The item that it is about; empty, if it is about none.
    pub item: Arc<str>,
    /// How many votes the item has now.
    pub votes: usize,
}

impl News {
    /// What there is to tell of an event, which led from one table to the other.
    pub(super) fn of(event: Event, before: &Table, after: &Table) -> Option<News> {
        let told = |item: &Item| (item.item.clone(), item.votes.len());
        let decision = after.settling.decision.as_ref();
        let winner = || decision.map(|one| (one.winner.item.clone(), one.winner.votes));
        let (item, votes) = match &event {
            Event::Contributed { .. } | Event::Cleared { .. } => return None,
            Event::Added { item, .. } => (item.clone(), 0),
            Event::Removed { number } => told(before.item(*number)?),
            Event::Restored(item) if before.item(item.number).is_some() => return None,
            Event::Restored(item) => told(item),
            Event::Voted(Voted::For { number, .. }) | Event::Vetoed { number, .. } => {
                told(after.item(*number)?)
            }
            Event::Decided(decided) if decision?.winner.number != decided.winner() => return None,
            Event::Decided(_) | Event::Reinstated { .. } => winner()?,
            _ => Default::default(),
        };
        Some(News { event, item, votes })
    }

    /// Whether something was decided.
    pub(crate) fn is_decision(&self) -> bool {
        matches!(self.event, Event::Decided(_))
    }
}
