//! Rooms on a Cluster.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::Duration;

use common::*;
use tablecast_core::Forms;
use tablecast_core::backend::{Backend, Commit, Committed};
use tablecast_core::id::RoomId;
use tablecast_redis::RedisBackend;
use tablecast_testing::redis::RedisCluster;

/// The slot of a room, as Redis computes it.
fn slot(cluster: &RedisCluster, room: &RoomId) -> u16 {
    cluster.nodes()[0]
        .cli(&["CLUSTER", "KEYSLOT", &format!("{{{room}}}")])
        .parse()
        .unwrap()
}

/// Rooms of which each server has one, in the order of the servers.
fn one_on_each(cluster: &RedisCluster) -> Vec<RoomId> {
    let names = || (0..).map(|number| room(&format!("r{number}")));
    let thirds = [0..5461, 5461..10923, 10923..16384];
    let one = |third: &std::ops::Range<u16>| {
        names()
            .find(|room| third.contains(&slot(cluster, room)))
            .unwrap()
    };
    thirds.iter().map(one).collect()
}

#[tokio::test]
async fn rooms_live_on_all_servers_and_their_publications_arrive() {
    let cluster = RedisCluster::start();
    let writer = connected(&cluster.url()).await;
    // One server of the Cluster is enough to find the others.
    let one_seed = format!("redis-cluster://127.0.0.1:{}", cluster.nodes()[1].port());
    let reader = connected(&one_seed).await;
    let mut heard = Heard::of(&reader);
    for (server, room) in one_on_each(&cluster).iter().enumerate() {
        let start = created(&writer, room).await;
        heard.watch(&reader, room).await.unwrap();
        accepted(&writer, room, step(start, &["a", "b"])).await;
        assert_eq!(heard.published(room).await.1, ["a", "b"]);
        let keys = cluster.nodes()[server].cli(&["KEYS", "*"]);
        assert_eq!(keys.lines().count(), 2, "{keys}");
    }
    let node = "n".parse().unwrap();
    assert_eq!(
        writer
            .renew(&node, Forms::FIRST, Duration::from_secs(5))
            .await
            .unwrap()
            .len(),
        1
    );
    reader.release(&node).await.unwrap();
}

#[tokio::test]
async fn many_rooms_of_all_slots_are_watched_over_one_connection_a_server() {
    let cluster = RedisCluster::start();
    let backend = connected(&cluster.url()).await;
    let mut heard = Heard::of(&backend);
    let rooms: Vec<_> = (0..300).map(|number| room(&format!("r{number}"))).collect();
    for room in &rooms {
        heard.watch(&backend, room).await.unwrap();
    }
    let channels = || -> usize {
        let count = |node: &tablecast_testing::redis::RedisServer| {
            node.cli(&["PUBSUB", "SHARDCHANNELS"])
                .lines()
                .filter(|line| !line.is_empty())
                .count()
        };
        cluster.nodes().iter().map(count).sum()
    };
    assert_eq!(channels(), 300);
    for node in cluster.nodes() {
        let clients = node.cli(&["CLIENT", "LIST", "TYPE", "pubsub"]);
        assert_eq!(clients.lines().count(), 1, "{clients}");
    }
    cluster.nodes()[2].cli(&["CLIENT", "KILL", "TYPE", "pubsub"]);
    let there = rooms
        .iter()
        .find(|room| slot(&cluster, room) > 10922)
        .unwrap();
    heard.missed(there).await;
    created(&backend, there).await;
    publications_arrive(&backend, &mut heard, there, &cluster.url()).await;
    for room in &rooms {
        heard.unwatch(room);
    }
    let watched = async || channels();
    until("nothing is watched", watched, |watched| *watched == 0).await;
}

