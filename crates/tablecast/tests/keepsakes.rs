//! What rooms leave: stored with what made it so, and read when they are gone.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use support::rooms::{JsonMember, Node, code};
use support::{Hands, NEVER};
use tablecast::core::limits::Rate;
use tablecast::hub::RoomError;
use tablecast::{HubConfig, MemoryBackend};
use tablecast_testing::FaultyBackend;
use tablecast_testing::faulty::{Call, Fault};

/// Commands are given up soon, so that tests need not wait.
fn config() -> HubConfig {
    HubConfig {
        command_rate: Rate::OFF,
        command_deadline: Duration::from_millis(300),
        ..HubConfig::default()
    }
}

async fn left(node: &Node, room: &str) -> Result<Value, RoomError> {
    let kept = node.hub.keepsake(room).await?;
    Ok(serde_json::from_slice(&kept.what).unwrap())
}

async fn add(member: &mut JsonMember, id: u64, item: &str) {
    let ack = member.ask(json!({"id": id, "add": {"item": item}})).await;
    assert_eq!(ack["ack"]["id"], id, "{ack}");
}

fn remove(id: u64, item: &str) -> Value {
    json!({"id": id, "remove": {"item": item}})
}

/// From the moment of the event on, on every node, for as long as it was set.
#[tokio::test]
async fn what_a_room_leaves_can_be_read_before_and_after_its_end() {
    let hands = Hands::new();
    let store = hands.store();
    let other = Node::on(Arc::new(store.another_node()), config()).await;
    let config = config();
    let (room_ttl, ttl) = (config.room_ttl, config.keepsake_ttl);
    let node = Node::on(Arc::new(store), config).await;
    node.make("r").await;
    let mut member = node.json("r").await;
    add(&mut member, 1, "pizza").await;
    add(&mut member, 2, "sushi").await;
    assert_eq!(left(&node, "r").await, Err(RoomError::NotFound));
    member.ask(remove(3, "pizza")).await;
    add(&mut member, 4, "later").await;

    for node in [&node, &other] {
        let kept = node.hub.keepsake("r").await.unwrap();
        let (at, until) = (hands.now(), hands.now() + ttl.as_millis() as u64);
        assert_eq!((kept.kept_at, kept.kept_until), (at, until));
        assert_eq!(left(node, "r").await, Ok(json!(["sushi"])));
    }
    hands.pass(room_ttl);
    assert_eq!(node.refusal("r").await, 404);
    assert_eq!(left(&node, "r").await, Ok(json!(["sushi"])));
    let moment = Duration::from_millis(1);
    hands.pass(ttl - room_ttl - moment);
    assert_eq!(left(&other, "r").await, Ok(json!(["sushi"])));
    hands.pass(moment);
    assert_eq!(left(&other, "r").await, Err(RoomError::NotFound));
}

#[tokio::test]
async fn what_nobody_keeps_is_not_found() {
    let node = Node::start(config()).await;
    node.make("r").await;
    for room in ["r", "unknown", "", "a b", "../r", &"x".repeat(65)] {
        assert_eq!(
            left(&node, room).await,
            Err(RoomError::NotFound),
            "{room:?}"
        );
    }
}

/// Many commands at once are decided and stored together; what is kept is as it was
/// right after the event nevertheless.
#[tokio::test]
async fn what_came_later_in_the_same_commit_is_no_part_of_it() {
    let backend = FaultyBackend::new(Arc::new(MemoryBackend::new()));
    let faults = backend.faults();
    let config = HubConfig {
        command_deadline: NEVER,
        ..config()
    };
    let node = Node::on(Arc::new(backend), config).await;
    node.make("r").await;
    let mut member = node.json("r").await;
    // While this one waits for the store, the others gather behind it, on a slow machine too.
    faults.next(Call::Commit, Fault::Delay(Duration::from_secs(2)));
    let commits = faults.calls(Call::Commit);
    let add = |id: u64, item| json!({"id": id, "add": {"item": item}});
    for message in [
        add(1, "first"),
        add(2, "a"),
        add(3, "b"),
        remove(4, "a"),
        add(5, "c"),
        remove(6, "b"),
        add(7, "d"),
    ] {
        member.send(message).await;
    }
    while member.next().await["ack"]["id"] != 7 {}
    assert!(faults.calls(Call::Commit) <= commits + 3, "not together");
    assert_eq!(left(&node, "r").await, Ok(json!(["first", "c"])));
    assert_eq!(node.items("r").await, ["first", "c", "d"]);
}

/// The outcome of its commit may be unknown, and it is decided again: it is there when
/// its event is.
#[tokio::test]
async fn whatever_becomes_of_a_commit_its_keepsake_is_there_when_its_event_is() {
    let backend = FaultyBackend::new(Arc::new(MemoryBackend::new()));
    let faults = backend.faults();
    let node = Node::on(Arc::new(backend), config()).await;
    node.make("r").await;
    let mut member = node.json("r").await;
    let mut id = 0;
    for fault in [
        Fault::Unavailable,
        Fault::UnknownBefore,
        Fault::UnknownAfter,
        Fault::UnknownThenLate(Duration::from_millis(20)),
        Fault::Hang,
        Fault::HangAfter,
    ] {
        let item = format!("{fault:?}");
        add(&mut member, id + 1, "x").await;
        add(&mut member, id + 2, &item).await;
        id += 3;
        faults.next(Call::Commit, fault);
        while let answer = member.ask(remove(id, "x")).await
            && answer["ack"].is_null()
        {
            assert_eq!(code(&answer), "unavailable", "{answer}");
        }
        let items = node.items("r").await;
        assert_eq!(items.last(), Some(&item));
        assert_eq!(left(&node, "r").await, Ok(json!(items)), "{fault:?}");
    }
}

#[tokio::test]
async fn a_store_that_is_away_is_told_from_a_room_that_left_nothing() {
    let backend = FaultyBackend::new(Arc::new(MemoryBackend::new()));
    let faults = backend.faults();
    let node = Node::on(Arc::new(backend), config()).await;
    faults.next(Call::Keepsake, Fault::Unavailable);
    let away = left(&node, "r").await;
    assert!(matches!(away, Err(RoomError::Unavailable(_))), "{away:?}");
    assert_eq!(left(&node, "r").await, Err(RoomError::NotFound));
}
