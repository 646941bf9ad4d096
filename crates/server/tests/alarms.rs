//! Alarms of rooms on real stores: on a Redis and on a Cluster with nodes that die, and in a
//! database while no process runs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "how late an alarm rang is looked at, not asserted"
)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use support::redis_backend;
use tablecast::core::logic::{Context, Logic};
use tablecast::core::{Backend, MemberId, Rejection, RoomId};
use tablecast::hub::CreateError;
use tablecast::{App, Hub, HubConfig};
use tablecast_sqlite::{SqliteBackend, SqliteOptions};
use tablecast_testing::redis::{RedisCluster, RedisServer};
use tablecast_testing::{DEADLINE, Directory, until};
use tokio::runtime::Runtime;

/// It rings at this time, once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Bell {
    at: Option<u64>,
    /// When it rang.
    rang: Vec<u64>,
}

impl Logic for Bell {
    type Command = ();
    /// It rings now.
    type Event = u64;

    fn decide(&self, _: &Context<'_>, (): &()) -> Result<Vec<u64>, Rejection> {
        Ok(Vec::new())
    }

    fn apply(&mut self, _: Option<MemberId>, now: &u64) {
        self.at = None;
        self.rang.push(*now);
    }

    fn alarm(&self) -> Option<u64> {
        self.at
    }

    fn ring(&self, now: u64) -> Vec<u64> {
        vec![now]
    }
}

impl App for Bell {}

/// It is soon known which nodes live.
fn config() -> HubConfig {
    HubConfig {
        node_lease: Duration::from_secs(3),
        ..HubConfig::default()
    }
}

/// Makes a room that rings at this time.
async fn make(hub: &Hub<Bell>, room: &RoomId, at: u64) {
    let bell = Bell {
        at: Some(at),
        rang: Vec::new(),
    };
    let make = async || hub.create(room.clone(), bell.clone()).await;
    let is_sure = |made: &Result<_, CreateError>| {
        matches!(
            made,
            Ok(_) | Err(CreateError::Exists | CreateError::TooLate)
        )
    };
    until("the room is made", make, is_sure).await.unwrap();
}

async fn now(backend: &dyn Backend) -> u64 {
    let due = async || backend.due_alarms(0).await;
    let due = until("the store answers", due, Result::is_ok).await;
    due.unwrap().now
}

async fn is_there(backend: &dyn Backend, room: &RoomId) -> u64 {
    let loaded = backend.load(room, None).await;
    loaded.unwrap().expect("it is there").position.seq
}

/// Nodes with a runtime each. One of them makes the room, and dies at about the time of the
/// alarm, with all of its connections.
async fn one_dies(url: &str) {
    let look = redis_backend(url);
    let start = |url: String| {
        let runtime = Runtime::new().unwrap();
        let hub = runtime
            .spawn(async move { Hub::<Bell>::start(Arc::new(redis_backend(&url)), config()) });
        (runtime, hub)
    };
    let mut nodes = Vec::new();
    for _ in 0..2 {
        let (runtime, hub) = start(url.to_owned());
        nodes.push((runtime, hub.await.unwrap()));
    }
    for round in 0..5_u64 {
        let (mortal, hub) = start(url.to_owned());
        let hub = hub.await.unwrap();
        let room: RoomId = format!("bell-{round}").parse().unwrap();
        let at = now(&look).await + 3000;
        make(&hub, &room, at).await;
        // A view opens the room where it is due, so that the node is in the midst of it.
        let dying = hub.clone();
        let viewed = room.clone();
        mortal.spawn(async move {
            loop {
                let _ = dying.view(viewed.as_str()).await;
            }
        });
        let left = at.saturating_sub(now(&look).await) + 2 * round;
        // sleep: until the moment of the alarm, a little later each time
        tokio::time::sleep(Duration::from_millis(left)).await;
        mortal.shutdown_background();
        let seq = async || is_there(&look, &room).await;
        until("it has rung", seq, |seq| *seq > 0).await;
        let view = nodes[0].1.view(room.as_str()).await.unwrap();
        let late = view.app.rang[0]
            .checked_sub(at)
            .expect("not before its time");
        println!("round {round}: {late} ms late");
        let hints = async || look.due_alarms(9).await.unwrap().hints;
        until("no hint is left", hints, Vec::is_empty).await;
        assert_eq!(is_there(&look, &room).await, 1, "once");
    }
    for (runtime, hub) in nodes {
        drop(hub);
        runtime.shutdown_background();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_redis_an_alarm_rings_once_although_a_node_dies() {
    let server = RedisServer::start(&[]);
    one_dies(&server.url()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_cluster_an_alarm_rings_once_although_a_node_dies() {
    let cluster = RedisCluster::start();
    one_dies(&cluster.url()).await;
}

/// Its time comes while no process runs: it rings at the start.
#[tokio::test(flavor = "multi_thread")]
async fn in_a_database_an_alarm_that_came_while_no_process_ran_rings_at_the_start() {
    let directory = Directory::new();
    let hands = Arc::new(AtomicU64::new(1_000_000));
    // A hub's tasks hold the database a moment longer than the hub.
    let open = async || {
        let mut options = SqliteOptions::new(directory.path().join("rooms.db"));
        options.timeout = DEADLINE;
        let hands = hands.clone();
        SqliteBackend::open_with_clock(&options, move || hands.load(Ordering::SeqCst)).ok()
    };
    let room: RoomId = "bell".parse().unwrap();
    let at = 1_060_000;
    let store = open().await.unwrap();
    let hub = Hub::<Bell>::start(Arc::new(store), config());
    make(&hub, &room, at).await;
    hub.drain(Duration::from_secs(10)).await;
    drop(hub);

    hands.store(at + 60_000, Ordering::SeqCst);
    let store = until("the database is free", open, Option::is_some).await;
    let store = store.unwrap();
    let look = store.another_node();
    assert_eq!(is_there(&look, &room).await, 0);
    let hub = Hub::<Bell>::start(Arc::new(store), config());
    let seq = async || is_there(&look, &room).await;
    until("it has rung", seq, |seq| *seq > 0).await;
    assert_eq!(hub.view("bell").await.unwrap().app.rang, [at + 60_000]);
}
