//! What each version has stored is read by this one: a database as the server left it, and
//! what it showed of it. With `TABLECAST_WRITE_DATA` set those of this version are written first;
//! they are kept as they are from then on.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};
use support::{Running, config, say, start_on};
use tablecast_sqlite::{Problem, SqliteBackend, SqliteOptions};
use tablecast_testing::client::Client;
use tablecast_testing::{DEADLINE, Directory, until};

/// The clock stands still, so that nothing expires.
const NOW: u64 = 1_750_000_000_000;

/// The version whose database is written.
const NEWEST: &str = "1";

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

/// A database in a directory of the test's own.
struct Database(Directory);

impl Database {
    fn new() -> Database {
        Database(Directory::new())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("rooms.db")
    }

    async fn serve(&self) -> Running {
        let mut options = SqliteOptions::new(self.path());
        options.timeout = DEADLINE;
        // The tasks of the server before may be on their way to their ends.
        let open = async || SqliteBackend::open_with_clock(&options, || NOW);
        let backend = until(
            "nobody else has it",
            open,
            |opened| !matches!(opened, Err(error) if matches!(error.problem, Problem::InUse { .. })),
        );
        start_on(config(), Arc::new(backend.await.unwrap())).await
    }
}

async fn member(server: &Running, room: &str, name: &str) -> Client {
    let path = format!("/ws/{room}/");
    let mut member = Client::connect_json(server.at, &path).await.unwrap();
    let join = json!({"join": {"name": name}}).to_string();
    member.send_text(&join).await.unwrap();
    loop {
        if member.next_json().await.unwrap().get("hello").is_some() {
            return member;
        }
    }
}

/// What the server shows of a room and its result, without what differs by the run.
async fn shown(server: &Running, room: &str) -> Value {
    let view = server.get(&format!("/session/{room}/")).await;
    assert_eq!(view.status, 200, "{view:?}");
    let mut view = view.json();
    view.as_object_mut().unwrap().remove("epoch");
    let result = server.get(&format!("/session/{room}/result/")).await;
    let result = (result.status == 200).then(|| result.json());
    json!({"room": room, "view": view, "result": result})
}

/// Whether all that is expected is there; a newer version may show more.
fn has(shown: &Value, expected: &Value) -> bool {
    match (shown, expected) {
        (Value::Object(shown), Value::Object(expected)) => expected
            .iter()
            .all(|(key, value)| shown.get(key).is_some_and(|shown| has(shown, value))),
        (Value::Array(shown), Value::Array(expected)) => {
            let mut pairs = shown.iter().zip(expected);
            shown.len() == expected.len() && pairs.all(|(shown, expected)| has(shown, expected))
        }
        (shown, expected) => shown == expected,
    }
}

#[tokio::test]
async fn rooms_that_each_version_has_stored_are_read_and_go_on() {
    if std::env::var_os("TABLECAST_WRITE_DATA").is_some() {
        write().await;
    }
    let mut versions = 0;
    for file in fs::read_dir(data()).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|end| end != "db") {
            continue;
        }
        let expected = fs::read_to_string(path.with_extension("json")).unwrap();
        let expected: Vec<Value> = serde_json::from_str(&expected).unwrap();
        let database = Database::new();
        fs::copy(&path, database.path()).unwrap();
        let server = database.serve().await;
        for expected in expected {
            let room = expected["room"].as_str().unwrap();
            let shown = shown(&server, room).await;
            assert!(has(&shown, &expected), "{}: {shown}", path.display());
            let mut someone = member(&server, room, "Hana").await;
            say(&mut someone, json!({"id": 1, "add": {"item": "bibimbap"}})).await;
            say(&mut someone, json!({"id": 2, "remove": {"number": 1}})).await;
        }
        server.stop().await;
        versions += 1;
    }
    assert_eq!(versions, 1, "all of them");
}

/// A table at lunch, with one of everything; and one in the midst of a draw.
async fn write() {
    let database = Database::new();
    let server = database.serve().await;
    let (lunch, drawing) = (server.room().await, server.room().await);
    for room in [&lunch, &drawing] {
        let mut mina = member(&server, room, "Mina").await;
        let mut jun = member(&server, room, "준").await;
        say(&mut mina, json!({"id": 1, "title": {"title": "Friday"}})).await;
        for (id, item) in [(2, "김치찌개"), (3, "pizza"), (4, "sushi")] {
            say(&mut mina, json!({"id": id, "add": {"item": item}})).await;
        }
        say(
            &mut jun,
            json!({"id": 1, "vote": {"number": 1, "on": true}}),
        )
        .await;
        say(&mut jun, json!({"id": 2, "remove": {"number": 3}})).await;
        say(
            &mut jun,
            json!({"id": 3, "rename": {"name": "Jun", "colour": 4}}),
        )
        .await;
        say(&mut jun, json!({"id": 4, "extend": {}})).await;
        if *room == lunch {
            say(&mut jun, json!({"id": 5, "decide": {"how": "votes"}})).await;
        } else {
            say(&mut jun, json!({"id": 5, "decide": {"how": "draw"}})).await;
        }
    }
    server.stop().await;
    let server = database.serve().await;
    let all = [shown(&server, &lunch).await, shown(&server, &drawing).await];
    let text = serde_json::to_string_pretty(&all).unwrap() + "\n";
    server.stop().await;
    fs::create_dir_all(data()).unwrap();
    fs::copy(database.path(), data().join(format!("{NEWEST}.db"))).unwrap();
    fs::write(data().join(format!("{NEWEST}.json")), text).unwrap();
}
