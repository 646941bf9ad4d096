//! `tablecast.v1` as a program meets it: what is understood, what is refused and
//! how, and coming back.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::Arc;

use serde_json::{Value, json};
use tablecast::core::CloseReason;
use tablecast::core::limits::Rate;
use tablecast::{HubConfig, MemoryBackend};
use tablecast_testing::client::{BINARY, Said, TEXT, frame};
use tablecast_testing::until;

use support::rooms::{JsonMember, Node, code};

fn no_rate() -> HubConfig {
    HubConfig {
        command_rate: Rate::OFF,
        ..HubConfig::default()
    }
}

async fn node() -> Node {
    let node = Node::start(no_rate()).await;
    node.make("r").await;
    node
}

fn add(id: u64, item: &str) -> Value {
    json!({"id": id, "add": {"item": item}})
}

/// The items a member sees being added, up to this one.
async fn added_until(member: &mut JsonMember, last: &str) -> Vec<String> {
    let mut items = Vec::new();
    while items.last().is_none_or(|item| item != last) {
        let event = member.event().await;
        if let Some(item) = event["change"]["added"]["item"].as_str() {
            items.push(item.to_owned());
        }
    }
    items
}

#[tokio::test]
async fn a_hello_tells_everything_needed_to_begin() {
    let node = node().await;
    let mut first = node.enter("r", json!({"join": {"name": "  Kim  "}})).await;
    first.ask(add(1, "pizza")).await;
    let second = node.json("r").await;
    let hello = &second.hello;
    assert_eq!(first.hello["name"], "Kim", "names have one form");
    assert_eq!(hello["room"], "r");
    assert_eq!(hello["state"], json!(["pizza"]));
    assert_eq!(hello["resumed"], false);
    assert_eq!(hello["seats"], 10);
    assert_eq!(hello["ttl_ms"], 600_000);
    assert_eq!(hello["colour"], 1);
    assert_eq!(hello["seq"], 3);
    assert_eq!(hello["you"], 3);
    assert_eq!(
        hello["members"],
        json!([
            {"id": first.hello["you"], "name": "Kim", "colour": 0, "away": false},
            {"id": 3, "name": hello["name"], "colour": 1, "away": false},
        ])
    );
    assert!(hello["expires_at"].as_u64() > hello["now"].as_u64());
    assert_eq!(hello["limits"]["message_bytes"], 16 * 1024);
    assert_eq!(hello["version"], json!({"protocol": 2, "app": 7}));
    let shown = hello.to_string() + &first.next().await.to_string();
    let secret = first.hello["seat"].as_str().unwrap();
    assert!(
        !shown.contains(secret),
        "nobody learns another's seat token"
    );
}

#[tokio::test]
async fn each_event_reaches_everybody_once_and_the_answer_its_sender_alone() {
    let node = node().await;
    let mut one = node.json("r").await;
    let mut two = node.json("r").await;
    let joined = one.event().await;
    assert_eq!(joined["joined"]["member"], two.hello["you"]);
    let ack = one.ask(add(7, "pizza")).await;
    assert_eq!(ack, json!({"ack": {"id": 7, "seq": 3}}));
    for member in [&mut one, &mut two] {
        let message = member.next().await;
        let event = &message["event"];
        assert_eq!(event["seq"], 3);
        assert_eq!(event["change"], json!({"added": {"item": "pizza"}}));
    }
    let ack = one
        .ask(json!({"id": 8, "pair": {"one": "a", "two": "b"}}))
        .await;
    assert_eq!(ack["ack"]["seq"], 5, "the seq of its last event");
    let renamed = one.ask(json!({"id": 9, "rename": {"name": "Lee"}})).await;
    assert_eq!(renamed["ack"]["seq"], 6);
    for seq in 4..=6 {
        assert_eq!(two.event().await["seq"], seq);
    }
    let error = one.ask(json!({"id": 10, "remove": {"item": "none"}})).await;
    assert_eq!(code(&error), "not_found");
    one.ask(add(11, "last")).await;
    assert_eq!(
        two.next().await["event"]["seq"],
        7,
        "errors and acks are not for others"
    );
}

