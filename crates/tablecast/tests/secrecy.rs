//! Whatever the store and the network do, nobody reads what another member hides, and everybody
//! knows all of their own: the first by a search in all bytes that were ever sent to anybody, the
//! second by clients that follow the rules and are compared with their views.
//!
//! Everything is in memory and time is tokio's paused one, so a case takes no time and ends the
//! same way each time.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use tablecast::core::MemberId;
use tablecast::core::id::unique;
use tablecast::core::limits::Rate;
use tablecast::{App, Hub};
use tablecast_testing::client::{Client, Said};
use tablecast_testing::faulty::{Call, Fault, Faults};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::time::{sleep, timeout};

use support::rooms::{connect_in_memory, two_faulty_nodes};
use support::secrets::{Notes, apply};

/// Commands are given up after this long.
const DEADLINE: Duration = Duration::from_millis(300);

/// Longer than anything that is ready takes, since paused time moves only when nothing
/// else does.
const A_MOMENT: Duration = Duration::from_millis(1);

/// How many members there are, with somebody who only watches.
const PEOPLE: usize = 4;

/// How many secrets a run is for, so that a number of cases is one of secrets.
const SECRETS: u32 = 10;

/// What was sent to somebody, over all their connections.
type Bytes = Arc<Mutex<Vec<u8>>>;

/// A stream of which all that comes is kept.
struct Kept(DuplexStream, Bytes);

impl AsyncRead for Kept {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.0).poll_read(cx, buffer);
        let new = &buffer.filled()[before..];
        self.1.lock().unwrap().extend_from_slice(new);
        read
    }
}

impl AsyncWrite for Kept {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// Two nodes on one store.
struct World {
    nodes: Vec<(Hub<Notes>, Faults)>,
}

impl World {
    async fn new() -> World {
        let nodes = two_faulty_nodes(Rate::OFF, DEADLINE, Notes::default()).await;
        World { nodes }
    }
}

/// Somebody who follows the protocol.
struct Somebody {
    /// Every byte that this one was sent.
    bytes: Bytes,
    /// `None` while not connected.
    line: Option<Client>,
    /// Who they are, and the seat; null for one who watches.
    hello: Value,
    known: Value,
    state: Value,
    /// Own forms of events to come.
    own: BTreeMap<u64, Value>,
    next_id: u64,
    /// Commands without an answer, in order, and whether each was said on this connection.
    unanswered: VecDeque<(u64, Value, bool)>,
}

impl Somebody {
    async fn enter(world: &World, node: usize, first: Value) -> Somebody {
        let mut somebody = Somebody {
            bytes: Bytes::default(),
            line: None,
            hello: Value::Null,
            known: Value::Null,
            state: Value::Null,
            own: BTreeMap::new(),
            next_id: 1,
            unanswered: VecDeque::new(),
        };
        somebody.connect(world, node, &first).await;
        somebody.hear().await;
        somebody
    }

    async fn connect(&mut self, world: &World, node: usize, first: &Value) {
        for (_, _, said) in &mut self.unanswered {
            *said = false;
        }
        let stream = connect_in_memory(&world.nodes[node].0, "r").await;
        let mut client = Client::over(Kept(stream, self.bytes.clone()));
        client.set_deadline(A_MOMENT);
        client.send_text(&first.to_string()).await.unwrap();
        self.line = Some(client);
    }

    /// Drops the connection, if there is one, and comes back to a node.
    async fn come_back(&mut self, world: &World, node: usize) {
        let seat = &self.hello["seat"];
        let first = match seat.is_null() {
            true => json!({"join": {"watch": "only"}}),
            false => {
                let (epoch, seq) = (&self.known["epoch"], &self.known["seq"]);
                json!({"resume": {"seat": seat, "epoch": epoch, "seq": seq}})
            }
        };
        self.connect(world, node, &first).await;
    }

    async fn ask(&mut self, mut command: Value) {
        command["id"] = json!(self.next_id);
        self.unanswered.push_back((self.next_id, command, false));
        self.next_id += 1;
        let may = self.unanswered.iter().rev().skip(1).all(|one| one.2);
        if may {
            self.say().await;
        }
    }

    /// Says what was not said on this connection.
    async fn say(&mut self) {
        let Some(line) = &mut self.line else { return };
        for (_, command, said) in &mut self.unanswered {
            if !std::mem::replace(said, true) {
                // A connection that has ended says so when it is read.
                let _ = line.send_text(&command.to_string()).await;
            }
        }
    }

