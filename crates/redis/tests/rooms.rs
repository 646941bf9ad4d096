//! Rooms on one server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use common::*;
use tablecast_core::Forms;
use tablecast_core::backend::{Backend, Commit, Committed, Created, LOG_EVENTS, NewRoom, Snapshot};
use tablecast_core::id::NodeId;
use tablecast_core::position::{Epoch, Position};
use tablecast_testing::redis::RedisServer;

#[tokio::test]
async fn a_room_is_made_loaded_changed_and_published() {
    let server = RedisServer::start(&[]);
    let backend = connected(&server.url()).await;
    let other = connected(&server.url()).await;
    let mut heard = Heard::of(&other);
    let room = room("a");

    let start = created(&backend, &room).await;
    assert_eq!(start.seq, 0);
    assert_eq!(backend.create(&room, new_room()).await, Ok(Created::Exists));
    heard.watch(&other, &room).await.unwrap();

    let raw = Bytes::from_static(b"\0\xff\r\n{}");
    let commit = Commit {
        events: vec![raw.clone().into(), Bytes::new().into()],
        ..step(start, &["", ""])
    };
    let two = accepted(&backend, &room, commit).await;
    assert_eq!(heard.published(&room).await, (1, vec![raw, Bytes::new()]));
    let three = accepted(&backend, &room, step(two, &["c"])).await;

    let all = other.load(&room, None).await.unwrap().unwrap();
    assert_eq!(all.position, three);
    assert_eq!(
        all.snapshot,
        Some(Snapshot {
            seq: 3,
            state: "state 3".into()
        })
    );
    assert_eq!(all.events.len(), 3);
    let tail = other.load(&room, Some(two)).await.unwrap().unwrap();
    assert_eq!(
        (tail.snapshot.clone(), texts(&tail)),
        (None, vec!["c".to_owned()])
    );
    let inside = Position { seq: 1, ..start };
    let tail = other.load(&room, Some(inside)).await.unwrap().unwrap();
    assert_eq!(
        tail.events
            .iter()
            .map(|event| event.seq)
            .collect::<Vec<_>>(),
        [2, 3]
    );
    let newest = other.load(&room, Some(three)).await.unwrap().unwrap();
    assert_eq!((newest.snapshot, newest.events), (None, vec![]));
    let foreign = Position {
        epoch: Epoch(1),
        seq: 3,
    };
    assert!(
        other
            .load(&room, Some(foreign))
            .await
            .unwrap()
            .unwrap()
            .snapshot
            .is_some()
    );
    let future = Position { seq: 9, ..three };
    assert!(
        other
            .load(&room, Some(future))
            .await
            .unwrap()
            .unwrap()
            .snapshot
            .is_some()
    );
}

#[tokio::test]
async fn a_commit_elsewhere_than_expected_changes_nothing_and_tells_what_is_missing() {
    let server = RedisServer::start(&[]);
    let backend = connected(&server.url()).await;
    let room = room("a");
    let start = created(&backend, &room).await;
    let one = accepted(&backend, &room, step(start, &["a"])).await;

    let missing = conflict(&backend, &room, step(start, &["b"])).await;
    assert_eq!((missing.position, missing.snapshot.clone()), (one, None));
    assert_eq!(texts(&missing), ["a"]);
    let stranger = Position {
        epoch: Epoch(7),
        seq: 1,
    };
    let missing = conflict(&backend, &room, step(stranger, &["b"])).await;
    assert_eq!(missing.snapshot.unwrap().state, "state 1");
    assert_eq!(
        backend.load(&room, None).await.unwrap().unwrap().position,
        one
    );

    let nowhere = backend
        .commit(&common::room("nowhere"), step(one, &["x"]))
        .await;
    assert_eq!(nowhere, Ok(Committed::Gone));
    assert_eq!(backend.load(&common::room("nowhere"), None).await, Ok(None));
    assert_eq!(server.cli(&["KEYS", "*nowhere*"]), "");
}