#[tokio::test]
async fn a_room_whose_slot_moves_is_followed() {
    let cluster = RedisCluster::start();
    let backend = connected(&cluster.url()).await;
    let mut heard = Heard::of(&backend);
    let [here, _, _] = &one_on_each(&cluster)[..] else {
        panic!()
    };
    let start = created(&backend, here).await;
    let one = accepted(&backend, here, step(start, &["a"])).await;
    heard.watch(&backend, here).await.unwrap();

    let other = connected(&cluster.url()).await;
    let subscriber = cluster.nodes()[0].cli(&["CLIENT", "LIST", "TYPE", "pubsub"]);
    let id = subscriber
        .split(' ')
        .next()
        .and_then(|id| id.strip_prefix("id="))
        .unwrap();

    cluster.migrate(slot(&cluster, here), 0, 2);
    assert!(
        other.load(here, None).await.unwrap().is_some(),
        "asked where it moved to"
    );
    heard.missed(here).await;
    let what = "the connection on which redis ended a subscription is closed";
    let listed = async || cluster.nodes()[0].cli(&["CLIENT", "LIST", "ID", id]);
    until(what, listed, String::is_empty).await;
    // Another process, which may not know the end of the history.
    let commit = async || backend.commit(here, step(one, &["b"])).await;
    let missing = missing(until("the room is found", commit, Result::is_ok).await);
    assert_eq!(
        (missing.position.seq, texts(&missing)),
        (1, vec!["a".to_owned()])
    );
    publications_arrive(&backend, &mut heard, here, &cluster.url()).await;
}

#[tokio::test]
async fn commits_go_on_while_a_slot_is_being_moved() {
    let cluster = RedisCluster::start();
    let backend = connected_hasty(&cluster.url()).await;
    let [here, _, _] = &one_on_each(&cluster)[..] else {
        panic!()
    };
    let start = created(&backend, here).await;
    accepted(&backend, here, step(start, &["a"])).await;
    let (from, to) = (&cluster.nodes()[0], &cluster.nodes()[1]);
    let (from_id, to_id) = (from.cli(&["CLUSTER", "MYID"]), to.cli(&["CLUSTER", "MYID"]));
    let slot = slot(&cluster, here).to_string();
    to.cli(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id]);
    from.cli(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id]);
    let add = async || {
        let position = backend.load(here, None).await.unwrap().unwrap().position;
        accepted(&backend, here, step(position, &["b"])).await.seq
    };
    assert_eq!(add().await, 2, "both keys are still here");
    let state = format!("tablecast:{{{here}}}:state");
    let log = format!("tablecast:{{{here}}}:log");
    let port = to.port().to_string();
    from.cli(&["MIGRATE", "127.0.0.1", &port, &state, "0", "5000"]);
    assert!(
        is_unavailable(&backend.load(here, None).await),
        "one key here, one there"
    );
    from.cli(&["MIGRATE", "127.0.0.1", &port, &log, "0", "5000"]);
    assert_eq!(add().await, 3, "asked at the other server");
    let position = backend.load(here, None).await.unwrap().unwrap().position;
    let stale = Commit {
        expected: start,
        ..step(position, &["x"])
    };
    assert!(matches!(
        backend.commit(here, stale).await,
        Ok(Committed::Conflict(_))
    ));
}

#[tokio::test]
async fn a_dead_server_is_told_and_the_others_go_on() {
    let mut cluster = RedisCluster::start();
    for node in cluster.nodes() {
        node.cli(&["CONFIG", "SET", "cluster-require-full-coverage", "no"]);
    }
    let backend = connected_hasty(&cluster.url()).await;
    let mut heard = Heard::of(&backend);
    heard.up().await;
    let rooms = one_on_each(&cluster);
    for room in &rooms {
        created(&backend, room).await;
        heard.watch(&backend, room).await.unwrap();
    }
    cluster.nodes_mut()[0].kill9();
    heard.down().await;
    assert!(is_unavailable(&backend.load(&rooms[0], None).await));
    publications_arrive(&backend, &mut heard, &rooms[1], &cluster.url()).await;
    cluster.nodes_mut()[0].restart();
    heard.up_and_missed(&rooms[0]).await;
    // It kept nothing on disk.
    let load = async || backend.load(&rooms[0], None).await;
    let is_gone = |loaded: &Result<_, _>| *loaded == Ok(None);
    let loaded = until("the server has its slots again", load, is_gone).await;
    assert!(loaded.is_ok());
}

#[tokio::test]
async fn a_cluster_url_to_a_server_without_cluster_is_down_and_says_why() {
    let server = tablecast_testing::redis::RedisServer::start(&[]);
    let url = server.url().replace("redis://", "redis-cluster://");
    let backend = RedisBackend::connect(&url).unwrap();
    Heard::of(&backend).down().await;
    let outcome = backend
        .load(&room("a"), None)
        .await
        .unwrap_err()
        .to_string();
    assert!(outcome.contains("cluster support disabled"), "{outcome}");
}
