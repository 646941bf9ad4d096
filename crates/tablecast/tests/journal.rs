//! What operators are told: who came and why they went, and what is in a room.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::Arc;

use serde_json::{Value, json};
use support::rooms::{Menu, Node};
use tablecast::core::MemberId;
use tablecast::core::limits::Rate;
use tablecast::hub::RoomError;
use tablecast::inspect;
use tablecast::journal::{Visit, What};
use tablecast::{HubConfig, MemoryBackend};
use tablecast_testing::{FaultyBackend, until};

async fn node(seats: usize) -> Node {
    let config = HubConfig {
        command_rate: Rate::OFF,
        seats,
        ..HubConfig::default()
    };
    let node = Node::start(config).await;
    node.make("r").await;
    node
}

/// Waits until so many visits were noted: what, and whose, the oldest first.
async fn visits(node: &Node, count: usize) -> Vec<(What, Option<u64>)> {
    let noted = async || node.hub.journal().visits();
    let enough = |visits: &Vec<Visit>| visits.len() >= count;
    let visits = until(&format!("{count} visits are noted"), noted, enough).await;
    assert!(visits.iter().all(|visit| *visit.room == *"r"));
    let member = |visit: &Visit| visit.member.map(|MemberId(id)| id);
    let what = visits.iter().rev().map(|visit| (visit.what, member(visit)));
    what.collect()
}

const CLOSED: What = What::Closed {
    code: 1000,
    reason: "the client closed it",
};

#[tokio::test]
async fn who_watched_and_got_a_seat_is_noted_with_both_and_closed_as_that_member() {
    let node = node(1).await;
    let mina = node.json("r").await;
    let mut late = node.enter("r", json!({"join": {"watch": true}})).await;
    let mut mina = mina.client;
    mina.send_close(1000).await.unwrap();
    let member = loop {
        let said = late.next().await;
        if let Some(member) = said["hello"]["you"].as_u64() {
            break Some(member);
        }
    };
    late.client.send_close(1000).await.unwrap();
    let mina = Some(1);
    let mut noted = visits(&node, 5).await;
    // The seat may be given before the task of the connection that left it has ended.
    noted[2..4].sort_by_key(|(_, id)| *id);
    let expected = [
        (What::Joined, mina),
        (What::Watching, None),
        (CLOSED, mina),
        (What::Joined, member),
        (CLOSED, member),
    ];
    assert_eq!(noted, expected);
}

#[tokio::test]
async fn while_the_store_is_away_a_room_that_is_open_here_can_be_looked_at() {
    let backend = FaultyBackend::new(Arc::new(MemoryBackend::new()));
    let faults = backend.faults();
    let node = Node::on(Arc::new(backend), HubConfig::default()).await;
    node.make("r").await;
    node.make("other").await;
    let mut mina = node.json("r").await;
    mina.ask(json!({"id": 1, "add": {"item": "a"}})).await;
    faults.down("somebody pulled the plug");
    let seen = node.hub.inspect("r").await.unwrap();
    assert_eq!(
        seen.app,
        Menu {
            items: vec!["a".to_owned()]
        }
    );
    assert_eq!((seen.position.seq, seen.members.len()), (2, 1));
    let here = seen.here.unwrap();
    assert_eq!((here.connections.len(), here.watchers), (1, 0));
    assert_eq!(seen.members[0].node.as_ref(), Some(node.hub.node()));
    let error = node.hub.inspect("other").await.unwrap_err();
    assert!(matches!(error, RoomError::Unavailable(_)), "{error}");
}

#[tokio::test]
async fn connections_are_listed_by_member_and_then_those_without_a_seat() {
    let node = node(6).await;
    let mut open = vec![];
    for _ in 0..6 {
        open.push(node.json("r").await);
    }
    open.push(node.enter("r", json!({"join": {"watch": true}})).await);
    let here = node.hub.inspect("r").await.unwrap().here.unwrap();
    let listed: Vec<_> = here.connections.iter().map(|one| one.member).collect();
    let members = open[..6].iter().map(|one| one.hello["you"].as_u64());
    let expected: Vec<_> = members.chain([None]).collect();
    assert_eq!(
        listed
            .iter()
            .map(|member| member.map(|id| id.0))
            .collect::<Vec<_>>(),
        expected
    );
}

#[tokio::test]
async fn an_event_is_shown_without_the_secret_of_the_seat() {
    let node = node(10).await;
    let person = "0123456789abcdef0123456789abcdef";
    let mina = node
        .enter("r", json!({"join": {"name": "Mina", "person": person}}))
        .await;
    let history = node.hub.history("r").await.unwrap();
    let events: Vec<Value> = history
        .events()
        .map(|event| serde_json::to_value(inspect::shown::<Menu>(event)).unwrap())
        .collect();
    let colour = &mina.hello["colour"];
    let expected = json!([{"joined": {"member": 1, "name": "Mina", "colour": colour, "node": node.hub.node().as_str()}}]);
    assert_eq!(Value::from(events), expected);
    assert_eq!(
        node.hub.history("nowhere").await.err(),
        Some(RoomError::NotFound)
    );
}
