//! Rooms on a store that fails: outcomes nobody knows, publications that go
//! astray, and a store that is away.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde_json::{Value, json};
use tablecast::core::backend::{
    AlarmHint, Backend, BackendFuture, Commit, Committed, Created, DueAlarms, HealthChanges,
    Keepsake, Listener, LiveNode, Loaded, NewRoom, Publication, Watch,
};
use tablecast::core::limits::Rate;
use tablecast::core::{CloseReason, Forms, NodeId, Position, RoomId};
use tablecast::{HubConfig, MemoryBackend};
use tablecast_testing::faulty::{Call, Fault, Faults, Rates};
use tablecast_testing::{FaultyBackend, until};
use tokio::sync::{Notify, Semaphore};

use support::NEVER;
use support::rooms::{JsonMember, Node, code};

/// Commands are given up soon, so that tests need not wait.
fn config() -> HubConfig {
    HubConfig {
        command_rate: Rate::OFF,
        command_deadline: Duration::from_millis(300),
        ..HubConfig::default()
    }
}

async fn faulty_node() -> (Node, Faults) {
    faulty_node_with(config()).await
}

async fn faulty_node_with(config: HubConfig) -> (Node, Faults) {
    let backend = FaultyBackend::new(Arc::new(MemoryBackend::new()));
    let faults = backend.faults();
    let node = Node::on(Arc::new(backend), config).await;
    node.make("r").await;
    (node, faults)
}

fn add(id: u64, item: &str) -> Value {
    json!({"id": id, "add": {"item": item}})
}

/// Asks with the same number until it is acknowledged, as a client should.
async fn insist(member: &mut JsonMember, message: &Value) {
    loop {
        let answer = member.ask(message.clone()).await;
        if answer["ack"].is_object() {
            return;
        }
        assert_eq!(code(&answer), "unavailable", "{answer}");
    }
}

#[tokio::test]
async fn a_commit_whose_outcome_is_unknown_is_applied_exactly_once() {
    let (node, faults) = faulty_node().await;
    let mut member = node.json("r").await;
    let mut witness = node.text("r").await;
    let outcomes = [
        Fault::Unavailable,
        Fault::UnknownBefore,
        Fault::UnknownAfter,
        Fault::UnknownThenLate(Duration::from_millis(1)),
        Fault::UnknownThenLate(Duration::from_millis(100)),
        Fault::Hang,
        Fault::HangAfter,
    ];
    let mut expected = Vec::new();
    for (number, fault) in outcomes.into_iter().enumerate() {
        faults.next(Call::Commit, fault);
        let item = format!("{number} {fault:?}");
        insist(&mut member, &add(number as u64 + 1, &item)).await;
        expected.push(item);
        let shown: Vec<String> = serde_json::from_str(&witness.next_text().await.unwrap()).unwrap();
        assert_eq!(shown, expected, "one frame for each change");
    }
    // What is carried out late finds the room moved on.
    // sleep: longer than the longest delay above; nobody is told that it was carried out
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert_eq!(node.items("r").await, expected);
}

#[tokio::test]
async fn a_join_or_leave_whose_outcome_is_unknown_happens_once() {
    // A join is refused when its time is over, and here each must succeed.
    let config = HubConfig {
        command_deadline: NEVER,
        ..config()
    };
    let (node, faults) = faulty_node_with(config).await;
    let late = Fault::UnknownThenLate(Duration::from_millis(20));
    for fault in [Fault::UnknownBefore, Fault::UnknownAfter, late] {
        faults.next(Call::Commit, fault);
        let mut json = node.json("r").await.client;
        faults.next(Call::Commit, fault);
        let mut text = node.text("r").await;
        assert_eq!(
            node.hub.view("r").await.unwrap().members.len(),
            2,
            "{fault:?}"
        );
        for (client, left) in [(&mut json, 1), (&mut text, 0)] {
            faults.next(Call::Commit, fault);
            client.send_close(1000).await.unwrap();
            node.until_seats("r", left).await;
        }
    }
}

