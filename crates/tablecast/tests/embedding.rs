//! What a program may do that embeds a hub: say who somebody is, command, send away.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::BodyDataStream;
use axum::extract::{FromRequestParts, Path};
use axum::http::Request;
use axum::response::IntoResponse;
use axum::routing::get;
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use support::Hands;
use support::rooms::{Ask, JsonMember, Menu, Node};
use support::serve;
use tablecast::core::backend::LOG_EVENTS;
use tablecast::core::id::unique;
use tablecast::core::limits::Rate;
use tablecast::core::logic::{Context, Logic};
use tablecast::core::{Backend, Forms, MemberId, NodeId, Rejection};
use tablecast::hub::{CommandError, RoomError};
use tablecast::sse::{EventStream, PostError};
use tablecast::upgrade::Upgrade;
use tablecast::{App, Hub, HubConfig, Identity, MemoryBackend};
use tablecast_testing::client::Client;
use tablecast_testing::faulty::{Call, Fault, Faults, FaultyBackend};
use tablecast_testing::until;

const MINA: &str = "0123456789abcdef0123456789abcdef";

/// Two nodes on one store, with a room. Both know that all read what the server's orders store.
async fn two() -> (Node, Node) {
    let here = MemoryBackend::new();
    let there = here.another_node();
    let here = Node::on(Arc::new(here), HubConfig::default()).await;
    let there = Node::on(Arc::new(there), HubConfig::default()).await;
    for node in [&here, &there] {
        until_new(node).await;
    }
    here.make("r").await;
    (here, there)
}

async fn until_new(node: &Node) {
    let command = async || {
        let room = format!("{:x}", unique());
        node.make(&room).await;
        node.hub.command(&room, add("soup")).await
    };
    let _ = until("all nodes are known", command, Result::is_ok).await;
}

fn add(item: &str) -> Ask {
    let item = item.to_owned();
    Ask::Add { item }
}

fn person(key: &str) -> Value {
    json!({"join": {"person": key}})
}

fn id(member: &JsonMember) -> MemberId {
    MemberId(member.hello["you"].as_u64().unwrap())
}

