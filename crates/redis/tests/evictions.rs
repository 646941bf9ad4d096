//! Redis has deleted one of a room's keys, as it does under a `maxmemory-policy` that
//! evicts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::*;
use tablecast_core::backend::{Backend, Commit, Committed, Created, NewKeepsake};
use tablecast_core::position::Position;
use tablecast_redis::RedisBackend;
use tablecast_testing::redis::RedisServer;

/// A commit without a snapshot, as most are.
fn bare(expected: Position, event: &str) -> Commit {
    Commit {
        snapshot: None,
        ..step(expected, &[event])
    }
}

/// A room of three events after its snapshot.
async fn with_log() -> (RedisServer, RedisBackend, Position) {
    let server = RedisServer::start(&[]);
    let backend = connected(&server.url()).await;
    let mut position = created(&backend, &room("a")).await;
    for event in ["1", "2", "3"] {
        position = accepted(&backend, &room("a"), bare(position, event)).await;
    }
    (server, backend, position)
}

fn evict(server: &RedisServer, key: &str) {
    let key = format!("tablecast:{{a}}:{key}");
    assert_eq!(server.cli(&["DEL", &key]), "1");
}

#[tokio::test]
async fn without_its_log_a_room_goes_on_from_its_snapshot_in_a_new_epoch() {
    let (server, backend, three) = with_log().await;
    evict(&server, "log");
    let other = connected(&server.url()).await;
    let read = other.load(&room("a"), None).await.unwrap().unwrap();
    assert_eq!(read.position.seq, 3, "no number is given twice");
    assert_ne!(read.position.epoch, three.epoch);
    let snapshot = read.snapshot.clone().unwrap();
    assert_eq!((snapshot.seq, &snapshot.state[..]), (3, &b"state 0"[..]));
    assert!(read.events.is_empty());

    // A node that has the room still learns that its history is no more.
    let missing = conflict(&backend, &room("a"), bare(three, "4")).await;
    assert_eq!(
        (&missing.position, &missing.snapshot),
        (&read.position, &read.snapshot)
    );
    let four = accepted(&backend, &room("a"), bare(missing.position, "4")).await;
    let now = other.load(&room("a"), None).await.unwrap().unwrap();
    assert_eq!(now.position, four, "one new epoch, not one a call");
    assert_eq!(texts(&now), ["4"]);
}

#[tokio::test]
async fn a_room_that_was_changed_after_its_log_was_lost_goes_on_from_its_snapshot() {
    let (server, backend, three) = with_log().await;
    evict(&server, "log");
    // Nobody has read the room meanwhile, so whoever has it open can go on.
    let four = accepted(&backend, &room("a"), bare(three, "4")).await;
    let known = backend
        .load(&room("a"), Some(three))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (known.position, texts(&known)),
        (four, vec!["4".to_owned()])
    );

    let other = connected(&server.url()).await;
    let read = other.load(&room("a"), None).await.unwrap().unwrap();
    assert_eq!(read.position.seq, 4);
    assert_ne!(read.position.epoch, four.epoch);
    assert_eq!(&read.snapshot.unwrap().state[..], b"state 0");
    assert!(
        read.events.is_empty(),
        "what came after the hole is not in the state"
    );
}

#[tokio::test]
async fn a_snapshot_that_is_the_newest_state_needs_no_log() {
    let (server, backend, three) = with_log().await;
    let four = accepted(&backend, &room("a"), step(three, &["4"])).await;
    evict(&server, "log");
    let read = connected(&server.url()).await.load(&room("a"), None).await;
    let read = read.unwrap().unwrap();
    assert_eq!(
        read.position, four,
        "nothing is lost, so it is the same history"
    );
    assert_eq!(&read.snapshot.unwrap().state[..], b"state 4");
}

#[tokio::test]
async fn without_its_state_a_room_is_gone_and_without_its_keepsake_it_lives() {
    let (server, backend, three) = with_log().await;
    let keepsake = NewKeepsake {
        what: bytes::Bytes::from_static(b"left").into(),
        ttl: TTL,
    };
    let commit = Commit {
        keepsake: Some(keepsake),
        ..bare(three, "4")
    };
    let four = accepted(&backend, &room("a"), commit).await;
    assert!(backend.keepsake(&room("a")).await.unwrap().is_some());
    evict(&server, "keepsake");
    assert_eq!(backend.keepsake(&room("a")).await, Ok(None));
    assert!(
        backend
            .load(&room("a"), Some(four))
            .await
            .unwrap()
            .is_some()
    );
    evict(&server, "state");
    assert_eq!(backend.load(&room("a"), Some(four)).await, Ok(None));
    let committed = backend.commit(&room("a"), bare(four, "5")).await;
    assert_eq!(committed, Ok(Committed::Gone));
    // Its name is not given again while something of it is left.
    assert_eq!(
        backend.create(&room("a"), new_room()).await,
        Ok(Created::Exists)
    );
    evict(&server, "log");
    created(&backend, &room("a")).await;
}
