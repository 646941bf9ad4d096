//! What happens when Redis, or the way to it, fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::HashSet;
use std::time::Duration;

use common::*;
use tablecast_core::backend::{Backend, BackendError, Committed};
use tablecast_core::id::{NodeId, RoomId};
use tablecast_core::position::Epoch;
use tablecast_redis::{RedisBackend, RedisConfig};
use tablecast_testing::redis::RedisServer;
use tablecast_testing::{FaultyProxy, Notification};

fn url(proxy: &FaultyProxy) -> String {
    format!("redis://127.0.0.1:{}", proxy.port())
}

#[tokio::test]
async fn after_a_restart_the_data_is_there_in_a_new_epoch() {
    let mut server = RedisServer::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let backend = connected(&server.url()).await;
    let mut heard = Heard::of(&backend);
    let room = room("a");
    let start = created(&backend, &room).await;
    heard.watch(&backend, &room).await.unwrap();
    let one = accepted(&backend, &room, step(start, &["a"])).await;

    server.kill9();
    heard.down().await;
    assert!(is_unavailable(&backend.load(&room, None).await));
    assert!(is_unavailable(
        &backend.commit(&room, step(one, &["b"])).await
    ));
    server.restart();
    heard.up_and_missed(&room).await;

    let missing = conflict(&backend, &room, step(one, &["b"])).await;
    assert_eq!(missing.position.seq, 1);
    assert_ne!(missing.position.epoch, one.epoch);
    assert_eq!(missing.snapshot.unwrap().state, "state 1");
    let again = backend.load(&room, None).await.unwrap().unwrap();
    assert_eq!(
        again.position, missing.position,
        "one new epoch, not one a call"
    );
    accepted(&backend, &room, step(again.position, &["b"])).await;
    publications_arrive(&backend, &mut heard, &room, &server.url()).await;
}

#[tokio::test]
async fn a_history_that_lost_its_end_is_never_taken_for_the_old_one() {
    // A snapshot on disk, and then commits that are lost with the process.
    let mut server = RedisServer::start(&[]);
    let backend = connected(&server.url()).await;
    let room = room("a");
    let start = created(&backend, &room).await;
    let one = accepted(&backend, &room, step(start, &["kept"])).await;
    server.cli(&["SAVE"]);
    let two = accepted(&backend, &room, step(one, &["lost"])).await;
    server.restart();

    let other = connected(&server.url()).await;
    let seen = other.load(&room, Some(one)).await.unwrap().unwrap();
    assert_eq!(seen.position.seq, 1);
    assert!(seen.snapshot.is_some(), "the known position counts no more");
    let replaced = accepted(&other, &room, step(seen.position, &["other"])).await;
    assert_eq!(replaced.seq, two.seq);
    let commit = async || backend.commit(&room, step(two, &["more"])).await;
    let missing = missing(until("the first node is back", commit, Result::is_ok).await);
    assert_eq!(missing.position, replaced);
    assert_eq!(missing.snapshot.clone().unwrap().state, "state 2");
    assert_eq!(texts(&missing), ["kept", "other"]);
}

#[tokio::test]
async fn a_room_that_was_flushed_is_gone_and_its_successor_is_another() {
    let server = RedisServer::start(&[]);
    let backend = connected(&server.url()).await;
    let room = room("a");
    let start = created(&backend, &room).await;
    server.cli(&["FLUSHALL"]);
    assert_eq!(
        backend.commit(&room, step(start, &["a"])).await,
        Ok(Committed::Gone)
    );
    assert_eq!(backend.load(&room, Some(start)).await, Ok(None));
    assert_ne!(created(&backend, &room).await.epoch, start.epoch);
}

#[tokio::test]
async fn a_killed_subscription_is_made_again_with_a_resync() {
    let server = RedisServer::start(&[]);
    let backend = connected(&server.url()).await;
    let mut heard = Heard::of(&backend);
    let rooms: Vec<_> = (0..300).map(|number| room(&format!("r{number}"))).collect();
    for room in &rooms {
        heard.watch(&backend, room).await.unwrap();
    }
    assert_eq!(server.cli(&["CLIENT", "KILL", "TYPE", "pubsub"]), "1");
    let mut owed: HashSet<_> = rooms.iter().cloned().collect();
    while !owed.is_empty() {
        let resync = |heard: &Notification| match heard {
            Notification::Missed(room) => Some(room.clone()),
            _ => None,
        };
        owed.remove(&heard.find("a resync of each room", resync).await);
    }
    assert_eq!(
        server.cli(&["PUBSUB", "CHANNELS"]).lines().count(),
        rooms.len()
    );
    created(&backend, &rooms[7]).await;
    let start = backend
        .load(&rooms[7], None)
        .await
        .unwrap()
        .unwrap()
        .position;
    let other = connected(&server.url()).await;
    accepted(&other, &rooms[7], step(start, &["later"])).await;
    assert_eq!(heard.published(&rooms[7]).await.0, 1);
}

