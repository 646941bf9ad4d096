//! A seat's commands take effect in the order of their numbers, whatever the store does
//! and over however many connections they are said: a client that follows the protocol
//! never hears `outdated` of what was not refused, and all it was given is there once,
//! in order.
//!
//! Everything is in memory and time is tokio's paused one, so a case takes no time and
//! ends the same way each time.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::collections::VecDeque;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use tablecast::Hub;
use tablecast::core::limits::Rate;
use tablecast_testing::client::{Client, Said};
use tablecast_testing::faulty::{Call, Fault, Faults};
use tokio::time::{sleep, timeout};

use support::rooms::{Menu, connect_in_memory, two_faulty_nodes};

/// Commands are given up after this long.
const DEADLINE: Duration = Duration::from_millis(300);

/// Longer than anything that is ready takes, since paused time moves only when nothing
/// else does.
const A_MOMENT: Duration = Duration::from_millis(1);

/// Two nodes on one store.
struct World {
    nodes: Vec<(Hub<Menu>, Faults)>,
}

impl World {
    async fn new(rate: Rate) -> World {
        let nodes = two_faulty_nodes(rate, DEADLINE, Menu::default()).await;
        World { nodes }
    }

    /// A connection through memory, with the first message said.
    async fn connect(&self, node: usize, first: &Value) -> Client {
        let stream = connect_in_memory(&self.nodes[node].0, "r").await;
        let mut client = Client::over(stream);
        client.set_deadline(A_MOMENT);
        client.send_text(&first.to_string()).await.unwrap();
        client
    }

    async fn items(&self) -> Vec<String> {
        self.nodes[0].0.view("r").await.unwrap().app.items
    }
}

/// A command that its maker waits for.
struct Command {
    id: u64,
    message: Value,
    /// Said on this connection, and so often not answered yet.
    on_its_way: u32,
}

impl Command {
    /// Whether it is one that cannot succeed.
    fn is_refused(&self) -> bool {
        self.message["remove"].is_object()
    }
}

/// A client that follows the protocol.
struct Member {
    /// `None` while it is not connected.
    line: Option<Client>,
    seat: Value,
    known: Value,
    next_id: u64,
    unanswered: VecDeque<Command>,
    /// Says again only when all that it said was answered; else as soon as the first of
    /// them may be said again.
    is_patient: bool,
}

impl Member {
    async fn join(world: &World, is_patient: bool) -> Member {
        let mut line = world.connect(0, &json!({"join": {}})).await;
        let hello = line.next_json().await.unwrap();
        let hello = &hello["hello"];
        Member {
            line: Some(line),
            seat: hello["seat"].clone(),
            known: json!({"epoch": hello["epoch"], "seq": hello["seq"]}),
            next_id: 1,
            unanswered: VecDeque::new(),
            is_patient,
        }
    }

    /// Is given a command, and says it if nothing has to be said again before it.
    async fn take(&mut self, content: Value) {
        let mut message = content;
        let id = self.next_id;
        self.next_id += 1;
        message["id"] = json!(id);
        let may_be_said = self.unanswered.iter().all(|one| one.on_its_way > 0);
        self.unanswered.push_back(Command {
            id,
            message,
            on_its_way: 0,
        });
        if may_be_said {
            self.say_from(id).await;
        }
    }

    async fn say_from(&mut self, id: u64) {
        let Some(line) = &mut self.line else { return };
        for command in self.unanswered.iter_mut().filter(|one| one.id >= id) {
            if command.on_its_way == 0 {
                command.on_its_way += 1;
                // A connection that has ended says so when it is read.
                let _ = line.send_text(&command.message.to_string()).await;
            }
        }
    }

    /// Says again what was not taken, from the first on.
    async fn say_again(&mut self) {
        let quiet = |one: &Command| one.on_its_way == 0;
        let may = match self.is_patient {
            true => self.unanswered.iter().all(quiet),
            false => self.unanswered.front().is_some_and(quiet),
        };
        if may && let Some(first) = self.unanswered.front().map(|one| one.id) {
            self.say_from(first).await;
        }
    }

