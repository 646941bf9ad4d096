//! A store that answers and is of no use, or of less than it should be.

use std::time::Duration;

use serde_json::{Value, json};
use tablecast_testing::redis::RedisServer;
use tablecast_testing::until;

use crate::harness::{Member, Node};

fn set(redis: &RedisServer, name: &str, value: &str) {
    assert_eq!(redis.cli(&["CONFIG", "SET", name, value]), "OK");
}

/// Nobody changes anything at first: the node finds out by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_redis_is_told_to_everybody_and_nothing_is_stored() {
    let redis = RedisServer::start(&[]);
    let node = Node::start(&redis.url(), &[]);
    let room = node.make_room().await;
    let (mut member, _) = Member::join_json(&node, &room).await;
    assert_eq!(node.metric("tablecast_backend_up").await, 1.0);
    set(&redis, "maxmemory", "1");
    assert_eq!(member.json_with("status").await, json!({"store": "down"}));
    let ready = node.http("GET", "/readyz").await;
    assert_eq!(ready.status, 503);
    let detail: Value = serde_json::from_str(&ready.body).unwrap();
    let detail = detail["detail"].as_str().unwrap();
    let expected = "the store takes no changes: OOM command not allowed when used memory";
    assert!(detail.starts_with(expected), "{detail}");
    assert_eq!(node.metric("tablecast_backend_up").await, 0.0);

    // Of rooms: what nodes keep for themselves may end meanwhile.
    let keys = || redis.cli(&["EVAL", "return #redis.call('KEYS', 'tablecast:{*')", "0"]);
    let before = keys();
    for _ in 0..200 {
        let made = node.http("POST", "/session/").await;
        assert_eq!(made.status, 503, "{}", made.body);
        assert!(made.body.contains("its memory is full"), "{}", made.body);
        assert!(!made.body.contains("OOM"), "for strangers: {}", made.body);
    }
    assert_eq!(keys(), before, "nothing was stored");
    member.say(r#"{"id":1,"add":{"item":"pizza"}}"#).await;
    let error = member.json_with("error").await;
    assert_eq!(error["code"], "unavailable");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("its memory is full"), "{message}");
    // Long enough for several attempts, each of which is refused.
    // sleep: nothing is to be logged meanwhile
    tokio::time::sleep(Duration::from_secs(5)).await;
    let log = node.log();
    assert_eq!(log.matches("redis takes no changes").count(), 1, "once");
    assert!(log.contains("OOM command not allowed"));

    set(&redis, "maxmemory", "0");
    while member.json_with("status").await != json!({"store": "up"}) {}
    node.is_ready().await;
    node.make_room().await;
    node.logs("redis takes changes again").await;
    assert_eq!(node.log().matches("redis takes changes again").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_may_evict_rooms_is_warned_of_and_a_lost_log_is_logged() {
    let redis = RedisServer::start(&["--maxmemory-policy", "volatile-lru"]);
    let nodes = [
        Node::start(&redis.url(), &[]),
        Node::start(&redis.url(), &[]),
    ];
    for node in &nodes {
        let warned = "maxmemory-policy is volatile-lru, and should be noeviction";
        node.logs(warned).await;
    }
    let room = nodes[0].make_room().await;
    let (mut member, _) = Member::join(&nodes[0], &room).await;
    member.say("add:pizza").await;
    assert_eq!(member.menu().await, ["pizza"]);
    assert_eq!(
        redis.cli(&["DEL", &format!("tablecast:{{{room}}}:log")]),
        "1"
    );
    // What is left is the snapshot, which is the room as it was made.
    let view = nodes[1].http("GET", &format!("/session/{room}/")).await;
    assert_eq!(view.status, 200, "{}", view.body);
    nodes[1].logs("the room's log is gone from redis").await;
    nodes[1].logs(&room).await;
    let (mut other, menu) = Member::join(&nodes[1], &room).await;
    assert!(menu.is_empty(), "{menu:?}");
    other.say("add:soup").await;
    assert_eq!(other.menu().await, ["soup"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_cannot_be_read_is_in_the_log() {
    let redis = RedisServer::start(&[]);
    let node = Node::start(&redis.url(), &[]);
    let room = node.make_room().await;
    let state = format!("tablecast:{{{room}}}:state");
    redis.cli(&["HSET", &state, "seq", "many"]);
    assert_eq!(
        node.http("GET", &format!("/session/{room}/")).await.status,
        503
    );
    assert_eq!(Member::try_join(&node, &room).await.err(), Some(503));
    let both = |log: &String| log.matches("the stored room cannot be read").count() >= 2;
    until("both are logged", async || node.log(), both).await;
    assert!(node.log().contains(&room));
}
