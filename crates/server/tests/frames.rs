//! The golden frames of `docs/frames/`: what the server says is exactly what stands
//! there, and what stands there for a client is understood.
//!
//! Clients' tests read the same files. After a change of the protocol that is
//! meant, `UPDATE_FRAMES=1 cargo test -p tablecast-server --test frames` writes the
//! server's frames again; look at the difference before keeping it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use support::{Running, start_on};
use tablecast::MemoryBackend;
use tablecast::core::limits::Rate;
use tablecast::core::{Backend, CloseReason, PersonId, RoomId};
use tablecast_lunch::{MasterSecret, Menu};
use tablecast_server::config::Config;
use tablecast_testing::FaultyBackend;
use tablecast_testing::client::Client;
use tablecast_testing::events::Events;

const ROOM: &str = "32cd8a37-d116-4cf7-ab54-ad14cb7df569";

/// What differs from run to run, and what stands in the files instead.
const SEAT: &str = "093bd625f1da1601b8c6145ff69a1c2c";
const EPOCH: &str = "b5fcfbf0cd7a7dd5";
const EXPIRES_AT: u64 = 1_795_300_327_066;
const NOW: u64 = 1_795_299_727_066;
const UNTIL: u64 = 1_795_299_757_066;

/// The key of whoever made the room.
const HOST: &str = "00112233445566778899aabbccddeeff";

/// What a member contributes to a draw.
const VALUE: &str = "f3a7c2b19d04e86f5a1b7c3d2e9f80416b5d7a8c9e0f1a2b3c4d5e6f70819a2b";

/// Enough for the log to forget what was before (it keeps 256 events at least).
const MORE_THAN_A_LOG: u64 = 600;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn golden(name: &str) -> Value {
    let path = repository()
        .join("docs/frames")
        .join(format!("{name}.json"));
    let text =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let golden: Value =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(golden["name"], name, "a golden frame is named as its file");
    golden
}

/// All golden frames of one side.
fn names(from: &str) -> BTreeSet<String> {
    let files = fs::read_dir(repository().join("docs/frames")).unwrap();
    let names = files.map(|file| {
        file.unwrap()
            .path()
            .file_stem()
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned()
    });
    names.filter(|name| golden(name)["from"] == from).collect()
}