    /// Reads all that has come.
    async fn hear(&mut self) {
        while let Some(line) = &mut self.line {
            let message: Value = match timeout(A_MOMENT, line.next()).await {
                Ok(Ok(Said::Text(text))) => serde_json::from_str(&text).unwrap(),
                Ok(Ok(Said::Ping(_) | Said::Pong(_))) => continue,
                Ok(Ok(Said::Close(code))) => {
                    assert_ne!(code, Some(4401), "the seat is kept");
                    self.line = None;
                    break;
                }
                Ok(Ok(Said::End) | Err(tablecast_testing::client::ClientError::Io(_))) => {
                    self.line = None;
                    break;
                }
                Ok(Ok(other)) => panic!("{other:?}"),
                Ok(Err(_)) | Err(_) => break,
            };
            self.understand(&message).await;
        }
    }

    async fn understand(&mut self, message: &Value) {
        let hello = &message["hello"];
        let error = &message["error"];
        if hello.is_object() {
            if hello["resumed"] == false {
                self.known = json!({"epoch": hello["epoch"], "seq": hello["seq"]});
            }
            self.say_from(0).await;
        } else if let Some(seq) = message["event"]["seq"].as_u64() {
            self.known["seq"] = json!(seq);
        } else if message["snapshot"].is_object() {
            let snapshot = &message["snapshot"];
            self.known = json!({"epoch": snapshot["epoch"], "seq": snapshot["seq"]});
        } else if let Some(id) = message["ack"]["id"].as_u64() {
            self.unanswered.retain(|one| one.id != id);
        } else if let Some(id) = error["id"].as_u64() {
            let place = self.unanswered.iter().position(|one| one.id == id);
            match error["code"].as_str().unwrap() {
                "unavailable" | "rate_limited" => {
                    if let Some(first) = error["after"].as_u64() {
                        assert!(first < id, "{message}");
                    }
                    if let Some(place) = place {
                        self.unanswered[place].on_its_way -= 1;
                    }
                }
                "not_found" => drop(self.unanswered.remove(place.expect("it was asked"))),
                // It was refused, and that answer was lost with its connection: what is
                // refused leaves no mark.
                "outdated" if place.is_some_and(|at| self.unanswered[at].is_refused()) => {
                    drop(self.unanswered.remove(place.expect("as just seen")));
                }
                _ => panic!("never to be heard: {message}"),
            }
        }
    }

    /// Drops the connection, if there is one, and comes back to a node.
    async fn come_back(&mut self, world: &World, node: usize) {
        let mut resume = self.known.clone();
        resume["seat"] = self.seat.clone();
        for command in &mut self.unanswered {
            command.on_its_way = 0;
        }
        self.line = Some(world.connect(node, &json!({ "resume": resume })).await);
    }
}

/// What happens next.
#[derive(Debug, Clone)]
enum Step {
    Add,
    /// Of what is not there: refused for good.
    Remove,
    /// Somebody on the other node adds something.
    Another,
    Fault(usize, Call, Fault),
    Down(usize),
    Up(usize),
    Hear,
    SayAgain,
    ComeBack(usize),
    Pass(Duration),
}

fn step() -> impl Strategy<Value = Step> {
    let node = 0..2_usize;
    let time =
        prop_oneof![Just(1_u64), Just(20), Just(100), Just(320)].prop_map(Duration::from_millis);
    let fault = prop_oneof![
        Just(Fault::Unavailable),
        Just(Fault::UnknownBefore),
        Just(Fault::UnknownAfter),
        time.clone().prop_map(Fault::UnknownThenLate),
        Just(Fault::Hang),
        Just(Fault::HangAfter),
        time.clone().prop_map(Fault::Delay),
    ];
    let call = prop_oneof![3 => Just(Call::Commit), 1 => Just(Call::Load)];
    prop_oneof![
        6 => Just(Step::Add),
        1 => Just(Step::Remove),
        2 => Just(Step::Another),
        4 => (node.clone(), call, fault).prop_map(|(node, call, fault)| Step::Fault(node, call, fault)),
        1 => node.clone().prop_map(Step::Down),
        1 => node.clone().prop_map(Step::Up),
        4 => Just(Step::Hear),
        3 => Just(Step::SayAgain),
        2 => node.prop_map(Step::ComeBack),
        4 => time.prop_map(Step::Pass),
    ]
}

