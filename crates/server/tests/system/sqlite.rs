//! Rooms in a database: what is there after the end of the process, however it came.
#![allow(
    clippy::print_stdout,
    reason = "how long a start took is looked at, not asserted"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tablecast::core::Backend;
use tablecast::core::backend::{Created, NewRoom};
use tablecast_sqlite::{SqliteBackend, SqliteOptions};
use tablecast_testing::{DEADLINE, Directory, until};
use tokio::sync::{RwLock, watch};

use crate::harness::{Member, Node, tablecast};
use crate::history::{Client, Nodes, check, client, menu};
use crate::nodes::UNLIMITED;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A database in a directory of a test's own.
struct Database(Directory);

impl Database {
    fn new() -> Database {
        Database(Directory::new())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("rooms.db")
    }

    fn store(&self) -> String {
        format!("sqlite:{}", self.path().display())
    }

    fn start(&self, options: &[&str]) -> Node {
        Node::start(&self.store(), options)
    }

    /// Puts so many rooms into it, at which nobody will look.
    async fn fill(&self, rooms: usize) {
        let mut options = SqliteOptions::new(self.path());
        options.timeout = DEADLINE;
        let backend = SqliteBackend::open(&options).unwrap();
        let make = async |n: usize| {
            let new = NewRoom {
                snapshot: vec![b'{'; 500].into(),
                ttl: DAY,
                max_age: DAY,
                alarm: None,
            };
            let id = format!("filled-{n}").parse().unwrap();
            let made = backend.create(&id, new).await.unwrap();
            assert!(matches!(made, Created::New(..)));
        };
        // Some at a time, so that they share transactions.
        let made = stream::iter(0..rooms).for_each_concurrent(64, make);
        made.await;
    }
}

/// A random number.
fn random() -> u64 {
    uuid::Uuid::new_v4().as_u64_pair().0
}

fn resume(hello: &Value) -> Value {
    json!({"resume": {"seat": hello["seat"], "epoch": hello["epoch"], "seq": hello["seq"]}})
}

async fn view(node: &Node, room: &str) -> Value {
    let reply = node.http("GET", &format!("/session/{room}/")).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    serde_json::from_str(&reply.body).unwrap()
}

