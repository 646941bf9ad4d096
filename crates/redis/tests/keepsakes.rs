//! What rooms leave, as it stands in Redis.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::*;
use tablecast_core::backend::{
    Backend, BackendError, Commit, Committed, Created, NewKeepsake, NewRoom,
};
use tablecast_core::position::Position;
use tablecast_testing::redis::RedisServer;

const KEY: &str = "tablecast:{a}:keepsake";

/// A step that leaves this for an hour.
fn keeping(expected: Position, what: &'static str) -> Commit {
    let what = Bytes::from_static(what.as_bytes()).into();
    let ttl = Duration::from_secs(3600);
    Commit {
        keepsake: Some(NewKeepsake { what, ttl }),
        ..step(expected, &["e"])
    }
}

#[tokio::test]
async fn a_keepsake_is_a_key_that_redis_forgets_by_itself() {
    let server = RedisServer::start(&[]);
    let backend = connected(&server.url()).await;
    let room = room("a");
    let start = created(&backend, &room).await;
    accepted(&backend, &room, step(start, &["e"])).await;
    assert_eq!(server.cli(&["EXISTS", KEY]), "0", "without one no key");
    let Ok(Committed::Accepted(stamp)) = backend.commit(&room, keeping(start.after(1), "x")).await
    else {
        panic!()
    };
    let until = (stamp.now + 3_600_000).to_string();
    assert_eq!(server.cli(&["PEXPIRETIME", KEY]), until);
    assert_eq!(
        server.cli(&["HMGET", KEY, "what", "kept_at", "kept_until"]),
        format!("x\n{}\n{until}", stamp.now)
    );
}

/// As the keys of a room: nobody's data is overwritten for a room of that name.
#[tokio::test]
async fn a_room_whose_keepsake_would_be_a_key_that_is_not_ours_is_not_made() {
    let server = RedisServer::start(&[]);
    let backend = connected(&server.url()).await;
    server.cli(&["SET", "tablecast:{text}:keepsake", "secret"]);
    server.cli(&["HSET", "tablecast:{hash}:keepsake", "what", "secret"]);
    for name in ["text", "hash"] {
        let room = room(name);
        let made = backend.create(&room, new_room()).await;
        assert_eq!(made, Ok(Created::Exists), "{name}");
        assert_eq!(backend.keepsake(&room).await, Ok(None), "{name}");
    }
    assert_eq!(server.cli(&["GET", "tablecast:{text}:keepsake"]), "secret");
    assert_eq!(server.cli(&["HLEN", "tablecast:{hash}:keepsake"]), "1");
}

/// A commit is whole or not there, whatever somebody has done by hand.
#[tokio::test]
async fn a_key_that_came_in_the_way_does_not_break_a_commit() {
    let server = RedisServer::start(&[]);
    let backend = connected(&server.url()).await;
    let room = room("a");
    let start = created(&backend, &room).await;
    server.cli(&["SET", KEY, "in the way"]);
    assert_eq!(backend.keepsake(&room).await, Ok(None));
    let position = accepted(&backend, &room, keeping(start, "x")).await;
    let loaded = backend.load(&room, None).await.unwrap().unwrap();
    assert_eq!(loaded.position, position);
    let kept = backend.keepsake(&room).await.unwrap().unwrap();
    assert_eq!(kept.what, Bytes::from_static(b"x"));
}

#[tokio::test]
async fn a_full_redis_keeps_nothing_of_what_it_refused() {
    let server = RedisServer::start(&[]);
    let backend = connected(&server.url()).await;
    let room = room("a");
    let start = created(&backend, &room).await;
    let position = accepted(&backend, &room, keeping(start, "before")).await;
    server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    let refused = backend.commit(&room, keeping(position, "refused")).await;
    assert!(is_unavailable(&refused), "{refused:?}");
    server.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    let kept = backend.keepsake(&room).await.unwrap().unwrap();
    assert_eq!(kept.what, Bytes::from_static(b"before"));
}

#[tokio::test]
async fn a_damaged_keepsake_is_an_error_and_stands_in_no_ones_way() {
    let server = RedisServer::start(&[]);
    let backend = connected(&server.url()).await;
    let room = room("a");
    let brief = NewRoom {
        ttl: BRIEF,
        ..new_room()
    };
    let Ok(Created::New(start, _)) = backend.create(&room, brief).await else {
        panic!()
    };
    let commit = Commit {
        extend: None,
        ..keeping(start, "x")
    };
    accepted(&backend, &room, commit).await;
    server.cli(&["HSET", KEY, "kept_at", "once"]);
    let damaged = backend.keepsake(&room).await;
    assert!(
        matches!(damaged, Err(BackendError::Corrupt(_))),
        "{damaged:?}"
    );
    let load = async || backend.load(&room, None).await.unwrap();
    until("the room is gone", load, Option::is_none).await;
    created(&backend, &room).await;
    assert_eq!(backend.keepsake(&room).await, Ok(None));
}
