//! The lunch table as the terminal lives through it. In a draw it contributes a random value by
//! itself, ends the draw, and checks the result.

mod news;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde_json::Value;
use tablecast_client::protocol::{Epoch, MemberId, client};
use tablecast_client::{Application, Entropy, Millis};
use tablecast_lunch::{Command, Contribute, Event, Hex32, Item, Known, Reveal, Table, Verdict};

use crate::room_url;
use crate::text::sanitise_all;
pub use news::News;

/// A seat at a lunch table.
pub type Session = tablecast_client::Session<Lunch>;

/// A room with a lunch table in it.
pub type Room = tablecast_client::Room<Table>;

/// What a member asks for.
pub type Request = client::Request<Command>;

/// What people want to be told.
pub type Notification = tablecast_client::Notification<News, Command>;

/// It waits so long for the others to contribute, and then between two attempts to reveal.
const PATIENCE: Millis = 3_000;

/// The part in the draw that is under way.
#[derive(Debug)]
struct Part {
    draw: u64,
    /// Which member this client is in it.
    member: MemberId,
    /// What it contributed; nothing, if this member had contributed before it came.
    value: Option<Hex32>,
    /// When to reveal, even if somebody has not contributed; never, if the server ends the draw
    /// by itself.
    reveal_at: Option<Millis>,
    /// It was revealed because everybody has contributed.
    asked: bool,
}

/// What is remembered of a lunch besides the table: the draws that this client lives through.
#[derive(Debug, Default)]
pub struct Lunch {
    /// The history that all of this happened in.
    epoch: Option<Epoch>,
    /// What the server committed to before a draw began, by the draw's number.
    commitments: BTreeMap<u64, Hex32>,
    part: Option<Part>,
    /// What checking a draw found, by the draw's number.
    verdict: Option<(u64, Verdict)>,
}

impl Application for Lunch {
    type State = Table;
    type Event = Event;
    type Command = Command;
    type News = News;

    fn apply(table: &mut Table, by: Option<MemberId>, event: Event) -> Option<News> {
        let before = table.clone();
        table.apply(by, &event);
        News::of(event, &before, table)
    }

    fn tend(&mut self, room: &Room, now: Millis, entropy: &mut Entropy) -> Vec<Command> {
        let next = &room.state.settling.next_draw;
        self.commitments
            .entry(next.number)
            .or_insert(next.commitment);
        // The one under way, the next one, and the one that may just have ended.
        let oldest = next.number.saturating_sub(2);
        self.commitments.retain(|number, _| *number >= oldest);
        let is_another_epoch = self.epoch.replace(room.epoch) != Some(room.epoch);
        if is_another_epoch {
            self.verdict = None;
        }
        self.judge(room);
        let Some(drawing) = &room.state.settling.drawing else {
            self.part = None;
            return Vec::new();
        };
        let Some(you) = room.you else {
            return Vec::new();
        };
        let mut asks = Vec::new();
        let is_over = |part: &mut Part| part.draw != drawing.number || part.member != you;
        self.part.take_if(is_over);
        let is_new = self.part.is_none();
        let part = self.part.get_or_insert_with(|| Part {
            draw: drawing.number,
            member: you,
            value: None,
            reveal_at: drawing.ends_at.is_none().then_some(now + PATIENCE),
            asked: false,
        });
        // In another epoch the store may have lost what was added already. If nobody adds it
        // again, the draw never ends.
        if (is_new || is_another_epoch) && !drawing.has(you) {
            let draw = part.draw;
            let value = *part.value.get_or_insert_with(|| entropy.bytes().into());
            asks.push(Command::Contribute(Contribute { draw, value }));
        }
        part.asked &= !is_another_epoch;
        // It waits also for members who missed an earlier draw. Otherwise one moment of a slow
        // network would leave them out of all later draws.
        let mut awaited = room.members.iter().filter(|member| !member.away);
        let all_added = awaited.all(|member| drawing.has(member.id));
        let is_due = |at| now >= at || (all_added && !part.asked);
        if part.reveal_at.is_some_and(is_due) {
            part.asked = true;
            part.reveal_at = Some(now + PATIENCE);
            asks.push(Command::Reveal(Reveal { draw: part.draw }));
        }
        asks
    }

    fn next_at(&self) -> Option<Millis> {
        self.part.as_ref()?.reveal_at
    }

    fn clean(message: &mut Value) {
        sanitise_all(message);
    }

    fn socket_path(path: &str) -> Result<String, String> {
        room_url::socket_path(path)
    }
}

impl Lunch {
    fn judge(&mut self, room: &Room) {
        let Some(decision) = &room.state.settling.decision else {
            return;
        };
        let Some(draw) = &decision.draw else { return };
        let judged = self.verdict.map(|(number, _)| number);
        if judged == Some(draw.number) {
            return;
        }
        let part = self.part.as_ref().filter(|part| part.draw == draw.number);
        let known = Known {
            commitment: self.commitments.get(&draw.number).copied(),
            own: part.and_then(|part| Some((part.member, part.value?))),
        };
        let verdict = draw.check(decision.winner.number, known);
        self.verdict = Some((draw.number, verdict));
    }
}

/// What checking the newest decision found, if it was a draw.
pub fn verdict(session: &Session) -> Option<Verdict> {
    let decision = session.room()?.state.settling.decision.as_ref()?;
    let (number, verdict) = session.app().verdict?;
    (number == decision.draw.as_ref()?.number).then_some(verdict)
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
