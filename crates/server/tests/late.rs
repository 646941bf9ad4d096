//! The store answers a commit after its deadline: members see the change once, and no more
//! than that much later.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use support::{Running, config, start_on};
use tablecast::core::backend::{Listener, Publication};
use tablecast::core::{Backend, RoomId};
use tablecast_sqlite::{SqliteBackend, SqliteOptions};
use tablecast_testing::client::Client;
use tablecast_testing::{Directory, until};

/// Where a thread of the store can be held up.
#[derive(Default)]
struct Gate {
    is_closed: AtomicBool,
    somebody_waits: AtomicBool,
}

impl Gate {
    fn close(&self) {
        self.is_closed.store(true, Ordering::SeqCst);
    }

    fn open(&self) {
        self.is_closed.store(false, Ordering::SeqCst);
    }

    fn pass(&self) {
        while self.is_closed.load(Ordering::SeqCst) {
            self.somebody_waits.store(true, Ordering::SeqCst);
            // sleep: until the test opens it
            thread::sleep(Duration::from_millis(1));
        }
        self.somebody_waits.store(false, Ordering::SeqCst);
    }

    async fn holds(&self) {
        let holds = async || self.somebody_waits.load(Ordering::SeqCst);
        until("the writer is held up", holds, |holds| *holds).await;
    }
}

/// Holds the writer up when it has committed, and answers nobody before it goes on.
impl Listener for Gate {
    fn published(&self, _: Publication) {
        self.pass();
    }

    fn missed(&self) {}
}

/// A server on a database whose writer can be held up before a transaction.
struct Held {
    server: Running,
    backend: SqliteBackend,
    gate: Arc<Gate>,
    /// How often rooms were read.
    loads: Arc<AtomicUsize>,
    _directory: Directory,
}

impl Held {
    async fn start() -> Held {
        let directory = Directory::new();
        let options = SqliteOptions::new(directory.path().join("rooms.db"));
        let (gate, loads) = (Arc::new(Gate::default()), Arc::new(AtomicUsize::new(0)));
        let (passed, counted) = (Arc::clone(&gate), Arc::clone(&loads));
        let clock = move || {
            match thread::current().name() {
                Some("sqlite-writer") => passed.pass(),
                Some("sqlite-reader") => drop(counted.fetch_add(1, Ordering::SeqCst)),
                _ => {}
            }
            1_000_000
        };
        let backend = SqliteBackend::open_with_clock(&options, clock).unwrap();
        let mut config = config();
        // Nobody is told that it took too long.
        config.hub.command_deadline = Duration::from_secs(3600);
        let server = start_on(config, Arc::new(backend.another_node())).await;
        Held {
            server,
            backend,
            gate,
            loads,
            _directory: directory,
        }
    }

    fn loads(&self) -> usize {
        self.loads.load(Ordering::SeqCst)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Else a test that has failed would wait for the writer for ever.
        self.gate.open();
    }
}

/// A member, and what it has heard.
struct Member {
    client: Client,
    /// The newest event.
    seq: u64,
    items: Vec<String>,
    acks: Vec<u64>,
}

impl Member {
    async fn join(server: &Running, room: &str, name: &str) -> Member {
        let path = format!("/ws/{room}/");
        let mut client = Client::connect_json(server.at, &path).await.unwrap();
        let join = json!({"join": {"name": name}}).to_string();
        client.send_text(&join).await.unwrap();
        let hello = client.next_json().await.unwrap();
        Member {
            client,
            seq: hello["hello"]["seq"].as_u64().unwrap(),
            items: Vec::new(),
            acks: Vec::new(),
        }
    }

    async fn add(&mut self, id: u64, item: &str) {
        let add = json!({"id": id, "add": {"item": item}}).to_string();
        self.client.send_text(&add).await.unwrap();
    }

    /// Hears until this is so. Each event comes once and in its order, and nothing else does.
    async fn hears_until(&mut self, is_so: impl Fn(&Member) -> bool) {
        while !is_so(self) {
            let said: Value = self.client.next_json().await.unwrap();
            if let Some(event) = said.get("event") {
                self.seq += 1;
                assert_eq!(event["seq"], self.seq, "{said}");
                let item = event["change"]["added"]["item"].as_str();
                self.items.extend(item.map(str::to_owned));
            } else if let Some(ack) = said.get("ack") {
                self.acks.push(ack["id"].as_u64().unwrap());
            } else {
                panic!("{said}");
            }
        }
    }
}

/// It is given up, so it does not happen later, and is decided again.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_is_given_up_before_its_turn_happens_once() {
    let held = Held::start().await;
    let room = held.server.room().await;
    let mut mina = Member::join(&held.server, &room, "Mina").await;
    let mut jun = Member::join(&held.server, &room, "Jun").await;
    held.gate.close();
    held.gate.holds().await;
    let before = held.loads();
    mina.add(1, "pizza").await;
    let loads = async || held.loads();
    until("the room is loaded", loads, |loads| *loads > before).await;
    held.gate.open();
    mina.hears_until(|mina| mina.acks == [1]).await;
    mina.add(2, "sushi").await;
    mina.hears_until(|mina| mina.acks == [1, 2] && mina.items.len() == 2)
        .await;
    jun.hears_until(|jun| jun.items == ["pizza", "sushi"]).await;
    assert_eq!(mina.items, ["pizza", "sushi"]);
}

/// It is stored, and the answer is on its way while the room is loaded.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_is_given_up_is_seen_once_and_at_once() {
    let held = Held::start().await;
    let (first, second) = (held.server.room().await, held.server.room().await);
    let mut mina = Member::join(&held.server, &first, "Mina").await;
    let mut jun = Member::join(&held.server, &second, "Jun").await;
    let mut hana = Member::join(&held.server, &second, "Hana").await;
    let (first, second): (RoomId, RoomId) = (first.parse().unwrap(), second.parse().unwrap());
    // Of the first room this one hears, as another node, before the second has its answer.
    let ear = Arc::new(Gate::default());
    let (_watch, watching) = held.backend.watch(&first, Arc::clone(&ear) as _);
    watching.await.unwrap();
    let mut id = 0;
    loop {
        id += 1;
        jun.hears_until(|jun| jun.acks.len() as u64 == id - 1).await;
        let known = held.backend.load(&second, None).await.unwrap().unwrap();
        held.gate.close();
        held.gate.holds().await;
        mina.add(id, &format!("first-{id}")).await;
        jun.add(id, &format!("second-{id}")).await;
        // sleep: both wait for the writer, in this order; else it is done again
        tokio::time::sleep(Duration::from_millis(100)).await;
        ear.close();
        held.gate.open();
        ear.holds().await;
        let now = held.backend.load(&second, None).await.unwrap().unwrap();
        if now.position != known.position {
            break;
        }
        ear.open();
    }
    // The writer has not answered, and does not yet go on.
    jun.hears_until(|jun| jun.acks.len() as u64 == id && jun.items.len() as u64 == id)
        .await;
    hana.hears_until(|hana| hana.items.len() as u64 == id).await;
    ear.open();
    jun.add(id + 1, "the last").await;
    let all = |member: &Member| member.items.last().is_some_and(|last| last == "the last");
    jun.hears_until(|jun| all(jun) && jun.acks.last() == Some(&(id + 1)))
        .await;
    hana.hears_until(all).await;
    assert_eq!(jun.items.len() as u64, id + 1);
    assert_eq!(jun.items, hana.items);
    mina.hears_until(|mina| mina.acks.len() as u64 == id && mina.items.len() as u64 == id)
        .await;
}