#[tokio::test]
async fn writers_on_three_nodes_lose_nothing() {
    const EACH: usize = 100;
    let server = RedisServer::start(&[]);
    let room = room("busy");
    let start = created(&connected(&server.url()).await, &room).await;
    let mut writers = Vec::new();
    for writer in 0..3 {
        let (backend, room) = (Arc::new(connected(&server.url()).await), room.clone());
        writers.push(tokio::spawn(async move {
            let mut position = start;
            let mut accepted = Vec::new();
            for number in 0..EACH {
                let event = format!("{writer}-{number}");
                loop {
                    match backend
                        .commit(&room, step(position, &[&event]))
                        .await
                        .unwrap()
                    {
                        Committed::Accepted(_) => {
                            position = position.after(1);
                            break accepted.push((position.seq, event));
                        }
                        Committed::Conflict(loaded) => position = loaded.position,
                        Committed::Gone => panic!("gone"),
                    }
                }
            }
            accepted
        }));
    }
    let mut accepted = Vec::new();
    for writer in writers {
        accepted.extend(writer.await.unwrap());
    }
    accepted.sort();
    let seqs = accepted.iter().map(|(seq, _)| *seq);
    assert!(
        seqs.eq(1..=3 * EACH as u64),
        "each place is given once: {accepted:?}"
    );
    let backend = connected(&server.url()).await;
    let all = backend.load(&room, None).await.unwrap().unwrap();
    assert_eq!(all.position.seq, 3 * EACH as u64);
    // The log may have been cut already, but not too short, and it holds what was accepted.
    assert!(all.events.len() >= LOG_EVENTS);
    let newest = accepted.split_off(accepted.len() - all.events.len());
    let newest: Vec<String> = newest.into_iter().map(|(_, event)| event).collect();
    assert_eq!(texts(&all), newest);
}

#[tokio::test]
async fn the_log_keeps_at_least_its_events_and_not_many_more() {
    let server = RedisServer::start(&[]);
    let backend = connected(&server.url()).await;
    let room = room("long");
    let start = created(&backend, &room).await;
    let mut position = start;
    for _ in 0..10 {
        position = accepted(&backend, &room, step(position, &["e"; 100])).await;
    }
    let all = backend.load(&room, None).await.unwrap().unwrap();
    assert_eq!(all.events.len(), 300);
    assert_eq!(all.events.last().unwrap().seq, 1000);
    let reach = Position {
        seq: 1000 - LOG_EVENTS as u64,
        ..start
    };
    let tail = backend.load(&room, Some(reach)).await.unwrap().unwrap();
    assert_eq!((tail.snapshot, tail.events.len()), (None, LOG_EVENTS));
    let beyond = Position { seq: 600, ..start };
    assert!(
        backend
            .load(&room, Some(beyond))
            .await
            .unwrap()
            .unwrap()
            .snapshot
            .is_some()
    );

    let huge = accepted(&backend, &room, step(position, &["e"; 1000])).await;
    assert_eq!(
        backend
            .load(&room, None)
            .await
            .unwrap()
            .unwrap()
            .events
            .len(),
        1000
    );
    accepted(&backend, &room, step(huge, &["e"; 256])).await;
    assert_eq!(
        backend
            .load(&room, None)
            .await
            .unwrap()
            .unwrap()
            .events
            .len(),
        256
    );
}