/// The store took the member back and the answer was lost: the seat is still
/// theirs when they try again.
#[tokio::test]
async fn coming_back_without_an_answer_does_not_cost_the_seat() {
    let (node, faults) = faulty_node().await;
    let _witness = node.json("r").await;
    let member = node.json("r").await;
    let seat = member.hello.clone();
    member.client.reset().unwrap();
    let away = async || {
        let members = node.hub.view("r").await.unwrap().members;
        members.iter().filter(|one| one.away).count()
    };
    until("the member is away", away, |away| *away == 1).await;
    faults.next(Call::Commit, Fault::HangAfter);
    let first = json!({"resume": {"seat": seat["seat"]}}).to_string();
    let mut client = node.say_first("r", &first).await;
    assert_eq!(
        client.closed().await.unwrap(),
        CloseReason::Unavailable.code()
    );
    // Its leaving is known before the next attempt.
    until("the member is away again", away, |away| *away == 1).await;
    let back = node.resume("r", &seat, seat["seq"].as_u64().unwrap()).await;
    assert_eq!(back.hello["you"], seat["you"]);
}

#[tokio::test]
async fn while_the_store_is_away_members_are_told_and_then_it_goes_on() {
    let (node, faults) = faulty_node().await;
    let mut json = node.json("r").await;
    let mut text = node.text("r").await;
    json.event().await;
    faults.down("as the test asked");
    assert_eq!(json.next().await, json!({"status": {"store": "down"}}));
    assert_eq!(code(&json.ask(add(1, "x")).await), "unavailable");
    text.send_text("add:y").await.unwrap();
    assert_eq!(code(&text.next_json().await.unwrap()), "unavailable");
    assert_eq!(node.refusal("r").await, 503);
    let mut late = node.say_first("r", r#"{"join":{}}"#).await;
    assert_eq!(
        late.closed().await.unwrap(),
        CloseReason::Unavailable.code()
    );

    faults.up();
    while json.next().await != json!({"status": {"store": "up"}}) {}
    insist(&mut json, &add(1, "x")).await;
    assert_eq!(text.next_text().await.unwrap(), r#"["x"]"#);
    assert_eq!(
        node.items("r").await,
        ["x"],
        "what was refused did not happen"
    );
    assert_eq!(
        node.hub.view("r").await.unwrap().members.len(),
        2,
        "nobody else has a seat"
    );
}

/// Commands are given up, leaving never is.
#[tokio::test]
async fn leaving_while_the_store_is_away_frees_the_seat_when_it_is_back() {
    let (node, faults) = faulty_node().await;
    let mut stays = node.json("r").await;
    let mut leaves = node.json("r").await;
    stays.event().await;
    faults.down("as the test asked");
    leaves.client.send_close(1000).await.unwrap();
    leaves.client.ended().await.unwrap();
    // Longer than any command would be kept.
    assert_eq!(code(&stays.ask(add(1, "x")).await), "unavailable");
    faults.up();
    assert_eq!(stays.event().await["left"]["member"], leaves.hello["you"]);
    assert_eq!(node.hub.view("r").await.unwrap().members.len(), 1);
}

#[tokio::test]
async fn a_store_that_never_answers_holds_nothing_up_for_ever() {
    let (node, faults) = faulty_node().await;
    let mut member = node.json("r").await;
    // A commit of unknown outcome leads to a load, which hangs as well.
    faults.next(Call::Commit, Fault::Hang);
    faults.next(Call::Load, Fault::Hang);
    insist(&mut member, &add(1, "x")).await;
    assert_eq!(node.items("r").await, ["x"]);
}

/// The store gave a seat and the answer was lost. The last other member has just left, so
/// this node has no reason to keep the room open but to give the seat up.
#[tokio::test]
async fn a_join_without_an_answer_leaves_no_seat_behind() {
    let (node, faults) = faulty_node().await;
    let last = node.text("r").await;
    let commits = async || faults.calls(Call::Commit);
    let (before, deadline) = (commits().await, config().command_deadline);
    faults.next(Call::Commit, Fault::Delay(deadline / 2));
    faults.next(Call::Commit, Fault::HangAfter);
    drop(last);
    until("the leave is committed", commits, |calls| *calls > before).await;
    let stop = async {
        until("the join, too", commits, |calls| *calls > before + 1).await;
        // sleep: the process is stopped until the deadlines of join and commit are over
        std::thread::sleep(2 * deadline);
    };
    let (status, ()) = tokio::join!(node.refusal("r"), stop);
    assert_eq!(status, 503);
    node.until_seats("r", 0).await;
    node.until_quiet().await;
}

/// Otherwise somebody who guesses ids, and does not wait for the answer, fills the memory
/// meanwhile.
#[tokio::test]
async fn while_the_store_is_away_no_room_stays_open_in_which_nobody_was() {
    let (node, faults) = faulty_node().await;
    faults.down("as the test asked");
    let open = async || node.hub.metrics().rooms.get();
    loop {
        tokio::select! {
            _ = until("the room is open", open, |open| *open == 1) => break,
            // This machine is slow: the answer came first.
            _ = node.try_text("other") => {}
        }
    }
    // The connection is closed, and waits for no answer.
    node.until_quiet().await;
    assert_eq!(node.refusal("r").await, 503);
}

/// What a member of a room knows, by what it was told.
#[derive(Default)]
struct Known {
    seq: u64,
    items: Vec<String>,
}

impl Known {
    fn hear(&mut self, message: &Value) {
        let snapshot = &message["snapshot"];
        let event = &message["event"];
        if snapshot.is_object() {
            self.seq = snapshot["seq"].as_u64().unwrap();
            self.items = serde_json::from_value(snapshot["state"].clone()).unwrap();
        } else if event.is_object() {
            self.seq += 1;
            assert_eq!(event["seq"], self.seq, "no gap");
            if let Some(item) = event["change"]["added"]["item"].as_str() {
                self.items.push(item.to_owned());
            }
        }
    }
}

#[tokio::test]
async fn publications_lost_doubled_and_out_of_order_are_healed() {
    const CHANGES: u64 = 300;
    let store = MemoryBackend::new();
    let backend = FaultyBackend::new(Arc::new(store.another_node()));
    let faults = backend.faults();
    let one = Node::on(Arc::new(store), config()).await;
    let two = Node::on(Arc::new(backend), config()).await;
    one.make("r").await;
    let mut writer = one.json("r").await;
    let mut watcher = two.json("r").await;
    let mut text = two.text("r").await;
    faults.random(
        7,
        Rates {
            lose: 0.2,
            double: 0.2,
            reorder: 0.2,
            delay_publication: 0.2,
            longest_delay: Duration::from_millis(20),
            ..Rates::default()
        },
    );
    for id in 1..=CHANGES {
        insist(&mut writer, &add(id, &id.to_string())).await;
    }
    let all: Vec<String> = (1..=CHANGES).map(|id| id.to_string()).collect();
    let mut known = Known {
        seq: watcher.seq(),
        items: Vec::new(),
    };
    while known.items.len() < all.len() {
        known.hear(&watcher.next().await);
    }
    assert_eq!(known.items, all);
    let mut shown = 0;
    while shown < all.len() {
        let state: Vec<String> = serde_json::from_str(&text.next_text().await.unwrap()).unwrap();
        assert!(state.len() > shown, "never an older list again (defect 8)");
        assert_eq!(state, all[..state.len()]);
        shown = state.len();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_goes_wrong_each_acknowledged_change_is_there_once() {
    const WRITERS: usize = 4;
    const EACH: u64 = 40;
    let store = MemoryBackend::new();
    let rates = Rates {
        unavailable: 0.05,
        unknown_before: 0.05,
        unknown_after: 0.1,
        unknown_then_late: 0.05,
        delay: 0.1,
        lose: 0.1,
        double: 0.1,
        reorder: 0.1,
        delay_publication: 0.1,
        longest_delay: Duration::from_millis(20),
    };
    let mut nodes = Vec::new();
    for seed in 0..2 {
        let backend = FaultyBackend::new(Arc::new(store.another_node()));
        let faults = backend.faults();
        let config = HubConfig {
            command_deadline: Duration::from_millis(1800),
            ..config()
        };
        nodes.push((Node::on(Arc::new(backend), config).await, faults, seed));
    }
    nodes[0].0.make("r").await;
    let mut members = Vec::new();
    for who in 0..WRITERS {
        members.push(nodes[who % 2].0.json("r").await);
    }
    for (_, faults, seed) in &nodes {
        faults.random(*seed, rates);
    }
    let writers: Vec<_> = members
        .into_iter()
        .enumerate()
        .map(|(who, mut member)| {
            tokio::spawn(async move {
                let mut known = Known {
                    seq: member.seq(),
                    items: Vec::new(),
                };
                for id in 1..=EACH {
                    let message = add(id, &format!("{who}-{id}"));
                    member.send(message.clone()).await;
                    loop {
                        let answer = member.next().await;
                        known.hear(&answer);
                        if answer["ack"]["id"] == id {
                            break;
                        }
                        if answer["error"]["id"] == id {
                            assert_eq!(code(&answer), "unavailable", "{answer}");
                            member.send(message.clone()).await;
                        }
                    }
                }
                while known.items.len() < WRITERS * EACH as usize {
                    known.hear(&member.next().await);
                }
                (member, known.items)
            })
        })
        .collect();
    let mut all_known = Vec::new();
    for writer in writers {
        all_known.push(writer.await.unwrap());
    }
    for (_, faults, _) in &nodes {
        faults.none();
    }
    let stored = nodes[0].0.items("r").await;
    assert_eq!(stored.len(), WRITERS * EACH as usize);
    for who in 0..WRITERS {
        let own = stored
            .iter()
            .filter(|item| item.starts_with(&format!("{who}-")));
        let in_order = (1..=EACH).map(|id| format!("{who}-{id}"));
        assert!(
            own.cloned().eq(in_order),
            "each once, in its writer's order"
        );
    }
    assert!(
        all_known.iter().all(|(_, items)| *items == stored),
        "all end equal"
    );
}

/// A store whose answer to a load can be held back after it was made, and which
/// loses publications but then says so, as the port demands.
struct SlowAnswers {
    inner: MemoryBackend,
    hold: Arc<AtomicBool>,
    held: Arc<AtomicUsize>,
    release: Arc<Semaphore>,
    lose: Arc<AtomicBool>,
    listener: Arc<OnceLock<Arc<dyn Listener>>>,
    down: Arc<Notify>,
}

fn slow_answers(store: &MemoryBackend) -> SlowAnswers {
    SlowAnswers {
        inner: store.another_node(),
        hold: Arc::default(),
        held: Arc::default(),
        release: Arc::new(Semaphore::new(0)),
        lose: Arc::default(),
        listener: Arc::default(),
        down: Arc::default(),
    }
}

/// Hears what is not lost.
struct Losing {
    to: Arc<dyn Listener>,
    lose: Arc<AtomicBool>,
}

impl Listener for Losing {
    fn published(&self, publication: Publication) {
        if !self.lose.load(Ordering::SeqCst) {
            self.to.published(publication);
        }
    }

    fn missed(&self) {
        self.to.missed();
    }
}

impl Backend for SlowAnswers {
    fn create<'a>(&'a self, room: &'a RoomId, new: NewRoom) -> BackendFuture<'a, Created> {
        self.inner.create(room, new)
    }

    fn load<'a>(
        &'a self,
        room: &'a RoomId,
        known: Option<Position>,
    ) -> BackendFuture<'a, Option<Loaded>> {
        BackendFuture::later(async move {
            let loaded = self.inner.load(room, known).await;
            if self.hold.swap(false, Ordering::SeqCst) {
                self.held.fetch_add(1, Ordering::SeqCst);
                self.release.acquire().await.unwrap().forget();
            }
            loaded
        })
    }

    fn commit<'a>(&'a self, room: &'a RoomId, commit: Commit) -> BackendFuture<'a, Committed> {
        self.inner.commit(room, commit)
    }

    fn keepsake<'a>(&'a self, room: &'a RoomId) -> BackendFuture<'a, Option<Keepsake>> {
        self.inner.keepsake(room)
    }

    fn due_alarms(&self, limit: usize) -> BackendFuture<'_, DueAlarms> {
        self.inner.due_alarms(limit)
    }

    fn forget_alarm<'a>(&'a self, hint: &'a AlarmHint) -> BackendFuture<'a, ()> {
        self.inner.forget_alarm(hint)
    }

    fn watch<'a>(
        &'a self,
        room: &'a RoomId,
        listener: Arc<dyn Listener>,
    ) -> (Watch, BackendFuture<'a, ()>) {
        assert!(self.listener.set(Arc::clone(&listener)).is_ok(), "one room");
        let lose = Arc::clone(&self.lose);
        let losing = Losing { to: listener, lose };
        self.inner.watch(room, Arc::new(losing))
    }

    fn health(&self) -> HealthChanges {
        let down = Arc::clone(&self.down);
        let down = futures_util::stream::once(async move {
            down.notified().await;
            tablecast::core::backend::Health::Down("x".into())
        });
        Box::pin(futures_util::stream::select(
            self.inner.health(),
            Box::pin(down),
        ))
    }

    fn renew<'a>(
        &'a self,
        node: &'a NodeId,
        forms: Forms,
        lease: Duration,
    ) -> BackendFuture<'a, Vec<LiveNode>> {
        self.inner.renew(node, forms, lease)
    }

    fn release<'a>(&'a self, node: &'a NodeId) -> BackendFuture<'a, ()> {
        self.inner.release(node)
    }

    fn snapshot_interval(&self) -> usize {
        self.inner.snapshot_interval()
    }

    fn resync_interval(&self) -> Option<Duration> {
        None
    }
}

