//! Somebody sets the clock of the store while a seat is kept for a member who is away:
//! it is kept for the grace all the same, no more and no less.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use tablecast::HubConfig;
use tablecast::core::Backend;
use tablecast_testing::faulty::{Call, Faults};
use tablecast_testing::{FaultyBackend, until};

use support::rooms::Node;
use support::{Hands, NEVER};

const HOUR: Duration = Duration::from_secs(3600);

/// A node that asks the store for the time every 200 ms, and the store's clock. Rooms
/// have one seat.
async fn node(seat_grace: Duration) -> (Node, Hands, Faults) {
    let hands = Hands::new();
    hands.pass(HOUR * 24);
    let (node, faults) = another(Arc::new(hands.store()), seat_grace).await;
    node.make("r").await;
    (node, hands, faults)
}

async fn another(store: Arc<dyn Backend>, seat_grace: Duration) -> (Node, Faults) {
    let backend = FaultyBackend::new(store);
    let faults = backend.faults();
    let config = HubConfig {
        seats: 1,
        seat_grace,
        room_ttl: HOUR * 10,
        ..HubConfig::default()
    };
    (Node::on(Arc::new(backend), config).await, faults)
}

/// Somebody sits down and is away. What they were greeted with.
async fn away(node: &Node) -> serde_json::Value {
    let mut member = node.json("r").await;
    // As a browser that is closed: the seat is kept.
    drop(member.client);
    let is_away = async || node.hub.view("r").await.unwrap().members[0].away;
    until("somebody is away", is_away, |is_away| *is_away).await;
    member.hello.take()
}

/// The node has asked the store for the time since.
async fn asked(faults: &Faults) {
    let before = faults.calls(Call::Load);
    let loads = async || faults.calls(Call::Load);
    let are_more = |loads: &u64| *loads >= before + 3;
    until("the room is compared with the store", loads, are_more).await;
}

#[tokio::test]
async fn a_clock_that_goes_back_keeps_no_seat_for_longer() {
    let grace = Duration::from_secs(1);
    let (node, hands, faults) = node(grace).await;
    away(&node).await;
    hands.set_to(hands.now() - HOUR.as_millis() as u64);
    asked(&faults).await;
    node.until_seats("r", 0).await;
    let newcomer = node.json("r").await;
    assert!(newcomer.hello["you"].is_u64());
}

#[tokio::test]
async fn a_clock_that_goes_forward_takes_no_seat_before_its_time() {
    let (node, hands, faults) = node(NEVER).await;
    let hello = away(&node).await;
    hands.pass(HOUR * 2);
    asked(&faults).await;
    assert_eq!(node.refusal("r").await, 403, "the only seat is kept");
    let back = node.resume("r", &hello, 1).await;
    assert_eq!(back.hello["you"], hello["you"]);
}

/// The seat says that it is kept until an hour later than the grace has it: a node that
/// learns of it then has not seen the clock before.
#[tokio::test]
async fn a_node_that_has_just_come_keeps_no_seat_for_longer_than_the_grace() {
    let hands = Hands::new();
    hands.pass(HOUR * 24);
    let store = hands.store();
    let (first, _) = another(Arc::new(store.another_node()), NEVER).await;
    first.make("r").await;
    away(&first).await;
    drop(first);
    hands.set_to(hands.now() - HOUR.as_millis() as u64);
    let (second, _) = another(Arc::new(store), Duration::from_secs(1)).await;
    // To ask is to open the room there.
    let come_in = async || second.try_text("r").await.map(drop);
    let came = until("the seat is free", come_in, Result::is_ok).await;
    assert!(came.is_ok(), "{came:?}");
}