#[tokio::test]
async fn a_room_expires_by_redis_clock_and_leaves_no_key() {
    let server = RedisServer::start(&[]);
    let backend = connected(&server.url()).await;
    let room = room("brief");
    let brief = NewRoom {
        ttl: BRIEF,
        ..new_room()
    };
    let Ok(Created::New(start, stamp)) = backend.create(&room, brief).await else {
        panic!()
    };
    assert_eq!(u128::from(stamp.expires_at - stamp.now), BRIEF.as_millis());
    let commit = Commit {
        extend: None,
        ..step(start, &["a"])
    };
    let Ok(Committed::Accepted(after)) = backend.commit(&room, commit).await else {
        panic!()
    };
    assert_eq!(
        after.expires_at, stamp.expires_at,
        "not extended unless asked"
    );
    for key in ["tablecast:{brief}:state", "tablecast:{brief}:log"] {
        assert_eq!(
            server.cli(&["PEXPIRETIME", key]),
            stamp.expires_at.to_string()
        );
    }
    let load = async || backend.load(&room, None).await.unwrap();
    until("it is gone", load, Option::is_none).await;
    assert_eq!(
        backend.commit(&room, step(start.after(1), &["b"])).await,
        Ok(Committed::Gone)
    );
    let keys = async || server.cli(&["DBSIZE"]);
    until("no key is left", keys, |keys| keys == "0").await;
}

#[tokio::test]
async fn a_room_is_extended_but_never_beyond_its_age() {
    let server = RedisServer::start(&[]);
    let backend = connected(&server.url()).await;
    let room = room("old");
    let seconds = Duration::from_secs;
    let new = NewRoom {
        ttl: seconds(10),
        max_age: seconds(30),
        ..new_room()
    };
    let Ok(Created::New(start, made)) = backend.create(&room, new).await else {
        panic!()
    };
    let mut position = start;
    let mut extend = async |ttl| {
        let commit = Commit {
            extend: Some(seconds(ttl)),
            ..step(position, &["e"])
        };
        position = position.after(1);
        match backend.commit(&room, commit).await {
            Ok(Committed::Accepted(stamp)) => stamp,
            other => panic!("{other:?}"),
        }
    };
    let twenty = extend(20).await;
    assert_eq!(twenty.expires_at, twenty.now + 20_000);
    assert_eq!(
        extend(5).await.expires_at,
        twenty.expires_at,
        "never shortened"
    );
    assert_eq!(extend(600).await.expires_at, made.now + 30_000);
    for key in ["tablecast:{old}:state", "tablecast:{old}:log"] {
        assert_eq!(
            server.cli(&["PEXPIRETIME", key]),
            (made.now + 30_000).to_string()
        );
    }
}

#[tokio::test]
async fn keys_that_are_not_ours_stay_untouched_and_unread() {
    let server = RedisServer::start(&[]);
    let backend = connected(&server.url()).await;
    server.cli(&["SET", "tablecast:{text}:state", "secret"]);
    server.cli(&["RPUSH", "tablecast:{list}:state", "secret"]);
    server.cli(&[
        "HSET",
        "tablecast:{hash}:state",
        "epoch",
        "secret",
        "name",
        "secret",
    ]);
    server.cli(&["SET", "tablecast:{log}:log", "secret"]);
    let before = server.cli(&["DBSIZE"]);
    let somewhere = Position {
        epoch: Epoch(0),
        seq: 0,
    };
    for name in ["text", "list", "hash", "log"] {
        let room = room(name);
        assert_eq!(
            backend.create(&room, new_room()).await,
            Ok(Created::Exists),
            "{name}"
        );
        assert_eq!(backend.load(&room, None).await, Ok(None), "{name}");
        assert_eq!(
            backend.commit(&room, step(somewhere, &["x"])).await,
            Ok(Committed::Gone)
        );
    }
    assert_eq!(server.cli(&["DBSIZE"]), before);
    assert_eq!(server.cli(&["GET", "tablecast:{text}:state"]), "secret");
    assert_eq!(
        server.cli(&["LRANGE", "tablecast:{list}:state", "0", "-1"]),
        "secret"
    );
    assert_eq!(server.cli(&["HLEN", "tablecast:{hash}:state"]), "2");
    assert_eq!(server.cli(&["TTL", "tablecast:{hash}:state"]), "-1");
    assert_eq!(server.cli(&["GET", "tablecast:{log}:log"]), "secret");
}

