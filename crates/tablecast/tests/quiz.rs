//! The example `quiz`, on two nodes.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

#[path = "../examples/quiz.rs"]
#[allow(dead_code, reason = "it is a program of its own")]
mod quiz;

use std::sync::Arc;
use std::time::Duration;

use quiz::{Command, Quiz};
use serde_json::{Value, json};
use support::rooms::JsonMember;
use support::{Hands, serve};
use tablecast::core::Backend;
use tablecast::hub::CommandError;
use tablecast::{Hub, HubConfig};
use tablecast_testing::client::Client;
use tablecast_testing::until;

async fn node(store: impl Backend) -> (Hub<Quiz>, std::net::SocketAddr) {
    let hub = Hub::start(Arc::new(store), HubConfig::default());
    let address = serve(quiz::router(hub.clone())).await;
    (hub, address)
}

async fn join(address: std::net::SocketAddr) -> JsonMember {
    let mut client = Client::connect_json(address, "/").await.unwrap();
    client.send_text(r#"{"join":{}}"#).await.unwrap();
    let mut hello = client.next_json().await.unwrap();
    let hello = hello["hello"].take();
    JsonMember { client, hello }
}

fn ask() -> Command {
    let (text, right) = ("The capital of Korea?".to_owned(), "Seoul".to_owned());
    Command::Ask { text, right }
}

/// Waits for a change of this name. Nothing before it tells a secret.
async fn until_change(member: &mut JsonMember, name: &str) -> Value {
    loop {
        let event = member.event().await;
        if event["change"][name] != Value::Null {
            return event;
        }
        assert!(!event.to_string().contains("Seoul"), "{event}");
    }
}

#[tokio::test]
async fn nobody_sees_an_answer_before_the_time_is_up() {
    let hands = Hands::new();
    let store = hands.store();
    let other = store.another_node();
    let (here, mina) = node(store).await;
    let (_there, lee) = node(other).await;
    here.create("quiz".parse().unwrap(), Quiz::default())
        .await
        .unwrap();
    let (mut mina, mut lee) = (join(mina).await, join(lee).await);
    let asked = async || here.command("quiz", ask()).await;
    let is_asked = |asked: &Result<u64, CommandError>| asked.is_ok();
    until("all nodes are known", asked, is_asked).await.unwrap();

    let asked = until_change(&mut lee, "asked").await;
    assert!(asked.get("by").is_none(), "{asked}");
    let refused = lee
        .ask(json!({"id": 1, "ask": {"text": "?", "right": "!"}}))
        .await;
    assert_eq!(refused["error"]["code"], "not_now");
    let ack = mina.ask(json!({"id": 1, "answer": "Seoul"})).await;
    assert_eq!(ack["ack"]["own"], json!([{"answered": "Seoul"}]));
    let answered = until_change(&mut lee, "answered").await;
    assert_eq!(answered["change"], json!({"answered": {}}));

    hands.pass(Duration::from_secs(21));
    for member in [&mut mina, &mut lee] {
        let over = until_change(member, "over").await;
        assert_eq!(over["change"], json!({"over": {"right": "Seoul"}}));
        assert!(over.get("by").is_none(), "{over}");
    }
    let view = here.view("quiz").await.unwrap();
    let points = serde_json::to_value(&view.app).unwrap()["points"].take();
    let id = |member: &JsonMember| member.hello["you"].to_string();
    assert_eq!(points, json!({id(&mina): 1, id(&lee): 0}));
}