    /// Reads all that has come.
    async fn hear(&mut self) {
        while let Some(line) = &mut self.line {
            match timeout(A_MOMENT, line.next()).await {
                Ok(Ok(Said::Text(text))) => {
                    let message = serde_json::from_str(&text).unwrap();
                    self.understand(message).await;
                }
                Ok(Ok(Said::Ping(_) | Said::Pong(_))) => {}
                Ok(Ok(Said::Close(_) | Said::End)) => self.line = None,
                Ok(Ok(other)) => panic!("{other:?}"),
                Ok(Err(tablecast_testing::client::ClientError::Io(_))) => self.line = None,
                Ok(Err(_)) | Err(_) => return,
            }
        }
    }

    fn replace(&mut self, whole: &Value) {
        self.known = json!({"epoch": whole["epoch"], "seq": whole["seq"]});
        self.state = whole["state"].clone();
        self.own.clear();
    }

    async fn understand(&mut self, message: Value) {
        if let Some(hello) = message.get("hello") {
            self.own.clear();
            if hello["resumed"] == false {
                self.replace(hello);
            }
            self.hello = hello.clone();
            self.say().await;
        } else if let Some(snapshot) = message.get("snapshot") {
            self.replace(snapshot);
        } else if let Some(event) = message.get("event") {
            let seq = event["seq"].as_u64().unwrap();
            let known = self.known["seq"].as_u64().unwrap();
            if seq <= known {
                return;
            }
            assert_eq!(seq, known + 1, "nothing is left out");
            self.known["seq"] = json!(seq);
            let own = self.own.remove(&seq);
            if let Some(change) = own.as_ref().or(event.get("change")) {
                apply(&mut self.state, &event["by"], change);
            }
        } else if let Some(ack) = message.get("ack") {
            let (id, seq) = (&ack["id"], ack["seq"].as_u64().unwrap());
            self.unanswered.retain(|(one, ..)| id != one);
            let own = ack["own"].as_array().into_iter().flatten().rev();
            let known = self.known["seq"].as_u64().unwrap();
            let places = (known + 1..=seq).rev();
            self.own.extend(places.zip(own.cloned()));
        } else if let Some(error) = message.get("error") {
            let id = error["id"].as_u64().unwrap();
            if error["code"] == "outdated" {
                // Applied so long ago that only the state tells.
                return self.unanswered.retain(|one| one.0 != id);
            }
            assert_eq!(error["code"], "unavailable", "{message}");
            for (_, _, said) in self.unanswered.iter_mut().filter(|one| one.0 >= id) {
                *said = false;
            }
        }
    }