async fn live_through(steps: Vec<Step>, is_patient: bool, rate: Rate) {
    let world = World::new(rate).await;
    let mut member = Member::join(&world, is_patient).await;
    let mut other = Member::join(&world, true).await;
    other.come_back(&world, 1).await;
    other.hear().await;
    let (mut own, mut others) = (Vec::new(), Vec::new());
    for step in steps {
        match step {
            Step::Add => {
                own.push(format!("own {}", own.len()));
                member.take(json!({"add": {"item": own.last()}})).await;
            }
            Step::Remove => member.take(json!({"remove": {"item": "nothing"}})).await,
            Step::Another => {
                others.push(format!("other {}", others.len()));
                other.take(json!({"add": {"item": others.last()}})).await;
            }
            Step::Fault(node, call, fault) => world.nodes[node].1.next(call, fault),
            Step::Down(node) => world.nodes[node].1.down("as the test asked"),
            Step::Up(node) => world.nodes[node].1.up(),
            Step::Hear => member.hear().await,
            Step::SayAgain => member.say_again().await,
            Step::ComeBack(node) => member.come_back(&world, node).await,
            // sleep: time that a test lets pass, and that is not waited for
            Step::Pass(time) => sleep(time).await,
        }
        // Who does not read would be cut after a while; that is not what this is about.
        other.hear().await;
    }
    for (_, faults) in &world.nodes {
        faults.none();
        faults.up();
    }
    for _ in 0..200 {
        if member.unanswered.is_empty() && other.unanswered.is_empty() {
            break;
        }
        for member in [&mut member, &mut other] {
            // sleep: what was said is given up, and has passed in no time
            sleep(DEADLINE).await;
            member.hear().await;
            match &member.line {
                Some(_) => member.say_again().await,
                None => member.come_back(&world, 1).await,
            }
        }
    }
    assert_eq!(member.unanswered.len(), 0, "all is answered in the end");
    let items = world.items().await;
    let of = |who: &str| -> Vec<String> {
        let theirs = items.iter().filter(|item| item.starts_with(who));
        theirs.cloned().collect()
    };
    assert_eq!(of("own"), own, "all of it, once, in order");
    assert_eq!(of("other"), others, "all of it, once, in order");
}

fn run(steps: Vec<Step>, is_patient: bool, rate: Rate) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(live_through(steps, is_patient, rate));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn commands_take_effect_in_the_order_of_their_numbers(
        steps in proptest::collection::vec(step(), 1..40),
        is_patient in any::<bool>(),
    ) {
        run(steps, is_patient, Rate::OFF);
    }

    /// What comes too fast is refused, and with it what comes behind it.
    #[test]
    fn and_so_they_do_where_the_rate_is_exceeded(
        steps in proptest::collection::vec(step(), 1..40),
        is_patient in any::<bool>(),
    ) {
        run(steps, is_patient, Rate { per_second: 10.0, burst: 3 });
    }
}

/// Six is given up while seven waits behind it: seven is not applied without it.
#[test]
fn what_waits_behind_a_command_that_is_given_up_is_given_up_with_it() {
    let steps = vec![
        Step::Fault(0, Call::Commit, Fault::Hang),
        Step::Add,
        Step::Pass(Duration::from_millis(100)),
        Step::Add,
        Step::Pass(Duration::from_millis(250)),
        Step::Hear,
    ];
    run(steps, true, Rate::OFF);
}
