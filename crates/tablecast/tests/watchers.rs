//! Those who watch: they see everything, have no say, and get a free seat in order of coming.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use support::Hands;
use support::rooms::{JsonMember, Node, NodeOf, code};
use support::secrets;
use tablecast::core::limits::{Rate, WATCHERS};
use tablecast::core::logic::{Context, Logic};
use tablecast::core::{MemberId, Rejection};
use tablecast::{App, HubConfig, MemoryBackend};
use tablecast_testing::client::Client;
use tablecast_testing::faulty::{Call, Fault};
use tablecast_testing::{FaultyBackend, until};

const MINA: &str = "0123456789abcdef0123456789abcdef";

fn config(seats: usize) -> HubConfig {
    HubConfig {
        command_rate: Rate::OFF,
        seats,
        ..HubConfig::default()
    }
}

async fn node(seats: usize) -> Node {
    let node = Node::start(config(seats)).await;
    node.make("r").await;
    node
}

fn watch() -> Value {
    json!({"join": {"watch": true}})
}

fn only() -> Value {
    json!({"join": {"watch": "only"}})
}

fn named(name: &str) -> Value {
    json!({"join": {"name": name, "watch": true}})
}

fn person(key: &str) -> Value {
    json!({"join": {"person": key, "watch": true}})
}

fn is_watching(hello: &Value) -> bool {
    let own = ["you", "name", "colour", "seat"];
    let has_seat = own.map(|key| hello.get(key).is_some());
    assert!(has_seat.iter().all(|has| *has == has_seat[0]), "{hello}");
    assert_eq!(hello.get("watching").is_some(), !has_seat[0], "{hello}");
    !has_seat[0]
}

async fn leave(mut member: JsonMember) {
    member.client.send_close(1000).await.unwrap();
    member.client.ended().await.unwrap();
}

/// The hello by which somebody who watched gets a seat, whatever comes before it.
async fn seated(watcher: &mut JsonMember) -> Value {
    loop {
        let mut said = watcher.next().await;
        if said["hello"].is_object() {
            assert!(!is_watching(&said["hello"]), "{said}");
            return said["hello"].take();
        }
    }
}

async fn refused(node: &Node, first: &Value) -> u16 {
    let mut client = node.say_first("r", &first.to_string()).await;
    client.closed().await.unwrap()
}

#[tokio::test]
async fn with_a_free_seat_it_is_a_join_and_without_the_wish_a_full_room_is_closed() {
    let node = node(1).await;
    let member = node.enter("r", watch()).await;
    assert!(!is_watching(&member.hello));
    for unwilling in [
        json!({"join": {}}),
        json!({"join": {"watch": false}}),
        json!({"join": {"watch": null}}),
    ] {
        assert_eq!(refused(&node, &unwilling).await, 4403);
    }
    assert_eq!(node.refusal("r").await, 403, "the text dialect has none");
    for bad in ["\"yes\"", "\"true\"", "\"\"", "1", "[]", "{}"] {
        let first = format!("{{\"join\":{{\"watch\":{bad}}}}}");
        let mut client = node.say_first("r", &first).await;
        let error = client.next_json().await.unwrap();
        assert_eq!(code(&error), "bad_command");
        let message = error["error"]["message"].as_str().unwrap();
        assert!(message.contains("true, false or \"only\""), "{message}");
        assert_eq!(client.closed().await.unwrap(), 4400);
    }
}

