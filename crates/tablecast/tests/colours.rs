//! By what members are told apart besides their names.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use support::rooms::Node;
use tablecast::HubConfig;

async fn node() -> Node {
    let node = Node::start(HubConfig::default()).await;
    node.make("r").await;
    node
}

async fn colours(node: &Node) -> Vec<Value> {
    let members = node.hub.view("r").await.unwrap().members;
    let colours = members.iter().map(|member| member.colour);
    colours
        .map(|colour| serde_json::to_value(colour).unwrap())
        .collect()
}

/// Whichever dialect they speak.
#[tokio::test]
async fn ten_members_who_choose_no_colour_have_ten_colours() {
    let node = node().await;
    let mut jsons = Vec::new();
    let mut texts = Vec::new();
    for _ in 0..5 {
        jsons.push(node.json("r").await);
        texts.push(node.text("r").await);
    }
    let colours = colours(&node).await;
    let different: BTreeSet<u64> = colours.iter().map(|c| c.as_u64().unwrap()).collect();
    assert_eq!(different, (0..10).collect());
}

#[tokio::test]
async fn a_colour_that_is_free_again_is_the_next_ones() {
    let node = node().await;
    let first = node.json("r").await;
    let _second = node.json("r").await;
    let mut leaver = first.client;
    leaver.send_close(1000).await.unwrap();
    leaver.ended().await.unwrap();
    node.until_seats("r", 1).await;
    assert_eq!(node.json("r").await.hello["colour"], 0);
}

#[tokio::test]
async fn a_colour_that_is_chosen_is_had_and_seen_by_all() {
    let node = node().await;
    let mut witness = node.enter("r", json!({"join": {"colour": null}})).await;
    assert_eq!(witness.hello["colour"], 0);
    let mut member = node.enter("r", json!({"join": {"colour": 11}})).await;
    assert_eq!(member.hello["colour"], 11);
    let joined = witness.event().await;
    assert_eq!(joined["joined"]["colour"], 11);

    for (id, rename, colour) in [
        (1, json!({"name": "Lee", "colour": 0}), 0),
        (2, json!({"name": "Lee K"}), 0),
        (3, json!({"name": "Lee K", "colour": 4}), 4),
        (4, json!({"name": "Lee", "colour": null}), 4),
    ] {
        member.ask(json!({"id": id, "rename": rename})).await;
        let event = witness.event().await;
        assert_eq!(
            event["renamed"],
            json!({"member": member.hello["you"], "name": rename["name"], "colour": colour})
        );
    }
    // It is so already: nothing happens.
    let seq = node.hub.view("r").await.unwrap().position.seq;
    for (id, rename) in [
        (5, json!({"name": "Lee"})),
        (6, json!({"name": "Lee", "colour": 4})),
    ] {
        let ack = member.ask(json!({"id": id, "rename": rename})).await;
        assert_eq!(ack["ack"]["seq"], seq);
    }
    assert_eq!(colours(&node).await, [0, 4]);
}

#[tokio::test]
async fn a_colour_stays_with_the_seat() {
    let node = node().await;
    let member = node.enter("r", json!({"join": {"colour": 7}})).await;
    let seat = member.hello.clone();
    member.client.reset().unwrap();
    let _other = node.json("r").await;
    let back = node.resume("r", &seat, seat["seq"].as_u64().unwrap()).await;
    assert_eq!(back.hello["resumed"], true);
    assert_eq!(back.hello["colour"], 7);
    assert_eq!(colours(&node).await, [7, 0]);
}