/// Brings what differs from run to run into one form, after checking what it looks
/// like.
fn normal(mut frame: Value) -> Value {
    let hex = |value: &Value, digits: usize| {
        let text = value.as_str().unwrap_or_default();
        text.len() == digits && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    match &mut frame {
        Value::Object(fields) => {
            for (key, value) in fields {
                let (looks_right, sample) = match key.as_str() {
                    "seat" | "stream" => (hex(value, 32), json!(SEAT)),
                    "epoch" => (hex(value, 16), json!(EPOCH)),
                    "expires_at" => (value.is_u64(), json!(EXPIRES_AT)),
                    "at" | "now" => (value.is_u64(), json!(NOW)),
                    "until" => (value.is_u64(), json!(UNTIL)),
                    _ => (true, normal(value.take())),
                };
                assert!(looks_right, "{key} is {value}");
                *value = sample;
            }
        }
        Value::Array(values) => {
            for value in values {
                *value = normal(value.take());
            }
        }
        _ => {}
    }
    frame
}

/// Compares what the server said with golden frames, and remembers which were met.
#[derive(Default)]
struct Goldens {
    met: BTreeSet<String>,
}

impl Goldens {
    fn check(&mut self, name: &str, said: Value) {
        let said = normal(said);
        self.met.insert(name.to_owned());
        if std::env::var_os("UPDATE_FRAMES").is_some() {
            let mut golden = golden(name);
            // serde_json sorts the keys: what is right already keeps its order.
            if golden["frame"] == said {
                return;
            }
            golden["frame"] = said;
            let path = repository()
                .join("docs/frames")
                .join(format!("{name}.json"));
            fs::write(path, serde_json::to_string_pretty(&golden).unwrap() + "\n").unwrap();
            return;
        }
        assert_eq!(golden(name)["frame"], said, "docs/frames/{name}.json");
    }

    async fn json(&mut self, name: &str, peer: &mut Peer) -> Value {
        let said = peer.json().await;
        self.check(name, said.clone());
        said
    }

    async fn text(&mut self, name: &str, peer: &mut Peer) {
        self.check(name, Value::String(peer.text().await));
    }
}

/// A server in this process, with the room.
struct Node(Running);

async fn start(backend: Arc<dyn Backend>, config: Config) -> Node {
    let server = start_on(config, backend).await;
    let room: RoomId = ROOM.parse().unwrap();
    // It has a host, so that the newest forms are stored in it from the beginning. On a second
    // node the room is there already.
    let menu = Menu::new(100, MasterSecret::new([7; 32]));
    let menu = menu.with_host(PersonId::new(HOST.parse().unwrap(), &room));
    let _ = server.hub.create(room, menu).await;
    Node(server)
}

struct Peer(Client);

impl Node {
    /// Waits until this node makes the newest forms: until then nobody is known as a person, and so
    /// nobody is host.
    async fn knows_what_all_read(&self) {
        for number in 0.. {
            let room: RoomId = format!("probe-{number}").parse().unwrap();
            let menu = Menu::new(1, MasterSecret::new([7; 32]));
            let menu = menu.with_host(PersonId::new(HOST.parse().unwrap(), &room));
            let path = format!("/ws/{room}/");
            self.0.hub.create(room, menu).await.unwrap();
            let mut peer = Peer(Client::connect_json(self.0.at, &path).await.unwrap());
            peer.say(&json!({"join": {"person": HOST}})).await;
            peer.until("hello").await;
            peer.say(&json!({"id": 1, "lock": {"on": true}})).await;
            if peer.answer().await.get("error").is_none() {
                return;
            }
            // sleep: between two looks
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Speaks the text dialect.
    async fn text(&self) -> Peer {
        let path = format!("/ws/{ROOM}/");
        Peer(Client::connect(self.0.at, &path).await.unwrap())
    }

    /// Speaks `tablecast.v1`; says this first.
    async fn json(&self, first: &Value) -> Peer {
        let path = format!("/ws/{ROOM}/");
        let mut peer = Peer(Client::connect_json(self.0.at, &path).await.unwrap());
        peer.say(first).await;
        peer
    }
}

impl Peer {
    async fn say(&mut self, frame: &Value) {
        // A string is a line of the text dialect.
        let text = frame
            .as_str()
            .map_or_else(|| frame.to_string(), str::to_owned);
        self.0.send_text(&text).await.unwrap();
    }

    async fn text(&mut self) -> String {
        self.0.next_text().await.unwrap()
    }

    async fn json(&mut self) -> Value {
        self.0.next_json().await.unwrap()
    }

    /// The next frame with this key, past others.
    async fn until(&mut self, key: &str) -> Value {
        loop {
            let said = self.json().await;
            if said.get(key).is_some() {
                return said;
            }
        }
    }

    /// The answer to what was said, past what happens in the room.
    async fn answer(&mut self) -> Value {
        loop {
            let said = self.json().await;
            if ["ack", "error", "hello"]
                .iter()
                .any(|key| said.get(key).is_some())
            {
                return said;
            }
        }
    }

    /// Says a command that makes something happen, and waits until it has.
    async fn accepts(&mut self, command: &Value) {
        self.say(command).await;
        let ack = self.until("ack").await;
        while self.until("event").await["event"]["seq"] != ack["ack"]["seq"] {}
    }

    /// Waits for this text, past others.
    async fn sees(&mut self, text: &str) {
        while self.text().await != text {}
    }

    /// Says goodbye, and waits until the server has seen it.
    async fn leave(mut self, code: u16) {
        self.0.send_close(code).await.unwrap();
        self.0.ended().await.unwrap();
    }
}

#[tokio::test]
async fn every_frame_of_the_server_is_a_golden_one() {
    let one = MemoryBackend::new();
    let two = one.another_node();
    let faulty = FaultyBackend::new(Arc::new(one));
    let faults = faulty.faults();
    let node = start(Arc::new(faulty), Config::default()).await;
    let mut unlimited = Config::default();
    unlimited.hub.command_rate = Rate::OFF;
    let other_node = start(Arc::new(two), unlimited).await;
    let mut goldens = Goldens::default();

    let mut mina = node.json(&golden("say-join")["frame"]).await;
    let hello = goldens.json("hello", &mut mina).await;
    let mut guest = node.text().await;
    goldens.text("text-menu-empty", &mut guest).await;
    goldens.json("event-joined", &mut mina).await;

    mina.say(&golden("say-add")["frame"]).await;
    goldens.json("ack", &mut mina).await;
    goldens.json("event-added", &mut mina).await;
    goldens.text("text-menu", &mut guest).await;
    mina.say(&json!({"id": 2, "vote": {"number": 1, "on": true}}))
        .await;
    mina.until("ack").await;
    goldens.json("event-voted", &mut mina).await;
    mina.say(&json!({"id": 3, "rename": {"name": "Mina K", "colour": 4}}))
        .await;
    mina.until("ack").await;
    goldens.json("event-renamed", &mut mina).await;
    guest.say(&json!("add:pizza")).await;
    guest.sees(r#"["김치찌개","pizza"]"#).await;
    mina.until("event").await;

    // Item 1 has a vote; then a draw, and another one that stays under way.
    for (name, command) in [
        (
            "event-titled",
            json!({"id": 4, "title": {"title": "Friday"}}),
        ),
        ("event-extended", json!({"id": 5, "extend": {}})),
        (
            "event-decided-by-votes",
            json!({"id": 6, "decide": {"how": "votes"}}),
        ),
        ("event-drawing", json!({"id": 7, "decide": {"how": "draw"}})),
        (
            "event-contributed",
            json!({"id": 8, "contribute": {"draw": 1, "value": VALUE}}),
        ),
        (
            "event-decided-by-draw",
            json!({"id": 9, "reveal": {"draw": 1}}),
        ),
    ] {
        mina.say(&command).await;
        mina.until("ack").await;
        goldens.json(name, &mut mina).await;
    }
    mina.accepts(&json!({"id": 10, "decide": {"how": "draw"}}))
        .await;
    mina.accepts(&json!({"id": 11, "contribute": {"draw": 2, "value": VALUE}}))
        .await;

    mina.say(&json!({"id": 12, "remove": {"item": "pizza"}}))
        .await;
    mina.until("ack").await;
    goldens.json("event-removed", &mut mina).await;
    guest.sees(r#"["김치찌개"]"#).await;
    mina.say(&json!({"id": 13, "restore": {"number": 2}})).await;
    mina.until("ack").await;
    goldens.json("event-restored", &mut mina).await;
    guest.sees(r#"["김치찌개","pizza"]"#).await;
    mina.accepts(&json!({"id": 14, "remove": {"number": 2}}))
        .await;
    guest.sees(r#"["김치찌개"]"#).await;

    mina.say(&json!({"id": 15, "remove": {"item": "pizza"}}))
        .await;
    goldens.json("error", &mut mina).await;
    mina.say(&json!("add:pizza")).await;
    goldens.json("error-without-id", &mut mina).await;
    guest.say(&json!("remove:pizza")).await;
    goldens.text("text-error", &mut guest).await;
    guest.leave(1000).await;
    let left = goldens.json("event-left", &mut mina).await;

    let mut jun = node.json(&json!({"join": {}})).await;
    goldens.json("hello-later", &mut jun).await;
    let mut screen = node.json(&golden("say-join-watch-only")["frame"]).await;
    goldens.json("hello-watching", &mut screen).await;
    let watch = &golden("say-join-watch-only")["frame"];
    let stream = Events::open(node.0.at, &format!("/sse/{ROOM}/"), watch).await;
    goldens.check("hello-stream", json!({ "hello": stream.hello }));
    drop(stream);
    screen
        .say(&json!({"id": 1, "vote": {"number": 1, "on": true}}))
        .await;
    goldens.json("error-watching", &mut screen).await;
    // 1001: the page is gone, and may come back.
    mina.leave(1001).await;
    goldens.json("event-away", &mut jun).await;
    let mut resume = golden("say-resume")["frame"].clone();
    resume["resume"]["seat"] = hello["hello"]["seat"].clone();
    resume["resume"]["epoch"] = hello["hello"]["epoch"].clone();
    resume["resume"]["seq"] = left["event"]["seq"].clone();
    let mut mina = node.json(&resume).await;
    goldens.json("hello-resumed", &mut mina).await;
    // What was missed: Jun came, Mina went and came back.
    let mut missed = Vec::new();
    for _ in 0..3 {
        missed.push(mina.until("event").await["event"].take());
    }
    let has = |at: usize, what: &str| missed[at].get(what).is_some();
    assert!(
        has(0, "joined") && has(1, "away") && has(2, "back"),
        "{missed:?}"
    );
    goldens.json("event-back", &mut jun).await;

    faults.down("the cable is out");
    goldens.json("status-down", &mut jun).await;
    for id in 1..=2 {
        jun.say(&json!({"id": id, "vote": {"number": 1, "on": true}}))
            .await;
    }
    goldens.json("error-unavailable", &mut jun).await;
    goldens.json("error-after", &mut jun).await;
    let mut busy = other_node.json(&json!({"join": {"name": "Busy"}})).await;
    for id in 1..=MORE_THAN_A_LOG {
        busy.say(&json!({"id": id, "vote": {"number": 1, "on": id % 2 == 1}}))
            .await;
        busy.until("ack").await;
    }
    faults.up();
    goldens.json("status-up", &mut jun).await;
    goldens.json("snapshot", &mut jun).await;

    // Nothing is lost between this node and the store: it knows at once what all nodes read.
    other_node.knows_what_all_read().await;
    let mut mia = other_node.json(&json!({"join": {}})).await;
    mia.until("hello").await;
    let host = json!({"join": {"name": "Hana", "person": HOST}});
    let mut host = other_node.json(&host).await;
    mia.until("event").await;
    goldens.json("event-hosted", &mut mia).await;
    host.accepts(&json!({"id": 1, "reveal": {"draw": 2}})).await;
    mia.until("event").await;
    let id = MORE_THAN_A_LOG + 1;
    busy.accepts(&json!({"id": id, "vote": {"number": 1, "on": true}}))
        .await;
    mia.until("event").await;
    for (name, mut command) in [
        ("event-locked", json!({"lock": {"on": true}})),
        ("event-nudged", json!({"nudge": {}})),
        ("event-reinstated", json!({"reinstate": {"decision": 1}})),
        ("event-ruled", json!({"rules": {"hidden_votes": true}})),
        ("event-deadline", json!({"deadline": {"in_ms": 600_000}})),
        ("event-vetoed", json!({"veto": {"number": 1, "on": true}})),
        ("event-dismissed", json!({"dismiss": {"member": 22}})),
    ] {
        command["id"] = json!(goldens.met.len());
        host.say(&command).await;
        goldens.json(name, &mut mia).await;
    }
    mia.until("event").await;
    goldens.json("event-cleared", &mut mia).await;
    let id = goldens.met.len();
    host.say(&json!({"id": id, "vote": {"number": 1, "on": true}}))
        .await;
    goldens.json("event-voted-hidden", &mut mia).await;
    let own = loop {
        let answer = host.until("ack").await;
        if answer["ack"].get("own").is_some() {
            break answer;
        }
    };
    goldens.check("ack-own", own);

    assert_eq!(goldens.met, names("server"));
}

/// What an answer is called in a golden frame: an error's code, or the kind of it.
fn kind(said: &str) -> String {
    let said: Value = serde_json::from_str(said).unwrap();
    match (&said, said.pointer("/error/code")) {
        (_, Some(code)) => code.as_str().unwrap().to_owned(),
        (Value::Array(_), None) => "menu".to_owned(),
        (Value::Object(fields), None) => fields.keys().next().unwrap().clone(),
        _ => panic!("not an answer: {said}"),
    }
}

#[tokio::test]
async fn every_frame_of_a_client_is_answered_as_noted() {
    for name in names("client") {
        let golden = golden(&name);
        let node = start(Arc::new(MemoryBackend::new()), Config::default()).await;
        node.knows_what_all_read().await;
        let mut guest = node.text().await;
        guest.text().await;
        for line in ["add:김치찌개", "add:pizza"] {
            guest.say(&json!(line)).await;
            guest.text().await;
        }
        let mut frame = golden["frame"].clone();
        let mut peer = match golden["dialect"].as_str().unwrap() {
            "text" => {
                let mut peer = node.text().await;
                peer.text().await;
                peer.say(&frame).await;
                peer
            }
            "json" if frame.get("join").is_some() => node.json(&frame).await,
            "json" => {
                let mut peer = node.json(&json!({"join": {"person": HOST}})).await;
                let hello = peer.json().await;
                if let Some(resume) = frame.get_mut("resume").and_then(Value::as_object_mut) {
                    for (field, value) in resume {
                        *value = hello["hello"][field].clone();
                    }
                    node.json(&frame).await
                } else {
                    for command in golden["first"].as_array().into_iter().flatten() {
                        peer.accepts(command).await;
                    }
                    peer.say(&frame).await;
                    peer
                }
            }
            other => panic!("{name}: dialect {other}"),
        };
        assert_eq!(
            kind(&peer.text().await),
            golden["answer"].as_str().unwrap(),
            "{name}"
        );
    }
}

#[test]
fn the_description_names_every_frame_and_every_close_code_with_its_text() {
    let protocol = fs::read_to_string(repository().join("docs/protocol.md")).unwrap();
    for name in names("server").union(&names("client")) {
        assert!(protocol.contains(&format!("`{name}.json`")), "{name}.json");
    }
    for reason in CloseReason::ALL {
        let row = format!("| {} | {} |", reason.code(), reason.text());
        assert!(protocol.contains(&row), "{row}");
    }
}

#[test]
fn a_draw_is_checked_by_hand_as_described() {
    let protocol = fs::read_to_string(repository().join("docs/protocol.md")).unwrap();
    let (_, draw) = protocol.split_once("\n## The draw\n").unwrap();
    let (_, script) = draw.split_once("```sh\n").unwrap();
    let (script, _) = script.split_once("```").unwrap();
    let output = Command::new("sh").args(["-euc", script]).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "sha256sum, cut and fold are coreutils: {error}"
    );
    let output = String::from_utf8(output.stdout).unwrap();
    let said: Vec<&str> = output.split_whitespace().collect();
    let [commitment, "-", digest, place] = *said else {
        panic!("{said:?}")
    };

    let state = &golden("snapshot")["frame"]["snapshot"]["state"];
    let decision = &state["decision"];
    assert_eq!(decision["draw"]["commitment"], commitment);
    let winner = &decision["draw"]["candidates"][place.parse::<usize>().unwrap()];
    assert_eq!(&decision["winner"], winner);
    // What the script begins with, and what its comments promise.
    for part in [
        &decision["draw"]["secret"],
        &decision["draw"]["contributions"][0]["value"],
    ] {
        assert!(script.contains(part.as_str().unwrap()));
    }
    for promised in [&commitment[..12], &digest[..12]] {
        assert!(script.contains(&format!("{promised}…")), "{promised}");
    }
}

/// What nobody who speaks JSON needs to know.
const WORDS_OF_RUST: [&str; 8] = [
    "u64", "u32", "f64", "unit", "struct", "tuple", "variant", "visitor",
];

#[tokio::test]
async fn whoever_gives_a_value_of_a_wrong_kind_is_told_where_and_in_words_of_json() {
    let mut unlimited = Config::default();
    unlimited.hub.command_rate = Rate::OFF;
    unlimited.hub.seats = 1_000;
    let node = start(Arc::new(MemoryBackend::new()), unlimited).await;
    let wrong = [json!("x"), json!(1.5), json!(-1), json!(true), json!([7])];
    let mut refused = 0;
    for name in names("client") {
        let mut golden = golden(&name);
        let frame = golden["frame"].take();
        let is_right = golden["answer"] != "bad_command";
        let said = frame.as_object().into_iter().flatten();
        let mut said = said.filter(|(key, what)| is_right && *key != "id" && what.is_object());
        let Some((verb, content)) = said.next() else {
            continue;
        };
        let is_first = ["join", "resume"].contains(&verb.as_str());
        let mut peer = node.json(&json!({"join": {}})).await;
        peer.until("hello").await;
        for field in content.as_object().unwrap().keys() {
            for wrong in &wrong {
                let mut content = content.clone();
                if wrong.is_boolean() && content[field].is_boolean() {
                    // Each of both is right.
                    continue;
                }
                content[field] = wrong.clone();
                let message = json!({"id": 1, verb: content});
                if is_first {
                    peer = node.json(&message).await;
                } else {
                    peer.say(&message).await;
                }
                let answer = peer.answer().await;
                let error = &answer["error"];
                if error["code"] != "bad_command" {
                    continue;
                }
                refused += 1;
                let text = error["message"].as_str().unwrap();
                assert!(text.contains(&format!("{field:?}")), "{message}: {text}");
                for word in WORDS_OF_RUST {
                    assert!(!text.contains(word), "{message}: {text}");
                }
                if !is_first {
                    // So that it is not the twentieth in a row.
                    peer.say(&json!({"id": 1, "reveal": {"draw": 99}})).await;
                    peer.answer().await;
                }
            }
        }
    }
    assert!(refused > 100, "{refused}");
}
