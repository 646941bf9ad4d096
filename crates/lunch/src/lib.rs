//! The lunch table: friends add and remove items, vote, and decide. This crate does no I/O and has no clock.
//!
//! - [`Command`] and [`Event`]: what members ask for, and what happens then.
//! - [`Table`]: what members see. Only its [`apply`](Table::apply) changes it, on every node and
//!   in every client.
//! - [`Menu`]: the server's table, with the room's secret and the hidden votes; the application of
//!   a hub.
//! - [`Drawn`]: a draw that is over, which anybody can [check](Drawn::check).

mod app;
mod apply;
mod ballots;
pub mod code;
mod command;
mod decide;
mod decision;
mod draw;
mod event;
mod hex;
mod item;
mod limits;
mod menu;
mod rules;
mod table;
mod words;

pub use app::{LINES, Texts};
pub use command::*;
pub use decision::{Decision, How, Keepsake};
pub use draw::{Contribution, Drawing, Drawn, Known, MasterSecret, NextDraw, Verdict};
pub use event::{Began, Decided, Event, Ruled, Voted};
pub use hex::{Hex32, NotHex32};
pub use item::{Candidate, Item, Revealed};
pub use limits::{
    MAX_CONTRIBUTIONS, MAX_DEADLINE_MS, MAX_ITEM_GRAPHEMES, MAX_PAST, MAX_REMOVED,
    MAX_TITLE_GRAPHEMES, MAX_VOTES, MAX_VOTES_EACH, MIN_DEADLINE_MS, NUDGE_MS, max_table_bytes,
};
pub use menu::Menu;
pub use rules::{Deadline, House, Rules};
pub use table::{Settling, Table};
pub use words::{HIDDEN, hide_words};

#[cfg(test)]
mod tests;
