//! A person with a key is the same member however often they come back.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use support::rooms::{JsonMember, Node};
use tablecast::core::{Backend, Forms};
use tablecast::{HubConfig, MemoryBackend};
use tablecast_testing::faulty::{Call, Fault};
use tablecast_testing::{FaultyBackend, until};

const MINA: &str = "0123456789abcdef0123456789abcdef";
const OTHER: &str = "fedcba9876543210fedcba9876543210";

async fn node(config: HubConfig) -> Node {
    let node = Node::start(config).await;
    node.until_persons().await;
    node.make("r").await;
    node
}

fn join(name: &str, key: &str) -> Value {
    json!({"join": {"name": name, "person": key}})
}

/// Leaves for good.
async fn leave(member: JsonMember) {
    let mut client = member.client;
    client.send_close(1000).await.unwrap();
    client.ended().await.unwrap();
}

#[tokio::test]
async fn whoever_left_and_joins_with_their_key_is_the_member_they_were() {
    let node = node(HubConfig::default()).await;
    let mut witness = node.json("r").await;
    let mina = node.enter("r", join("Mina", MINA)).await;
    let (you, colour, seat) = (
        mina.hello["you"].clone(),
        mina.hello["colour"].clone(),
        mina.hello["seat"].clone(),
    );
    leave(mina).await;
    node.until_seats("r", 1).await;
    // Somebody else takes what was free meanwhile.
    let lee = node.json("r").await;
    assert_ne!(lee.hello["you"], you);

    let again = node.enter("r", join("another name", MINA)).await;
    assert_eq!(again.hello["you"], you);
    assert_eq!(again.hello["name"], "Mina");
    assert_eq!(again.hello["colour"], colour);
    assert_ne!(again.hello["seat"], seat, "a new secret");
    let ids: Vec<&Value> = again.hello["members"]
        .as_array()
        .unwrap()
        .iter()
        .map(|member| &member["id"])
        .collect();
    assert!(ids.is_sorted_by_key(|id| id.as_u64()), "{ids:?}");
    let joined = loop {
        let event = witness.event().await;
        if event["joined"]["member"] == you && event["seq"] != you {
            break event;
        }
    };
    assert_eq!(
        joined["joined"],
        json!({"member": you, "name": "Mina", "colour": colour})
    );
}

#[tokio::test]
async fn a_second_connection_of_a_person_has_the_seat() {
    let node = node(HubConfig::default()).await;
    let mut witness = node.json("r").await;
    let mut older = node.enter("r", join("Mina", MINA)).await;
    older.ask(json!({"id": 7, "add": {"item": "pizza"}})).await;
    let mut newer = node.enter("r", join("Mina", MINA)).await;
    assert_eq!(newer.hello["you"], older.hello["you"]);
    assert_eq!(older.client.closed().await.unwrap(), 4409);
    let back = loop {
        let event = witness.event().await;
        if event["back"].is_object() {
            break event;
        }
    };
    assert_eq!(back["back"], json!({"member": newer.hello["you"]}));
    assert_eq!(node.hub.view("r").await.unwrap().members.len(), 2);

    // The older secret is void, and commands count from 1 again: none is a repetition.
    let resume = json!({"resume": {"seat": older.hello["seat"]}});
    let mut refused = node.say_first("r", &resume.to_string()).await;
    assert_eq!(refused.closed().await.unwrap(), 4401);
    let ack = newer.ask(json!({"id": 1, "add": {"item": "sushi"}})).await;
    assert!(ack["ack"].is_object(), "{ack}");
    let ack = newer.ask(json!({"id": 7, "add": {"item": "soup"}})).await;
    assert!(ack["ack"].is_object(), "{ack}");
    assert_eq!(node.items("r").await, ["pizza", "sushi", "soup"]);
}

