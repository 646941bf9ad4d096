//! What happened to the table, as people speak of it; in no language yet.

use std::sync::Arc;

use tablecast_lunch::{Decided, Event, How, Table, Voted};

/// Something that people may want to hear of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// An item was put on the menu: its number and what it is.
    Added(u64, Arc<str>),
    /// An item was taken away.
    Removed(u64, Arc<str>),
    /// A removed item was put back.
    Restored(u64, Arc<str>),
    /// A vote was given: for what, and how many it has now.
    Voted(Arc<str>, usize),
    /// A vote was taken back: from what, and how many it has now.
    Unvoted(Arc<str>, usize),
    /// The room has this title, or none any more.
    Titled(Option<Arc<str>>),
    /// The room lives its whole lifetime again.
    Extended,
    /// A draw began among so many items.
    Drawing(usize),
    /// It was decided: how, and what won.
    Decided(How, Arc<str>),
}

impl News {
    /// What there is to tell of an event, which led from one table to the other.
    pub(super) fn of(event: Event, before: &Table, after: &Table) -> Option<News> {
        Some(match event {
            Event::Added { number, item, .. } => News::Added(number, item),
            Event::Removed { number } => News::Removed(number, before.item(number)?.item.clone()),
            Event::Restored(item) if before.item(item.number).is_some() => return None,
            Event::Restored(item) => News::Restored(item.number, item.item.clone()),
            Event::Voted(Voted::For { number, on, .. }) => {
                let item = after.item(number)?;
                let (item, votes) = (item.item.clone(), item.votes.len());
                match on {
                    true => News::Voted(item, votes),
                    false => News::Unvoted(item, votes),
                }
            }
            Event::Titled { title } => News::Titled(title),
            Event::Extended {} => News::Extended,
            Event::Drawing(began) => News::Drawing(began.candidates.len()),
            Event::Contributed { .. } => return None,
            Event::Decided(Decided::Votes { winner, .. } | Decided::Draw { winner, .. }) => {
                let decision = after.settling.decision.as_ref()?;
                let is_this = decision.winner.number == winner;
                is_this.then(|| News::Decided(decision.how, decision.winner.item.clone()))?
            }
            Event::Voted(Voted::Hidden { .. })
            | Event::Deadline { .. }
            | Event::Nudged { .. }
            | Event::Vetoed { .. }
            | Event::Ruled(_)
            | Event::Locked { .. }
            | Event::Hosted { .. }
            | Event::Dismissed { .. }
            | Event::Reinstated { .. } => return None,
        })
    }
}
