//! What happened, as people speak of it; in no language yet.

use std::sync::Arc;

use tablecast_lunch::{Decided, Event, How, Table};

/// Somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// Whoever sits at this terminal.
    You,
    /// Another member, by name.
    Other(String),
    /// Somebody who has no seat any more.
    Nobody,
}

/// Something that people may want to hear of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// Has a seat.
    Joined(Who),
    /// Is connected again.
    Back(Who),
    /// Is not connected.
    Away(Who),
    /// Has no seat any more.
    Left(Who),
    /// Has this name now.
    Renamed(Who, String),
    /// Put an item on the menu: its number and what it is.
    Added(Who, u64, Arc<str>),
    /// Took an item away.
    Removed(Who, u64, Arc<str>),
    /// Put a removed item back.
    Restored(Who, u64, Arc<str>),
    /// Gave or took back a vote.
    Voted {
        /// Who did.
        who: Who,
        /// For what.
        item: Arc<str>,
        /// Whether it was given.
        on: bool,
        /// How many it has now.
        votes: usize,
    },
    /// Gave the room this title, or took it away.
    Titled(Who, Option<Arc<str>>),
    /// Lets the room live its whole lifetime again.
    Extended(Who),
    /// Began a draw among so many items.
    Drawing(Who, usize),
    /// It was decided: how, and what won.
    Decided(How, Arc<str>),
}

/// What there is to tell of an event of the table, which it led from `before` to `after`.
pub(super) fn of_table(event: &Event, who: Who, before: &Table, after: &Table) -> Option<News> {
    Some(match event {
        Event::Added { number, item, .. } => News::Added(who, *number, item.clone()),
        Event::Removed { number } => {
            News::Removed(who, *number, before.item(*number)?.item.clone())
        }
        Event::Restored(item) if before.item(item.number).is_some() => return None,
        Event::Restored(item) => News::Restored(who, item.number, item.item.clone()),
        Event::Voted { number, on } => {
            let item = after.item(*number)?;
            News::Voted {
                who,
                item: item.item.clone(),
                on: *on,
                votes: item.votes.len(),
            }
        }
        Event::Titled { title } => News::Titled(who, title.clone()),
        Event::Extended {} => News::Extended(who),
        Event::Drawing(began) => News::Drawing(who, began.candidates.len()),
        Event::Contributed { .. } => return None,
        Event::Decided(Decided::Votes { winner, .. } | Decided::Draw { winner, .. }) => {
            let decision = after.settling.decision.as_ref()?;
            if decision.winner.number != *winner {
                return None;
            }
            News::Decided(decision.how, decision.winner.item.clone())
        }
    })
}
