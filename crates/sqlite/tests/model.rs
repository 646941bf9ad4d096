//! Whatever is asked of it, a database answers as rooms in memory do, whether it is opened
//! again in between or not.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod common;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tablecast::MemoryBackend;
use tablecast_core::backend::{
    Backend, Commit, Committed, Created, DueAlarms, Keepsake, Loaded, NewKeepsake, NewRoom, Stamp,
};
use tablecast_core::id::unique;
use tablecast_core::position::{Epoch, Position};
use tablecast_sqlite::{SqliteBackend, check};

use common::{Files, Folder, room};

const RUNS: u64 = 12;
const STEPS: usize = 150;
const START: u64 = 1_000_000;
const ROOMS: [&str; 3] = ["a", "b", "c"];

/// An answer, with the epochs taken out: each store draws its own.
#[derive(Debug, PartialEq)]
enum Answer {
    Created(Option<(u64, Stamp)>),
    Loaded(Option<Loaded>),
    Committed(Committed),
    Keepsake(Option<Keepsake>),
    Due(DueAlarms),
    Refused,
}

/// A store, and the epochs that it gave, by their number in the order of their making.
struct Side {
    backend: Arc<dyn Backend>,
    epochs: Vec<Epoch>,
}

impl Side {
    fn new(backend: Arc<dyn Backend>) -> Side {
        Side {
            backend,
            epochs: vec![Epoch(0)],
        }
    }

    /// A position as this store knows it.
    fn known(&self, (epoch, seq): (usize, u64)) -> Position {
        let epoch = self.epochs[epoch];
        Position { epoch, seq }
    }

    /// And as both do.
    fn common(&self, position: Position) -> Position {
        let number = self
            .epochs
            .iter()
            .position(|epoch| *epoch == position.epoch);
        let epoch = Epoch(number.unwrap() as u64);
        Position { epoch, ..position }
    }

    fn loaded(&self, loaded: Loaded) -> Loaded {
        let position = self.common(loaded.position);
        Loaded { position, ..loaded }
    }

    async fn ask(&mut self, ask: &Ask) -> Answer {
        match ask {
            Ask::Create { id, ttl, alarm } => {
                let new = NewRoom {
                    snapshot: "the first state".into(),
                    ttl: *ttl,
                    max_age: *ttl * 3,
                    alarm: *alarm,
                };
                match self.backend.create(&room(id), new).await.unwrap() {
                    Created::New(position, stamp) => {
                        self.epochs.push(position.epoch);
                        Answer::Created(Some((position.seq, stamp)))
                    }
                    Created::Exists => Answer::Created(None),
                }
            }
            Ask::Load { id, known } => {
                let known = known.map(|known| self.known(known));
                let loaded = self.backend.load(&room(id), known).await.unwrap();
                Answer::Loaded(loaded.map(|loaded| self.loaded(loaded)))
            }
            Ask::Commit { id, step } => {
                let commit = Commit {
                    expected: self.known(step.expected),
                    events: step.events.iter().cloned().map(Into::into).collect(),
                    snapshot: step.snapshot.clone().map(Into::into),
                    extend: step.extend,
                    keepsake: step.keepsake.clone().map(|(what, ttl)| NewKeepsake {
                        what: what.into(),
                        ttl,
                    }),
                    alarm: step.alarm,
                };
                match self.backend.commit(&room(id), commit).await {
                    Ok(Committed::Conflict(loaded)) => {
                        Answer::Committed(Committed::Conflict(self.loaded(loaded)))
                    }
                    Ok(committed) => Answer::Committed(committed),
                    Err(_) => Answer::Refused,
                }
            }
            Ask::Keepsake { id } => {
                Answer::Keepsake(self.backend.keepsake(&room(id)).await.unwrap())
            }
            Ask::Due { forget, .. } => {
                let due = self.backend.due_alarms(5).await.unwrap();
                if let Some(hint) = due.hints.get(*forget) {
                    self.backend.forget_alarm(hint).await.unwrap();
                }
                Answer::Due(due)
            }
        }
    }
}

#[derive(Debug)]
enum Ask {
    Create {
        id: &'static str,
        ttl: Duration,
        alarm: Option<u64>,
    },
    Load {
        id: &'static str,
        known: Option<(usize, u64)>,
    },
    Commit {
        id: &'static str,
        step: Step,
    },
    Keepsake {
        id: &'static str,
    },
    /// Also looks at this room.
    Due {
        id: &'static str,
        /// Forgets this one of the hints.
        forget: usize,
    },
}

