//! What happened, as people speak of it; in no language yet.

use super::menu::How;
use crate::text::Shown;

/// Somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// Whoever sits at this terminal.
    You,
    /// Another member, by name.
    Other(Shown),
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
    Renamed(Who, Shown),
    /// Put an item on the menu: its number and what it is.
    Added(Who, u64, Shown),
    /// Took an item away.
    Removed(Who, u64, Shown),
    /// Put a removed item back.
    Restored(Who, u64, Shown),
    /// Gave or took back a vote.
    Voted {
        /// Who did.
        who: Who,
        /// For what.
        item: Shown,
        /// Whether it was given.
        on: bool,
        /// How many it has now.
        votes: usize,
    },
    /// Gave the room this title, or took it away.
    Titled(Who, Option<Shown>),
    /// Lets the room live its whole lifetime again.
    Extended(Who),
    /// Began a draw among so many items.
    Drawing(Who, usize),
    /// It was decided: how, and what won.
    Decided(How, Shown),
}
