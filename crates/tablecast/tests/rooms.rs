//! Rooms as their members meet them: the text dialect, seats, expiry, draining,
//! rates, and two nodes on one store.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tablecast::HubConfig;
use tablecast::core::CloseReason;
use tablecast::core::limits::Rate;
use tablecast_testing::client::{BINARY, Client, ClientError, Said, TEXT, frame};

use support::Hands;
use support::rooms::{Node, code};

const SOON: Duration = Duration::from_millis(150);

fn no_rate() -> HubConfig {
    HubConfig {
        command_rate: Rate::OFF,
        ..HubConfig::default()
    }
}

/// The code of an error in the text dialect.
fn text_code(text: &str) -> String {
    code(&serde_json::from_str::<Value>(text).unwrap()).to_owned()
}

// The text dialect.

/// Defects 5 and 8.
#[tokio::test]
async fn each_change_is_exactly_one_frame_to_every_member() {
    let node = Node::start(no_rate()).await;
    node.make("r").await;
    let mut one = node.text("r").await;
    let mut two = node.text("r").await;
    // Joins, leaves and names send nothing to those who speak text.
    let mut json = node.json("r").await;
    json.ask(json!({"id": 1, "rename": {"name": "Kim"}})).await;
    drop(json);
    let commands = [
        &b"add:pizza"[..],
        "add:김치찌개".as_bytes(),
        b"pair:x",
        b"remove:pizza",
    ];
    one.send_bytes(&commands.map(|command| frame(TEXT, command)).concat())
        .await
        .unwrap();
    for member in [&mut one, &mut two] {
        for state in [
            json!(["pizza"]),
            json!(["pizza", "김치찌개"]),
            json!(["pizza", "김치찌개", "x", "x"]),
            json!(["김치찌개", "x", "x"]),
        ] {
            assert_eq!(member.next_json().await.unwrap(), state);
        }
    }
    two.send_text("remove:x").await.unwrap();
    for member in [&mut one, &mut two] {
        assert_eq!(member.next_json().await.unwrap(), json!(["김치찌개", "x"]));
    }
}

/// Whoever speaks in the same turn of the event loop shares a commit and a write, in
/// a room where that happens. A worker of this runtime runs the task that was woken
/// last before all others, so a room that did not wait would be woken by the first.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn commands_of_one_turn_are_one_commit() {
    const ROUNDS: u64 = 40;
    let on_the_worker = async {
        let node = Node::start(no_rate()).await;
        node.make("r").await;
        let mut members = [node.text("r").await, node.text("r").await];
        let commits = || node.hub.metrics().commits.counts().iter().sum::<u64>();
        let before = commits();
        for _ in 0..ROUNDS {
            // Nothing else runs until both are written.
            for member in &mut members {
                member.send_text("add:x").await.unwrap();
            }
            for member in &mut members {
                for _ in 0..2 {
                    member.next_json().await.unwrap();
                }
            }
        }
        commits() - before
    };
    let commits = tokio::spawn(on_the_worker).await.unwrap();
    // Until the room has noticed, and where the runtime wakes it early, some commit
    // alone.
    assert!(
        commits < ROUNDS * 5 / 4,
        "{commits} commits of {ROUNDS} pairs"
    );
}

