//! The store answers, and takes no changes: everybody is told what is true.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tablecast::core::backend::Health;
use tablecast::core::limits::Rate;
use tablecast::core::{CloseReason, RoomId};
use tablecast::hub::{CreateError, RoomError, Unavailable};
use tablecast::{HubConfig, MemoryBackend};
use tablecast_testing::faulty::{Call, Fault, Faults};
use tablecast_testing::{FaultyBackend, until};

use support::rooms::{Menu, Node, code};

const WHY: &str = "its memory is full";
const TOLD: &str = "the store takes no changes at the moment: its memory is full";

async fn node() -> (Node, Faults) {
    let backend = FaultyBackend::new(Arc::new(MemoryBackend::new()));
    let faults = backend.faults();
    let config = HubConfig {
        command_rate: Rate::OFF,
        command_deadline: Duration::from_millis(300),
        ..HubConfig::default()
    };
    let node = Node::on(Arc::new(backend), config).await;
    node.make("r").await;
    (node, faults)
}

#[tokio::test]
async fn members_are_told_that_the_store_takes_no_changes_and_why() {
    let (node, faults) = node().await;
    let mut json = node.json("r").await;
    let mut text = node.text("r").await;
    json.event().await;
    faults.refusing(WHY);
    assert_eq!(json.next().await, json!({"status": {"store": "down"}}));
    let refused = json.ask(json!({"id": 1, "add": {"item": "x"}})).await;
    assert_eq!(code(&refused), "unavailable");
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.starts_with(TOLD), "{message}");
    text.send_text("add:y").await.unwrap();
    let refused = text.next_json().await.unwrap();
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.starts_with(TOLD), "{message}");
    // What changes nothing is answered.
    assert!(node.items("r").await.is_empty());
    assert_eq!(node.refusal("r").await, 503);
    let mut late = node.say_first("r", r#"{"join":{}}"#).await;
    let closed = late.closed().await.unwrap();
    assert_eq!(closed, CloseReason::Unavailable.code());

    faults.up();
    while json.next().await != json!({"status": {"store": "up"}}) {}
    let done = json.ask(json!({"id": 1, "add": {"item": "x"}})).await;
    assert!(done["ack"].is_object(), "{done}");
}

#[tokio::test]
async fn a_room_that_the_store_refuses_is_not_made_and_the_reason_is_told() {
    let (node, faults) = node().await;
    faults.next(Call::Create, Fault::Refused);
    let id: RoomId = "s".parse().unwrap();
    let refused = node.hub.create(id, Menu::default()).await;
    assert!(
        matches!(
            refused,
            Err(CreateError::Unavailable(Unavailable::Refusing(_)))
        ),
        "{refused:?}"
    );
    let shown = node.hub.view("s").await;
    assert!(
        matches!(shown, Err(RoomError::NotFound)),
        "nothing was made"
    );
}

/// Members hear once that the store is away, however often the reason changes.
#[tokio::test]
async fn another_reason_for_the_same_is_known_to_operators_and_nothing_to_members() {
    let (node, faults) = node().await;
    let mut json = node.json("r").await;
    faults.refusing(WHY);
    assert_eq!(json.next().await, json!({"status": {"store": "down"}}));
    let words = "NOREPLICAS Not enough good replicas to write.";
    let other = Health::Refusing {
        why: "too few of its replicas are there".to_owned(),
        words: words.to_owned(),
    };
    faults.say(other.clone());
    let health = async || node.hub.health();
    until("the new reason is known", health, |health| *health == other).await;
    faults.up();
    assert_eq!(json.next().await, json!({"status": {"store": "up"}}));
}