/// Positions are the number of an epoch, and a seq.
#[derive(Debug)]
struct Step {
    expected: (usize, u64),
    events: Vec<Bytes>,
    snapshot: Option<Bytes>,
    extend: Option<Duration>,
    keepsake: Option<(Bytes, Duration)>,
    alarm: Option<u64>,
}

/// Where each room stands, as far as who asks knows.
type Standing = HashMap<&'static str, (usize, u64)>;

fn any_ask(random: &mut fastrand::Rng, standing: &Standing, epochs: usize) -> Ask {
    let id = ROOMS[random.usize(..ROOMS.len())];
    let second = Duration::from_secs(1);
    let place = standing.get(id).copied().unwrap_or((0, 0));
    // Mostly the right one.
    let about = |random: &mut fastrand::Rng| match random.u8(..8) {
        0 => (random.usize(..epochs), place.1),
        1 => (place.0, place.1 + random.u64(..3)),
        2 => (place.0, place.1.saturating_sub(random.u64(..9))),
        _ => place,
    };
    let alarm = |random: &mut fastrand::Rng| {
        (random.u8(..4) == 0).then(|| START + 10_000 * random.u64(..60))
    };
    match random.u8(..22) {
        0 | 1 => Ask::Create {
            id,
            ttl: second * random.u32(1..60),
            alarm: alarm(random),
        },
        2..=4 => Ask::Load {
            id,
            known: random.bool().then(|| about(random)),
        },
        5 => Ask::Keepsake { id },
        6 | 7 => Ask::Due {
            id,
            forget: random.usize(..8),
        },
        _ => {
            let expected = about(random);
            let events = random.usize(1..6);
            let event = |n| Bytes::from(format!("{n}: {}", random.u64(..)));
            let events: Vec<Bytes> = (0..events).map(event).collect();
            let after = expected.1 + events.len() as u64;
            Ask::Commit {
                id,
                step: Step {
                    expected,
                    // Below what a log holds, where both keep the same.
                    snapshot: (random.u8(..4) == 0).then(|| format!("at {after}").into()),
                    extend: random.bool().then(|| second * random.u32(1..60)),
                    keepsake: (random.u8(..4) == 0)
                        .then(|| (format!("of {after}").into(), second * random.u32(1..90))),
                    alarm: alarm(random),
                    events,
                },
            }
        }
    }
}

#[tokio::test]
async fn a_database_answers_as_rooms_in_memory_do() {
    for run in 0..RUNS {
        let seed = unique();
        println!("run {run}: seed {seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        let now = Arc::new(AtomicU64::new(START));
        let clock = || {
            let now = now.clone();
            move || now.load(Ordering::Relaxed)
        };
        let folder = Folder::new();
        let open = || SqliteBackend::open_with_clock(&folder.options(), clock()).unwrap();
        let mut memory = Side::new(Arc::new(MemoryBackend::with_clock(clock())));
        let mut database = Side::new(Arc::new(open()));
        let mut standing = Standing::new();
        for _ in 0..STEPS {
            match random.u8(..30) {
                0 => {
                    // In order, or as after a kill.
                    let files = random.bool().then(|| Files::of(&folder));
                    database.backend = Arc::new(MemoryBackend::new());
                    if let Some(files) = files {
                        files.put_back(&folder);
                    }
                    database.backend = Arc::new(open());
                }
                1 => {
                    now.fetch_add(random.u64(..40_000), Ordering::Relaxed);
                }
                _ => {}
            }
            now.fetch_add(random.u64(..200), Ordering::Relaxed);
            let ask = any_ask(&mut random, &standing, memory.epochs.len());
            let expected = memory.ask(&ask).await;
            let answer = database.ask(&ask).await;
            assert_eq!(answer, expected, "seed {seed}: {ask:?}");
            let id = match &ask {
                Ask::Create { id, .. }
                | Ask::Load { id, .. }
                | Ask::Commit { id, .. }
                | Ask::Keepsake { id }
                | Ask::Due { id, .. } => *id,
            };
            let newest = memory.backend.load(&room(id), None).await.unwrap();
            let newest = newest.map(|loaded| memory.common(loaded.position));
            let place = newest.map(|position| (position.epoch.0 as usize, position.seq));
            place.map(|place| standing.insert(id, place));
        }
        // Nothing is left of rooms that are no more, nor missing of those that are.
        let findings = check(&folder.database(), &mut |_| {}).unwrap().findings;
        assert_eq!(findings, [], "seed {seed}");
    }
}