#[tokio::test]
async fn who_watches_sees_everything_and_has_no_say() {
    let node = node(1).await;
    let mut member = node.json("r").await;
    member.ask(json!({"id": 1, "add": {"item": "pizza"}})).await;
    let mut watcher = node.enter("r", watch()).await;
    let hello = &watcher.hello;
    assert!(is_watching(hello));
    assert_eq!(hello["watching"], true);
    assert_eq!(hello["state"], json!(["pizza"]));
    assert_eq!(hello["resumed"], false);
    assert_eq!(hello["seats"], 1);
    assert_eq!(hello["version"], json!({"protocol": 2, "app": 7}));
    let members = hello["members"].as_array().unwrap();
    assert_eq!(members.len(), 1);
    assert_eq!(members[0]["id"], member.hello["you"]);

    member.ask(json!({"id": 2, "add": {"item": "soup"}})).await;
    let event = watcher.event().await;
    assert_eq!(event["change"], json!({"added": {"item": "soup"}}));
    assert_eq!(event["seq"], watcher.seq() + 1);
    // More than what ends a connection that is not understood.
    for id in 1..=25 {
        let rename = json!({"id": id, "rename": {"name": "Mina"}});
        assert_eq!(code(&watcher.ask(rename).await), "watching");
    }
    let add = json!({"id": 26, "add": {"item": "x"}});
    assert_eq!(code(&watcher.ask(add).await), "watching");
    assert_eq!(node.items("r").await, ["pizza", "soup"]);
    let metrics = node.hub.metrics();
    assert_eq!((metrics.members.get(), metrics.watchers.get()), (1, 1));
    let outcomes = metrics.handshakes.all();
    assert!(outcomes.contains(&("watching", 1)) && outcomes.contains(&("seated", 1)));
    leave(watcher).await;
    let gone = async || node.hub.metrics().watchers.get();
    until("nobody watches", gone, |watchers| *watchers == 0).await;
    leave(member).await;
    node.until_quiet().await;
}

#[tokio::test]
async fn free_seats_are_given_in_order_of_coming() {
    let node = node(2).await;
    let mut one = node.json("r").await;
    let two = node.json("r").await;
    let mut screen = node.enter("r", only()).await;
    let mut first = node.enter("r", named("first")).await;
    let gone = node.enter("r", named("gone")).await;
    let mut second = node.enter("r", named("second")).await;
    let mut third = node.enter("r", named("third")).await;
    leave(gone).await;

    leave(two).await;
    let hello = seated(&mut first).await;
    assert_eq!(hello["name"], "first");
    assert_eq!(hello["members"].as_array().unwrap().len(), 2);
    let seat = hello["you"].clone();
    let joined = loop {
        let event = one.event().await;
        if event["joined"].is_object() && event["joined"]["name"] == "first" {
            break event;
        }
    };
    assert_eq!(joined["joined"]["member"], seat);
    assert_eq!(
        refused(&node, &json!({"join": {}})).await,
        4403,
        "full again"
    );
    // It has a say now, and its seat is kept as any other.
    let ack = first.ask(json!({"id": 1, "add": {"item": "pizza"}})).await;
    assert!(ack["ack"].is_object(), "{ack}");
    drop(first);
    let again = node
        .enter("r", json!({"resume": {"seat": hello["seat"]}}))
        .await;
    assert_eq!(again.hello["you"], seat);

    leave(again).await;
    assert_eq!(seated(&mut second).await["name"], "second");
    leave(one).await;
    let hello = seated(&mut third).await;
    assert_eq!(hello["name"], "third");
    // The screen has heard of all this and has no seat, even if one is free.
    leave(third).await;
    leave(second).await;
    node.until_seats("r", 0).await;
    let rename = json!({"id": 1, "rename": {"name": "x"}});
    assert_eq!(code(&screen.ask(rename).await), "watching");
    assert!(
        is_watching(&node.enter("r", only()).await.hello),
        "nor later"
    );
}

/// A room whose state is who has left it.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Gone(Vec<MemberId>);

impl Logic for Gone {
    type Command = ();
    type Event = MemberId;

    fn decide(&self, _: &Context<'_>, (): &()) -> Result<Vec<MemberId>, Rejection> {
        Ok(Vec::new())
    }

    fn apply(&mut self, _: Option<MemberId>, member: &MemberId) {
        self.0.push(*member);
    }

    fn left(&self, member: MemberId, _dismissed: bool) -> Vec<MemberId> {
        vec![member]
    }
}

impl App for Gone {
    fn text_command(_: &str) -> Result<(), Rejection> {
        Ok(())
    }
}

