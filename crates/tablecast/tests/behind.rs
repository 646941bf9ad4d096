//! What a node answers that does not know the newest state of a room: nothing of it is
//! told as if it were the truth.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tablecast::core::limits::Rate;
use tablecast::{HubConfig, MemoryBackend};
use tablecast_testing::FaultyBackend;
use tablecast_testing::faulty::{Call, Fault, Faults, Rates};

use support::rooms::{JsonMember, Node, code};

fn add(id: u64, item: &str) -> Value {
    json!({"id": id, "add": {"item": item}})
}

fn remove(id: u64, item: &str) -> Value {
    json!({"id": id, "remove": {"item": item}})
}

/// Two nodes, of which the second does not hear what the first one commits, and a member
/// on each. There is an `x`.
async fn one_that_is_behind() -> (Node, JsonMember, Node, JsonMember, Faults) {
    let config = || HubConfig {
        command_rate: Rate::OFF,
        command_deadline: Duration::from_millis(300),
        ..HubConfig::default()
    };
    let store = MemoryBackend::new();
    let deaf = FaultyBackend::new(Arc::new(store.another_node()));
    let faults = deaf.faults();
    let one = Node::on(Arc::new(store), config()).await;
    let two = Node::on(Arc::new(deaf), config()).await;
    one.make("r").await;
    let mut writer = one.json("r").await;
    let member = two.json("r").await;
    writer.ask(add(1, "x")).await;
    faults.random(
        1,
        Rates {
            lose: 1.0,
            ..Rates::default()
        },
    );
    (one, writer, two, member, faults)
}

#[tokio::test]
async fn a_node_that_is_behind_refuses_nothing_that_is_right_by_now() {
    let (_one, mut writer, _two, mut member, _) = one_that_is_behind().await;
    for round in 0..20 {
        let item = format!("new {round}");
        writer.ask(add(round + 2, &item)).await;
        let answer = member.ask(remove(round + 1, &item)).await;
        assert!(answer["ack"].is_object(), "{answer}");
    }
}

#[tokio::test]
async fn a_node_that_is_behind_says_of_nothing_that_there_is_nothing_to_do() {
    let (_one, mut writer, _two, mut member, _) = one_that_is_behind().await;
    for round in 0..20 {
        let newest = writer.ask(add(round + 2, "y")).await["ack"]["seq"].clone();
        let answer = member.ask(json!({"id": round + 1, "touch": {}})).await;
        assert!(answer["ack"]["seq"].as_u64() >= newest.as_u64(), "{answer}");
    }
}

#[tokio::test]
async fn while_the_store_is_away_nothing_is_answered_from_an_old_state() {
    let (_one, mut writer, _two, mut member, faults) = one_that_is_behind().await;
    faults.down("as the test asked");
    writer.ask(add(2, "y")).await;
    for message in [remove(1, "y"), json!({"id": 2, "touch": {}})] {
        assert_eq!(code(&member.ask(message).await), "unavailable");
    }
    faults.up();
    for message in [remove(1, "y"), json!({"id": 2, "touch": {}})] {
        let answer = member.ask(message).await;
        assert!(answer["ack"].is_object(), "{answer}");
    }
}

/// The answer need not be of the very moment: what the store said after the command came is
/// enough, however much the other node has changed since.
#[tokio::test]
async fn an_answer_without_a_change_does_not_wait_for_others_to_be_quiet() {
    let (_one, mut writer, _two, mut member, faults) = one_that_is_behind().await;
    faults.none();
    faults.every(Call::Load, Fault::Delay(Duration::from_millis(20)));
    let (stop, mut stopped) = tokio::sync::oneshot::channel();
    let writes = tokio::spawn(async move {
        let mut id = 1;
        while stopped.try_recv().is_err() {
            id += 1;
            let message = if id % 2 == 0 {
                add(id, "y")
            } else {
                remove(id, "y")
            };
            writer.ask(message).await;
            // sleep: more changes than a mailbox holds would lead to loads of their own
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        id
    });
    let mut refused = 0;
    for id in 1..=20 {
        let answer = member.ask(remove(id, "nothing")).await;
        assert_eq!(code(&answer), "not_found");
        refused += 1;
    }
    stop.send(()).unwrap();
    assert!(
        writes.await.unwrap() > refused,
        "the other one changed it all the while"
    );
}
