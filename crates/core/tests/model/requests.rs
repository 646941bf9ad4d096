//! The requests to a room, and the small application in it.

use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use tablecast_core::logic::Context;
use tablecast_core::{Logic, MemberId, Rejection};

use super::nodes::Outcome;

/// Things in the order in which they were added, each with the member who added it; and a bell.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Shelf {
    pub(crate) things: Vec<(MemberId, u8)>,
    pub(crate) bell: Option<Bell>,
    /// When the bell was to ring, and when it rang.
    pub(crate) rung: Vec<(u64, u64)>,
}

/// A bell that is wound up.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bell {
    pub(crate) at: u64,
    /// So often it rings again, ten later each time.
    pub(crate) again: u8,
}

impl Bell {
    pub(crate) fn next(self) -> Option<Bell> {
        Some(Bell {
            at: self.at + 10,
            again: self.again.checked_sub(1)?,
        })
    }
}

/// The bell can ring so late, and no later: then the room's age ends.
pub(crate) const LAST_RING: u64 = 200;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Command {
    /// One event.
    Put(u8),
    /// Two events.
    PutTwo(u8),
    /// One event, or `not_found`.
    Take(u8),
    /// One event, or none if the shelf is empty already.
    Clear,
    /// One event, or `too_late`. The bell rings after this time.
    Wind { after: u64, again: u8 },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum ShelfEvent {
    Put(u8),
    Taken(u8),
    Cleared,
    Wound(Bell),
    Rung(u64),
}

impl Logic for Shelf {
    type Command = Command;
    type Event = ShelfEvent;

    fn decide(&self, by: &Context<'_>, command: &Command) -> Result<Vec<ShelfEvent>, Rejection> {
        match *command {
            Command::Put(thing) => Ok(vec![ShelfEvent::Put(thing)]),
            Command::PutTwo(thing) => Ok(vec![ShelfEvent::Put(thing), ShelfEvent::Put(thing)]),
            Command::Take(thing) if self.things.iter().any(|(_, there)| *there == thing) => {
                Ok(vec![ShelfEvent::Taken(thing)])
            }
            Command::Take(_) => Err(Rejection::new("not_found", "it is not there")),
            Command::Clear if self.things.is_empty() => Ok(Vec::new()),
            Command::Clear => Ok(vec![ShelfEvent::Cleared]),
            Command::Wind { after, again } => {
                let at = by.now + after;
                Ok(vec![ShelfEvent::Wound(Bell { at, again })])
            }
        }
    }

    fn apply(&mut self, by: Option<MemberId>, event: &ShelfEvent) {
        match event {
            ShelfEvent::Put(thing) => self.things.extend(by.map(|by| (by, *thing))),
            ShelfEvent::Taken(thing) => {
                let at = self.things.iter().position(|(_, there)| there == thing);
                self.things.remove(at.expect("decided in this state"));
            }
            ShelfEvent::Cleared => self.things.clear(),
            ShelfEvent::Wound(bell) => self.bell = Some(*bell),
            ShelfEvent::Rung(now) => {
                let bell = self.bell.expect("decided in this state");
                self.rung.push((bell.at, *now));
                self.bell = bell.next();
            }
        }
    }

    fn alarm(&self) -> Option<u64> {
        self.bell.map(|bell| bell.at)
    }

    fn ring(&self, now: u64) -> Vec<ShelfEvent> {
        vec![ShelfEvent::Rung(now)]
    }

    /// Whoever has a thing there.
    fn remembers(&self, member: MemberId) -> bool {
        self.things.iter().any(|(by, _)| *by == member)
    }

    /// After each removal: the remaining things.
    fn keepsake(&self, event: &ShelfEvent) -> Option<impl Serialize + Send + Sync + 'static> {
        matches!(event, ShelfEvent::Taken(_)).then(|| self.things.clone())
    }
}