#[tokio::test]
async fn a_damaged_room_is_an_error_and_not_a_room() {
    let server = RedisServer::start(&[]);
    let backend = connected(&server.url()).await;
    let room = room("a");
    let start = created(&backend, &room).await;
    server.cli(&["HSET", "tablecast:{a}:state", "seq", "many"]);
    let loaded = backend.load(&room, None).await;
    assert!(
        matches!(
            loaded,
            Err(tablecast_core::backend::BackendError::Corrupt(_))
        ),
        "{loaded:?}"
    );
    server.cli(&["HSET", "tablecast:{a}:state", "seq", "0", "epoch", "odd"]);
    let committed = backend.commit(&room, step(start, &["x"])).await;
    assert!(matches!(
        committed,
        Err(tablecast_core::backend::BackendError::Corrupt(_))
    ));
}

#[tokio::test]
async fn foreign_publications_are_ignored() {
    let server = RedisServer::start(&[]);
    let backend = connected(&server.url()).await;
    let mut heard = Heard::of(&backend);
    let room = room("a");
    let start = created(&backend, &room).await;
    heard.watch(&backend, &room).await.unwrap();
    for foreign in [
        "",
        "hello",
        "me 00000000000000ab 1 2 3\n",
        "me 00000000000000ab 1 2 3\nxxxxxxx",
    ] {
        server.cli(&["PUBLISH", "tablecast:{a}", foreign]);
    }
    let other = connected(&server.url()).await;
    accepted(&other, &room, step(start, &["real"])).await;
    assert_eq!(
        heard.published(&room).await,
        (1, vec![Bytes::from_static(b"real")])
    );
}

#[tokio::test]
async fn a_backend_is_told_of_the_commits_of_others_alone() {
    let server = RedisServer::start(&[]);
    let backend = connected(&server.url()).await;
    let other = connected(&server.url()).await;
    let mut heard = Heard::of(&backend);
    let room = room("a");
    let start = created(&backend, &room).await;
    heard.watch(&backend, &room).await.unwrap();
    let one = accepted(&backend, &room, step(start, &["own"])).await;
    accepted(&other, &room, step(one, &["other's"])).await;
    assert_eq!(
        heard.published(&room).await,
        (2, vec![Bytes::from_static(b"other's")])
    );
}

#[tokio::test]
async fn scripts_that_redis_has_forgotten_are_sent_again() {
    let server = RedisServer::start(&[]);
    let backend = connected(&server.url()).await;
    let room = room("a");
    let start = created(&backend, &room).await;
    accepted(&backend, &room, step(start, &["a"])).await;
    server.cli(&["SCRIPT", "FLUSH"]);
    let two = accepted(&backend, &room, step(start.after(1), &["b"])).await;
    server.cli(&["SCRIPT", "FLUSH"]);
    assert_eq!(
        backend.load(&room, None).await.unwrap().unwrap().position,
        two
    );
}

#[tokio::test]
async fn a_watched_room_is_one_subscription_and_watching_costs_no_connection() {
    let server = RedisServer::start(&[]);
    let backend = connected(&server.url()).await;
    let mut heard = Heard::of(&backend);
    heard.watch(&backend, &room("warm")).await.unwrap();
    let clients = || server.cli(&["CLIENT", "LIST"]).lines().count();
    let before = clients();
    for number in 0..1000 {
        let room = room(&format!("r{number}"));
        heard.watch(&backend, &room).await.unwrap();
        heard.unwatch(&room);
    }
    let left = async || clients();
    until("no connection is left behind", left, |left| *left <= before).await;
    let channels = async || server.cli(&["PUBSUB", "CHANNELS"]);
    let is_one = |channels: &String| channels == "tablecast:{warm}";
    until("only one channel is left", channels, is_one).await;
    drop(backend);
    until("its connections end", left, |left| *left == 1).await;
}