/// Hostile inputs 63 to 66.
#[tokio::test]
async fn what_is_not_understood_is_refused_by_name_and_the_connection_stays() {
    let node = node().await;
    let mut member = node.json("r").await;
    let deep = format!(
        "{{\"id\":1,\"add\":{}{}}}",
        "[".repeat(5000),
        "]".repeat(5000)
    );
    let cases = [
        ("[]", "object"),
        ("null", "object"),
        ("7", "object"),
        ("\"add\"", "object"),
        ("{", "EOF"),
        ("", "EOF"),
        ("{}", "no command"),
        (r#"{"id":1}"#, "no command"),
        (r#"{"add":{"item":"x"}}"#, "id"),
        (r#"{"id":-1,"add":{"item":"x"}}"#, "-1"),
        (r#"{"id":0,"add":{"item":"x"}}"#, "from 1"),
        (r#"{"id":1.5,"add":{"item":"x"}}"#, "1.5"),
        (r#"{"id":"1","add":{"item":"x"}}"#, "string"),
        (r#"{"id":1e999,"add":{"item":"x"}}"#, "out of range"),
        (
            r#"{"id":9007199254740993,"add":{"item":"x"}}"#,
            "9007199254740991",
        ),
        (r#"{"id":1,"drop":{"item":"x"}}"#, "drop"),
        (r#"{"id":1,"add":{"item":"x","colour":"red"}}"#, "colour"),
        (r#"{"id":1,"add":{}}"#, "item"),
        (r#"{"id":1,"add":{"item":7}}"#, "7"),
        (r#"{"id":1,"add":{"item":"\ud800"}}"#, "hex escape"),
        (r#"{"id":1,"add":{"item":"a","item":"b"}}"#, "duplicate"),
        (r#"{"id":1,"id":2,"add":{"item":"x"}}"#, "duplicate"),
        (
            r#"{"id":1,"add":{"item":"x"},"remove":{"item":"x"}}"#,
            "remove",
        ),
        // Hostile input 67: who says it, and where, is not the client's to say.
        (r#"{"id":1,"add":{"item":"x"},"by":99}"#, "by"),
        (r#"{"id":1,"add":{"item":"x"},"room":"other"}"#, "room"),
        (r#"{"id":1,"rename":{"name":"x","of":2}}"#, "of"),
        (r#"{"id":1,"rename":{"colour":2}}"#, "name"),
        (
            r#"{"id":1,"rename":{"name":"x","colour":12}}"#,
            "from 0 to 11",
        ),
        (
            r#"{"id":1,"rename":{"name":"x","colour":-1}}"#,
            "from 0 to 11",
        ),
        (
            r#"{"id":1,"rename":{"name":"x","colour":"red"}}"#,
            "from 0 to 11",
        ),
        (r#"{"id":1,"join":{}}"#, "join"),
        // Hostile input 14: however deep, it takes no stack.
        (&deep, "expected a string"),
    ];
    for (number, (line, named)) in cases.into_iter().enumerate() {
        member.client.send_text(line).await.unwrap();
        let answer = member.next().await;
        assert_eq!(code(&answer), "bad_command", "{line:.90}");
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.contains(named), "{line:.90}: {message}");
        // Well before the twentieth in a row.
        if number % 10 == 9 {
            let id = 1000 + number as u64;
            assert_eq!(member.ask(add(id, "fine")).await["ack"]["id"], id);
            member.event().await;
        }
    }
    assert_eq!(node.items("r").await, ["fine"; 3]);
}

/// Hostile input 90.
#[tokio::test]
async fn an_answer_does_not_grow_with_what_is_refused() {
    let node = node().await;
    let mut member = node.json("r").await;
    let long = "\u{1}".repeat(1000).escape_unicode().to_string();
    let long = long.replace("\\u{1}", "\\u0001");
    for line in [
        format!(r#"{{"id":"{long}","add":{{}}}}"#),
        format!(r#"{{"id":1,"add":{{}},"{long}":{{}}}}"#),
        format!(r#"{{"id":1,"{long}":{{}}}}"#),
        format!(r#"{{"id":1,"add":{{"{long}":1}}}}"#),
        format!(r#"{{"id":1,"add":{{"item":["{long}"]}}}}"#),
    ] {
        member.client.send_text(&line).await.unwrap();
        let answer = member.next().await;
        assert_eq!(code(&answer), "bad_command", "{line:.90}");
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.len() < 2048, "{message}");
    }
}

/// Without it, whoever asked would wait for ever.
#[tokio::test]
async fn an_error_names_the_command_wherever_its_number_can_be_read() {
    let node = node().await;
    let mut member = node.json("r").await;
    for line in [
        r#"{"id":5}"#,
        r#"{"id":5,"add":}"#,
        r#"{"id":5,"add":{"item":"#,
        r#"{"id":5,"add":{"item":"x"},"remove":{"item":"x"}}"#,
        r#"{"add":{"item":"x"},"remove":{"item":"x"},"id":5}"#,
        r#"{"id":5,"add":{"item":"x"}} {}"#,
        r#"{"id":5,"drop":{}}"#,
        r#"{"id":5,"join":{}}"#,
    ] {
        member.client.send_text(line).await.unwrap();
        let answer = member.next().await;
        assert_eq!(code(&answer), "bad_command", "{line}");
        assert_eq!(answer["error"]["id"], 5, "{line}");
    }
}

#[tokio::test]
async fn a_command_without_content_is_said_with_an_empty_object_or_null() {
    let node = node().await;
    let mut member = node.json("r").await;
    let mut id = 0;
    for verb in ["touch", "reveal"] {
        for content in ["{}", "{ }", "null"] {
            id += 1;
            let line = format!(r#"{{"id":{id},"{verb}":{content}}}"#);
            member.client.send_text(&line).await.unwrap();
            assert_eq!(member.next().await["ack"]["id"], id, "{line}");
        }
        id += 1;
        let answer = member.ask(json!({"id": id, verb: {"it": 1}})).await;
        assert_eq!(code(&answer), "bad_command", "{verb}");
    }
    let null = member.ask(json!({"id": 9, "add": null})).await;
    assert!(null["error"]["message"].as_str().unwrap().contains("item"));
}

#[tokio::test]
async fn what_a_newer_client_adds_to_its_first_message_is_ignored() {
    let node = node().await;
    let first = json!({"join": {"name": "Kim", "more": true, "later": "x"}});
    let member = node.enter("r", first).await;
    assert_eq!(member.hello["name"], "Kim");
    let (seat, more) = (&member.hello["seat"], [1, 2]);
    let again = json!({"resume": {"seat": seat, "later": "x", "more": more}});
    assert_eq!(
        node.enter("r", again).await.hello["you"],
        member.hello["you"]
    );
}

#[tokio::test]
async fn names_are_checked_and_known_by_all() {
    let node = node().await;
    let mut member = node.json("r").await;
    let mut other = node.json("r").await;
    for (id, name, expected) in [
        (1, "", "empty"),
        (2, "\u{200B}", "empty"),
        (3, "a\nb", "bad_item"),
        (4, "\u{202E}x", "bad_item"),
        (5, &"x".repeat(41), "too_long"),
    ] {
        let answer = member
            .ask(json!({"id": id, "rename": {"name": name}}))
            .await;
        assert_eq!(code(&answer), expected, "{name:?}");
    }
    member
        .ask(json!({"id": 6, "rename": {"name": "<img onerror=alert(1)>"}}))
        .await;
    let event = other.event().await;
    assert_eq!(event["renamed"]["name"], "<img onerror=alert(1)>");
    assert_eq!(event["renamed"]["member"], member.hello["you"]);
    assert_eq!(event["by"], member.hello["you"]);
}

#[tokio::test]
async fn a_wrong_first_word_is_told_and_closed() {
    let node = node().await;
    for first in [
        "",
        "[]",
        r#"{"id":1,"add":{"item":"x"}}"#,
        r#"{"join":{"name":7}}"#,
        r#"{"join":{"name":""}}"#,
        r#"{"join":{"colour":12}}"#,
        r#"{"join":{"colour":1.5}}"#,
        r#"{"resume":{}}"#,
        r#"{"resume":{"seat":"short"}}"#,
        r#"{"resume":{"seat":"00000000000000000000000000000000","seq":1}}"#,
    ] {
        let mut client = node.say_first("r", first).await;
        assert!(
            client.next_json().await.unwrap()["error"]["message"].is_string(),
            "{first}"
        );
        assert_eq!(
            client.closed().await.unwrap(),
            CloseReason::BadProtocol.code(),
            "{first}"
        );
    }
    let mut config = no_rate();
    config.connection.handshake = std::time::Duration::from_millis(100);
    let hasty = Node::start(config).await;
    hasty.make("r").await;
    let silent = tablecast_testing::client::Client::connect_json(hasty.address, "/ws/r").await;
    assert_eq!(
        silent.unwrap().closed().await.unwrap(),
        CloseReason::NoPong.code()
    );
    assert!(node.hub.view("r").await.unwrap().members.is_empty());
}

#[tokio::test]
async fn a_binary_message_is_closed_with_1003() {
    let node = node().await;
    let mut member = node.json("r").await;
    member.client.send_frame(BINARY, b"{}").await.unwrap();
    assert_eq!(
        member.client.closed().await.unwrap(),
        CloseReason::Binary.code()
    );
}

/// Hostile inputs 68 and 69.
#[tokio::test]
async fn a_command_is_applied_once_however_often_it_is_sent() {
    let node = node().await;
    let mut member = node.json("r").await;
    let first = member.ask(add(5, "x")).await;
    assert_eq!(member.ask(add(5, "x")).await, first, "the same answer");
    assert_eq!(code(&member.ask(add(5, "y")).await), "conflict");
    assert_eq!(
        code(&member.ask(json!({"id": 5, "remove": {"item": "x"}})).await),
        "conflict"
    );
    assert_eq!(code(&member.ask(add(4, "older")).await), "outdated");
    member.ask(add(6, "next")).await;
    assert_eq!(
        member.ask(add(5, "x")).await,
        first,
        "while it is remembered"
    );
    // Both in one batch.
    let twice = frame(TEXT, add(7, "twice").to_string().as_bytes()).repeat(2);
    member.client.send_bytes(&twice).await.unwrap();
    let acks = [member.ask(add(8, "z")).await];
    assert_eq!(acks[0]["ack"]["id"], 8);
    assert_eq!(node.items("r").await, ["x", "next", "twice", "z"]);
    // Another member's numbers are their own.
    let mut other = node.json("r").await;
    assert!(other.ask(add(5, "mine")).await["ack"].is_object());
}

/// A client whose connection broke between command and answer asks again on the
/// next one.
#[tokio::test]
async fn a_command_sent_again_after_coming_back_is_applied_once() {
    let node = node().await;
    let mut member = node.json("r").await;
    let seat = member.hello.clone();
    member.send(add(1, "x")).await;
    member.client.reset().unwrap();
    let mut back = node.resume("r", &seat, seat["seq"].as_u64().unwrap()).await;
    let answer = back.ask(add(1, "x")).await;
    assert!(answer["ack"].is_object(), "{answer}");
    assert_eq!(node.items("r").await, ["x"]);
}

#[tokio::test]
async fn coming_back_yields_exactly_what_was_missed() {
    let node = node().await;
    let mut witness = node.json("r").await;
    let member = node.json("r").await;
    let seat = member.hello.clone();
    let seq = member.seq();
    member.client.reset().unwrap();
    while witness.event().await["away"].is_null() {}
    for id in 1..=50 {
        witness.ask(add(id, &id.to_string())).await;
    }
    let mut back = node.resume("r", &seat, seq).await;
    assert_eq!(back.hello["resumed"], true);
    assert_eq!(back.hello["you"], seat["you"]);
    assert!(back.hello["state"].is_null(), "events instead of the state");
    let missed = added_until(&mut back, "50").await;
    assert_eq!(
        missed,
        (1..=50).map(|id| id.to_string()).collect::<Vec<_>>()
    );
    // Away, 50 items, and Back, without a gap.
    let event = back.event().await;
    assert_eq!(event["seq"], seq + 52);
    assert_eq!(event["back"]["member"], seat["you"]);
    witness.ask(add(51, "live")).await;
    assert_eq!(back.event().await["seq"], seq + 53);
}

/// Hostile input 70.
#[tokio::test]
async fn who_cannot_be_caught_up_by_events_gets_the_state() {
    let node = node().await;
    let mut witness = node.json("r").await;
    let member = node.json("r").await;
    let (seat, epoch) = (member.hello["seat"].clone(), member.epoch().clone());
    let old = member.seq();
    for id in 1..=300 {
        witness.ask(add(id, "x")).await;
    }
    let other_epoch = "0123456789abcdef";
    assert_ne!(epoch, other_epoch);
    let far = 9_007_199_254_740_991_u64;
    for (name, known) in [
        (
            "from the future",
            json!({"seat": seat, "epoch": epoch, "seq": far}),
        ),
        (
            "another epoch",
            json!({"seat": seat, "epoch": other_epoch, "seq": old}),
        ),
        (
            "too long ago",
            json!({"seat": seat, "epoch": epoch, "seq": old}),
        ),
        ("knows nothing", json!({"seat": seat})),
    ] {
        let back = node.enter("r", json!({"resume": known})).await;
        assert_eq!(back.hello["resumed"], false, "{name}");
        assert_eq!(back.hello["state"].as_array().unwrap().len(), 300, "{name}");
    }
}

/// Hostile input 71.
#[tokio::test]
async fn a_seat_that_is_not_of_this_room_is_refused_with_4401() {
    let node = node().await;
    node.make("other").await;
    let member = node.json("r").await;
    let seat = member.hello["seat"].clone();
    let unknown = json!("00000000000000000000000000000000");
    for (room, seat) in [("other", &seat), ("r", &unknown)] {
        let first = json!({"resume": {"seat": seat}}).to_string();
        let mut client = node.say_first(room, &first).await;
        assert_eq!(client.closed().await.unwrap(), CloseReason::BadSeat.code());
    }
    assert_eq!(node.hub.view("r").await.unwrap().members.len(), 1);
}

#[tokio::test]
async fn a_newer_connection_takes_the_seat_and_the_older_is_closed_with_4409() {
    let node = node().await;
    let mut old = node.json("r").await;
    let seat = old.hello.clone();
    let mut new = node.resume("r", &seat, old.seq()).await;
    assert_eq!(
        old.client.closed().await.unwrap(),
        CloseReason::TakenOver.code()
    );
    old.client.ended().await.unwrap();
    // The older one's leaving does not take the seat from the newer.
    let answer = new.ask(add(1, "x")).await;
    assert!(answer["ack"].is_object(), "{answer}");
    assert_eq!(node.hub.view("r").await.unwrap().members.len(), 1);
}

#[tokio::test]
async fn a_seat_is_taken_over_from_another_node() {
    let store = MemoryBackend::new();
    let other = Arc::new(store.another_node());
    let one = Node::on(Arc::new(store), no_rate()).await;
    let two = Node::on(other, no_rate()).await;
    one.make("r").await;
    let mut old = one.json("r").await;
    let seat = old.hello.clone();
    let mut new = two.resume("r", &seat, old.seq()).await;
    assert_eq!(
        old.client.closed().await.unwrap(),
        CloseReason::TakenOver.code()
    );
    assert!(new.ask(add(1, "x")).await["ack"].is_object());
    one.until_quiet().await;
    assert_eq!(two.hub.view("r").await.unwrap().members.len(), 1);
}

/// A tab that was asleep must not take the seat from the one that somebody uses meanwhile. Its own connections it may
/// always follow, and a seat that nobody has is free for any of them.
#[tokio::test]
async fn a_client_that_comes_back_by_itself_leaves_the_seat_to_another_that_has_it() {
    let store = MemoryBackend::new();
    let other = Arc::new(store.another_node());
    let one = Node::on(Arc::new(store), no_rate()).await;
    let two = Node::on(other, no_rate()).await;
    one.make("r").await;
    one.until_persons().await;
    two.until_persons().await;
    let person = "0123456789abcdef0123456789abcdef";
    let join = json!({"join": {"person": person, "client": 1}});
    let older = one.enter("r", join).await;
    let seat = &older.hello["seat"];
    let by_itself = |client| json!({"resume": {"seat": seat, "person": person, "client": client, "take": false}});
    let mut followed = two.enter("r", by_itself(1)).await;
    for node in [&one, &two] {
        let mut refused = node.say_first("r", &by_itself(2).to_string()).await;
        assert_eq!(refused.closed().await.unwrap(), 4409);
    }
    assert!(followed.ask(add(1, "x")).await["ack"].is_object());

    // The other has joined anew, and the seat has another secret.
    let mut newer = one
        .enter("r", json!({"join": {"person": person, "client": 2}}))
        .await;
    assert_eq!(followed.client.closed().await.unwrap(), 4409);
    for node in [&one, &two] {
        let mut refused = node.say_first("r", &by_itself(1).to_string()).await;
        assert_eq!(refused.closed().await.unwrap(), 4409);
    }
    assert!(newer.ask(add(1, "y")).await["ack"].is_object());
    // Where somebody asks for it, or nobody has it, it is theirs.
    let seat = &newer.hello["seat"];
    let asked = json!({"resume": {"seat": seat, "client": 1}});
    let older = two.enter("r", asked).await;
    assert_eq!(newer.client.closed().await.unwrap(), 4409);
    drop(older);
    let away = async || one.hub.view("r").await.unwrap().members[0].away;
    until("nobody has it", away, |away| *away).await;
    let by_itself = json!({"resume": {"seat": seat, "client": 2, "take": false}});
    let mut back = one.enter("r", by_itself).await;
    assert!(back.ask(add(2, "z")).await["ack"].is_object());
}

/// Several at once fall into one batch; one of them keeps the seat, and every
/// other one learns that it did not.
#[tokio::test]
async fn of_many_who_take_the_same_seat_at_once_one_keeps_it() {
    const MANY: usize = 8;
    let node = node().await;
    let mut old = node.json("r").await;
    let first = json!({"resume": {"seat": old.hello["seat"]}}).to_string();
    let mut connected = Vec::new();
    for _ in 0..MANY {
        let json = tablecast_testing::client::Client::connect_json(node.address, "/ws/r").await;
        connected.push(json.unwrap());
    }
    for client in &mut connected {
        client.send_text(&first).await.unwrap();
    }
    assert_eq!(
        old.client.closed().await.unwrap(),
        CloseReason::TakenOver.code()
    );
    // All but one are closed; the one that is left is still heard.
    let mut rest = Vec::new();
    for mut client in connected {
        rest.push(tokio::spawn(async move {
            loop {
                match client.next().await.unwrap() {
                    Said::Text(text) if text.contains("\"left over\"") => return None,
                    Said::Close(code) => return code,
                    _ => {}
                }
            }
        }));
    }
    let closed = async || rest.iter().filter(|one| one.is_finished()).count();
    let all = |closed: &usize| *closed == MANY - 1;
    until("the others are closed", closed, all).await;
    let mut witness = node.json("r").await;
    witness.ask(add(1, "left over")).await;
    let mut codes = Vec::new();
    for one in rest {
        codes.push(one.await.unwrap());
    }
    codes.sort();
    let mut expected = vec![Some(CloseReason::TakenOver.code()); MANY];
    expected[0] = None;
    assert_eq!(codes, expected);
}
