//! Commands on their way: each is sent until it is answered, in order, no faster than the
//! server takes them. What could not be taken is sent again before anything newer, so that
//! the server never meets a number that is lower than one it has applied. Pure.

use std::collections::VecDeque;

use serde::Serialize;
use tablecast_protocol::client::{Numbered, Request};
use tablecast_protocol::code::may_pass;
use tablecast_protocol::push::Limits;

use crate::clock::Millis;

/// A command that was refused for the moment is sent again after this time.
const MOMENT: Millis = 1_000;

/// So many commands wait for an answer at most. No person is so fast.
const MOST: usize = 256;

/// What has become of a command on this connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// To be sent.
    Waiting,
    /// Sent, and not answered yet.
    Sent,
    /// Sent, and then an older one was given up: a server gives this one up too, and says so.
    /// Until then it is not known whether it is to be sent again, so nothing newer is.
    InDoubt,
}

#[derive(Debug)]
struct Entry<C> {
    id: u64,
    request: Request<C>,
    /// Somebody asked for it: they are told of a refusal. Else the application says it by itself.
    is_asked: bool,
    stage: Stage,
    /// Sent over any connection: it may have been applied.
    tried: bool,
}

/// The allowance of this connection.
#[derive(Debug, Clone, Copy)]
struct Pace {
    limits: Limits,
    /// How many commands may be sent at once, at the time `at`.
    tokens: f64,
    at: Millis,
}

/// What came of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused<C> {
    /// It will be sent again.
    Again,
    /// That was the answer to this command.
    Final(Option<Request<C>>),
    /// That was the answer to what the client said by itself.
    Unasked,
}

/// The commands without an answer.
#[derive(Debug)]
pub(super) struct Commands<C> {
    /// Never used twice for a seat.
    next_id: u64,
    entries: VecDeque<Entry<C>>,
    /// `None`: not connected, nothing is sent.
    pace: Option<Pace>,
    /// Nothing is sent before.
    paused_until: Option<Millis>,
}

impl<C: Serialize> Commands<C> {
    pub(super) fn new() -> Self {
        Commands {
            next_id: 1,
            entries: VecDeque::new(),
            pace: None,
            paused_until: None,
        }
    }

    /// Asked for and without an answer, in order.
    pub(super) fn pending(&self) -> impl DoubleEndedIterator<Item = &Request<C>> {
        let asked = self.entries.iter().filter(|entry| entry.is_asked);
        asked.map(|entry| &entry.request)
    }

    pub(super) fn is_full(&self) -> bool {
        self.entries.len() >= MOST
    }

    pub(super) fn add(&mut self, request: Request<C>, is_asked: bool) {
        self.entries.push_back(Entry {
            id: self.next_id,
            request,
            is_asked,
            stage: Stage::Waiting,
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
            match entry.stage {
                Stage::InDoubt => break,
                Stage::Sent => continue,
                Stage::Waiting => {}
            }
            let wait = pace.take(now);
            if wait > 0 {
                self.paused_until = Some(now.saturating_add(wait));
                break;
            }
            entry.stage = Stage::Sent;
            entry.tried = true;
            texts.push(text(entry));
        }
        texts
    }

    /// Takes out a command that is too long. The server would close the connection for it, and
    /// would do so again and again, since the command would be sent again.
    pub(super) fn too_long(&mut self) -> Option<(Request<C>, usize)> {
        let most = self.pace?.limits.message_bytes;
        let is_too_long =
            |entry: &Entry<C>| entry.stage == Stage::Waiting && text(entry).len() > most;
        let at = self.entries.iter().position(is_too_long)?;
        let entry = self.entries.remove(at)?;
        Some((entry.request, most))
    }

    /// When to flush again.
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
            entry.stage = Stage::Waiting;
        }
    }

    /// Not connected: nothing is sent.
    pub(super) fn lost(&mut self) {
        self.pace = None;
    }

    /// The seat is lost: of the commands that were sent nobody can find out any more whether they
    /// were applied. Returns them. What was not sent yet gets numbers of the new seat.
    pub(super) fn forget(&mut self) -> Vec<Request<C>> {
        // What the client says by itself it will say again.
        let asked = std::mem::take(&mut self.entries).into_iter();
        let asked = asked.filter(|entry| entry.is_asked);
        let (unsure, kept): (Vec<_>, Vec<_>) = asked.partition(|entry| entry.tried);
        self.entries = kept.into();
        for (entry, id) in self.entries.iter_mut().zip(1..) {
            entry.id = id;
        }
        self.next_id = self.entries.len() as u64 + 1;
        unsure.into_iter().map(|entry| entry.request).collect()
    }

    pub(super) fn acknowledged(&mut self, id: u64) {
        self.entries.retain(|entry| entry.id != id);
    }

    pub(super) fn refused(&mut self, id: u64, code: &str, now: Millis) -> Refused<C> {
        let at = self.entries.iter().position(|entry| entry.id == id);
        if may_pass(code) {
            self.paused_until = Some(now.saturating_add(MOMENT));
            if let Some(entry) = at.and_then(|at| self.entries.get_mut(at)) {
                entry.stage = Stage::Waiting;
            }
            let is_newer = |entry: &&mut Entry<C>| entry.id > id && entry.stage == Stage::Sent;
            for newer in self.entries.iter_mut().filter(is_newer) {
                newer.stage = Stage::InDoubt;
            }
            return Refused::Again;
        }
        match at.and_then(|at| self.entries.remove(at)) {
            Some(entry) if !entry.is_asked => Refused::Unasked,
            entry => Refused::Final(entry.map(|entry| entry.request)),
        }
    }
}

/// Only half of the allowed burst is used: the network may deliver several commands at once.
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

/// Why JSON cannot carry this, if so.
pub(super) fn unsayable<C: Serialize>(request: &Request<C>) -> Option<serde_json::Error> {
    serde_json::to_string(&Numbered { id: 0, request }).err()
}

/// The same bytes each time: the server compares them.
fn text<C: Serialize>(entry: &Entry<C>) -> String {
    let (id, request) = (entry.id, &entry.request);
    // Only what can be written was taken.
    serde_json::to_string(&Numbered { id, request }).unwrap_or_default()
}
