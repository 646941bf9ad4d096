//! A hub does not go on without the tasks that it cannot live without; what becomes of
//! handshakes is counted.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use serde::{Deserialize, Serialize};
use serde_json::json;
use support::rooms::Node;
use tablecast::core::backend::Health;
use tablecast::core::logic::{Context, Logic, Rejection};
use tablecast::core::{CloseReason, MemberId, code};
use tablecast::upgrade::Upgrade;
use tablecast::{App, Hub, HubConfig, MemoryBackend};
use tablecast_testing::client::Client;
use tablecast_testing::frail::{Fate, FrailBackend};
use tablecast_testing::{DEADLINE, until};
use tokio::time::timeout;

/// What the hub says when this happens.
async fn failed(happens: impl FnOnce(&Fate)) -> String {
    let (backend, fate) = FrailBackend::new(Arc::new(MemoryBackend::new()));
    let config = HubConfig {
        node_lease: Duration::from_millis(400),
        ..HubConfig::default()
    };
    let node = Node::on(backend, config).await;
    node.make("r").await;
    let _member = node.json("r").await;
    assert_eq!(node.hub.health(), Health::Up);
    happens(&fate);
    let reason = timeout(DEADLINE, node.hub.failed()).await;
    let reason = reason.expect("it goes on as if nothing had happened");
    assert_eq!(node.hub.health(), Health::Down(reason.clone()));
    reason
}

#[tokio::test]
async fn a_hub_that_hears_nothing_any_more_has_failed() {
    let reason = failed(|fate| fate.silence.notify_one()).await;
    assert!(
        reason.starts_with("hearing the store has ended: "),
        "{reason}"
    );
}

#[tokio::test]
async fn a_hub_whose_own_task_panics_has_failed() {
    let reason = failed(|fate| fate.panic.notify_one()).await;
    assert_eq!(reason, "hearing the store has panicked: as the test asked");
    let reason = failed(|fate| fate.no_lease.store(true, Ordering::Relaxed)).await;
    assert_eq!(reason, "keeping the lease has panicked: as the test asked");
}

#[tokio::test]
async fn a_drain_is_no_failure() {
    let node = Node::start(HubConfig {
        node_lease: Duration::from_millis(40),
        ..HubConfig::default()
    })
    .await;
    node.hub.drain(Duration::from_secs(1)).await;
    // sleep: the lease's task ends by itself in this time
    let waited = timeout(Duration::from_millis(100), node.hub.failed()).await;
    assert!(waited.is_err(), "{waited:?}");
}

#[tokio::test]
async fn what_becomes_of_each_handshake_is_counted_from_the_start() {
    let node = Node::start(HubConfig {
        seats: 1,
        ..HubConfig::default()
    })
    .await;
    let counted = || {
        let all = node.hub.metrics().handshakes.all();
        let some = all.iter().filter(|(_, count)| *count > 0);
        let some: Vec<_> = some.map(|(name, count)| (*name, *count)).collect();
        (all.len(), some)
    };
    assert_eq!(counted(), (12, vec![]));
    node.make("r").await;
    let _member = node.json("r").await;
    assert_eq!(node.refusal("nowhere").await, 404);
    assert_eq!(node.refusal("r").await, 403);
    let full = node.say_first("r", &json!({"join": {}}).to_string()).await;
    let wrong = node.say_first("r", "{}").await;
    let _screen = node.enter("r", json!({"join": {"watch": "only"}})).await;
    let mut gone = node.say_first("r", "").await;
    gone.send_close(1000).await.unwrap();
    for mut client in [full, wrong, gone] {
        let _ = client.closed().await;
    }
    let expected = [
        ("bad_command", 2),
        ("not_found", 1),
        ("room_full", 2),
        ("seated", 1),
        ("watching", 1),
    ];
    let are_all = |counts: &(usize, Vec<_>)| *counts == (12, expected.to_vec());
    until("each is counted", async || counted(), are_all).await;
}

#[tokio::test]
async fn all_codes_are_counted_from_the_start() {
    let node = Node::start(HubConfig::default()).await;
    let metrics = node.hub.metrics();
    assert_eq!(metrics.closes.all().len(), CloseReason::ALL.len());
    assert!(metrics.closes.all().iter().all(|(_, count)| *count == 0));
    assert!(metrics.rejections.all().contains(&(code::UNAVAILABLE, 0)));
}

/// An application whose reading of a line panics, which is in the connection's own task.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Brittle;

#[derive(Clone, Serialize, Deserialize)]
enum Never {}

impl Logic for Brittle {
    type Command = Never;
    type Event = Never;

    fn decide(&self, _: &Context<'_>, never: &Never) -> Result<Vec<Never>, Rejection> {
        match *never {}
    }

    fn apply(&mut self, _: Option<MemberId>, never: &Never) {
        match *never {}
    }
}

impl App for Brittle {
    fn text_command(_: &str) -> Result<Never, Rejection> {
        panic!("as the test asked")
    }
}

/// After 1000 a client does not come back.
#[tokio::test]
async fn whose_connection_ends_by_a_fault_is_told_to_come_back() {
    let hub = Hub::start(Arc::new(MemoryBackend::new()), HubConfig::default());
    hub.create("r".parse().unwrap(), Brittle).await.unwrap();
    let join = async move |upgrade: Upgrade| hub.upgrade(upgrade, "r").await;
    let address = support::serve(Router::new().route("/", get(join))).await;
    let mut member = Client::connect(address, "/").await.unwrap();
    member.send_text("anything").await.unwrap();
    let code = member.closed().await.unwrap();
    assert_eq!(code, CloseReason::Restarting.code());
}
