//! Commands on their way: each is sent until it is answered, in order, no faster than the
//! server takes them. What could not be taken is sent again before anything newer, so that
//! the server never meets a number that is lower than one it has applied. Pure.

use std::collections::VecDeque;

use tablecast_lunch::Command;
use tablecast_protocol::client::{Numbered, Request};
use tablecast_protocol::code::may_pass;
use tablecast_protocol::push::Limits;

use crate::clock::Millis;

/// What a member asks for.
pub type Ask = Request<Command>;

/// Whether this client says it by itself, so that a refusal is nobody's matter.
pub(super) fn is_unasked(ask: &Ask) -> bool {
    matches!(
        ask,
        Request::Command(Command::Contribute(_) | Command::Reveal(_))
    )
}

/// What was refused for now is sent again after so long.
const MOMENT: Millis = 1_000;

/// As many wait for an answer at most. A person never gets there; a pipe is not read on.
const MOST: usize = 256;

#[derive(Debug)]
struct Entry {
    id: u64,
    ask: Ask,
    /// Over this connection, and not answered there.
    sent: bool,
    /// Sent, and then an older one was given up: a server gives this one up too, and says so.
    /// Until then it is not known whether it is to be sent again, so nothing newer is.
    in_doubt: bool,
    /// At all: it may have been applied.
    tried: bool,
}

/// The allowance of this connection.
#[derive(Debug, Clone, Copy)]
struct Pace {
    limits: Limits,
    /// What may be said at once, and when it was so.
    tokens: f64,
    at: Millis,
}

/// What came of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// It will be sent again.
    Again,
    /// That was the answer to this command.
    Final(Option<Ask>),
}

/// The commands without an answer.
#[derive(Debug)]
pub(super) struct Commands {
    /// Never used twice for a seat.
    next_id: u64,
    entries: VecDeque<Entry>,
    /// `None`: not connected, nothing is sent.
    pace: Option<Pace>,
    /// Nothing is sent before.
    paused_until: Option<Millis>,
}

impl Commands {
    pub(super) fn new() -> Self {
        Commands {
            next_id: 1,
            entries: VecDeque::new(),
            pace: None,
            paused_until: None,
        }
    }

    /// Without an answer, in order.
    pub(super) fn pending(&self) -> impl DoubleEndedIterator<Item = &Ask> {
        self.entries.iter().map(|entry| &entry.ask)
    }

    pub(super) fn is_full(&self) -> bool {
        self.entries.len() >= MOST
    }

    pub(super) fn add(&mut self, ask: Ask) {
        self.entries.push_back(Entry {
            id: self.next_id,
            ask,
            sent: false,
            in_doubt: false,
            tried: false,
        });
        self.next_id += 1;
    }

    /// What is to be sent now.
    pub(super) fn flush(&mut self, now: Millis) -> Vec<String> {
        let Some(pace) = &mut self.pace else {
            return Vec::new();
        };
        if self.paused_until.is_some_and(|until| now < until) {
            return Vec::new();
        }
        self.paused_until = None;
        let mut texts = Vec::new();
        for entry in &mut self.entries {
            match entry {
                Entry { in_doubt: true, .. } => break,
                Entry { sent: true, .. } => continue,
                _ => {}
            }
            let wait = pace.take(now);
            if wait > 0 {
                self.paused_until = Some(now.saturating_add(wait));
                break;
            }
            entry.sent = true;
            entry.tried = true;
            texts.push(text(entry));
        }
        texts
    }

    /// Takes out what the server would not read, and close the connection for: over and
    /// over, since it would be sent again.
    pub(super) fn too_long(&mut self) -> Option<(Ask, usize)> {
        let most = self.pace?.limits.message_bytes;
        let is_too_long = |entry: &Entry| !entry.sent && text(entry).len() > most;
        let at = self.entries.iter().position(is_too_long)?;
        let entry = self.entries.remove(at)?;
        Some((entry.ask, most))
    }

    /// When to flush again by itself.
    pub(super) fn next_at(&self) -> Option<Millis> {
        self.pace.and(self.paused_until)
    }

    /// Connected: all that was not answered is sent again.
    pub(super) fn greeted(&mut self, limits: Limits, now: Millis) {
        self.paused_until = None;
        self.pace = Some(Pace {
            limits,
            tokens: most(&limits),
            at: now,
        });
        for entry in &mut self.entries {
            entry.sent = false;
            entry.in_doubt = false;
        }
    }

    /// Not connected: nothing is sent.
    pub(super) fn lost(&mut self) {
        self.pace = None;
    }

    /// The seat is lost, and with it the way to find out what became of what was sent:
    /// these commands. What was not sent yet gets the numbers of a new seat.
    pub(super) fn forget(&mut self) -> Vec<Ask> {
        // What the client says by itself it will say again.
        let asked = std::mem::take(&mut self.entries).into_iter();
        let asked = asked.filter(|entry| !is_unasked(&entry.ask));
        let (unsure, kept): (Vec<Entry>, Vec<Entry>) = asked.partition(|entry| entry.tried);
        self.entries = kept.into();
        for (entry, id) in self.entries.iter_mut().zip(1..) {
            entry.id = id;
        }
        self.next_id = self.entries.len() as u64 + 1;
        unsure.into_iter().map(|entry| entry.ask).collect()
    }

    pub(super) fn acknowledged(&mut self, id: u64) {
        self.entries.retain(|entry| entry.id != id);
    }

    pub(super) fn refused(&mut self, id: u64, code: &str, now: Millis) -> Refused {
        let at = self.entries.iter().position(|entry| entry.id == id);
        if may_pass(code) {
            self.paused_until = Some(now.saturating_add(MOMENT));
            if let Some(entry) = at.and_then(|at| self.entries.get_mut(at)) {
                entry.sent = false;
                entry.in_doubt = false;
            }
            for newer in self.entries.iter_mut().filter(|entry| entry.id > id) {
                newer.in_doubt = newer.sent;
            }
            return Refused::Again;
        }
        let entry = at.and_then(|at| self.entries.remove(at));
        Refused::Final(entry.map(|entry| entry.ask))
    }
}

/// Half of what is allowed at once is left, for what the network bunches together.
fn most(limits: &Limits) -> f64 {
    (f64::from(limits.command_burst) / 2.0).max(1.0)
}

impl Pace {
    /// Takes the allowance for one command, or says how long to wait for it.
    fn take(&mut self, now: Millis) -> Millis {
        let rate = self.limits.commands_per_second;
        if rate <= 0.0 {
            return 0;
        }
        let earned = now.saturating_sub(self.at) as f64 * rate / 1000.0;
        self.tokens = most(&self.limits).min(self.tokens + earned);
        self.at = now;
        if self.tokens < 1.0 {
            return ((1.0 - self.tokens) * 1000.0 / rate).ceil() as Millis;
        }
        self.tokens -= 1.0;
        0
    }
}

/// The same bytes each time: the server compares them.
fn text(entry: &Entry) -> String {
    let numbered = Numbered {
        id: entry.id,
        request: &entry.ask,
    };
    // Strings and numbers can always be written.
    serde_json::to_string(&numbered).unwrap_or_default()
}
