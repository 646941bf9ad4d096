//! Rooms without WebSocket: streams of events and POSTs, on one node and on two.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use support::rooms::{Node, code};
use support::{Hands, NEVER};
use tablecast::config::{ConnectionConfig, OutboxLimits};
use tablecast::core::id::unique;
use tablecast::core::limits::Rate;
use tablecast::journal::What;
use tablecast::{HubConfig, MemoryBackend};
use tablecast_testing::events::{Events, Heard, post, request};
use tablecast_testing::faulty::{Call, Fault};
use tablecast_testing::{DEADLINE, FaultyBackend, until};

const PATH: &str = "/sse/r";

fn add(id: u64, item: &str) -> Value {
    json!({ "id": id, "add": { "item": item } })
}

async fn listen(node: &Node, first: Value) -> Events {
    Events::open(node.address, PATH, &first).await
}

/// Two nodes on one store, with the room `r`.
async fn two(config: HubConfig) -> [Node; 2] {
    let store = MemoryBackend::new();
    let one = Node::on(Arc::new(store.another_node()), config.clone()).await;
    let other = Node::on(Arc::new(store.another_node()), config).await;
    one.make("r").await;
    [one, other]
}

/// On one thread, so that both nodes would draw them from the same generator.
#[tokio::test]
async fn nodes_that_draw_the_same_random_numbers_seat_two_members() {
    let [one, other] = two(HubConfig::default()).await;
    fastrand::seed(7);
    let mina = listen(&one, json!({"join": {}})).await;
    fastrand::seed(7);
    let juno = listen(&other, json!({"join": {}})).await;
    assert_ne!(mina.hello["you"], juno.hello["you"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_heard_and_answered_is_what_a_websocket_hears_and_is_answered() {
    let [one, other] = two(HubConfig::default()).await;
    let mut mina = listen(&one, json!({"join": {"name": "Mina"}})).await;
    assert_eq!(mina.hello["name"], "Mina");
    let mut juno = other.json("r").await;
    assert_eq!(mina.frame().await["event"]["joined"]["member"], 2);

    let commands = [
        add(1, "pizza"),
        json!({"id": 2, "touch": null}),
        json!({"id": 3}),
    ];
    let answers = mina.say(other.address, PATH, &commands).await;
    assert_eq!(answers[0], json!({"ack": {"id": 1, "seq": 3}}));
    assert_eq!(answers[1], json!({"ack": {"id": 2, "seq": 3}}));
    assert_eq!(
        (code(&answers[2]), &answers[2]["error"]["id"]),
        ("bad_command", &json!(3))
    );
    assert_eq!(answers.len(), commands.len());

    // The same events by both.
    let heard = mina.frame().await;
    assert_eq!(heard, juno.next().await);
    assert_eq!(heard["event"]["by"], 1);
    juno.ask(add(1, "김치")).await;
    assert_eq!(
        mina.frame().await["event"]["change"]["added"]["item"],
        "김치"
    );
    assert_eq!(one.hub.metrics().streams.get(), 1);

    // As by WebSocket: the same command again has the same answer, another with its number none.
    let again = [add(1, "pizza"), add(1, "soup")];
    let answers = mina.say(one.address, PATH, &again).await;
    assert_eq!(answers[0], json!({"ack": {"id": 1, "seq": 3}}));
    assert_eq!(code(&answers[1]), "conflict");
    assert_eq!(other.items("r").await, ["pizza", "김치"]);
}

/// Each would ask the store again and again meanwhile.
#[tokio::test]
async fn rooms_that_were_never_found_do_not_stay_open_for_those_who_post() {
    let backend = FaultyBackend::new(Arc::new(MemoryBackend::new()));
    let faults = backend.faults();
    let config = HubConfig {
        command_deadline: Duration::from_millis(200),
        ..HubConfig::default()
    };
    let node = Node::on(Arc::new(backend), config).await;
    faults.every(Call::Load, Fault::Unavailable);
    let said = json!({"seat": "0".repeat(32)});
    let refused = post(node.address, "/sse/nowhere", &said).await;
    assert_eq!(refused.status, 503);
    node.until_quiet().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_a_status() {
    let config = HubConfig {
        seats: 1,
        ..HubConfig::default()
    };
    let node = Node::start(config).await;
    node.make("r").await;
    let try_open = async |path: &str, first: Value| {
        let opened = Events::try_open(node.address, path, &first).await;
        opened.map_or_else(|refused| refused.status, |_| 200)
    };
    let nobody = json!({"resume": {"seat": "0".repeat(32)}});
    assert_eq!(try_open(PATH, nobody.clone()).await, 403);
    assert_eq!(try_open("/sse/nowhere", json!({"join": {}})).await, 404);
    assert_eq!(try_open(PATH, json!({"join": {"colour": 99}})).await, 400);
    assert_eq!(
        try_open(PATH, json!({"id": 1, "add": {"item": "x"}})).await,
        400
    );
    let mina = listen(&node, json!({"join": {}})).await;
    assert_eq!(try_open(PATH, json!({"join": {}})).await, 403, "it is full");

    let get = async |method: &str, fields: &str| {
        request(node.address, method, PATH, fields, "").await.status
    };
    assert_eq!(get("GET", "Accept: text/html,*/*\r\n").await, 406);
    assert_eq!(get("HEAD", "Accept: text/event-stream\r\n").await, 405);
    let twice = "Accept: text/event-stream\r\nTablecast-Join: {}\r\nTablecast-Join: {}\r\n";
    assert_eq!(get("GET", twice).await, 400);

    let say = async |said: Value| post(node.address, PATH, &said).await.status;
    assert_eq!(
        say(json!({"seat": mina.secret()})).await,
        200,
        "a sign of life"
    );
    assert_eq!(say(json!({"seat": "0".repeat(32)})).await, 403);
    assert_eq!(say(json!({"seat": "7"})).await, 400);
    assert_eq!(say(json!({})).await, 400);
    assert_eq!(say(json!([mina.secret()])).await, 400);
    let many: Vec<Value> = (1..=65).map(|id| add(id, "x")).collect();
    assert_eq!(
        say(json!({"seat": mina.secret(), "commands": many})).await,
        413
    );
    let large = [add(1, &"x".repeat(20_000))];
    assert_eq!(
        say(json!({"seat": mina.secret(), "commands": large})).await,
        413
    );
    let nowhere = post(
        node.address,
        "/sse/nowhere",
        &json!({"seat": mina.secret()}),
    )
    .await;
    assert_eq!(nowhere.status, 404);
    assert!(node.items("r").await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seat_goes_from_one_transport_to_the_other_and_back() {
    let [one, other] = two(HubConfig::default()).await;
    let mut stream = listen(&one, json!({"join": {}})).await;
    stream.say(other.address, PATH, &[add(1, "a")]).await;
    let socket = other
        .resume("r", &stream.hello, stream.hello["seq"].as_u64().unwrap())
        .await;
    assert_eq!(socket.hello["resumed"], true);
    assert_eq!(stream.close_code().await, 4409);
    for node in [&one, &other] {
        let said = json!({"seat": stream.secret(), "commands": [add(2, "late")]});
        let refused = post(node.address, PATH, &said).await;
        assert_eq!(refused.status, 409, "the WebSocket has it");
    }

    let resume = json!({"resume": {"seat": stream.secret()}});
    let mut again = listen(&one, resume).await;
    assert_eq!(again.hello["state"], json!(["a"]));
    assert_eq!(
        again.say(other.address, PATH, &[add(2, "b")]).await[0]["ack"]["id"],
        2
    );
    assert_eq!(again.frame().await["event"]["change"]["added"]["item"], "b");

    // Between two streams.
    let secret = again.secret().clone();
    drop(again);
    let away = async || one.hub.view("r").await.unwrap().members[0].away;
    until("the seat is away", away, |away| *away).await;
    let said = json!({"seat": secret, "commands": [add(3, "c")]});
    let answered = post(other.address, PATH, &said).await;
    assert_eq!(answered.body["answers"][0]["ack"]["id"], 3);
    assert_eq!(other.items("r").await, ["a", "b", "c"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_leaves_is_gone_after_what_they_said() {
    let [one, other] = two(HubConfig::default()).await;
    for (node, closes) in [(&one, 1000), (&other, 4401)] {
        let mut stream = listen(&one, json!({"join": {}})).await;
        let said = json!({"seat": stream.secret(), "commands": [add(1, "x")], "leave": true});
        let left = post(node.address, PATH, &said).await;
        assert_eq!(left.body["answers"][0]["ack"]["id"], 1, "{left:?}");
        assert_eq!(stream.close_code().await, closes);
        assert!(one.hub.view("r").await.unwrap().members.is_empty());
        assert_eq!(post(node.address, PATH, &said).await.status, 403);
        let noted = async || one.hub.journal().visits().remove(0).what;
        let is_over = |what: &What| matches!(what, What::Closed { .. });
        let over = until("the stream's end is noted", noted, is_over).await;
        assert!(
            matches!(over, What::Closed { code, .. } if u64::from(code) == closes),
            "{over:?}"
        );
    }
    assert_eq!(one.items("r").await, ["x", "x"]);
}

/// Also where all that came with it is answered: they would not say it again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_cannot_leave_yet_is_told_so() {
    let backend = FaultyBackend::new(Arc::new(MemoryBackend::new()));
    let faults = backend.faults();
    let config = HubConfig {
        command_deadline: Duration::from_millis(200),
        ..HubConfig::default()
    };
    let node = Node::on(Arc::new(backend), config).await;
    node.make("r").await;
    let stream = listen(&node, json!({"join": {}})).await;
    let leave = json!({"seat": stream.secret(), "commands": [{"id": 1}], "leave": true});
    faults.down("as the test asked");
    assert_eq!(post(node.address, PATH, &leave).await.status, 503);
    faults.up();
    let left = async || post(node.address, PATH, &leave).await.status;
    until("the store is back", left, |status| *status == 200).await;
    node.until_seats("r", 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_was_asked_to_leave_is_told_so() {
    let [one, other] = two(HubConfig::default()).await;
    one.until_persons().await;
    other.until_persons().await;
    let first = json!({"join": {"person": "0123456789abcdef0123456789abcdef"}});
    let mut stream = listen(&one, first.clone()).await;
    let member = stream.hello["you"].as_u64().unwrap();
    other
        .hub
        .dismiss("r", tablecast::core::MemberId(member))
        .await
        .unwrap();
    assert_eq!(stream.close_code().await, 4411);
    let said = json!({"seat": stream.secret(), "commands": [add(1, "x")]});
    for node in [&one, &other] {
        assert_eq!(post(node.address, PATH, &said).await.status, 409);
        let refused = Events::try_open(node.address, PATH, &first)
            .await
            .unwrap_err();
        assert_eq!(refused.status, 403);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_watches_has_no_say_until_a_seat_is_free() {
    let config = HubConfig {
        seats: 1,
        ..HubConfig::default()
    };
    let [one, other] = two(config).await;
    let first = listen(&one, json!({"join": {}})).await;
    let mut second = listen(&one, json!({"join": {"watch": true}})).await;
    assert_eq!(second.hello["watching"], true);
    for node in [&one, &other] {
        let answers = second
            .say(node.address, PATH, &[add(1, "x"), json!({})])
            .await;
        assert_eq!(
            (code(&answers[0]), code(&answers[1])),
            ("watching", "bad_command")
        );
    }
    let leave = json!({"seat": first.secret(), "leave": true});
    assert_eq!(post(other.address, PATH, &leave).await.status, 200);
    loop {
        let mut frame = second.frame().await;
        if frame["hello"].is_object() {
            second.hello = frame["hello"].take();
            break;
        }
    }
    assert_eq!(second.hello["stream"], Value::Null);
    let answers = second.say(other.address, PATH, &[add(1, "x")]).await;
    assert_eq!(answers[0]["ack"]["id"], 1);
}

/// As by a WebSocket, whichever server hears it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_watches_and_leaves_is_gone_and_is_never_seated() {
    let config = HubConfig {
        seats: 1,
        ..HubConfig::default()
    };
    let [one, other] = two(config).await;
    let first = listen(&one, json!({"join": {}})).await;
    for watch in [json!("only"), json!(true)] {
        for node in [&one, &other] {
            let mut watching = listen(&one, json!({"join": {"watch": watch}})).await;
            // Who has just said something may leave all the same.
            watching.say(node.address, PATH, &[]).await;
            let said = json!({"seat": watching.secret(), "commands": [add(1, "x")], "leave": true});
            let left = post(node.address, PATH, &said).await;
            assert_eq!(code(&left.body["answers"][0]), "watching");
            assert_eq!(watching.close_code().await, 1000);
            assert_eq!(watching.next().await, Heard::End);
            let noted = async || one.hub.journal().visits().remove(0).what;
            let is_over = |what: &What| matches!(what, What::Closed { code: 1000, .. });
            until("the stream's end is noted", noted, is_over).await;
        }
    }
    // The secret of one who watched is still theirs when they have just got a seat.
    let mut next = listen(&one, json!({"join": {"watch": true}})).await;
    let leave = |secret: &Value| json!({"seat": secret, "leave": true});
    post(other.address, PATH, &leave(first.secret())).await;
    while next.frame().await["hello"].is_null() {}
    assert_eq!(one.hub.view("r").await.unwrap().members.len(), 1);
    post(other.address, PATH, &leave(next.secret())).await;
    assert_eq!(next.close_code().await, 1000);
    one.until_seats("r", 0).await;
    assert!(one.items("r").await.is_empty());
}

/// At Redis each signal is a message to all servers.
#[tokio::test]
async fn other_servers_are_told_of_whoever_watches_only_where_one_of_them_may_be_heard() {
    let config = HubConfig {
        node_lease: Duration::from_secs(1),
        ..HubConfig::default()
    };
    let store = Hands::new().store();
    let backend = FaultyBackend::new(Arc::new(store.another_node()));
    let faults = backend.faults();
    let one = Node::on(Arc::new(backend), config.clone()).await;
    one.make("r").await;
    let costs = async |secret: &Value| {
        let before = faults.calls(Call::Signal);
        let said = json!({ "seat": secret });
        assert_eq!(post(one.address, PATH, &said).await.status, 200);
        faults.calls(Call::Signal) - before
    };
    let watch = json!({"join": {"watch": "only"}});
    let here = listen(&one, watch.clone()).await;
    assert_eq!(costs(here.secret()).await, 0);

    // A secret that nobody has been told.
    let invented = || {
        let id = unique() >> 16;
        json!(format!("{}5ee5{id:012x}", hex(b"watching")))
    };
    let nobodys = async || costs(&invented()).await;
    until("it is known to be alone", nobodys, |costs| *costs == 0).await;
    assert_eq!(nobodys().await, 0);

    let other = Node::on(Arc::new(store.another_node()), config).await;
    let there = listen(&other, watch).await;
    until("the other one is known", nobodys, |costs| *costs == 1).await;
    assert_eq!(costs(there.secret()).await, 1);
    assert_eq!(costs(there.secret()).await, 0, "so soon it is not needed");
    assert_eq!(costs(here.secret()).await, 0);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_too_fast_holds_back_what_follows_it() {
    const BURST: usize = 20;
    let config = HubConfig {
        command_rate: Rate {
            per_second: 0.001,
            burst: BURST as u32,
        },
        ..HubConfig::default()
    };
    let node = Node::start(config).await;
    node.make("r").await;
    let stream = listen(&node, json!({"join": {}})).await;
    let commands: Vec<Value> = (1..=64).map(|id| add(id, "x")).collect();
    let answers = stream.say(node.address, PATH, &commands).await;
    let done = answers
        .iter()
        .take_while(|answer| answer["ack"].is_object())
        .count();
    assert_eq!(done, BURST);
    assert_eq!(code(&answers[done]), "rate_limited");
    for later in &answers[done + 1..] {
        assert_eq!(
            (code(later), &later["error"]["after"]),
            ("unavailable", &json!(done + 1))
        );
    }
    assert_eq!(node.items("r").await.len(), done);

    // Whoever does not listen to that is turned away.
    let flood = async || {
        let said = json!({"seat": stream.secret(), "commands": [add(65, "x")]});
        post(node.address, PATH, &said).await.status
    };
    until("it is too much", flood, |status| *status == 429).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_drains_tells_streams_to_come_back_elsewhere() {
    let [one, other] = two(HubConfig::default()).await;
    let mut stream = listen(&one, json!({"join": {}})).await;
    let hub = one.hub.clone();
    let drained = tokio::spawn(async move { hub.drain(DEADLINE).await });
    assert_eq!(stream.close_code().await, 1012);
    assert_eq!(stream.next().await, Heard::End);
    drained.await.unwrap();
    let said = json!({"seat": stream.secret(), "commands": [add(1, "x")]});
    assert_eq!(post(one.address, PATH, &said).await.status, 503);
    let refused = Events::try_open(one.address, PATH, &json!({"join": {}})).await;
    assert_eq!(refused.unwrap_err().status, 503);
    let resume = json!({"resume": {"seat": stream.secret()}});
    let again = listen(&other, resume).await;
    assert_eq!(
        again.say(other.address, PATH, &[add(1, "x")]).await[0]["ack"]["id"],
        1
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_post_to_any_node_is_a_sign_of_life_and_without_any_the_stream_ends() {
    let connection = ConnectionConfig {
        ping_interval: Duration::from_millis(500),
        pong_timeout: Duration::from_secs(6),
        ..ConnectionConfig::default()
    };
    let config = HubConfig {
        connection,
        ..HubConfig::default()
    };
    let [one, other] = two(config).await;
    let mut alive = listen(&one, json!({"join": {}})).await;
    let mut watching = listen(&one, json!({"join": {"watch": "only"}})).await;
    // Two silent ones after each other live longer than one that is not heard.
    for _ in 0..2 {
        let mut silent = listen(&one, json!({"join": {}})).await;
        let speak = async {
            loop {
                alive.say(other.address, PATH, &[]).await;
                watching.say(other.address, PATH, &[]).await;
                // sleep: as a client that has nothing to say
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::select! {
            code = silent.close_code() => assert_eq!(code, 4408),
            () = speak => {}
        }
    }
    let answers = alive.say(other.address, PATH, &[add(1, "x")]).await;
    assert!(answers[0]["ack"].is_object());
    for stream in [&mut alive, &mut watching] {
        let mut pings = 0;
        loop {
            match stream.next().await {
                Heard::Ping => pings += 1,
                Heard::Frame(frame) if frame["event"]["change"].is_object() => break,
                Heard::Frame(_) => {}
                ended => panic!("it has ended: {ended:?}"),
            }
        }
        assert!(pings > 0, "it is never silent for long");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_does_not_read_is_cut() {
    let config = HubConfig {
        connection: ConnectionConfig {
            message_bytes: 512 * 1024,
            outbox: OutboxLimits {
                bytes: 2 * 1024 * 1024,
                time: NEVER,
            },
            ..ConnectionConfig::default()
        },
        command_rate: tablecast::core::limits::Rate::OFF,
        ..HubConfig::default()
    };
    let node = Node::start(config).await;
    node.make("r").await;
    let _stream = listen(&node, json!({"join": {}})).await;
    let mut socket = node.json("r").await;
    let item = "x".repeat(400 * 1024);
    let mut id = 0;
    let closes = || {
        let closes = node.hub.metrics().closes.all();
        closes
            .iter()
            .find(|(code, _)| *code == 4413)
            .map_or(0, |(_, count)| *count)
    };
    while closes() == 0 {
        for one in [
            add(id + 1, &item),
            json!({"id": id + 2, "remove": {"item": item}}),
        ] {
            assert!(socket.ask(one).await["ack"].is_object());
        }
        id += 2;
        assert!(id < 1000, "what it does not read is kept somewhere");
    }
}