#[tokio::test]
async fn who_speaks_text_is_told_what_follows_from_a_seat_that_goes_to_one_who_watched() {
    let config = HubConfig {
        seat_grace: Duration::from_millis(300),
        ..config(2)
    };
    let node = NodeOf::<Gone>::start(config).await;
    node.make("r").await;
    let mut text = node.text("r").await;
    let mina = node.json("r").await;
    let id = mina.hello["you"].clone();
    let mut watcher = node.enter("r", watch()).await;
    mina.client.reset().unwrap();
    seated(&mut watcher).await;
    assert_eq!(text.next_text().await.unwrap(), json!([id]).to_string());
}

/// The seat of a member who does not come back is free when the grace is over, also with nobody
/// but those who watch.
#[tokio::test]
async fn a_seat_that_is_given_up_goes_to_who_waits() {
    let quick = HubConfig {
        seat_grace: Duration::from_millis(300),
        ..config(1)
    };
    let node = Node::start(quick).await;
    node.make("r").await;
    let member = node.json("r").await;
    let mut watcher = node.enter("r", watch()).await;
    member.client.reset().unwrap();
    let hello = seated(&mut watcher).await;
    assert_ne!(hello["you"], member.hello["you"]);
}

#[tokio::test]
async fn a_seat_that_is_freed_on_another_node_goes_to_who_waits_here() {
    let here = MemoryBackend::new();
    let there = here.another_node();
    let here = Node::on(Arc::new(here), config(1)).await;
    let there = Node::on(Arc::new(there), config(1)).await;
    here.make("r").await;
    let member = there.json("r").await;
    let mut watcher = here.enter("r", watch()).await;
    assert!(is_watching(&watcher.hello));
    leave(member).await;
    seated(&mut watcher).await;
    // Each node gives free seats to its own; the room is never too full.
    let mut others = vec![
        there.enter("r", watch()).await,
        here.enter("r", watch()).await,
    ];
    leave(watcher).await;
    let first = {
        let [a, b] = &mut others[..] else { panic!() };
        tokio::select! { _ = seated(a) => 0, _ = seated(b) => 1 }
    };
    assert_eq!(here.hub.view("r").await.unwrap().members.len(), 1);
    leave(others.swap_remove(first)).await;
    seated(&mut others[0]).await;
}

/// The seat was decided to be theirs, but the room was changed first.
#[tokio::test]
async fn who_leaves_while_a_seat_is_decided_keeps_it_from_nobody() {
    let store = MemoryBackend::new();
    let faulty = FaultyBackend::new(Arc::new(store.another_node()));
    let faults = faulty.faults();
    let patient = || HubConfig {
        command_deadline: Duration::from_secs(60),
        seat_grace: Duration::from_secs(600),
        ..config(2)
    };
    let here = Node::on(Arc::new(store), patient()).await;
    let there = Node::on(Arc::new(faulty), patient()).await;
    here.make("r").await;
    let mut member = here.json("r").await;
    let leaver = here.json("r").await;
    let watcher = there.enter("r", watch()).await;
    let before = faults.calls(Call::Commit);
    faults.next(Call::Commit, Fault::Delay(Duration::from_secs(3)));
    leave(leaver).await;
    let begun = async || faults.calls(Call::Commit);
    until("the seat is decided", begun, |calls| *calls > before).await;
    member.ask(json!({"id": 1, "add": {"item": "pizza"}})).await;
    watcher.client.reset().unwrap();
    let conflicts = async || there.hub.metrics().conflicts.get();
    until("the room had been changed", conflicts, |all| *all > 0).await;
    there.until_quiet().await;
    here.until_seats("r", 1).await;
}

#[tokio::test]
async fn so_many_may_watch_and_no_more() {
    let node = node(1).await;
    let _member = node.json("r").await;
    let mut watchers = Vec::new();
    for at in 0..WATCHERS {
        let first = if at % 2 == 0 { watch() } else { only() };
        watchers.push(node.enter("r", first).await);
    }
    for first in [watch(), only()] {
        assert_eq!(refused(&node, &first).await, 4403);
    }
    assert_eq!(node.hub.metrics().watchers.get(), WATCHERS as i64);
    leave(watchers.remove(0)).await;
    let gone = async || node.hub.metrics().watchers.get();
    until("one is gone", gone, |watchers| *watchers < WATCHERS as i64).await;
    assert!(is_watching(&node.enter("r", only()).await.hello));
}

