#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tablecast_core::backend::NewKeepsake;
use tablecast_core::stored::{Encode, StoredError};

use super::*;
use tablecast_testing::{Notification, Recorder};

/// A backend whose clock is moved by hand.
fn with_hands() -> (MemoryBackend, Arc<AtomicU64>) {
    let hands = Arc::new(AtomicU64::new(1_000_000));
    let clock = Arc::clone(&hands);
    let backend = MemoryBackend::with_clock(move || clock.load(Ordering::Relaxed));
    (backend, hands)
}

/// What it answers, which is there at once.
fn now<T>(answer: BackendFuture<'_, T>) -> Result<T, BackendError> {
    let answer = answer.at_once();
    answer.unwrap_or_else(|_| panic!("it has to be waited for"))
}

fn id(text: &str) -> RoomId {
    text.parse().unwrap()
}

fn make(backend: &MemoryBackend, room: &str, ttl: u64) -> Position {
    let new = NewRoom {
        snapshot: Bytes::from_static(b"{}"),
        ttl: Duration::from_millis(ttl),
        max_age: Duration::from_secs(3600),
        alarm: None,
    };
    match now(backend.create(&id(room), new)).unwrap() {
        Created::New(position, _) => position,
        Created::Exists => panic!("{room} exists already"),
    }
}

fn commit(expected: Position, events: usize) -> Commit {
    Commit {
        expected,
        events: vec![Bytes::from_static(b"e").into(); events],
        snapshot: None,
        extend: None,
        keepsake: None,
        alarm: None,
    }
}

fn kept(backend: &MemoryBackend) -> (usize, usize) {
    let (state, _) = backend.store.lock();
    (state.topics.len(), state.expiries.len())
}

#[test]
fn expired_rooms_are_forgotten_without_being_asked_for() {
    let (backend, hands) = with_hands();
    for n in 0..1000 {
        make(&backend, &format!("old-{n}"), 1000);
    }
    assert_eq!(kept(&backend), (1000, 1000));
    hands.fetch_add(1000, Ordering::Relaxed);
    for n in 0..500 {
        make(&backend, &format!("new-{n}"), 1000);
    }
    assert_eq!(kept(&backend), (500, 500), "by making others");

    hands.fetch_add(1000, Ordering::Relaxed);
    now(backend.renew(&"n".parse().unwrap(), Forms::FIRST, Duration::from_secs(1))).unwrap();
    assert_eq!(kept(&backend), (0, 0), "by renewing a lease");
}

#[test]
fn a_room_that_was_extended_is_swept_at_its_later_expiry() {
    let (backend, hands) = with_hands();
    let position = make(&backend, "r", 1000);
    let mut longer = commit(position, 1);
    longer.extend = Some(Duration::from_millis(1500));
    hands.fetch_add(500, Ordering::Relaxed);
    now(backend.commit(&id("r"), longer)).unwrap();
    let node: NodeId = "n".parse().unwrap();
    for (passed, left) in [(1499, (1, 1)), (1, (0, 0))] {
        hands.fetch_add(passed, Ordering::Relaxed);
        now(backend.renew(&node, Forms::FIRST, Duration::from_secs(1))).unwrap();
        assert_eq!(kept(&backend), left);
    }
}

#[test]
fn a_later_room_of_the_same_name_is_not_swept_with_the_earlier() {
    let (backend, hands) = with_hands();
    make(&backend, "r", 1000);
    hands.fetch_add(1000, Ordering::Relaxed);
    assert!(now(backend.load(&id("r"), None)).unwrap().is_none());
    make(&backend, "r", 1000);
    make(&backend, "other", 1000);
    assert_eq!(kept(&backend), (2, 2));
    assert!(now(backend.load(&id("r"), None)).unwrap().is_some());
}

#[test]
fn names_that_are_used_again_leave_nothing_behind() {
    let (backend, hands) = with_hands();
    for _ in 0..5 {
        // More rooms have expired than a step deletes: a room exists again before the rest
        // of the earlier one is deleted.
        for n in 0..100 {
            make(&backend, &format!("r-{n}"), 1000);
        }
        assert_eq!(kept(&backend), (100, 100));
        hands.fetch_add(1000, Ordering::Relaxed);
    }
}

#[test]
fn a_watched_place_outlives_its_room_and_goes_with_its_last_watcher() {
    let (backend, hands) = with_hands();
    make(&backend, "r", 1000);
    let watch = backend
        .watch(&id("r"), Recorder::new().listener(&id("r")))
        .0;
    hands.fetch_add(1000, Ordering::Relaxed);
    now(backend.renew(&"n".parse().unwrap(), Forms::FIRST, Duration::from_secs(1))).unwrap();
    assert_eq!(kept(&backend), (1, 0));
    drop(watch);
    assert_eq!(kept(&backend), (0, 0));
}

#[test]
fn a_node_is_sent_the_publications_of_others_but_not_its_own() {
    let (here, _) = with_hands();
    let there = here.another_node();
    let position = make(&here, "r", 1000);
    let [mut to_here, mut to_there] = [Recorder::new(), Recorder::new()];
    let _here = here.watch(&id("r"), to_here.listener(&id("r"))).0;
    let _there = there.watch(&id("r"), to_there.listener(&id("r"))).0;
    now(here.commit(&id("r"), commit(position, 2))).unwrap();
    assert_eq!(to_here.try_next(), None);
    assert!(matches!(
        to_there.try_next(),
        Some(Notification::Published(_, Publication { first: 1, events, .. })) if events.len() == 2
    ));
}