/// Defect 19.
#[tokio::test]
async fn an_error_reaches_its_sender_alone_and_changes_nothing() {
    let node = Node::start(no_rate()).await;
    node.make("r").await;
    let mut one = node.text("r").await;
    let mut two = node.text("r").await;
    for (line, code) in [
        ("drop:x", "bad_command"),
        ("", "bad_command"),
        ("remove:x", "not_found"),
    ] {
        one.send_text(line).await.unwrap();
        assert_eq!(text_code(&one.next_text().await.unwrap()), code, "{line:?}");
    }
    // Hostile input 51.
    one.send_frame(BINARY, b"add:x").await.unwrap();
    assert_eq!(text_code(&one.next_text().await.unwrap()), "bad_command");
    one.send_text("add:x").await.unwrap();
    assert_eq!(one.next_text().await.unwrap(), r#"["x"]"#);
    assert_eq!(two.next_text().await.unwrap(), r#"["x"]"#);
}

#[tokio::test]
async fn twenty_misunderstood_in_a_row_close_and_nineteen_do_not() {
    let node = Node::start(no_rate()).await;
    node.make("r").await;
    let mut member = node.text("r").await;
    for round in 0..2 {
        for _ in 0..19 {
            member.send_text("nonsense").await.unwrap();
            assert_eq!(text_code(&member.next_text().await.unwrap()), "bad_command");
        }
        member.send_text(&format!("add:{round}")).await.unwrap();
        assert!(member.next_text().await.unwrap().starts_with('['));
    }
    for _ in 0..20 {
        member.send_text("nonsense").await.unwrap();
    }
    assert_eq!(
        member.closed().await.unwrap(),
        CloseReason::BadProtocol.code()
    );
}

// Rates.

/// Hostile input 62.
#[tokio::test]
async fn ten_thousand_commands_at_once_are_limited_and_then_closed() {
    let node = Node::start(HubConfig::default()).await;
    node.make("r").await;
    let mut member = node.text("r").await;
    member
        .send_bytes(&frame(TEXT, b"add:x").repeat(10_000))
        .await
        .unwrap();
    let (mut limited, mut shown) = (0, 0);
    let code = loop {
        match member.next().await.unwrap() {
            Said::Text(text) if text.starts_with('[') => shown += 1,
            Said::Text(text) => {
                assert_eq!(text_code(&text), "rate_limited");
                limited += 1;
            }
            Said::Close(code) => break code,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(code, Some(CloseReason::TooMany.code()));
    assert!(limited >= 100, "it was told first: {limited}");
    // What it said before the close may be decided after it.
    node.until_quiet().await;
    let applied = node.items("r").await.len();
    assert!(
        (20..200).contains(&applied),
        "{applied} were within the rate, or waited"
    );
    assert!(shown <= applied);
}

/// The mailbox holds 256 commands; what is beyond waits in its sender's socket.
#[tokio::test]
async fn a_burst_beyond_the_mailbox_is_neither_lost_nor_reordered() {
    const COMMANDS: usize = 2000;
    let mut config = no_rate();
    // Each answer is the whole menu, and the test reads only at the end.
    config.connection.outbox.bytes = usize::MAX;
    let node = Node::start(config).await;
    node.make("r").await;
    let mut member = node.json("r").await;
    let commands: Vec<u8> = (1..=COMMANDS)
        .flat_map(|id| {
            frame(
                TEXT,
                json!({"id": id, "add": {"item": id.to_string()}})
                    .to_string()
                    .as_bytes(),
            )
        })
        .collect();
    member.client.send_bytes(&commands).await.unwrap();
    let (mut acks, mut events) = (0, 0);
    while acks < COMMANDS || events < COMMANDS {
        let message = member.next().await;
        if let Some(id) = message["ack"]["id"].as_u64() {
            acks += 1;
            assert_eq!(id, acks as u64);
        } else {
            events += 1;
            assert_eq!(
                message["event"]["change"]["added"]["item"],
                events.to_string()
            );
        }
    }
    let all: Vec<String> = (1..=COMMANDS).map(|id| id.to_string()).collect();
    assert_eq!(node.items("r").await, all);
}

// Seats.

#[tokio::test]
async fn what_is_no_room_is_not_found_and_leaves_no_trace() {
    let node = Node::start(no_rate()).await;
    for room in [
        "unknown",
        "*",
        "%7B%7D",
        "a%20b",
        "a%0D%0Ab",
        "..%2f",
        &"x".repeat(65),
    ] {
        assert_eq!(node.refusal(room).await, 404, "{room}");
        let mut json = node.say_first(room, r#"{"join":{}}"#).await;
        assert_eq!(
            json.closed().await.unwrap(),
            CloseReason::NoSuchRoom.code(),
            "{room}"
        );
    }
    node.until_quiet().await;
}

/// Defects 3, 5 and 6.
#[tokio::test]
async fn members_come_and_go_and_the_room_stays() {
    let node = Node::start(no_rate()).await;
    node.make("r").await;
    let mut first = node.text("r").await;
    first.send_text("add:x").await.unwrap();
    first.next_text().await.unwrap();
    drop(first);
    for _ in 0..11 {
        drop(node.text("r").await);
        let mut json = node.json("r").await;
        json.client.send_close(1000).await.unwrap();
        json.client.ended().await.unwrap();
    }
    node.until_seats("r", 0).await;
    assert_eq!(node.items("r").await, ["x"]);
    node.until_quiet().await;
}

#[tokio::test]
async fn leaving_with_1000_frees_the_seat_at_once_and_dropping_keeps_it_for_the_grace() {
    let config = HubConfig {
        seats: 2,
        seat_grace: SOON,
        ..no_rate()
    };
    let node = Node::start(config).await;
    node.make("r").await;
    let mut witness = node.json("r").await;
    let mut leaver = node.json("r").await;
    let member = leaver.hello["you"].clone();
    assert_eq!(witness.event().await["joined"]["member"], member);
    assert_eq!(node.refusal("r").await, 403);
    leaver.client.send_close(1000).await.unwrap();
    assert_eq!(witness.event().await["left"]["member"], member);

    let dropper = node.json("r").await;
    let member = dropper.hello["you"].clone();
    assert_eq!(witness.event().await["joined"]["member"], member);
    dropper.client.reset().unwrap();
    assert_eq!(witness.event().await["away"]["member"], member);
    assert_eq!(witness.event().await["left"]["member"], member);
    drop(node.text("r").await);
}

#[tokio::test]
async fn of_two_who_are_away_each_loses_the_seat_in_time() {
    let config = HubConfig {
        seat_grace: SOON,
        // Nothing else makes the room look.
        node_lease: Duration::from_secs(3600),
        ..no_rate()
    };
    let node = Node::start(config).await;
    node.make("r").await;
    let mut witness = node.json("r").await;
    let (first, second) = (node.json("r").await, node.json("r").await);
    let members = [first.hello["you"].clone(), second.hello["you"].clone()];
    for member in &members {
        assert_eq!(&witness.event().await["joined"]["member"], member);
    }
    first.client.reset().unwrap();
    assert_eq!(witness.event().await["away"]["member"], members[0]);
    // sleep: their times have to end one after the other
    tokio::time::sleep(SOON / 2).await;
    second.client.reset().unwrap();
    // On a slow machine the time of the first ends before the second is seen to be away.
    let mut told = Vec::new();
    for _ in 0..3 {
        told.push(witness.event().await);
    }
    let place = |kind: &str, member| {
        told.iter()
            .position(|event| &event[kind]["member"] == member)
    };
    let [first, second] = &members;
    assert!(place("left", first) < place("left", second), "{told:?}");
    assert!(place("away", second) < place("left", second), "{told:?}");
    assert!(place("away", second).is_some() && place("left", first).is_some());
}

#[tokio::test]
async fn a_seat_of_somebody_away_is_not_given_to_another() {
    let node = Node::start(HubConfig {
        seats: 1,
        ..no_rate()
    })
    .await;
    node.make("r").await;
    let member = node.json("r").await;
    let seat = member.hello.clone();
    member.client.reset().unwrap();
    assert_eq!(node.refusal("r").await, 403);
    let back = node.resume("r", &seat, seat["seq"].as_u64().unwrap()).await;
    assert_eq!(back.hello["you"], seat["you"]);
    assert_eq!(back.hello["resumed"], true);
}

// Expiry.

/// Defects 15, 16 and 18.
#[tokio::test]
async fn idle_members_are_closed_when_the_room_expires_and_changes_extend_it() {
    // Nobody asks the store: the node does by itself, so often as this has passed.
    let ttl = Duration::from_millis(700);
    let config = HubConfig {
        room_ttl: ttl,
        ..no_rate()
    };
    let hands = Hands::new();
    let node = Node::on(Arc::new(hands.store()), config).await;
    node.make("r").await;
    let mut text = node.text("r").await;
    let mut json = node.json("r").await;
    for id in 1..=5 {
        hands.pass(ttl * 2 / 3);
        json.send(json!({"id": id, "add": {"item": "x"}})).await;
        let extended = json.event().await["expires_at"].as_u64().unwrap();
        assert_eq!(extended, hands.now() + 700, "each change extends it");
    }
    hands.pass(ttl);
    assert_eq!(text.closed().await.unwrap(), CloseReason::Expired.code());
    assert_eq!(
        json.client.closed().await.unwrap(),
        CloseReason::Expired.code()
    );
    assert_eq!(node.refusal("r").await, 404);
    node.until_quiet().await;
}

/// Defects 15 and 16.
#[tokio::test]
async fn a_join_just_before_the_expiry_gets_the_full_time_and_one_at_it_is_refused() {
    let hands = Hands::new();
    let config = no_rate();
    let ttl = config.room_ttl;
    let node = Node::on(Arc::new(hands.store()), config).await;
    node.make("r").await;
    hands.pass(ttl - Duration::from_millis(1));
    let member = node.json("r").await;
    let expires_at = hands.now() + ttl.as_millis() as u64;
    assert_eq!(member.hello["expires_at"], expires_at);
    drop(node.text("r").await);
    hands.pass(ttl);
    assert_eq!(node.refusal("r").await, 404);
    assert_eq!(node.refusal("unknown").await, 404);
}

/// Defect 4.
#[tokio::test]
async fn a_command_in_an_expired_room_is_refused_and_brings_nothing_back() {
    let hands = Hands::new();
    let node = Node::on(Arc::new(hands.store()), no_rate()).await;
    node.make("r").await;
    let mut text = node.text("r").await;
    let mut json = node.json("r").await;
    // The store's clock alone decides; this node's does not know yet (defect 17).
    hands.pass(Duration::from_secs(600));
    let answer = json.ask(json!({"id": 1, "add": {"item": "x"}})).await;
    assert_eq!(code(&answer), "gone");
    assert_eq!(
        json.client.closed().await.unwrap(),
        CloseReason::Expired.code()
    );
    assert_eq!(text.closed().await.unwrap(), CloseReason::Expired.code());
    assert_eq!(node.refusal("r").await, 404);
    node.until_quiet().await;
}

// Draining.

#[tokio::test]
async fn a_drained_node_closes_with_1012_and_takes_nobody_in() {
    let node = Node::start(no_rate()).await;
    for room in ["a", "b"] {
        node.make(room).await;
    }
    let mut members = vec![
        node.text("a").await,
        node.json("a").await.client,
        node.text("b").await,
    ];
    let hub = node.hub.clone();
    let drain = tokio::spawn(async move { hub.drain(Duration::from_secs(20)).await });
    for member in &mut members {
        assert_eq!(
            member.closed().await.unwrap(),
            CloseReason::Restarting.code()
        );
        member.ended().await.unwrap();
    }
    drain.await.unwrap();
    // Both dialects alike: behind a status a proxy asks the next node.
    assert_eq!(node.refusal("a").await, 503);
    let late = Client::connect_json(node.address, "/ws/a").await;
    assert!(
        matches!(late, Err(ClientError::Refused { status: 503, .. })),
        "{late:?}"
    );
    node.until_quiet().await;
}

// Faults in the application.

#[tokio::test]
async fn a_room_whose_logic_panicked_is_opened_again_with_what_was_stored() {
    let node = Node::start(HubConfig {
        seat_grace: SOON,
        ..no_rate()
    })
    .await;
    node.make("r").await;
    let mut member = node.json("r").await;
    member.ask(json!({"id": 1, "add": {"item": "kept"}})).await;
    member.send(json!({"id": 2, "panic": {}})).await;
    assert_eq!(
        member.client.closed().await.unwrap(),
        CloseReason::Unavailable.code()
    );
    let mut again = node.json("r").await;
    assert_eq!(again.hello["state"], json!(["kept"]));
    let answer = again.ask(json!({"id": 1, "add": {"item": "more"}})).await;
    assert!(answer["ack"].is_object(), "{answer}");
    // The old seat, which nobody could give up, is found and given up.
    node.until_seats("r", 1).await;
    drop((member, again));
    node.until_quiet().await;
}
