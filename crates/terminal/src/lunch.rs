//! The lunch table as the terminal lives through it.

mod draws;
mod news;

use std::cmp::Reverse;

use serde_json::Value;
use tablecast_client::protocol::{MemberId, client};
use tablecast_client::{Application, Entropy, Millis};
use tablecast_lunch::{Command, Event, Item, Table, Verdict};

use crate::room_url;
use crate::text::sanitise_all;
use draws::Draws;
pub use news::News;

/// A seat at a lunch table.
pub type Session = tablecast_client::Session<Lunch>;

/// A room with a lunch table in it.
pub type Room = tablecast_client::Room<Table>;

/// What a member asks for.
pub type Request = client::Request<Command>;

/// What people want to be told.
pub type Notification = tablecast_client::Notification<News, Command>;

/// What is remembered of a lunch besides the table.
#[derive(Debug, Default)]
pub struct Lunch(Draws);

impl Application for Lunch {
    type State = Table;
    type Event = Event;
    type Command = Command;
    type News = News;

    fn apply(table: &mut Table, by: MemberId, event: Event) -> Option<News> {
        let before = table.clone();
        table.apply(by, &event);
        News::of(event, &before, table)
    }

    fn tend(&mut self, room: &Room, now: Millis, entropy: &mut Entropy) -> Vec<Command> {
        self.0.tend(room, now, entropy)
    }

    fn next_at(&self) -> Option<Millis> {
        self.0.next_at()
    }

    fn clean(message: &mut Value) {
        sanitise_all(message);
    }

    fn socket_path(path: &str) -> Result<String, String> {
        room_url::socket_path(path)
    }
}

/// What checking the newest decision found, if it was a draw.
pub fn verdict(session: &Session) -> Option<Verdict> {
    session.app().0.verdict(session.room()?)
}

/// The items, most wanted first; among equals in order of adding.
pub(crate) fn by_votes(table: &Table) -> Vec<&Item> {
    let mut items: Vec<&Item> = table.items.iter().map(|item| &**item).collect();
    items.sort_by_key(|item| Reverse(item.votes.len()));
    items
}

/// Whether the newest decision is for this item.
pub(crate) fn is_decided(table: &Table, number: u64) -> bool {
    let decision = table.settling.decision.as_ref();
    decision.is_some_and(|decision| decision.winner.number == number)
}