/// Of each member of the room whether they are here.
async fn here(node: &Node, room: &str) -> Vec<bool> {
    let view = view(node, room).await;
    let members = view["members"].as_array().unwrap();
    members.iter().map(|one| one["away"] == false).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn after_kill_9_members_come_back_to_their_seats_and_nothing_is_lost() {
    let database = Database::new();
    let mut node = database.start(&[]);
    let room = node.make_room().await;
    let (mut mina, hello) = Member::join_json(&node, &room).await;
    let (_jun, hello_of_jun) = Member::join_json(&node, &room).await;
    mina.say(r#"{"id":1,"add":{"item":"pizza"}}"#).await;
    mina.json_with("ack").await;
    node.kill9();

    let node = database.start(&[]);
    assert_eq!(menu(&node, &room).await, ["pizza"]);
    assert_eq!(here(&node, &room).await, [false, false], "nobody came back");
    let mut mina = Member::program(&node, &room, resume(&hello)).await;
    let again = mina.json_with("hello").await;
    // In the epoch that she knows.
    assert_eq!(again["resumed"], true);
    // The others are away, not gone.
    let seen = async || here(&node, &room).await;
    until("Jun is away", seen, |here| *here == [true, false]).await;
    // What was answered before is answered the same, and not done again.
    mina.say(r#"{"id":1,"add":{"item":"pizza"}}"#).await;
    mina.json_with("ack").await;
    mina.say(r#"{"id":2,"add":{"item":"sushi"}}"#).await;
    mina.json_with("ack").await;
    let mut jun = Member::program(&node, &room, resume(&hello_of_jun)).await;
    assert_eq!(jun.json_with("hello").await["resumed"], true);
    assert_eq!(here(&node, &room).await, [true, true]);
    assert_eq!(menu(&node, &room).await, ["pizza", "sushi"]);
}

/// As with an update: they were told 1012, and away while no process ran.
#[tokio::test(flavor = "multi_thread")]
async fn after_an_orderly_restart_members_have_their_whole_time_to_come_back() {
    let database = Database::new();
    let options = ["--seat-grace", "2s", "--drain-timeout", "5s"];
    let mut node = database.start(&options);
    let room = node.make_room().await;
    let (mut mina, hello) = Member::join_json(&node, &room).await;
    let (mut jun, _) = Member::join_json(&node, &room).await;
    node.signal("-TERM");
    mina.end().await;
    jun.end().await;
    assert_eq!(node.exit_code().await, Some(0));
    // sleep: longer than the grace, during which nobody can come back
    tokio::time::sleep(Duration::from_secs(3)).await;

    // Long enough for the next steps on a busy machine.
    let node = database.start(&["--seat-grace", "30s"]);
    let mut mina = Member::program(&node, &room, resume(&hello)).await;
    assert_eq!(mina.json_with("hello").await["resumed"], true);
    assert_eq!(here(&node, &room).await, [true, false], "Jun is away");
}

/// Whoever does not come back after a crash loses the seat when the grace is over.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_not_come_back_loses_the_seat_in_time() {
    let database = Database::new();
    let mut node = database.start(&[]);
    let room = node.make_room().await;
    let (_jun, _) = Member::join_json(&node, &room).await;
    node.kill9();
    let node = database.start(&["--seat-grace", "1s"]);
    let (_mina, _) = Member::join_json(&node, &room).await;
    let seen = async || here(&node, &room).await;
    until("Jun's seat is free", seen, |here| *here == [true]).await;
}

/// Members write without a pause while the process is killed again and again: what was
/// acknowledged is there, once, in one order and one epoch, and nobody loses a seat.
/// `TABLECAST_KILLS` says how often, 12 times unless it is set. Beside theirs lie 10,000 rooms
/// that nobody opens: what they take of the time of a start, and of memory, is printed.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_or_doubled_by_kill_9_under_load() {
    let kills = std::env::var("TABLECAST_KILLS").map_or(12, |kills| kills.parse().unwrap());
    const AT_REST: usize = 10_000;
    let options = [&UNLIMITED[..], &["--max-rooms", "100000"]].concat();
    let database = Database::new();
    let memory = database.start(&options).resident_bytes();
    database.fill(AT_REST).await;
    let nodes: Nodes = Arc::new(RwLock::new(vec![database.start(&options)]));
    let more = nodes.read().await[0]
        .resident_bytes()
        .saturating_sub(memory);
    println!(
        "{} bytes of memory for each room at rest",
        more / AT_REST as u64
    );
    let mut starts = Vec::new();
    let mut left = kills;
    while left > 0 {
        // In a room of their own, or the menu would be full.
        let room = nodes.read().await[0].make_room().await;
        let (stop, stopped) = watch::channel(false);
        let clients: Vec<_> = (0..6)
            .map(|at| client(&nodes, &room, at, &stopped))
            .collect();
        for _ in 0..left.min(12) {
            let items = menu(&nodes.read().await[0], &room).await.len();
            let seen = async || menu(&nodes.read().await[0], &room).await.len();
            until("the load goes on", seen, |count| *count >= items + 5).await;
            // sleep: at any moment
            tokio::time::sleep(Duration::from_millis(random() % 50)).await;
            let mut nodes = nodes.write().await;
            nodes[0].kill9();
            let killed = Instant::now();
            nodes[0] = database.start(&options);
            starts.push(killed.elapsed());
            left -= 1;
        }
        stop.send(true).unwrap();
        let mut all: Vec<Client> = Vec::new();
        for client in clients {
            all.push(client.await.unwrap());
        }
        let menu = menu(&nodes.read().await[0], &room).await;
        check(&all, &menu);
        let epochs = all.iter().flat_map(|client| client.events.keys());
        let mut epochs: Vec<&String> = epochs.map(|(epoch, _)| epoch).collect();
        epochs.dedup();
        assert_eq!(epochs.len(), 1, "members resume in the epoch they know");
    }
    starts.sort_unstable();
    let half = starts[starts.len() / 2];
    let last = starts[starts.len() - 1];
    println!("ready after kill -9, {kills} times: half in {half:?}, all in {last:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_of_rooms_counts_those_of_before_the_restart() {
    let database = Database::new();
    let options = ["--max-rooms", "3"];
    let mut node = database.start(&options);
    for _ in 0..3 {
        node.make_room().await;
    }
    let full = node.http("POST", "/session/").await.status;
    node.kill9();
    let node = database.start(&options);
    assert_eq!(node.http("POST", "/session/").await.status, full);
    assert!(full >= 400, "{full}");
    let mut node = node;
    node.kill9();
    let node = database.start(&["--max-rooms", "4"]);
    node.make_room().await;
    assert_eq!(node.http("POST", "/session/").await.status, full);
}

/// Writes fail as on a disk that is broken or full, and then succeed again.
#[tokio::test(flavor = "multi_thread")]
async fn while_the_disk_takes_nothing_members_are_told_and_then_all_goes_on() {
    let database = Database::new();
    // Else the first write that fails would end it.
    let mut command = Command::new("env");
    command.arg("--ignore-signal=XFSZ");
    command.arg(tablecast().get_program());
    command.current_dir("/");
    let node = Node::start_by(command, &database.store(), &[]);
    let bytes_a_file = |limit: &str| {
        let pid = node.pid().to_string();
        let limit = format!("--fsize={limit}:");
        let set = Command::new("prlimit")
            .args(["--pid", &pid, &limit])
            .status();
        assert!(set.unwrap().success());
    };
    let room = node.make_room().await;
    let (mut mina, _) = Member::join_json(&node, &room).await;
    mina.say(r#"{"id":1,"add":{"item":"pizza"}}"#).await;
    mina.json_with("ack").await;

    bytes_a_file("1000");
    mina.say(r#"{"id":2,"add":{"item":"sushi"}}"#).await;
    assert_eq!(mina.json_with("status").await, json!({"store": "down"}));
    let error = mina.json_with("error").await;
    assert_eq!(error["code"], "unavailable");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("its disk does not work"), "{message}");
    let ready = node.http("GET", "/readyz").await;
    assert_eq!(ready.status, 503);
    let words = "the store takes no changes: disk I/O error";
    assert!(ready.body.contains(words), "{}", ready.body);
    let made = node.http("POST", "/session/").await;
    assert_eq!(made.status, 503, "{}", made.body);
    assert!(!made.body.contains("I/O"), "for strangers: {}", made.body);
    assert_eq!(menu(&node, &room).await, ["pizza"]);

    bytes_a_file("unlimited");
    assert_eq!(mina.json_with("status").await, json!({"store": "up"}));
    mina.say(r#"{"id":2,"add":{"item":"sushi"}}"#).await;
    mina.json_with("ack").await;
    assert_eq!(menu(&node, &room).await, ["pizza", "sushi"]);
    node.make_room().await;
    assert_eq!(node.http("GET", "/readyz").await.status, 200);
}

fn run(command: &mut Command) -> (Option<i32>, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

fn store(command: &str, path: &Path) -> Command {
    let mut store = tablecast();
    store.args(["store", command]).arg(path);
    store
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_is_told_who_has_the_database() {
    let database = Database::new();
    let node = database.start(&[]);
    let mut second = tablecast();
    second.args(["--listen", "127.0.0.1:0", "--store", &database.store()]);
    let (code, _, said) = run(&mut second);
    assert_eq!(code, Some(1), "{said}");
    let expected = format!("process {} has it", node.pid());
    assert!(
        said.contains(&expected) && said.contains("rooms.db"),
        "{said}"
    );
}

/// While the server runs; then the copy takes the database's place.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_is_looked_at_dumped_and_copied() {
    let database = Database::new();
    let mut node = database.start(&[]);
    let room = node.make_room().await;
    let (mut member, hello) = Member::join_json(&node, &room).await;
    member.say(r#"{"id":1,"add":{"item":"pizza"}}"#).await;
    member.json_with("ack").await;

    let (code, said, error) = run(&mut store("check", &database.path()));
    assert_eq!((code, error.as_str()), (Some(0), ""));
    assert_eq!(said, "rooms: 1, results: 0, damaged: 0\n");
    let (code, dumped, error) = run(&mut store("dump", &database.path()));
    assert_eq!((code, error.as_str()), (Some(0), ""));
    let dumped: Value = serde_json::from_str(&dumped).unwrap();
    assert_eq!(dumped["room"], *room);
    assert_eq!(dumped["epoch"], hello["epoch"]);
    assert_eq!(dumped["seq"], 2);
    assert_eq!(dumped["events"][1]["seq"], 2);
    assert!(dumped["snapshot"]["state"]["seats"].is_u64(), "{dumped}");
    let copy = database.0.path().join("copy.db");
    assert_eq!(run(store("backup", &database.path()).arg(&copy)).0, Some(0));
    let (code, _, error) = run(store("backup", &database.path()).arg(&copy));
    assert_eq!(code, Some(1));
    assert!(error.contains("already"), "{error}");
    let (code, _, error) = run(&mut store("check", &database.0.path().join("no.db")));
    assert_eq!(code, Some(1));
    assert!(error.contains("there is no such file"), "{error}");
    assert_eq!(run(&mut store("burn", &copy)).0, Some(2));

    member.say(r#"{"id":2,"add":{"item":"sushi"}}"#).await;
    member.json_with("ack").await;
    node.kill9();
    for end in ["", "-wal", "-shm", "-run"] {
        let file = database.0.path().join(format!("rooms.db{end}"));
        let _ = std::fs::remove_file(file);
    }
    std::fs::rename(copy, database.path()).unwrap();
    let node = database.start(&[]);
    node.logs("it is a backup").await;
    let mut member = Member::program(&node, &room, resume(&hello)).await;
    let again = member.json_with("hello").await;
    assert_eq!(again["resumed"], false, "sushi was never there");
    assert_ne!(again["epoch"], hello["epoch"]);
    assert_eq!(menu(&node, &room).await, ["pizza"]);
}