#[tokio::test]
async fn a_full_room_has_the_seat_of_a_person_who_has_one() {
    let node = node(HubConfig {
        seats: 2,
        ..HubConfig::default()
    })
    .await;
    let _lee = node.enter("r", join("Lee", OTHER)).await;
    let mina = node.enter("r", join("Mina", MINA)).await;
    let again = node.enter("r", join("Mina", MINA)).await;
    assert_eq!(again.hello["you"], mina.hello["you"]);
    leave(again).await;
    node.until_seats("r", 1).await;
    let _somebody = node.json("r").await;
    let mut mina = node.say_first("r", &join("Mina", MINA).to_string()).await;
    assert_eq!(mina.closed().await.unwrap(), 4403);
}

#[tokio::test]
async fn a_seat_that_was_given_up_is_had_again_by_its_person() {
    let node = node(HubConfig {
        seat_grace: std::time::Duration::ZERO,
        ..HubConfig::default()
    })
    .await;
    let _witness = node.json("r").await;
    let mina = node.enter("r", join("Mina", MINA)).await;
    let (you, seat) = (mina.hello["you"].clone(), mina.hello["seat"].clone());
    mina.client.reset().unwrap();
    node.until_seats("r", 1).await;
    let resume = |person: &str| json!({"resume": {"seat": seat, "person": person}});
    let mut stranger = node.say_first("r", &resume(OTHER).to_string()).await;
    assert_eq!(stranger.closed().await.unwrap(), 4401);
    let again = node.enter("r", resume(MINA)).await;
    assert_eq!(
        (&again.hello["you"], &again.hello["name"]),
        (&you, &json!("Mina"))
    );
    assert_eq!(again.hello["resumed"], false);
}

#[tokio::test]
async fn a_person_is_the_same_on_another_node() {
    let here = MemoryBackend::new();
    let there = here.another_node();
    let here = Node::on(Arc::new(here), HubConfig::default()).await;
    let there = Node::on(Arc::new(there), HubConfig::default()).await;
    here.until_persons().await;
    there.until_persons().await;
    here.make("r").await;
    let mut older = here.enter("r", join("Mina", MINA)).await;
    let newer = there.enter("r", join("Mina", MINA)).await;
    assert_eq!(newer.hello["you"], older.hello["you"]);
    assert_eq!(older.client.closed().await.unwrap(), 4409);
    leave(newer).await;
    there.until_seats("r", 0).await;
    let again = here.enter("r", join("Mina", MINA)).await;
    assert_eq!(again.hello["you"], older.hello["you"]);
}

/// Not to the person, nor to the others, nor for another room.
/// Their phone has changed networks while a node waited for the store.
#[tokio::test]
async fn a_connection_that_is_gone_takes_no_seat_from_the_next_one() {
    let store = MemoryBackend::new();
    let stuck = FaultyBackend::new(Arc::new(store.another_node()));
    let faults = stuck.faults();
    let config = HubConfig {
        command_deadline: Duration::from_secs(1),
        ..HubConfig::default()
    };
    let one = Node::on(Arc::new(stuck), config.clone()).await;
    let two = Node::on(Arc::new(store), config.clone()).await;
    one.until_persons().await;
    two.until_persons().await;
    one.make("r").await;
    let mut witness = one.json("r").await;
    faults.next(Call::Commit, Fault::HangAfter);
    let add = json!({"id": 1, "add": {"item": "x"}});
    witness.send(add.clone()).await;
    // sleep: the join must not be given up together with the command
    tokio::time::sleep(config.command_deadline / 2).await;
    drop(one.say_first("r", &join("Mina", MINA).to_string()).await);

    let mut mina = two.enter("r", join("Mina", MINA)).await;
    // The command is given up; what came behind it is decided before it comes again.
    while !witness.next().await["error"].is_object() {}
    let again = witness.ask(add).await;
    assert!(again["ack"].is_object(), "{again}");
    let answer = mina.ask(json!({"id": 1, "add": {"item": "y"}})).await;
    assert!(answer["ack"].is_object(), "{answer}");
}