#[tokio::test]
async fn a_killed_command_connection_is_replaced_without_an_alarm() {
    let server = RedisServer::start(&[]);
    let backend = connected(&server.url()).await;
    let mut heard = Heard::of(&backend);
    let room = room("a");
    created(&backend, &room).await;
    heard.watch(&backend, &room).await.unwrap();
    // Ours, and not that of redis-cli itself.
    server.cli(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
    publications_arrive(&backend, &mut heard, &room, &server.url()).await;
    let alarm =
        |heard: &Notification| matches!(heard, Notification::Health(health) if !health.is_up());
    assert!(!heard.passed.iter().any(alarm), "{:?}", heard.passed);
}

#[tokio::test]
async fn a_paused_redis_is_an_error_in_time_and_told() {
    let server = RedisServer::start(&[]);
    let backend = connected_hasty(&server.url()).await;
    let mut heard = Heard::of(&backend);
    let room = room("a");
    let start = created(&backend, &room).await;
    heard.watch(&backend, &room).await.unwrap();
    heard.up().await;

    server.pause();
    // The deadlines are read, not measured: how late they are noticed is up to the machine.
    let outcome = backend.commit(&room, step(start, &["a"])).await;
    assert!(
        matches!(&outcome, Err(BackendError::Unknown(why)) if why.contains("within 1 s")),
        "{outcome:?}"
    );
    let why = heard.down().await;
    assert!(why.contains("within 1 s"), "{why}");
    assert!(is_unavailable(&backend.load(&room, None).await));
    let late = common::room("late");
    assert!(is_unavailable(&heard.watch(&backend, &late).await));

    server.resume();
    heard.up_and_missed(&late).await;
    // What was asked before may have happened or not; the position tells.
    let now = backend.load(&room, None).await.unwrap().unwrap();
    assert_eq!(
        now.position.epoch, start.epoch,
        "the same run of the same process"
    );
    accepted(&backend, &room, step(now.position, &["b"])).await;
    publications_arrive(&backend, &mut heard, &room, &server.url()).await;
}

#[tokio::test]
async fn a_subscription_that_died_silently_is_found_and_replaced() {
    let server = RedisServer::start(&[]);
    let proxy = FaultyProxy::start(server.port()).await;
    let backend = connected_hasty(&url(&proxy)).await;
    let mut heard = Heard::of(&backend);
    let room = room("a");
    let start = created(&backend, &room).await;
    heard.watch(&backend, &room).await.unwrap();

    proxy.swallow("SUBSCRIBE");
    let one = accepted(&backend, &room, step(start, &["unheard"])).await;
    heard.missed(&room).await;
    let other = connected(&server.url()).await;
    accepted(&other, &room, step(one, &["heard"])).await;
    assert_eq!(heard.published(&room).await.0, 2);
}

#[tokio::test]
async fn a_command_connection_that_died_silently_is_found_and_replaced() {
    let server = RedisServer::start(&[]);
    let proxy = FaultyProxy::start(server.port()).await;
    let backend = connected_hasty(&url(&proxy)).await;
    let mut heard = Heard::of(&backend);
    let room = room("a");
    let start = created(&backend, &room).await;
    heard.up().await;
    proxy.swallow("EVALSHA");
    let outcome = backend.commit(&room, step(start, &["a"])).await;
    assert!(
        matches!(outcome, Err(BackendError::Unknown(_))),
        "{outcome:?}"
    );
    heard.down().await;
    heard.up().await;
    accepted(&backend, &room, step(start, &["a"])).await;
}

#[tokio::test]
async fn redis_may_take_as_long_as_is_set() {
    let server = RedisServer::start(&[]);
    let config = RedisConfig {
        timeout: Duration::from_millis(300),
        ..RedisConfig::default()
    };
    let backend = RedisBackend::connect_with(&server.url(), &config).unwrap();
    let mut heard = Heard::of(&backend);
    heard.up().await;
    server.pause();
    let why = heard.down().await;
    assert!(why.contains("within 0.3 s"), "{why}");
    server.resume();
    heard.up().await;
}

#[tokio::test]
async fn refused_dials_are_repeated_until_one_is_accepted() {
    let server = RedisServer::start(&[]);
    let proxy = FaultyProxy::start(server.port()).await;
    proxy.refuse(usize::MAX);
    let backend = RedisBackend::connect(&url(&proxy)).unwrap();
    let mut heard = Heard::of(&backend);
    let room = room("a");
    heard.down().await;
    assert!(is_unavailable(&heard.watch(&backend, &room).await));
    proxy.refuse(4);
    heard.up_and_missed(&room).await;
    created(&backend, &room).await;
    publications_arrive(&backend, &mut heard, &room, &server.url()).await;
}

#[tokio::test]
async fn redis_may_be_started_after_its_clients() {
    let mut server = RedisServer::start(&[]);
    server.kill9();
    let backend = RedisBackend::connect(&server.url()).unwrap();
    let mut heard = Heard::of(&backend);
    heard.down().await;
    assert!(is_unavailable(&backend.load(&room("a"), None).await));
    server.restart();
    heard.up().await;
    created(&backend, &room("a")).await;
}

#[tokio::test]
async fn a_read_only_replica_is_down_and_says_why() {
    let primary = RedisServer::start(&[]);
    let port = primary.port().to_string();
    let replica = RedisServer::start(&["--replicaof", &format!("127.0.0.1 {port}")]);
    let backend = RedisBackend::connect(&replica.url()).unwrap();
    let mut heard = Heard::of(&backend);
    heard.down().await;
    let outcome = backend.create(&room("a"), new_room()).await;
    assert!(
        matches!(&outcome, Err(BackendError::Refused(reason)) if reason.contains("replica")),
        "{outcome:?}"
    );
    // It is promoted, as in a failover.
    replica.cli(&["REPLICAOF", "NO", "ONE"]);
    heard.up().await;
    created(&backend, &room("a")).await;
}

#[tokio::test]
async fn a_primary_that_becomes_a_replica_is_left() {
    let server = RedisServer::start(&[]);
    let other = RedisServer::start(&[]);
    let backend = connected(&server.url()).await;
    let mut heard = Heard::of(&backend);
    heard.up().await;
    server.cli(&["REPLICAOF", "127.0.0.1", &other.port().to_string()]);
    assert!(is_unavailable(
        &backend.create(&room("a"), new_room()).await
    ));
    heard.down().await;
}

/// A primary and its replica, which has all that the primary has.
async fn pair() -> (RedisServer, RedisServer) {
    let at_once = ["--repl-diskless-sync-delay", "0"];
    let (primary, replica) = (RedisServer::start(&at_once), RedisServer::start(&at_once));
    follow(&replica, &primary).await;
    (primary, replica)
}

async fn follow(replica: &RedisServer, primary: &RedisServer) {
    replica.cli(&["REPLICAOF", "127.0.0.1", &primary.port().to_string()]);
    let info = async || replica.cli(&["INFO", "replication"]);
    let follows =
        |info: &String| info.contains("role:slave") && info.contains("master_link_status:up");
    until("the replica has everything", info, follows).await;
}

/// Redis' process is the same, and nobody uses the room while another is primary.
#[tokio::test]
async fn a_primary_that_lost_its_role_and_has_it_back_begins_a_new_epoch() {
    let (a, b) = pair().await;
    let backend = connected(&a.url()).await;
    let room = room("a");
    let kept = created(&backend, &room).await;
    let exists = async || b.cli(&["EXISTS", "tablecast:{a}:state"]);
    until("the room is on the replica", exists, |exists| exists == "1").await;
    // From here on the replica has nothing more, and is promoted.
    b.cli(&["REPLICAOF", "NO", "ONE"]);
    let mut lost = kept;
    for event in ["1", "2", "3", "4", "5"] {
        lost = accepted(&backend, &room, step(lost, &[event])).await;
    }
    follow(&a, &b).await;
    a.cli(&["REPLICAOF", "NO", "ONE"]);

    let other = connected(&a.url()).await;
    let seen = other.load(&room, Some(lost)).await.unwrap().unwrap();
    assert_eq!(seen.position.seq, 0);
    assert_ne!(
        seen.position.epoch, lost.epoch,
        "other events at the same places"
    );
    assert!(seen.snapshot.is_some());
    // And to the node that was connected all the time.
    let load = async || backend.load(&room, Some(lost)).await;
    let again = until("the first node is back", load, Result::is_ok).await;
    assert_eq!(
        again.unwrap().unwrap().position,
        seen.position,
        "one new epoch, not two"
    );
}

/// The epochs of a room, in their order, as seen by a backend that was there before its
/// history changed and by newcomers, who know the new one from their start.
async fn epochs_to_one_and_to_newcomers(
    server: &RedisServer,
    one: &RedisBackend,
    room: &RoomId,
    before: Epoch,
) -> Vec<Epoch> {
    let mut epochs = vec![before];
    for _ in 0..20 {
        let two = connected(&server.url()).await;
        for backend in [&two, one] {
            let loaded = backend.load(room, None).await.unwrap().unwrap();
            if epochs.last() != Some(&loaded.position.epoch) {
                epochs.push(loaded.position.epoch);
            }
        }
    }
    epochs
}

/// Attaching the first replica changes what tells one history from another, and the
/// nodes learn of it at different moments.
#[tokio::test]
async fn nodes_that_learn_of_another_history_one_after_the_other_begin_one_epoch() {
    let at_once = ["--repl-diskless-sync-delay", "0"];
    let (a, b) = (RedisServer::start(&at_once), RedisServer::start(&at_once));
    let one = connected(&a.url()).await;
    let room = room("a");
    let before = created(&one, &room).await.epoch;
    follow(&b, &a).await;
    let epochs = epochs_to_one_and_to_newcomers(&a, &one, &room, before).await;
    assert_eq!(
        epochs.len(),
        2,
        "one that was not needed, and no more: {epochs:?}"
    );
}

/// And so does freeing the backlog, some time after the last replica has gone.
#[tokio::test]
async fn a_backlog_that_is_freed_begins_one_epoch() {
    let (a, b) = pair().await;
    let one = connected(&a.url()).await;
    let room = room("a");
    let before = created(&one, &room).await.epoch;
    let info = || a.cli(&["INFO", "replication"]);
    let with_replica = replid(&info());
    a.cli(&["CONFIG", "SET", "repl-backlog-ttl", "1"]);
    drop(b);
    let info = async || info();
    let is_freed = |info: &String| info.contains("repl_backlog_active:0");
    let freed = until("the backlog is freed", info, is_freed).await;
    assert_ne!(replid(&freed), with_replica);
    let epochs = epochs_to_one_and_to_newcomers(&a, &one, &room, before).await;
    assert_eq!(
        epochs.len(),
        2,
        "one that was not needed, and no more: {epochs:?}"
    );
}

fn replid(info: &str) -> String {
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix("master_replid:"));
    line.unwrap().trim().to_owned()
}

