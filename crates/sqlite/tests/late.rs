//! A change that is given up while the writer is held up: it does not happen any more, or
//! its own node hears of it.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use tablecast_core::Backend;
use tablecast_core::backend::{Committed, Created, Health, Listener, NewRoom, Publication};
use tablecast_sqlite::SqliteBackend;

use common::{Folder, HOUR, commit, create, load, room, step, texts, try_create};
use tablecast_testing::until;

/// A backend whose writer can be held up before a transaction: it asks what time it is.
struct Held {
    backend: SqliteBackend,
    gate: Arc<Gate>,
    _folder: Folder,
}

#[derive(Default)]
struct Gate {
    state: Mutex<State>,
    opened: Condvar,
}

#[derive(Default)]
struct State {
    is_closed: bool,
    somebody_waits: bool,
}

impl Gate {
    fn pass(&self) {
        let mut state = self.state.lock().unwrap();
        while state.is_closed {
            state.somebody_waits = true;
            state = self.opened.wait(state).unwrap();
        }
        state.somebody_waits = false;
    }
}

impl Held {
    fn new() -> Self {
        Held::with_timeout(None)
    }

    /// As the options say how long the disk may take, or so long.
    fn with_timeout(timeout: Option<Duration>) -> Self {
        let folder = Folder::new();
        let mut options = folder.options();
        options.timeout = timeout.unwrap_or(options.timeout);
        let gate = Arc::new(Gate::default());
        let passed = Arc::clone(&gate);
        let clock = move || {
            if thread::current().name() == Some("sqlite-writer") {
                passed.pass();
            }
            1_000_000
        };
        Held {
            backend: SqliteBackend::open_with_clock(&options, clock).unwrap(),
            gate,
            _folder: folder,
        }
    }

    /// Returns when the writer is held up. What is asked of it from now on is taken into one
    /// transaction.
    async fn hold(&self) {
        self.gate.state.lock().unwrap().is_closed = true;
        let waits = async || self.gate.state.lock().unwrap().somebody_waits;
        until("the writer rests", waits, |waits| *waits).await;
    }

    fn let_go(&self) {
        self.gate.state.lock().unwrap().is_closed = false;
        self.gate.opened.notify_all();
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Else a test that has failed would wait for the writer for ever.
        self.let_go();
    }
}

/// Counts what it is told.
#[derive(Default)]
struct Heard {
    published: AtomicUsize,
    missed: AtomicUsize,
}

impl Heard {
    fn counts(&self) -> (usize, usize) {
        let count = |of: &AtomicUsize| of.load(Ordering::SeqCst);
        (count(&self.published), count(&self.missed))
    }
}

impl Listener for Heard {
    fn published(&self, _: Publication) {
        self.published.fetch_add(1, Ordering::SeqCst);
    }

    fn missed(&self) {
        self.missed.fetch_add(1, Ordering::SeqCst);
    }
}

/// Holds the writer up while it publishes what it has committed.
struct Blocking {
    reached: Sender<()>,
    go_on: Mutex<Receiver<()>>,
}

impl Listener for Blocking {
    fn published(&self, _: Publication) {
        let _ = self.reached.send(());
        let _ = self.go_on.lock().unwrap().recv();
    }

    fn missed(&self) {}
}

#[tokio::test]
async fn what_is_given_up_before_its_turn_does_not_happen_any_more() {
    let held = Held::new();
    let first = create(&held.backend, "lunch").await;
    held.hold().await;
    let new = NewRoom {
        snapshot: "given up".into(),
        ttl: HOUR,
        max_age: HOUR,
        alarm: None,
    };
    let id = room("dinner");
    let given_up = held.backend.create(&id, new).now_or_never();
    assert!(given_up.is_none());
    let id = room("lunch");
    let late = held.backend.commit(&id, step(first, "late")).now_or_never();
    assert!(late.is_none());
    held.let_go();
    // Nobody has heard of the other one, so nobody is in its way.
    commit(&held.backend, "lunch", first, "in time").await;
    assert_eq!(texts(&load(&held.backend, "lunch").await), ["in time"]);
    let made = try_create(&held.backend, "dinner", "wanted".into()).await;
    assert!(matches!(made, Ok(Created::New(..))), "{made:?}");
}

/// The node is not sent its own publications: it counts as having the answer.
#[tokio::test]
async fn a_node_that_gives_up_a_commit_under_way_hears_that_it_has_missed_it() {
    let held = Held::new();
    let here = &held.backend;
    let there = here.another_node();
    let lunch = create(here, "lunch").await;
    let dinner = create(here, "dinner").await;
    let heard = Arc::new(Heard::default());
    let id = room("dinner");
    let (_watch, watching) = here.watch(&id, heard.clone());
    watching.await.unwrap();
    let ((reached, is_there), (go_on, waits)) = (channel(), channel());
    let blocking = Arc::new(Blocking {
        reached,
        go_on: Mutex::new(waits),
    });
    let other = room("lunch");
    let (_other_watch, watching) = there.watch(&other, blocking);
    watching.await.unwrap();

    held.hold().await;
    let mut first = here.commit(&other, step(lunch, "first"));
    assert!((&mut first).now_or_never().is_none());
    let late = here.commit(&id, step(dinner, "late")).now_or_never();
    assert!(late.is_none(), "given up only before its turn");
    let mut late = here.commit(&id, step(dinner, "late"));
    assert!((&mut late).now_or_never().is_none());
    held.let_go();
    // Both are committed, and the second is not yet answered.
    is_there.recv_timeout(Duration::from_secs(60)).unwrap();
    assert_eq!(load(here, "dinner").await.position, dinner.after(1));
    drop(late);
    assert_eq!(heard.counts(), (0, 0));
    drop(go_on);
    until(
        "the node is told",
        async || heard.counts(),
        |counts| *counts == (0, 1),
    )
    .await;
    assert!(matches!(first.await, Ok(Committed::Accepted(_))));
}

/// A disk that hangs gives no error, and nobody may have asked for anything.
#[tokio::test]
async fn a_writer_that_is_held_up_is_not_healthy_and_one_that_goes_on_is() {
    let held = Held::with_timeout(Some(Duration::from_millis(100)));
    let mut health = held.backend.health();
    assert!(health.next().now_or_never().is_none(), "it is up");
    held.hold().await;
    let down = health.next().await.unwrap();
    assert_eq!(down, Health::Down("the disk does not answer".to_owned()));
    held.let_go();
    assert_eq!(health.next().await, Some(Health::Up));
}

#[tokio::test]
async fn an_answer_that_nobody_takes_counts_as_missed_and_one_that_is_taken_does_not() {
    let held = Held::new();
    let lunch = create(&held.backend, "lunch").await;
    let heard = Arc::new(Heard::default());
    let id = room("lunch");
    let (_watch, watching) = held.backend.watch(&id, heard.clone());
    watching.await.unwrap();
    let position = commit(&held.backend, "lunch", lunch, "heard").await;
    held.hold().await;
    let mut late = held.backend.commit(&id, step(position, "late"));
    assert!((&mut late).now_or_never().is_none());
    held.let_go();
    // Its answer comes after that of the other.
    create(&held.backend, "dinner").await;
    assert_eq!(heard.counts(), (0, 0));
    drop(late);
    assert_eq!(heard.counts(), (0, 1));
    // Decided again at the position that was known before, it is not taken twice.
    let again = held.backend.commit(&id, step(position, "late")).await;
    assert!(matches!(again, Ok(Committed::Conflict(_))), "{again:?}");
    assert_eq!(heard.counts(), (0, 1));
}