/// One request at a node. Members and connections are few, so that requests affect each
/// other.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Request {
    Join {
        connection: u64,
        key: Option<u128>,
        named: bool,
        colour: Option<u64>,
    },
    /// With the token of the nth seat, or with one that opens no seat.
    Resume {
        nth: usize,
        connection: u64,
    },
    Disconnect {
        connection: u64,
        keep: Option<u64>,
    },
    /// Time passes, then seats are given up; `live` says for each node whether it is alive.
    Reap {
        passed: u64,
        live: Option<[bool; 2]>,
    },
    /// By the member of the nth seat, or by somebody without a seat.
    Rename {
        nth: usize,
        number: u64,
        digest: u64,
        name: u8,
        colour: Option<u64>,
    },
    /// By the member of the nth seat, or by somebody without a seat.
    Command {
        nth: usize,
        number: u64,
        digest: u64,
        command: Command,
    },
    /// Many commands with numbers of their own, to push older ones out of memory.
    Burst {
        nth: usize,
        count: u64,
    },
    /// By the server.
    Order(Order),
}

/// What the server itself wants.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Order {
    Command(Command),
    /// The nth of those who have a seat, and then of those who had one, is asked to leave.
    Dismiss(usize),
    Close,
}

/// A batch of requests at one node, and its outcome.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) node: usize,
    pub(crate) requests: Vec<Request>,
    pub(crate) outcome: Outcome,
    /// What the other node commits between the decision here and the commit, so
    /// that there is a conflict.
    pub(crate) other_first: Option<Vec<Request>>,
}

// Times are multiples of ten, so that equal times occur.
fn request() -> impl Strategy<Value = Request> {
    // Digests are few, so that a number is used again, for the same and for another
    // command.
    let op = || (0..6usize, 0..12u64, 0..2u64);
    let colour = || prop::option::of(0..3u64);
    let command = || {
        prop_oneof![
            4 => (0..3u8).prop_map(Command::Put),
            2 => (0..3u8).prop_map(Command::PutTwo),
            3 => (0..3u8).prop_map(Command::Take),
            1 => Just(Command::Clear),
            2 => ((0..6u64).prop_map(|tens| 10 * tens), 0..3u8)
                .prop_map(|(after, again)| Command::Wind { after, again }),
        ]
    };
    let order = prop_oneof![
        6 => command().prop_map(Order::Command),
        3 => (0..8usize).prop_map(Order::Dismiss),
        1 => Just(Order::Close),
    ];
    prop_oneof![
        6 => (0..6u64, prop::option::of(0..3u128), any::<bool>(), colour()).prop_map(
            |(connection, key, named, colour)| Request::Join { connection, key, named, colour },
        ),
        4 => (0..6usize, 0..6u64).prop_map(|(nth, connection)| Request::Resume { nth, connection }),
        4 => (0..6u64, prop::option::of((0..10u64).prop_map(|tens| 10 * tens)))
            .prop_map(|(connection, keep)| Request::Disconnect { connection, keep }),
        2 => ((0..6u64).prop_map(|tens| 10 * tens), prop::option::weighted(0.3, prop::array::uniform2(prop::bool::weighted(0.7))))
            .prop_map(|(passed, live)| Request::Reap { passed, live }),
        3 => (op(), 0..3u8, colour()).prop_map(|((nth, number, digest), name, colour)| {
            Request::Rename { nth, number, digest, name, colour }
        }),
        12 => (op(), command()).prop_map(|((nth, number, digest), command)| Request::Command {
            nth, number, digest, command,
        }),
        1 => (0..4usize, 1..200u64).prop_map(|(nth, count)| Request::Burst { nth, count }),
        3 => order.prop_map(Request::Order),
    ]
}

/// At most this many steps.
pub(crate) fn steps(at_most: usize) -> impl Strategy<Value = Vec<Step>> {
    // Some requests are sent twice in one batch.
    let requests = || {
        let once = prop::collection::vec(request(), 1..5);
        (once, prop::bool::weighted(0.2)).prop_map(|(once, twice)| match twice {
            true => once.repeat(2),
            false => once,
        })
    };
    let outcome = prop_oneof![
        5 => Just(Outcome::Accepted),
        2 => Just(Outcome::UnknownBefore),
        3 => Just(Outcome::UnknownAfter),
    ];
    let other_first = prop::option::weighted(0.4, requests());
    let step = (0..2usize, requests(), outcome, other_first).prop_map(
        |(node, requests, outcome, other_first)| Step {
            node,
            requests,
            outcome,
            other_first,
        },
    );
    prop::collection::vec(step, 1..at_most)
}