    fn you(&self) -> Option<MemberId> {
        self.hello["you"].as_u64().map(MemberId)
    }
}

/// What happens next; the number is that of a member or of a node.
#[derive(Debug, Clone)]
enum Step {
    Hide(usize),
    Both(usize),
    Say(usize),
    Erase(usize),
    /// So much that events are not enough for who misses it.
    Flood(usize),
    Fault(usize, Call, Fault),
    Down(usize),
    Up(usize),
    Hear(usize),
    SayAgain(usize),
    ComeBack(usize, usize),
    Pass(Duration),
}

fn step() -> impl Strategy<Value = Step> {
    let (node, who) = (0..2_usize, 0..PEOPLE - 1);
    let time =
        prop_oneof![Just(1_u64), Just(20), Just(100), Just(320)].prop_map(Duration::from_millis);
    let fault = prop_oneof![
        Just(Fault::Unavailable),
        Just(Fault::UnknownBefore),
        Just(Fault::UnknownAfter),
        time.clone().prop_map(Fault::UnknownThenLate),
        Just(Fault::HangAfter),
        time.clone().prop_map(Fault::Delay),
    ];
    let call = prop_oneof![4 => Just(Call::Commit), 1 => Just(Call::Load)];
    prop_oneof![
        12 => who.clone().prop_map(Step::Both),
        8 => who.clone().prop_map(Step::Say),
        4 => who.clone().prop_map(Step::Erase),
        1 => who.clone().prop_map(Step::Flood),
        16 => (node.clone(), call, fault).prop_map(|(node, call, fault)| Step::Fault(node, call, fault)),
        4 => node.clone().prop_map(Step::Down),
        4 => node.clone().prop_map(Step::Up),
        16 => (0..PEOPLE).prop_map(Step::Hear),
        12 => who.clone().prop_map(Step::SayAgain),
        12 => (0..PEOPLE, node).prop_map(|(who, node)| Step::ComeBack(who, node)),
        16 => time.prop_map(Step::Pass),
        32 => who.prop_map(Step::Hide),
    ]
}

/// A text that stands nowhere else.
fn secret() -> String {
    format!("hidden-{:016x}", unique())
}

async fn live_through(steps: Vec<Step>) {
    let world = World::new().await;
    let mut people = Vec::new();
    for at in 1..PEOPLE {
        people.push(Somebody::enter(&world, at % 2, json!({"join": {}})).await);
    }
    people.push(Somebody::enter(&world, 1, json!({"join": {"watch": "only"}})).await);
    let mut secrets: Vec<(usize, String)> = Vec::new();
    for step in steps {
        match step {
            Step::Hide(who) => {
                secrets.push((who, secret()));
                let text = &secrets.last().unwrap().1;
                people[who].ask(json!({"hide": {"text": text}})).await;
            }
            Step::Both(who) => {
                secrets.push((who, secret()));
                let text = &secrets.last().unwrap().1;
                let both = json!({"both": {"hide": text, "say": "open"}});
                people[who].ask(both).await;
            }
            Step::Say(who) => people[who].ask(json!({"say": {"text": "open"}})).await,
            Step::Erase(who) => people[who].ask(json!({"erase": {}})).await,
            Step::Flood(who) => {
                for _ in 0..150 {
                    people[who]
                        .ask(json!({"both": {"hide": "", "say": ""}}))
                        .await;
                }
            }
            Step::Fault(node, call, fault) => world.nodes[node].1.next(call, fault),
            Step::Down(node) => world.nodes[node].1.down("as the test asked"),
            Step::Up(node) => world.nodes[node].1.up(),
            Step::Hear(who) => people[who].hear().await,
            Step::SayAgain(who) => people[who].say().await,
            Step::ComeBack(who, node) => people[who].come_back(&world, node).await,
            // sleep: time that a test lets pass, and that is not waited for
            Step::Pass(time) => sleep(time).await,
        }
    }
    for (_, faults) in &world.nodes {
        faults.none();
        faults.up();
    }
    for _ in 0..200 {
        let is_settled = |one: &Somebody| one.line.is_some() && one.unanswered.is_empty();
        if people.iter().all(is_settled) {
            break;
        }
        for (at, one) in people.iter_mut().enumerate() {
            // sleep: what was said is given up, and has passed in no time
            sleep(DEADLINE).await;
            one.hear().await;
            match &one.line {
                Some(_) => one.say().await,
                None => one.come_back(&world, at % 2).await,
            }
        }
    }
    let mut room = world.nodes[0].0.view("r").await.unwrap();
    // Whoever was cut for reading too slowly comes back, and their node may have been down.
    for _ in 0..200 {
        if people
            .iter()
            .all(|one| one.known["seq"] == room.position.seq)
        {
            break;
        }
        // sleep: what was published comes meanwhile, in no time
        sleep(DEADLINE).await;
        for (at, one) in people.iter_mut().enumerate() {
            one.hear().await;
            if one.line.is_none() {
                one.come_back(&world, at % 2).await;
            }
        }
        room = world.nodes[0].0.view("r").await.unwrap();
    }
    for (at, one) in people.iter_mut().enumerate() {
        assert_eq!(one.unanswered.len(), 0, "all is answered in the end");
        let seen = json!(room.app.view(one.you()));
        assert_eq!(one.known["seq"], room.position.seq, "all has come");
        assert_eq!(one.state, seen, "{at} knows what they may");
        let bytes = String::from_utf8_lossy(&one.bytes.lock().unwrap()).into_owned();
        for (who, secret) in &secrets {
            assert!(
                *who == at || !bytes.contains(secret),
                "{at} reads {secret} of {who}"
            );
        }
    }
}

/// `TABLECAST_SECRETS` asks for more.
fn cases() -> u32 {
    let secrets = std::env::var("TABLECAST_SECRETS").ok();
    let secrets: u32 = secrets.map_or(2_000, |text| text.parse().unwrap());
    secrets / SECRETS
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn nobody_reads_what_others_hide_and_everybody_knows_their_own(
        steps in proptest::collection::vec(step(), 30..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(live_through(steps));
    }
}