#[tokio::test]
async fn a_command_of_the_server_is_stored_when_it_returns_and_seen_by_all() {
    let (here, there) = two().await;
    let mut mina = there.json("r").await;
    let mut text = there.text("r").await;
    let seq = here.hub.command("r", add("pizza")).await.unwrap();
    assert_eq!(there.items("r").await, ["pizza"]);
    let event = loop {
        let event = mina.event().await;
        if event["change"].is_object() {
            break event;
        }
    };
    assert_eq!(event["seq"], seq);
    assert!(event.get("by").is_none(), "{event}");
    assert_eq!(event["change"], json!({"added": {"item": "pizza"}}));
    assert_eq!(text.next_text().await.unwrap(), r#"["pizza"]"#);
    // As two events of one command, in one frame of the text dialect.
    let (one, two) = ("a".to_owned(), "b".to_owned());
    here.hub.command("r", Ask::Pair { one, two }).await.unwrap();
    assert_eq!(text.next_text().await.unwrap(), r#"["pizza","a","b"]"#);

    let nothing = here.hub.command("r", Ask::Touch).await.unwrap();
    assert_eq!(nothing, there.hub.view("r").await.unwrap().position.seq);
    let item = "nobody has it".to_owned();
    let refused = here.hub.command("r", Ask::Remove { item }).await;
    let Err(CommandError::Rejected(why)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(why.code.as_str(), "not_found");
    for unknown in ["unknown", "no id!"] {
        let refused = here.hub.command(unknown, Ask::Touch).await;
        assert_eq!(refused, Err(CommandError::NotFound));
    }
}

#[tokio::test]
async fn a_room_that_was_opened_for_a_command_alone_is_closed_again() {
    let (here, _) = two().await;
    here.hub.command("r", add("pizza")).await.unwrap();
    here.until_quiet().await;
}

/// A node with a room, on a store that fails as the test says.
async fn frail() -> (Node, Faults) {
    let backend = FaultyBackend::new(Arc::new(MemoryBackend::new()));
    let faults = backend.faults();
    let config = HubConfig {
        node_lease: Duration::from_secs(1),
        ..HubConfig::default()
    };
    let node = Node::on(Arc::new(backend), config).await;
    until_new(&node).await;
    node.make("r").await;
    (node, faults)
}

/// The commit is made, and its answer is lost: it is recognised, and not made twice.
#[tokio::test]
async fn a_command_whose_commit_is_not_answered_is_done_once() {
    let (node, faults) = frail().await;
    let _open = node.json("r").await;
    faults.next(Call::Commit, Fault::UnknownAfter);
    let seq = node.hub.command("r", add("pizza")).await.unwrap();
    assert_eq!(node.items("r").await, ["pizza"]);
    assert_eq!(node.hub.view("r").await.unwrap().position.seq, seq);
}

#[tokio::test]
async fn while_the_store_is_away_a_command_says_whether_it_may_have_been_done() {
    let (node, faults) = frail().await;
    faults.next(Call::Commit, Fault::HangAfter);
    let unknown = node.hub.command("r", add("soup")).await;
    assert!(
        matches!(unknown, Err(CommandError::Unknown(_))),
        "{unknown:?}"
    );
    assert_eq!(node.items("r").await, ["soup"]);
    faults.down("pulled");
    let refused = node.hub.command("r", add("pizza")).await;
    assert!(
        matches!(refused, Err(CommandError::Unavailable(_))),
        "{refused:?}"
    );
    faults.up();
    assert_eq!(node.items("r").await, ["soup"]);

    node.hub.drain(Duration::ZERO).await;
    let refused = node.hub.command("r", add("pizza")).await;
    let why = tablecast::hub::Unavailable::Draining;
    assert_eq!(refused, Err(CommandError::Unavailable(why)));
}

/// A node with a room `r`, beside an older node that lives; with that one's backend and id.
async fn beside_an_older_node() -> (Node, MemoryBackend, NodeId) {
    let store = MemoryBackend::new();
    let other = store.another_node();
    let older = "older".parse().unwrap();
    let lease = Duration::from_secs(3600);
    other.renew(&older, Forms::FIRST, lease).await.unwrap();
    let node = Node::on(Arc::new(store), HubConfig::default()).await;
    node.make("r").await;
    (node, other, older)
}

#[tokio::test]
async fn while_an_older_node_lives_the_server_does_nothing_that_it_could_not_read() {
    let (node, _other, _) = beside_an_older_node().await;
    let mut mina = node.enter("r", person(MINA)).await;
    let refused = |result: Result<(), CommandError>| match result {
        Err(CommandError::Rejected(why)) => assert_eq!(why.code.as_str(), "not_yet"),
        other => panic!("{other:?}"),
    };
    refused(node.hub.command("r", add("pizza")).await.map(drop));
    refused(node.hub.close("r").await);
    // This is possible: she loses her seat, and may come back.
    node.hub.dismiss("r", id(&mina)).await.unwrap();
    assert_eq!(mina.client.closed().await.unwrap(), 4401);
    node.enter("r", person(MINA)).await;
}

#[tokio::test]
async fn whoever_is_dismissed_may_not_come_back_and_the_others_stay() {
    let (here, there) = two().await;
    let mut mina = there.enter("r", person(MINA)).await;
    let mut lee = here.json("r").await;
    assert!(here.hub.dismiss("r", id(&mina)).await.unwrap());
    assert_eq!(mina.client.closed().await.unwrap(), 4411);
    let left = loop {
        let event = lee.event().await;
        if event["left"].is_object() {
            break event;
        }
    };
    assert_eq!(left["left"]["member"], mina.hello["you"]);
    for node in [&here, &there] {
        let resume = json!({"resume": {"seat": mina.hello["seat"], "person": MINA}});
        for first in [person(MINA), resume] {
            let mut again = node.say_first("r", &first.to_string()).await;
            assert_eq!(again.closed().await.unwrap(), 4411);
        }
    }
    // Twice, and somebody who never was: there is nothing to do.
    here.hub.dismiss("r", id(&mina)).await.unwrap();
    assert!(!here.hub.dismiss("r", MemberId(4711)).await.unwrap());
    let ack = lee.ask(json!({"id": 1, "add": {"item": "pizza"}})).await;
    assert!(ack["ack"].is_object(), "{ack}");
}

#[tokio::test]
async fn whoever_has_left_already_can_be_kept_out() {
    let (here, there) = two().await;
    let mina = there.enter("r", person(MINA)).await;
    let member = id(&mina);
    let mut client = mina.client;
    client.send_close(1000).await.unwrap();
    client.ended().await.unwrap();
    here.until_seats("r", 0).await;
    assert!(here.hub.dismiss("r", member).await.unwrap());
    let mut again = there.say_first("r", &person(MINA).to_string()).await;
    assert_eq!(again.closed().await.unwrap(), 4411);
}

#[tokio::test]
async fn whoever_waits_for_a_seat_is_sent_away_with_the_others_and_not_seated() {
    let store = MemoryBackend::new();
    let other = store.another_node();
    let config = || HubConfig {
        seats: 1,
        ..HubConfig::default()
    };
    let here = Node::on(Arc::new(store), config()).await;
    let there = Node::on(Arc::new(other), config()).await;
    until_new(&here).await;
    here.make("r").await;
    let mut mina = here.json("r").await;
    let watch = json!({"join": {"watch": true}});
    let mut waiting = Vec::new();
    for node in [&here, &there] {
        let watcher = node.enter("r", watch.clone()).await;
        assert_eq!(watcher.hello["watching"], true);
        waiting.push(watcher);
    }
    here.hub.close("r").await.unwrap();
    assert_eq!(mina.client.closed().await.unwrap(), 4412);
    for watcher in &mut waiting {
        assert_eq!(watcher.client.closed().await.unwrap(), 4412);
    }
    here.until_quiet().await;
    there.until_quiet().await;
    assert!(here.hub.view("r").await.unwrap().members.is_empty());
}

#[tokio::test]
async fn a_closed_room_has_no_members_on_any_node_and_can_be_joined_again() {
    let (here, there) = two().await;
    let mut mina = there.enter("r", person(MINA)).await;
    mina.ask(json!({"id": 1, "add": {"item": "pizza"}})).await;
    let mut lee = here.json("r").await;
    let mut text = there.text("r").await;
    here.hub.close("r").await.unwrap();
    for client in [&mut mina.client, &mut lee.client, &mut text] {
        assert_eq!(client.closed().await.unwrap(), 4412);
    }
    assert!(here.hub.view("r").await.unwrap().members.is_empty());
    let again = here.enter("r", person(MINA)).await;
    assert_eq!(again.hello["you"], mina.hello["you"], "a person is known");
    assert_eq!(again.hello["state"], json!(["pizza"]));
    // Also where there is nobody.
    here.make("empty").await;
    there.hub.close("empty").await.unwrap();
}

/// The log begins after what this node knows, so the members are not told by the events.
#[tokio::test]
async fn a_node_that_missed_more_than_the_log_holds_says_that_the_room_was_closed() {
    // No lease ends, however long all these changes take.
    let store = Hands::new().store();
    let faulty = FaultyBackend::new(Arc::new(store.another_node()));
    let faults = faulty.faults();
    let config = || HubConfig {
        command_rate: Rate::OFF,
        ..HubConfig::default()
    };
    let here = Node::on(Arc::new(store), config()).await;
    let there = Node::on(Arc::new(faulty), config()).await;
    until_new(&here).await;
    here.make("r").await;
    let mut mina = there.json("r").await;
    let mut lee = here.json("r").await;
    faults.down("as the test asked");
    for id in 1..=LOG_EVENTS {
        lee.ask(json!({"id": id, "add": {"item": "pizza"}})).await;
    }
    here.hub.close("r").await.unwrap();
    faults.up();
    assert_eq!(mina.client.closed().await.unwrap(), 4412);
}

/// A room whose state is what its members are to its rules.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Roll(Vec<String>);

impl Logic for Roll {
    type Command = ();
    type Event = String;

    fn decide(&self, context: &Context<'_>, (): &()) -> Result<Vec<String>, Rejection> {
        let by = context.by.unwrap();
        Ok(vec![format!("{} {}", by.name, by.role.unwrap_or("-"))])
    }

    fn apply(&mut self, _: Option<MemberId>, event: &String) {
        self.0.push(event.clone());
    }
}

impl App for Roll {
    fn text_command(_: &str) -> Result<(), Rejection> {
        Ok(())
    }
}

/// Serves rooms at `/ROOM/ACCOUNT/NAME/ROLE`.
async fn serve_known(hub: Hub<Roll>) -> std::net::SocketAddr {
    type Said = Path<(String, String, String, String)>;
    let join = async move |Path((room, account, name, role)): Said, upgrade: Upgrade| {
        let identity = Identity::new(account, &name).unwrap().with_role(role);
        hub.upgrade_as(upgrade, &room, identity)
            .await
            .into_response()
    };
    serve(Router::new().route("/{room}/{account}/{name}/{role}", get(join))).await
}

async fn known() -> (Hub<Roll>, std::net::SocketAddr) {
    let hub = Hub::start(Arc::new(MemoryBackend::new()), HubConfig::default());
    let made = async || {
        let room = format!("{:x}", unique());
        hub.create(room.parse().unwrap(), Roll::default())
            .await
            .unwrap();
        hub.close(&room).await
    };
    let _ = until("all nodes are known", made, Result::is_ok).await;
    hub.create("r".parse().unwrap(), Roll::default())
        .await
        .unwrap();
    let address = serve_known(hub.clone()).await;
    (hub, address)
}

async fn enter(address: std::net::SocketAddr, path: &str, first: Value) -> JsonMember {
    let mut client = Client::connect_json(address, path).await.unwrap();
    client.send_text(&first.to_string()).await.unwrap();
    let mut hello = client.next_json().await.unwrap();
    let hello = hello["hello"].take();
    assert!(hello.is_object());
    JsonMember { client, hello }
}

#[tokio::test]
async fn whom_the_program_knows_has_the_name_and_the_role_that_it_says() {
    let (hub, address) = known().await;
    let first = json!({"join": {"name": "somebody else", "colour": 3, "person": MINA}});
    let mut mina = enter(address, "/r/7/Mina/teacher", first).await;
    assert_eq!(
        (&mina.hello["name"], &mina.hello["colour"]),
        (&json!("Mina"), &json!(3))
    );
    let ack = mina
        .ask(json!({"id": 1, "rename": {"name": "Lee", "colour": 4}}))
        .await;
    assert!(ack["ack"].is_object(), "{ack}");
    mina.send(json!({"id": 2, "r": {}})).await;
    let view = hub.view("r").await.unwrap();
    assert_eq!(view.members[0].name, "Mina");
    assert_eq!(serde_json::to_value(view.members[0].colour).unwrap(), 4);

    // The same person by text, who may do less now and is called otherwise.
    let mut text = Client::connect(address, "/r/7/Mina%20B/pupil")
        .await
        .unwrap();
    assert_eq!(mina.client.closed().await.unwrap(), 4409);
    text.next_text().await.unwrap();
    text.send_text("anything").await.unwrap();
    assert_eq!(text.next_text().await.unwrap(), r#"["Mina B pupil"]"#);
    let members = hub.view("r").await.unwrap().members;
    assert_eq!(members.len(), 1);
    assert_eq!(json!(members[0].id), mina.hello["you"]);

    // Another account is another person, whatever key it brings.
    let lee = enter(address, "/r/8/Lee/pupil", person(MINA)).await;
    assert_ne!(lee.hello["you"], mina.hello["you"]);
}

#[tokio::test]
async fn the_secret_of_a_seat_opens_it_only_for_whom_it_belongs_to() {
    let (_hub, address) = known().await;
    let mina = enter(address, "/r/7/Mina/pupil", json!({"join": {}})).await;
    let resume = json!({"resume": {"seat": mina.hello["seat"], "epoch": mina.hello["epoch"], "seq": mina.hello["seq"]}});
    let lee = enter(address, "/r/8/Lee/pupil", resume.clone()).await;
    assert_ne!(lee.hello["you"], mina.hello["you"]);
    let again = enter(address, "/r/7/Mina/pupil", resume).await;
    assert_eq!(again.hello["you"], mina.hello["you"]);
    assert_eq!(again.hello["resumed"], true);
    // She is called otherwise now.
    let resume = json!({"resume": {"seat": again.hello["seat"]}});
    let again = enter(address, "/r/7/Mina%20B/pupil", resume).await;
    assert_eq!(again.hello["name"], "Mina B");
    assert_eq!(again.hello["you"], mina.hello["you"]);
    // Nor does it keep what she may do no more.
    let resume = json!({"resume": {"seat": again.hello["seat"]}});
    let promoted = enter(address, "/r/7/Mina/teacher", resume).await;
    assert_eq!(promoted.hello["you"], mina.hello["you"]);
    assert_ne!(promoted.hello["seat"], again.hello["seat"]);
}

/// A user's stream of events: its `hello`, and what keeps it open.
async fn listen(hub: &Hub<Menu>, identity: &Identity) -> (Value, BodyDataStream) {
    let request = Request::get("/").header("accept", "text/event-stream");
    let (mut parts, ()) = request.body(()).unwrap().into_parts();
    let stream = EventStream::from_request_parts(&mut parts, &()).await;
    let response = hub.events_as(stream.unwrap(), "r", identity.clone()).await;
    let mut body = response.unwrap().into_body().into_data_stream();
    let mut text = String::new();
    while !text.contains("}\n\n") {
        let piece = body.next().await.unwrap().unwrap();
        text += std::str::from_utf8(&piece).unwrap();
    }
    let hello = text.lines().find_map(|line| line.strip_prefix("data: "));
    let hello: Value = serde_json::from_str(hello.unwrap()).unwrap();
    (hello["hello"].clone(), body)
}

/// While an older node lives, no seat says whose it is: such a seat is opened by its secret alone,
/// by POST as by `resume`.
#[tokio::test]
async fn whom_the_program_knows_speaks_by_post_for_the_own_seat_and_for_one_that_says_nothing() {
    let (node, other, older) = beside_an_older_node().await;
    let [mina, lee] = ["Mina", "Lee"].map(|name| Identity::new(name, name).unwrap());
    let say = async |id: u64, hello: &Value, identity: &Identity| {
        let commands = json!([{"id": id, "rename": {"name": "somebody else"}}]);
        let said = json!({"seat": hello["seat"], "commands": commands}).to_string();
        let answers = node.hub.post_as("r", said.as_bytes(), identity).await;
        answers.map(|answers| assert!(answers.as_str().contains("{\"ack\":"), "{answers:?}"))
    };
    let (hello, _open) = listen(&node.hub, &mina).await;
    assert_eq!(say(1, &hello, &mina).await, Ok(()));

    other.release(&older).await.unwrap();
    until_new(&node).await;
    assert_eq!(say(2, &hello, &mina).await, Ok(()));
    let (hello, _open) = listen(&node.hub, &lee).await;
    assert_eq!(say(1, &hello, &lee).await, Ok(()));
    let refused = say(2, &hello, &mina).await;
    let is_not_hers = matches!(refused, Err(PostError::Room(RoomError::Refused(_))));
    assert!(is_not_hers, "{refused:?}");
    let members = node.hub.view("r").await.unwrap().members;
    let names: Vec<&str> = members.iter().map(|member| &*member.name).collect();
    assert_eq!(names, ["Mina", "Lee"]);
}

#[tokio::test]
async fn a_person_is_dismissed_by_their_account() {
    let (hub, address) = known().await;
    let mut mina = enter(address, "/r/7/Mina/pupil", json!({"join": {}})).await;
    hub.dismiss_person("r", "7").await.unwrap();
    assert_eq!(mina.client.closed().await.unwrap(), 4411);
    let refused = Client::connect(address, "/r/7/Mina/teacher").await;
    assert!(refused.is_err(), "{refused:?}");
    assert!(!hub.dismiss_person("r", "nobody").await.unwrap());
    enter(address, "/r/8/Lee/pupil", json!({"join": {}})).await;
}

#[test]
fn a_name_that_nobody_could_read_is_none() {
    let long = "x".repeat(41);
    for (name, code) in [("", "empty"), (" \u{200b}", "empty"), (&*long, "too_long")] {
        let refused = Identity::new("7", name).unwrap_err();
        assert_eq!(refused.code.as_str(), code, "{name:?}");
    }
}