#[tokio::test]
async fn nodes_live_as_long_as_their_lease() {
    let server = RedisServer::start(&[]);
    let backend = connected(&server.url()).await;
    let (a, b): (NodeId, NodeId) = ("node-a".parse().unwrap(), "node-b".parse().unwrap());
    let lease = Duration::from_secs(60);
    assert_eq!(live(&backend, &a, lease).await, std::slice::from_ref(&a));
    let brief = Duration::from_millis(200);
    let mut both = live(&backend, &b, brief).await;
    both.sort();
    assert_eq!(both, [a.clone(), b.clone()]);
    let look = async || live(&backend, &a, lease).await;
    let is_alone = |live: &Vec<NodeId>| *live == [a.clone()];
    until("b's lease ends", look, is_alone).await;
    live(&backend, &b, lease).await;
    backend.release(&b).await.unwrap();
    assert_eq!(live(&backend, &a, brief).await, std::slice::from_ref(&a));
    let keys = async || server.cli(&["DBSIZE"]);
    until("no key is left", keys, |keys| keys == "0").await;
}

/// A node of the version before knows only the set of leases: it takes each member for the id
/// of a node, and has no entry among the forms.
#[tokio::test]
async fn a_node_that_says_no_forms_lives_beside_one_that_does() {
    let server = RedisServer::start(&[]);
    let backend = connected(&server.url()).await;
    let node = "new".parse().unwrap();
    let forms = Forms { rooms: 5, app: 2 };
    let lease = Duration::from_secs(60);
    let live = async || {
        let mut live = backend.renew(&node, forms, lease).await.unwrap();
        live.sort_by_key(|node| node.forms.rooms);
        let texts = live
            .iter()
            .map(|node| format!("{} {}", node.id, node.forms));
        texts.collect::<Vec<_>>()
    };
    assert_eq!(live().await, ["new 5.2"]);
    let ends = server.cli(&["ZSCORE", "tablecast:nodes", "new"]);
    server.cli(&["ZADD", "tablecast:nodes", &ends, "old"]);
    assert_eq!(live().await, ["old 3.1", "new 5.2"]);
    assert_eq!(
        server.cli(&["ZRANGE", "tablecast:nodes", "0", "-1"]),
        "the clock\nold\nnew"
    );
    let said = ["HGETALL", "tablecast:forms{tablecast:nodes}"];
    assert_eq!(server.cli(&said), "new\n5.2");
    // As after an end of its lease that an old node has noticed, which knows no forms.
    server.cli(&["HSET", said[1], "dead", "5.2"]);
    server.cli(&["HSET", said[1], "old", "who knows"]);
    assert_eq!(live().await, ["old 3.1", "new 5.2"]);
    assert_eq!(server.cli(&["HEXISTS", said[1], "dead"]), "0");
    server.cli(&["PERSIST", said[1]]);
    live().await;
    let ttl = server.cli(&["PTTL", said[1]]);
    assert!(ttl.parse().is_ok_and(|ttl: u64| ttl <= 60_000), "{ttl}");
}

#[tokio::test]
async fn a_lifetime_beyond_all_measure_is_a_long_one() {
    let server = RedisServer::start(&[]);
    let backend = connected(&server.url()).await;
    let endless = NewRoom {
        ttl: Duration::MAX,
        max_age: Duration::MAX,
        ..new_room()
    };
    assert!(matches!(
        backend.create(&room("a"), endless).await,
        Ok(Created::New(..))
    ));
    assert!(
        server
            .cli(&["PTTL", "tablecast:{a}:state"])
            .parse::<i64>()
            .unwrap()
            > 0
    );
}

/// Lua passes only some thousand values to a command.
#[tokio::test]
async fn many_nodes_are_live_at_once() {
    let server = RedisServer::start(&[]);
    let backend = connected(&server.url()).await;
    let node = "mine".parse().unwrap();
    let renew = async || {
        let lease = Duration::from_secs(60);
        backend.renew(&node, Forms::FIRST, lease).await.unwrap()
    };
    renew().await;
    let end = server.cli(&["ZSCORE", "tablecast:nodes", "mine"]);
    let others = "for i = 1, 9000 do redis.call('ZADD', 'tablecast:nodes', ARGV[1], 'n' .. i) end";
    server.cli(&["EVAL", others, "0", &end]);
    assert_eq!(renew().await.len(), 9001);
}