#[tokio::test]
async fn a_person_waits_once_and_never_takes_over_from_themselves() {
    let node = Node::start(config(1)).await;
    node.until_persons().await;
    node.make("r").await;
    let member = node.json("r").await;
    let mut older = node.enter("r", person(MINA)).await;
    let mut screen = node
        .enter("r", json!({"join": {"person": MINA, "watch": "only"}}))
        .await;
    let mut newer = node.enter("r", person(MINA)).await;
    assert_eq!(older.client.closed().await.unwrap(), 4409);
    leave(member).await;
    let hello = seated(&mut newer).await;
    // Who is here takes the seat over as ever, and does not wait for another one.
    let again = node.enter("r", person(MINA)).await;
    assert_eq!(again.hello["you"], hello["you"]);
    assert_eq!(newer.client.closed().await.unwrap(), 4409);
    let rename = json!({"id": 1, "rename": {"name": "x"}});
    assert_eq!(code(&screen.ask(rename).await), "watching");
}

#[tokio::test]
async fn a_person_who_has_a_seat_elsewhere_does_not_wait_for_it() {
    let here = MemoryBackend::new();
    let there = here.another_node();
    let quick = HubConfig {
        node_lease: Duration::from_secs(4),
        ..config(1)
    };
    let here = Node::on(Arc::new(here), quick.clone()).await;
    let there = Node::on(Arc::new(there), quick).await;
    here.until_persons().await;
    there.until_persons().await;
    here.make("r").await;
    let member = there.json("r").await;
    let mut waits = here.enter("r", person(MINA)).await;
    let mut other = here.enter("r", watch()).await;
    // Both nodes give the one seat away; here one waits for the person, there one comes with it.
    let mut there_too = there.enter("r", person(MINA)).await;
    leave(member).await;
    let mut codes = Vec::new();
    // Exactly one connection of the person stays, whoever was the first.
    tokio::select! {
        code = waits.client.closed() => codes.push(code.unwrap()),
        code = there_too.client.closed() => codes.push(code.unwrap()),
    }
    assert_eq!(codes, [4409]);
    assert_eq!(here.hub.view("r").await.unwrap().members.len(), 1);
    assert_eq!(
        code(&other.ask(json!({"id": 1, "touch": {}})).await),
        "watching"
    );
}

#[tokio::test]
async fn who_was_asked_to_leave_does_not_watch() {
    let node = secrets::Node::start(config(2)).await;
    node.until_persons().await;
    node.make("r").await;
    let mut host = node.json("r").await;
    let mut mina = node.enter("r", person(MINA)).await;
    let mut waits = node.enter("r", watch()).await;
    let screen = json!({"join": {"person": MINA, "watch": "only"}});
    let mut mina_too = node.enter("r", screen.clone()).await;
    let you = mina.hello["you"].clone();
    host.ask(json!({"id": 1, "dismiss": {"member": you}})).await;
    assert_eq!(mina.client.closed().await.unwrap(), 4411);
    assert_eq!(mina_too.client.closed().await.unwrap(), 4411);
    for first in [person(MINA), screen] {
        let mut client = node.say_first("r", &first.to_string()).await;
        assert_eq!(client.closed().await.unwrap(), 4411, "{first}");
    }
    let outcomes = node.hub.metrics().handshakes.all();
    assert!(outcomes.contains(&("dismissed", 2)), "{outcomes:?}");
    seated(&mut waits).await;
}

