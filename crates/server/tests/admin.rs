//! The operators' address: what it answers, what it hides, and that nobody else reaches it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use support::{Answer, Running, UPGRADE, config, say, start, start_managed};
use tablecast::MemoryBackend;
use tablecast::core::limits::Rate;
use tablecast_redis::RedisBackend;
use tablecast_server::config::Config;
use tablecast_testing::client::{Client, Connect};
use tablecast_testing::process::{Process, program};
use tablecast_testing::redis::RedisServer;
use tablecast_testing::until;

const REVEAL: &str = "Tablecast-Reveal: Mina asked why\r\n";

/// The operators of a server.
struct Operators(SocketAddr);

impl Operators {
    async fn ask(&self, line: &str, headers: &str, body: &str) -> Answer {
        let (at, length) = (self.0, body.len());
        let request = format!(
            "{line} HTTP/1.1\r\nHost: {at}\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        );
        support::Client::to(at).await.ask(request).await
    }

    /// What is found there, with these header lines.
    async fn see(&self, path: &str, headers: &str) -> Value {
        let answer = self.ask(&format!("GET {path}"), headers, "").await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    }

    async fn get(&self, path: &str) -> Value {
        self.see(path, "").await
    }

    async fn post(&self, path: &str, body: &str) -> Answer {
        let headers = "Content-Type: application/json\r\n";
        self.ask(&format!("POST {path}"), headers, body).await
    }

    /// The newest visit that is asked for by this query, once there is one.
    async fn visit(&self, query: &str) -> Value {
        let path = format!("/api/visits?{query}");
        let newest = async || self.see(&path, REVEAL).await["visits"][0].clone();
        until(&format!("there is a visit with {query}"), newest, |one| {
            one.is_object()
        })
        .await
    }
}

async fn managed(config: Config) -> (Running, Operators) {
    let (server, at) = start_managed(config, Arc::new(MemoryBackend::new())).await;
    (server, Operators(at))
}

/// Commands of one connection are not counted.
fn unhurried() -> Config {
    let mut config = config();
    config.hub.command_rate = Rate::OFF;
    config
}

async fn join(server: &Running, room: &str, name: &str) -> Client {
    enter(server, room, json!({ "join": { "name": name } }))
        .await
        .0
}

async fn enter(server: &Running, room: &str, first: Value) -> (Client, Value) {
    let path = format!("/ws/{room}/");
    let mut member = Client::connect_json(server.at, &path).await.unwrap();
    member.send_text(&first.to_string()).await.unwrap();
    let mut hello = member.next_json().await.unwrap();
    (member, hello["hello"].take())
}

async fn make(server: &Running, settings: &str) -> String {
    let headers = "Content-Type: application/json\r\n";
    let made = server.request("POST /session/", headers, settings).await;
    made.json()["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn why_mina_was_cut_is_one_request() {
    let mut config = unhurried();
    config.hub.connection.outbox.bytes = 32 * 1024;
    config.hub.seats = 2;
    let (server, operators) = managed(config).await;
    let room = server.room().await;
    let path = format!("/ws/{room}/");

    // She reads nothing.
    let connect = Connect::to(server.at, &path).protocol("tablecast.v1");
    let mut slow = connect.receive_buffer(4096).open().await.unwrap();
    let first = r#"{"join":{"name":"Mina"}}"#;
    slow.send_text(first).await.unwrap();
    operators.visit("name=Mina").await;
    let mut jun = join(&server, &room, "Jun").await;
    let titles = ["가".repeat(60), "나".repeat(60)];
    let closes = || server.hub.metrics().closes.all().into_iter();
    let cut = || closes().any(|(code, count)| code == 4413 && count > 0);
    for (id, title) in (1..).zip(titles.iter().cycle()) {
        say(&mut jun, json!({ "id": id, "title": { "title": title } })).await;
        if cut() {
            break;
        }
    }
    let visit = operators.visit("name=mina&code=4413").await;
    assert_eq!(visit["what"], "closed", "{visit}");
    assert_eq!(visit["reason"], "reading too slowly");
    assert_eq!(
        (&visit["room"], &visit["name"]),
        (&json!(room), &json!("Mina"))
    );
    assert_eq!(
        (&visit["member"], &visit["dialect"]),
        (&json!("1"), &json!("json"))
    );
    assert_eq!(
        (&visit["address"], &visit["transport"]),
        (&json!("127.0.0.1"), &json!("websocket"))
    );
    assert!(visit["lasted_ms"].is_u64() && visit["at"].as_u64().unwrap() > 1_000_000_000_000);
    let before = visit["at"].as_u64().unwrap() - 1;
    let earlier = format!("/api/visits?name=Mina&until={before}&code=4413");
    let none = operators.see(&earlier, REVEAL);
    assert_eq!(none.await["visits"], json!([]));

    // The seat of who was cut is kept, so this room is full.
    let mut late = Client::connect_json(server.at, &path).await.unwrap();
    late.send_text(r#"{"join":{"name":"Bora"}}"#).await.unwrap();
    assert_eq!(late.closed().await.unwrap(), 4403);
    let visit = operators.visit("code=room_full").await;
    assert_eq!(
        (&visit["what"], &visit["reason"]),
        (&json!("refused"), &json!("room full"))
    );
    assert_eq!(server.handshake(&path, "").await.status, 403);
    let text = operators.visit("code=room_full").await;
    assert_eq!(
        (&text["dialect"], &text["member"]),
        (&json!("text"), &Value::Null)
    );

    let mut again = Client::connect_json(server.at, &path).await.unwrap();
    again.send_text(r#"{"join":{"watch":true}}"#).await.unwrap();
    again.next_json().await.unwrap();
    let watching = operators.visit("room=").await;
    assert_eq!(watching["what"], "watching");
    again.send_close(1001).await.unwrap();
    let left = operators.visit("code=1001").await;
    assert_eq!(left["reason"], "the client closed it");

    let origin = format!("{UPGRADE}Origin: https://evil.example\r\n");
    server.request(&format!("GET {path}"), &origin, "").await;
    let foreign = operators.visit("code=foreign_origin").await;
    assert_eq!(
        (&foreign["what"], &foreign["room"]),
        (&json!("refused"), &json!(room))
    );

    let dismiss = format!("/api/rooms/{room}/dismiss");
    let answer = operators.post(&dismiss, r#"{"member":"2"}"#);
    assert_eq!(answer.await.status, 200);
    assert_eq!(jun.closed().await.unwrap(), 4411);
    let kicked = operators.visit("member=2&code=4411").await;
    assert_eq!(
        (&kicked["name"], &kicked["reason"]),
        (&json!("Jun"), &json!("asked to leave"))
    );
}

#[tokio::test]
async fn refusals_before_the_hub_and_connections_that_break_off_are_remembered_too() {
    let mut config = config();
    config.join_rate = Rate {
        per_second: 0.001,
        burst: 1,
    };
    let (server, operators) = managed(config).await;
    let room = server.room().await;
    let (mina, hello) = enter(&server, &room, json!({ "join": { "name": "Mina" } })).await;
    assert_eq!(
        server.handshake(&format!("/ws/{room}/"), "").await.status,
        429
    );
    let limited = operators.visit("code=rate_limited").await;
    assert_eq!(limited["what"], "refused");
    assert!(
        limited["reason"].as_str().unwrap().contains("too many"),
        "{limited}"
    );
    mina.reset().unwrap();
    let broken = operators.visit("code=1006").await;
    assert_eq!(broken["reason"], "the connection broke off");
    assert_eq!(broken["member"], hello["you"].to_string());
    // What somebody takes for an id is cut.
    let long = "x".repeat(5000);
    server
        .handshake(&format!("/ws/{long}/"), "Origin: https://evil.example\r\n")
        .await;
    let visit = operators.visit("code=foreign_origin").await;
    assert_eq!(visit["room"].as_str().unwrap().len(), 64);
}

/// A member who comes back, and has another name then.
#[tokio::test]
async fn a_visit_is_found_by_the_name_that_somebody_had_in_the_end() {
    let (server, operators) = managed(config()).await;
    let room = server.room().await;
    let (mut mina, hello) = enter(&server, &room, json!({ "join": {} })).await;
    say(
        &mut mina,
        json!({ "id": 1, "rename": { "name": "Mina", "colour": 1 } }),
    )
    .await;
    let resume = json!({ "resume": { "seat": hello["seat"] } });
    let (_again, _) = enter(&server, &room, resume).await;
    let taken = operators.visit("name=mina&code=4409").await;
    assert_eq!(
        (&taken["what"], &taken["member"]),
        (&json!("closed"), &json!("1"))
    );
    let all = operators.see("/api/visits?name=MINA", REVEAL).await;
    let what: Vec<&str> = all["visits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["what"].as_str().unwrap())
        .collect();
    assert!(
        what.contains(&"resumed") && !what.contains(&"joined"),
        "{all}"
    );
    let first = operators
        .get(&format!("/api/visits?room={room}&limit=1000"))
        .await;
    assert_eq!(
        first["visits"].as_array().unwrap().last().unwrap()["what"],
        "joined"
    );
    assert!(first["oldest_at"].is_u64());
}

/// All that an operator can ask of a room.
async fn everything(operators: &Operators, room: &str, headers: &str) -> (String, Vec<Value>) {
    let one = format!("/api/rooms/{room}");
    let history = operators.see(&format!("{one}/history"), headers).await;
    let newest = history["events"].as_array().unwrap().last().unwrap()["seq"]
        .as_u64()
        .unwrap();
    let mut all = vec![
        operators.see("/api/node", headers).await,
        operators.see("/api/rooms", headers).await,
        operators.see(&one, headers).await,
        history,
        operators
            .see(&format!("/api/visits?room={room}"), headers)
            .await,
    ];
    let mut steps = Vec::new();
    for seq in 0..=newest {
        steps.push(
            operators
                .see(&format!("{one}/history?at={seq}"), headers)
                .await,
        );
    }
    all.extend(steps.iter().cloned());
    (Value::from(all).to_string(), steps)
}

#[tokio::test]
async fn words_are_shown_for_a_reason_and_hidden_votes_never() {
    let (server, operators) = managed(config()).await;
    let room = make(&server, r#"{"title":"Zunftessen","hidden_votes":true}"#).await;
    let mut mina = join(&server, &room, "Mina").await;
    let mut jun = join(&server, &room, "Jun").await;
    for command in [
        json!({ "id": 1, "add": { "item": "bibimbap" } }),
        json!({ "id": 2, "add": { "item": "naengmyeon" } }),
        json!({ "id": 3, "vote": { "number": 2, "on": true } }),
        json!({ "id": 4, "rename": { "name": "Mina Kim", "colour": 3 } }),
        json!({ "id": 5, "remove": { "number": 1 } }),
    ] {
        say(&mut mina, command).await;
    }
    say(
        &mut jun,
        json!({ "id": 1, "vote": { "number": 2, "on": true } }),
    )
    .await;
    const WORDS: [&str; 6] = ["Zunftessen", "Mina", "Jun", "Kim", "bibimbap", "naengmyeon"];
    let (hidden, _) = everything(&operators, &room, "").await;
    for word in WORDS {
        assert!(!hidden.contains(word), "{word} is in {hidden}");
    }
    assert!(hidden.contains("(hidden)"));
    let (shown, steps) = everything(&operators, &room, REVEAL).await;
    for word in WORDS {
        assert!(shown.contains(word), "{word} is not in {shown}");
    }
    for answers in [&hidden, &shown] {
        // An event of a vote says this, unless it is hidden; and so does nothing else here.
        assert!(!answers.contains("\"on\""), "{answers}");
        assert!(answers.contains(r#"{"voted":{"any":true,"hidden":true}}"#));
        assert!(!answers.contains("token") && !answers.contains("person_id"));
    }
    for step in steps {
        let items = step["state"]["items"].as_array().unwrap();
        assert!(
            items.iter().all(|item| item["votes"] == json!([])),
            "{step}"
        );
    }
    // A decision shows all votes, but what was said before stays hidden.
    say(&mut mina, json!({ "id": 6, "decide": { "how": "votes" } })).await;
    let (decided, steps) = everything(&operators, &room, REVEAL).await;
    assert!(!decided.contains("\"on\""), "{decided}");
    let last = steps.last().unwrap();
    assert_eq!(last["state"]["items"][0]["votes"], json!([1, 2]), "{last}");
    let (hidden, _) = everything(&operators, &room, "").await;
    assert!(WORDS.iter().all(|word| !hidden.contains(word)), "{hidden}");
}

#[tokio::test]
async fn a_room_is_shown_with_its_connections_and_each_step_of_its_history() {
    let mut config = unhurried();
    config.hub.connection.ping_interval = Duration::from_millis(300);
    config.hub.connection.pong_timeout = Duration::from_secs(3600);
    let (server, operators) = managed(config).await;
    // One that is not open here is read, and not opened.
    let room = make(&server, r#"{"title":"Monday"}"#).await;
    let one = format!("/api/rooms/{room}");
    let closed = operators.get(&one).await;
    assert_eq!(
        (&closed["opened_at"], &closed["connections_here"]),
        (&Value::Null, &json!([]))
    );
    assert_eq!(closed["position"]["seq"], 0);
    assert_eq!(operators.get("/api/node").await["rooms"], 0);
    assert_eq!(operators.get("/api/rooms").await["rooms"], json!([]));

    let mut mina = join(&server, &room, "Mina").await;
    let text = Client::connect(server.at, &format!("/ws/{room}/"))
        .await
        .unwrap();
    say(&mut mina, json!({ "id": 1, "add": { "item": "soup" } })).await;
    let reading = tokio::spawn(async move { while mina.next_text().await.is_ok() {} });
    let seen = async || operators.see(&one, REVEAL).await;
    let measured = |seen: &Value| {
        seen["connections_here"]
            .as_array()
            .unwrap()
            .iter()
            .any(|one| one["round_trip_ms"].is_f64())
    };
    let seen = until("a ping was answered", seen, measured).await;
    assert_eq!(seen["members"], 2);
    let seats = seen["seats"].as_array().unwrap();
    assert_eq!(
        (&seats[0]["name"], &seats[0]["member"]),
        (&json!("Mina"), &json!("1"))
    );
    assert_eq!(
        (&seats[0]["here"], &seats[0]["person"]),
        (&json!(true), &json!(false))
    );
    let node = operators.get("/api/node").await;
    assert_eq!(seats[0]["node"], node["node"]);
    let connections = seen["connections_here"].as_array().unwrap();
    let of = |member: &str| {
        connections
            .iter()
            .find(|one| one["member"] == member)
            .unwrap()
    };
    assert_eq!(
        (&of("1")["dialect"], &of("2")["dialect"]),
        (&json!("json"), &json!("text"))
    );
    assert_eq!(
        of("1")["outbox"],
        json!({ "frames": 0, "bytes": 0, "oldest_ms": null })
    );
    assert_eq!(of("1")["address"], "127.0.0.1");
    assert!(of("1")["since"].as_u64() >= node["started_at"].as_u64());
    assert_eq!(seen["state"]["items"][0]["item"], "soup");

    let history = operators.see(&format!("{one}/history"), REVEAL).await;
    assert_eq!(
        (&history["from"]["seq"], &history["from"]["state"]["title"]),
        (&json!(0), &json!("Monday"))
    );
    let events = history["events"].as_array().unwrap();
    assert_eq!(events[0]["event"]["joined"]["name"], "Mina");
    assert_eq!(
        (&events[2]["event"]["added"]["item"], &events[2]["by"]),
        (&json!("soup"), &json!(1))
    );
    for (seq, items) in [(0, 0), (2, 0), (3, 1)] {
        let step = operators
            .see(&format!("{one}/history?at={seq}"), REVEAL)
            .await;
        assert_eq!(
            step["state"]["items"].as_array().unwrap().len(),
            items,
            "{step}"
        );
        assert_eq!(step["position"]["seq"], seq);
        assert_eq!(step["event"].is_null(), seq == 0);
    }
    let found = operators
        .get(&format!("/api/rooms?search={}", &room[9..14]))
        .await;
    assert_eq!(
        (&found["rooms"][0]["id"], &found["open"]),
        (&json!(room), &json!(1))
    );
    assert_eq!(
        operators.get("/api/rooms?search=nowhere").await["rooms"],
        json!([])
    );

    let closed = operators.post(&format!("{one}/close"), "{}").await;
    assert_eq!(closed.status, 200, "{closed:?}");
    let visit = operators.visit("code=4412&member=2").await;
    assert_eq!(visit["reason"], "room closed");
    drop(text);
    reading.await.unwrap();
}

/// The store keeps one state in so many events: what is older has none, and says so.
#[tokio::test]
async fn a_step_before_the_oldest_state_has_no_state() {
    let (server, operators) = managed(unhurried()).await;
    let room = server.room().await;
    let mut mina = join(&server, &room, "Mina").await;
    for id in 1..=300 {
        say(
            &mut mina,
            json!({ "id": id, "title": { "title": format!("{id}") } }),
        )
        .await;
    }
    let history = operators.get(&format!("/api/rooms/{room}/history")).await;
    let events = history["events"].as_array().unwrap();
    assert_eq!(events.len(), 256);
    let (first, from) = (
        events[0]["seq"].as_u64().unwrap(),
        history["from"]["seq"].as_u64().unwrap(),
    );
    assert!(first < from && from < 301, "{first} {from}");
    let at = async |seq: u64| {
        operators
            .see(&format!("/api/rooms/{room}/history?at={seq}"), REVEAL)
            .await
    };
    assert_eq!(at(first).await["state"], Value::Null);
    assert!(at(first).await["event"].is_object());
    for seq in [from, 301] {
        assert_eq!(at(seq).await["state"]["title"], (seq - 1).to_string());
    }
    for unknown in [first - 1, 302] {
        let path = format!("GET /api/rooms/{room}/history?at={unknown}");
        let answer = operators.ask(&path, "", "").await;
        assert_eq!((answer.status, &*answer.code()), (404, "not_found"));
        assert!(
            answer.body.contains(&format!("from {first} to 301")),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn rooms_are_listed_in_pages() {
    let (server, operators) = managed(config()).await;
    let mut members = Vec::new();
    let mut ids = Vec::new();
    for _ in 0..5 {
        let room = server.room().await;
        members.push(join(&server, &room, "Mina").await);
        ids.push(room);
    }
    ids.sort_unstable();
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let page = operators
            .get(&format!("/api/rooms?limit=2&after={after}"))
            .await;
        assert_eq!(page["open"], 5);
        let rooms = page["rooms"].as_array().unwrap();
        assert!(
            rooms
                .iter()
                .all(|room| room["connections"] == 1 && room["members"] == 1)
        );
        found.extend(
            rooms
                .iter()
                .map(|room| room["id"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut after),
            None => break,
        }
    }
    assert_eq!(found, ids);
}

/// Every address of the operators.
const PATHS: [&str; 8] = [
    "/metrics",
    "/api/node",
    "/api/rooms",
    "/api/rooms/r",
    "/api/rooms/r/history",
    "/api/visits",
    "/api/drain",
    "/api/rooms/r/close",
];

#[tokio::test]
async fn nothing_of_the_operators_is_found_at_the_public_address() {
    let (server, operators) = managed(config()).await;
    let nowhere = server.get("/nowhere").await;
    for path in PATHS.into_iter().chain(["/api/rooms/r/dismiss"]) {
        for method in ["GET", "POST"] {
            let headers = "Content-Type: application/json\r\n";
            let answer = server
                .request(&format!("{method} {path}"), headers, "{}")
                .await;
            assert_eq!(
                (answer.status, &answer.body),
                (404, &nowhere.body),
                "{method} {path}"
            );
        }
    }
    let described = server.get("/openapi.json").await.json();
    assert!(described["paths"].get("/metrics").is_none());
    for path in ["/metrics", "/healthz", "/readyz"] {
        assert_eq!(
            operators.ask(&format!("GET {path}"), "", "").await.status,
            200
        );
    }
    // And nothing of the site is at theirs.
    for path in ["/session/", "/ws/r/", "/docs", "/openapi.json"] {
        let answer = operators.ask(&format!("GET {path}"), "", "").await;
        assert_eq!(
            (answer.status, &*answer.code()),
            (404, "not_found"),
            "{path}"
        );
    }
    // Without an address for them the metrics are public, as they were.
    let alone = start(config()).await;
    assert_eq!(alone.get("/metrics").await.status, 200);
    assert_eq!(alone.get("/api/node").await.status, 404);
}

#[tokio::test]
async fn pages_of_others_learn_nothing_and_change_nothing() {
    let mut config = config();
    config.admin_hosts = vec!["tables.internal".to_owned()];
    let (server, operators) = managed(config).await;
    let room = server.room().await;
    let mut mina = join(&server, &room, "Mina").await;
    let asked = async |line: &str, host: &str, more: &str| {
        let request =
            format!("{line} HTTP/1.1\r\nHost: {host}\r\n{more}Content-Length: 2\r\n\r\n{{}}");
        support::Client::to(operators.0).await.ask(request).await
    };
    // A page may let its own name lead here, and is then of the same origin.
    for path in PATHS.into_iter().chain(["/", "/healthz", "/nowhere"]) {
        for line in [format!("GET {path}"), format!("POST {path}")] {
            let answer = asked(&line, "evil.example", "").await;
            assert_eq!(
                (answer.status, &*answer.code()),
                (403, "foreign_host"),
                "{line}"
            );
            assert!(answer.body.contains("--admin-host"), "{answer:?}");
        }
    }
    for host in ["tables.internal", "localhost:9000", "[::1]", "10.0.0.1:80"] {
        assert_eq!(asked("GET /api/node", host, "").await.status, 200, "{host}");
    }
    let close = format!("POST /api/rooms/{room}/close");
    let json = "Content-Type: application/json\r\n";
    for (origin, expected) in [
        ("Origin: http://evil.example\r\n", "foreign_origin"),
        ("Origin: http://localhost:1\r\n", "foreign_origin"),
        ("Origin: null\r\n", "foreign_origin"),
    ] {
        let answer = asked(&close, "localhost", &format!("{json}{origin}")).await;
        assert_eq!(
            (answer.status, &*answer.code()),
            (403, expected),
            "{origin}"
        );
    }
    // What a form of a page can send.
    for kind in [
        "",
        "Content-Type: text/plain\r\n",
        "Content-Type: application/x-www-form-urlencoded\r\n",
    ] {
        let answer = asked(&close, "localhost", kind).await;
        assert_eq!(
            (answer.status, &*answer.code()),
            (415, "bad_content_type"),
            "{kind}"
        );
    }
    say(&mut mina, json!({ "id": 1, "extend": {} })).await;
    let own = format!("{json}Origin: http://localhost\r\n");
    assert_eq!(asked(&close, "localhost", &own).await.status, 200);
    assert_eq!(mina.closed().await.unwrap(), 4412);
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_said() {
    let (server, operators) = managed(config()).await;
    let room = server.room().await;
    for (path, headers, part) in [
        ("/api/visits?adress=1", "", "there is no parameter"),
        ("/api/visits?adress=1", "", "known are room, member"),
        ("/api/visits?code=1&code=2", "", "code is there twice"),
        (
            "/api/visits?limit=0",
            "",
            "limit is \\\"0\\\", but must be a whole number from 1 to 10000",
        ),
        (
            "/api/visits?from=noon",
            "",
            "from is \\\"noon\\\", but must be a whole number from 0 on",
        ),
        ("/api/visits?name=Mina", "", "Tablecast-Reveal"),
        (
            "/api/visits",
            "Tablecast-Reveal: \r\n",
            "the reason in Tablecast-Reveal",
        ),
        (
            "/api/visits",
            "Tablecast-Reveal: %zz\r\n",
            "is not UTF-8 with %XX",
        ),
        ("/api/rooms?limit=ten", "", "limit is"),
        ("/api/rooms?name=Mina", "", "there is no parameter"),
        (&format!("/api/rooms/{room}/history?at=-1"), "", "at is"),
    ] {
        let answer = operators.ask(&format!("GET {path}"), headers, "").await;
        assert_eq!(
            (answer.status, &*answer.code()),
            (400, "bad_request"),
            "{path}"
        );
        assert!(answer.body.contains(part), "{path}: {answer:?}");
    }
    for path in [
        "/api/rooms/unknown",
        "/api/rooms/unknown/history",
        "/api/nowhere",
    ] {
        assert_eq!(
            operators.ask(&format!("GET {path}"), "", "").await.code(),
            "not_found",
            "{path}"
        );
    }
    assert_eq!(
        operators
            .post("/api/rooms/unknown/close", "{}")
            .await
            .code(),
        "not_found"
    );
    let dismiss = format!("/api/rooms/{room}/dismiss");
    for (body, code) in [
        ("", "bad_json"),
        ("[]", "bad_json"),
        ("{}", "bad_request"),
        (r#"{"member":"Mina"}"#, "bad_request"),
        (r#"{"membr":1}"#, "bad_json"),
    ] {
        assert_eq!(operators.post(&dismiss, body).await.code(), code, "{body}");
    }
    let other = operators.ask("GET /api/drain", "", "").await;
    assert_eq!((other.status, other.header("allow")), (405, Some("POST")));
    assert_eq!(operators.ask("DELETE /api/rooms", "", "").await.status, 405);
}

#[tokio::test]
async fn each_of_two_nodes_shows_its_own_connections_and_the_seats_say_the_node() {
    let redis = RedisServer::start(&[]);
    let open = || Arc::new(RedisBackend::connect(&redis.url()).unwrap());
    let (here, at) = start_managed(config(), open()).await;
    let (there, other) = start_managed(config(), open()).await;
    let [at, other] = [at, other].map(Operators);
    let room = here.room().await;
    let _mina = join(&here, &room, "Mina").await;
    let _jun = join(&there, &room, "Jun").await;
    let one = format!("/api/rooms/{room}");
    let both = async || [at.get(&one).await, other.get(&one).await];
    let is_level = |both: &[Value; 2]| both.iter().all(|seen| seen["members"] == 2);
    let both = until("both nodes know both members", both, is_level).await;
    let nodes = [&at, &other].map(async |node| node.get("/api/node").await["node"].clone());
    let [first, second] = nodes;
    let nodes = [first.await, second.await];
    for (seen, member) in both.iter().zip(["1", "2"]) {
        let connections = seen["connections_here"].as_array().unwrap();
        assert_eq!(connections.len(), 1, "{seen}");
        assert_eq!(connections[0]["member"], member);
        let seats = [&seen["seats"][0]["node"], &seen["seats"][1]["node"]];
        assert_eq!(seats, [&nodes[0], &nodes[1]], "{seen}");
    }
    let elsewhere = at.see("/api/visits?name=Jun", REVEAL).await;
    assert_eq!(elsewhere["visits"], json!([]), "the other node remembers");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_asked_to_drain_tells_its_members_and_ends_well() {
    let mut command = program(env!("CARGO_BIN_EXE_tablecast"));
    command.args([
        "--listen",
        "127.0.0.1:0",
        "--admin-listen",
        "127.0.0.1:0",
        "--store",
        "memory",
    ]);
    let mut server = Process::start(&mut command);
    server.until_ready();
    let line = async || {
        server.said().lines().find_map(|line| {
            line.strip_prefix("operators:    http://")
                .map(str::to_owned)
        })
    };
    let address = until("it says where operators come", line, Option::is_some)
        .await
        .unwrap();
    let operators = Operators(address.trim_end_matches('/').parse().unwrap());
    let request = "POST /session/ HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
    let made = support::Client::to(server.address())
        .await
        .ask(request)
        .await
        .json();
    let url = made["url"].as_str().unwrap();
    let mut mina = Client::connect(server.address(), url).await.unwrap();
    let node = async || operators.get("/api/node").await;
    until("a connection is open", node, |node| {
        node["connections"] == 1
    })
    .await;
    let asked = operators.post("/api/drain", "{}").await;
    assert_eq!((asked.status, asked.json()), (200, json!({})));
    assert_eq!(mina.closed().await.unwrap(), 1012);
    assert_eq!(server.exit_code().await, Some(0));
    assert!(
        server
            .log()
            .contains("an operator asked this server to end")
    );
}

#[tokio::test]
async fn an_operator_who_sees_what_people_said_is_in_the_log_with_the_reason() {
    let mut command = program(env!("CARGO_BIN_EXE_tablecast"));
    command.args([
        "--listen",
        "127.0.0.1:0",
        "--admin-listen",
        "127.0.0.1:0",
        "--store",
        "memory",
        "--log-format",
        "json",
    ]);
    let server = Process::start(&mut command);
    server.logs("listening for operators").await;
    let log = server.log();
    let line = log
        .lines()
        .find(|line| line.contains("listening for operators"))
        .unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    let operators = Operators(line["fields"]["address"].as_str().unwrap().parse().unwrap());
    operators
        .see(
            "/api/visits?room=r",
            "Tablecast-Reveal: %EB%AF%B8%EB%82%98\r\n",
        )
        .await;
    server.logs("an operator sees what people said").await;
    assert!(server.log().contains("미나"), "{}", server.log());
}