/// They have the seat already, and are away: another connection of theirs breaks off while its join is being stored.
#[tokio::test]
async fn a_connection_that_breaks_off_while_it_joins_costs_nobody_the_seat_they_had() {
    let stuck = FaultyBackend::new(Arc::new(MemoryBackend::new()));
    let faults = stuck.faults();
    let node = Node::on(Arc::new(stuck), HubConfig::default()).await;
    node.until_persons().await;
    node.make("r").await;
    let mina = node.enter("r", join("Mina", MINA)).await;
    let you = mina.hello["you"].clone();
    drop(mina);
    let away = async || node.hub.view("r").await.unwrap().members[0].away;
    until("Mina is away", away, |away| *away).await;

    let commits = faults.calls(Call::Commit);
    faults.next(Call::Commit, Fault::Delay(Duration::from_millis(300)));
    let joining = node.say_first("r", &join("Mina", MINA).to_string()).await;
    let stored = async || faults.calls(Call::Commit) - commits;
    until("the join is being stored", stored, |stored| *stored == 1).await;
    drop(joining);
    until("the end is stored too", stored, |stored| *stored == 2).await;
    until("the member is away", away, |away| *away).await;
    let again = node.enter("r", join("Mina", MINA)).await;
    assert_eq!(again.hello["you"], you);
}

#[tokio::test]
async fn a_key_is_told_to_nobody_and_is_another_in_each_room() {
    let node = node(HubConfig::default()).await;
    node.make("s").await;
    let mut witness = node.json("r").await;
    let mina = node.enter("r", join("Mina", MINA)).await;
    let event = witness.event().await;
    let lee = node.enter("r", join("Lee", OTHER)).await;
    for said in [&mina.hello, &event, &lee.hello] {
        let said = said.to_string();
        assert!(!said.contains(MINA) && !said.contains("person"), "{said}");
    }
    let elsewhere = node.enter("s", join("M", MINA)).await;
    assert_eq!(elsewhere.hello["name"], "M", "rooms do not know each other");
}

#[tokio::test]
async fn a_key_that_is_none_is_named() {
    let node = node(HubConfig::default()).await;
    for bad in [
        "\"\"",
        "\"0123\"",
        "7",
        "\"0123456789ABCDEF0123456789ABCDEF\"",
    ] {
        let first = format!("{{\"join\":{{\"person\":{bad}}}}}");
        let mut client = node.say_first("r", &first).await;
        let error = client.next_json().await.unwrap();
        assert_eq!(error["error"]["code"], "bad_command", "{error}");
        assert_eq!(client.closed().await.unwrap(), 4400);
    }
    let nobody = node.enter("r", json!({"join": {"person": null}})).await;
    assert_eq!(nobody.hello["name"], "guest 1");
}

#[tokio::test]
async fn guests_count_from_one_and_no_name_is_used_twice() {
    let node = node(HubConfig::default()).await;
    let first = node.enter("r", json!({"join": {"person": MINA}})).await;
    let second = node.json("r").await;
    let _text = node.text("r").await;
    let fourth = node.json("r").await;
    let names = [&first, &second, &fourth].map(|member| member.hello["name"].clone());
    assert_eq!(names, ["guest 1", "guest 2", "guest 4"]);
    leave(first).await;
    leave(second).await;
    node.until_seats("r", 2).await;
    // The first may come back, the second may not.
    assert_eq!(node.json("r").await.hello["name"], "guest 2");
    assert_eq!(node.json("r").await.hello["name"], "guest 5");
}

/// An older node could not read what is stored of a person.
#[tokio::test]
async fn while_an_older_node_lives_everybody_is_somebody_new() {
    let store = MemoryBackend::new();
    let (other, looks) = (store.another_node(), store.another_node());
    let older = "older".parse().unwrap();
    let lease = std::time::Duration::from_secs(3600);
    other.renew(&older, Forms::FIRST, lease).await.unwrap();
    let node = Node::on(std::sync::Arc::new(store), HubConfig::default()).await;
    let renewed = async || {
        let looks = looks.renew(&older, Forms::FIRST, lease).await;
        looks.unwrap().len()
    };
    until("the node has its lease", renewed, |live| *live == 2).await;
    node.make("r").await;
    let mina = node.enter("r", join("Mina", MINA)).await;
    let again = node.enter("r", join("Mina", MINA)).await;
    assert_ne!(mina.hello["you"], again.hello["you"]);
    let hello = again.hello.to_string();
    assert!(!hello.contains("former"), "{hello}");

    other.release(&older).await.unwrap();
    node.until_persons().await;
}