#[tokio::test]
async fn who_watches_is_told_of_the_store_and_gets_the_view_for_nobody() {
    // No lease ends, however long the busy one takes.
    let one = Hands::new().store();
    let two = one.another_node();
    let faulty = FaultyBackend::new(Arc::new(one));
    let faults = faulty.faults();
    let here = secrets::Node::on(Arc::new(faulty), config(2)).await;
    let there = secrets::Node::on(Arc::new(two), config(2)).await;
    here.make("r").await;
    let mut member = here.json("r").await;
    member
        .ask(json!({"id": 1, "hide": {"text": "pizza"}}))
        .await;
    let mut busy = there.json("r").await;
    let mut watcher = here.enter("r", watch()).await;
    assert!(is_watching(&watcher.hello));
    let hidden = json!([{"by": member.hello["you"], "hidden": true}]);
    assert_eq!(watcher.hello["state"], hidden);
    faults.down("a wire was cut");
    assert_eq!(watcher.next().await["status"]["store"], "down");
    for id in 1..=300 {
        busy.ask(json!({"id": id, "say": {"text": "x"}})).await;
    }
    // Nobody gets a seat meanwhile; then it is this one's, with a view of its own.
    leave(busy).await;
    there.until_seats("r", 1).await;
    faults.up();
    assert_eq!(watcher.next().await["status"]["store"], "up");
    let snapshot = watcher.next().await;
    assert_eq!(snapshot["snapshot"]["state"][0], hidden[0]);
    let hello = seated(&mut watcher).await;
    assert_eq!(hello["state"][0], hidden[0]);
    watcher
        .ask(json!({"id": 1, "hide": {"text": "soup"}}))
        .await;
    assert_eq!(
        watcher.event().await["change"],
        json!({"wrote": {"hidden": true}})
    );
}

#[tokio::test]
async fn watchers_are_sent_away_with_all_others() {
    let node = node(1).await;
    let mut member = node.json("r").await;
    let mut watchers = [
        node.enter("r", watch()).await,
        node.enter("r", only()).await,
    ];
    node.hub.drain(Duration::from_secs(20)).await;
    assert_eq!(member.client.closed().await.unwrap(), 1012);
    for watcher in &mut watchers {
        assert_eq!(watcher.client.closed().await.unwrap(), 1012);
    }
    node.until_quiet().await;

    let hands = Hands::new();
    let node = Node::on(Arc::new(hands.store()), config(1)).await;
    node.make("r").await;
    let mut watcher = node.enter("r", only()).await;
    hands.pass(Duration::from_secs(3600));
    // It asks the store when it decides: a look ends it as well.
    let mut knocks = node.say_first("r", &json!({"join": {}}).to_string()).await;
    assert_eq!(knocks.closed().await.unwrap(), 4404);
    assert_eq!(watcher.client.closed().await.unwrap(), 4410);
    node.until_quiet().await;
}

/// A room without members stays open for whoever watches, and is still there for who comes.
#[tokio::test]
async fn a_room_in_which_somebody_watches_stays_open() {
    let node = node(1).await;
    let mut screen = node.enter("r", only()).await;
    let member = node.enter("r", watch()).await;
    assert!(!is_watching(&member.hello), "a screen takes no seat");
    leave(member).await;
    node.until_seats("r", 0).await;
    assert_eq!(node.hub.metrics().rooms.get(), 1);
    let mut member = node.json("r").await;
    member.ask(json!({"id": 1, "add": {"item": "pizza"}})).await;
    loop {
        let event = screen.event().await;
        if event["change"].is_object() {
            break;
        }
    }
}

/// As a member who does not read.
#[tokio::test]
async fn who_watches_and_does_not_read_is_cut() {
    let mut narrow = config(1);
    narrow.connection.outbox.bytes = 16 * 1024;
    let node = Node::start(narrow).await;
    node.make("r").await;
    let mut member = node.json("r").await;
    let deaf: Client = node.enter("r", only()).await.client;
    let item = "x".repeat(8 * 1024);
    let watching = || node.hub.metrics().watchers.get();
    for id in 1.. {
        if watching() == 0 {
            break;
        }
        let ack = member.ask(json!({"id": id, "add": {"item": item}})).await;
        assert!(ack["ack"].is_object(), "{ack:.200}");
        member.ask(json!({"id": 1_000_000 + id, "touch": {}})).await;
    }
    drop(deaf);
}