/// The answer on its way is older than what was missed, so it does not settle it.
#[tokio::test]
async fn a_resync_that_comes_while_a_room_is_loading_is_not_forgotten() {
    let store = MemoryBackend::new();
    let slow = slow_answers(&store);
    let (listener, down) = (slow.listener.clone(), slow.down.clone());
    let (hold, held, release, lose) = (
        slow.hold.clone(),
        slow.held.clone(),
        slow.release.clone(),
        slow.lose.clone(),
    );
    let config = HubConfig {
        command_deadline: NEVER,
        ..config()
    };
    let one = Node::on(Arc::new(store), config.clone()).await;
    let two = Node::on(Arc::new(slow), config).await;
    one.make("r").await;
    let mut writer = one.json("r").await;
    let mut watcher = two.json("r").await;

    let listener = listener.get().unwrap();
    hold.store(true, Ordering::SeqCst);
    listener.missed();
    let loading = async || held.load(Ordering::SeqCst);
    until("the room is loading", loading, |loads| *loads == 1).await;
    lose.store(true, Ordering::SeqCst);
    insist(&mut writer, &add(1, "x")).await;
    listener.missed();
    // The room's task has heard it: what comes behind it in the mailbox was seen.
    down.notify_one();
    assert!(watcher.next().await["status"].is_object());
    release.add_permits(1);
    assert_eq!(watcher.event().await["change"]["added"]["item"], "x");
}