#[test]
fn a_watch_that_is_dropped_leaves_no_watcher_though_its_node_is_gone() {
    let (here, _) = with_hands();
    let there = here.another_node();
    make(&here, "r", 1000);
    let listener = Recorder::new().listener(&id("r"));
    let watch = there.watch(&id("r"), Arc::clone(&listener)).0;
    drop(there);
    assert_eq!(Arc::strong_count(&listener), 2);
    drop(watch);
    assert!(here.store.lock().0.topics[&id("r")].watchers.is_empty());
    assert_eq!(Arc::strong_count(&listener), 1);
}

#[test]
fn a_commit_that_outgrows_the_log_without_a_snapshot_is_refused_and_changes_nothing() {
    let (backend, _) = with_hands();
    let room = id("r");
    let position = make(&backend, "r", 1000);
    now(backend.commit(&room, commit(position, LOG_EVENTS))).unwrap();
    let before = now(backend.load(&room, None));
    let full = position.after(LOG_EVENTS);
    let refused = now(backend.commit(&room, commit(full, 1)));
    assert!(matches!(refused, Err(BackendError::Corrupt(_))));
    assert_eq!(now(backend.load(&room, None)), before);

    let mut whole = commit(full, 1);
    whole.snapshot = Some(Bytes::from_static(b"{}").into());
    let accepted = now(backend.commit(&room, whole));
    assert!(matches!(accepted, Ok(Committed::Accepted(_))));
}

/// A value that cannot be serialised.
struct Unwritable;

impl Encode for Unwritable {
    fn encode(&self) -> Result<Bytes, StoredError> {
        Err(StoredError::Forms {
            found: Forms::FIRST,
            known: Forms::FIRST,
        })
    }
}

#[test]
fn what_cannot_be_written_changes_nothing() {
    let (backend, _) = with_hands();
    let position = make(&backend, "r", 1000);
    let event = Commit {
        events: vec![Bytes::from_static(b"e").into(), Arc::new(Unwritable).into()],
        ..commit(position, 0)
    };
    let state = Commit {
        snapshot: Some(Arc::new(Unwritable).into()),
        ..commit(position, 1)
    };
    let keepsake = Commit {
        keepsake: Some(NewKeepsake {
            what: Arc::new(Unwritable).into(),
            ttl: Duration::from_secs(1),
        }),
        ..commit(position, 1)
    };
    for unwritable in [event, state, keepsake] {
        let refused = now(backend.commit(&id("r"), unwritable));
        assert!(matches!(refused, Err(BackendError::Unwritable(_))));
        let loaded = now(backend.load(&id("r"), None)).unwrap().unwrap();
        assert_eq!(loaded.position, position);
        assert!(loaded.events.is_empty());
    }
}

fn left(backend: &MemoryBackend) -> usize {
    backend.store.lock().0.keepsakes.len()
}

/// A step with a result of this many bytes, kept for `ttl`.
fn leaving(expected: Position, bytes: usize, ttl: u64) -> Commit {
    let keepsake = NewKeepsake {
        what: Bytes::from(vec![b'x'; bytes]).into(),
        ttl: Duration::from_millis(ttl),
    };
    Commit {
        keepsake: Some(keepsake),
        ..commit(expected, 1)
    }
}

/// Makes a room with a result.
fn leave(backend: &MemoryBackend, room: &str, bytes: usize, ttl: u64) {
    let position = make(backend, room, 1000);
    let accepted = now(backend.commit(&id(room), leaving(position, bytes, ttl)));
    assert!(matches!(accepted, Ok(Committed::Accepted(_))));
}

#[test]
fn keepsakes_are_bounded_and_the_oldest_go_first() {
    let (backend, _) = with_hands();
    for n in 0..100 {
        leave(&backend, &format!("r-{n}"), 1 << 20, 1_000_000);
    }
    assert_eq!(left(&backend), 63, "64 MiB, less what each costs besides");
    let is_kept = |room: &str| {
        let room = id(room);
        let kept = backend.keepsake(&room).at_once();
        kept.unwrap().unwrap().is_some()
    };
    assert!(!is_kept("r-36") && is_kept("r-37") && is_kept("r-99"));
}

#[test]
fn however_often_a_room_keeps_something_it_takes_the_place_of_one() {
    let (backend, _) = with_hands();
    leave(&backend, "other", 1, 1_000_000);
    let position = make(&backend, "r", 1000);
    for seq in 0..100 {
        let again = leaving(position.after(seq), 1 << 20, 1_000_000);
        now(backend.commit(&id("r"), again)).unwrap();
    }
    assert_eq!(left(&backend), 2);
}

#[test]
fn keepsakes_whose_time_is_over_are_forgotten_without_being_asked_for() {
    let (backend, hands) = with_hands();
    for n in 0..100 {
        leave(&backend, &format!("r-{n}"), 100, 5000);
    }
    leave(&backend, "longer", 100, 5001);
    let node: NodeId = "n".parse().unwrap();
    for (passed, expected) in [(4999, 101), (1, 1), (1, 0)] {
        hands.fetch_add(passed, Ordering::Relaxed);
        now(backend.renew(&node, Forms::FIRST, Duration::from_secs(1))).unwrap();
        assert_eq!(left(&backend), expected);
    }
}