/// As an older version has stored it.
#[tokio::test]
async fn a_room_without_a_replid_goes_on_in_its_epoch() {
    let server = RedisServer::start(&[]);
    let backend = connected(&server.url()).await;
    let room = room("a");
    let start = created(&backend, &room).await;
    assert_eq!(server.cli(&["HDEL", "tablecast:{a}:state", "replid"]), "1");
    for backend in [&backend, &connected(&server.url()).await] {
        let loaded = backend.load(&room, None).await.unwrap().unwrap();
        assert_eq!(loaded.position, start);
    }
    accepted(&backend, &room, step(start, &["x"])).await;
}

#[tokio::test]
async fn a_full_redis_refuses_without_having_done_anything() {
    let server = RedisServer::start(&[]);
    let backend = connected(&server.url()).await;
    let room = room("a");
    let start = created(&backend, &room).await;
    server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    assert!(is_unavailable(
        &backend.commit(&room, step(start, &["a"])).await
    ));
    server.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    let now = backend.load(&room, None).await.unwrap().unwrap();
    assert_eq!(now.position, start);
}

/// As it stands in Redis after its clock was set back by an hour: a node that has died
/// would have its lease, and its members their seats, for an hour longer.
#[tokio::test]
async fn a_clock_that_goes_back_lets_no_node_live_longer() {
    let server = RedisServer::start(&[]);
    let backend = connected(&server.url()).await;
    let time = server.cli(&["TIME"]);
    let seconds: u64 = time.lines().next().unwrap().parse().unwrap();
    let before = (seconds + 3600) * 1000;
    let (clock, lease) = (before.to_string(), (before + 2000).to_string());
    let dead = [
        "ZADD",
        "tablecast:nodes",
        &lease,
        "dead",
        &clock,
        "the clock",
    ];
    assert_eq!(server.cli(&dead), "2");
    let node = "alive".parse().unwrap();
    let live = async || live(&backend, &node, TTL).await;
    let is_alone = |live: &Vec<NodeId>| *live == [node.clone()];
    until("the lease of the dead node ends", live, is_alone).await;
}
