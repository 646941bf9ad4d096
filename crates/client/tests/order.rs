//! A seat's commands take effect in the order they were given, whatever the store, the
//! rate and the network do: against a model of a server.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;
use serde_json::{Value, json};
use support::{Lunch, START, hello};
use tablecast_client::protocol::client::Request;
use tablecast_client::{Effect, Incoming, Notification, Outgoing};
use tablecast_lunch::Command;

type At = support::At<Lunch>;

/// What happens to a command that could be decided.
#[derive(Debug, Clone, Copy)]
enum Outcome {
    Applied,
    /// Given up, and not applied.
    Lost,
    /// Given up, though it was applied.
    AppliedUnknown,
    OverTheRate,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    /// Somebody types a line.
    Say,
    /// The server reads its next message.
    Read(Outcome),
    /// The client reads its next message.
    Hear,
    /// Time passes until the client has something to do.
    Wait,
    /// The connection is cut: what is on its way is lost, in both directions.
    Cut,
}

fn step() -> impl Strategy<Value = Step> {
    use Outcome::{Applied, AppliedUnknown, Lost, OverTheRate};
    let outcome = prop_oneof![6 => Just(Applied), 1 => Just(Lost), 1 => Just(AppliedUnknown), 1 => Just(OverTheRate)];
    prop_oneof![
        5 => Just(Step::Say),
        8 => outcome.prop_map(Step::Read),
        8 => Just(Step::Hear),
        4 => Just(Step::Wait),
        1 => Just(Step::Cut),
    ]
}

/// As docs/protocol.md has the numbers of commands.
struct Server {
    /// Gives up with a command all that follow it, until it comes again.
    keeps_order: bool,
    given_up: Option<u64>,
    applied: BTreeMap<u64, String>,
    log: Vec<String>,
    outdated: usize,
    repeated_at_once: usize,
}

impl Server {
    fn read(&mut self, text: &str, outcome: Outcome) -> Value {
        let message: Value = serde_json::from_str(text).unwrap();
        let id = message["id"].as_u64().unwrap();
        let error = |code: &str, after: Option<u64>| {
            let mut error = json!({"id":id,"code":code,"message":"…"});
            if let Some(after) = after {
                error["after"] = json!(after);
            }
            json!({ "error": error })
        };
        if self.keeps_order {
            match self.given_up {
                Some(after) if id > after => return error("unavailable", Some(after)),
                Some(after) if id == after => self.given_up = None,
                _ => {}
            }
        }
        let ack = json!({"ack":{"id":id,"seq":1}});
        match self.applied.get(&id) {
            Some(known) => {
                assert_eq!(known, text, "not said again to the byte");
                return ack;
            }
            None if self.applied.keys().any(|applied| *applied > id) => {
                self.outdated += 1;
                return error("outdated", None);
            }
            None => {}
        }
        if matches!(outcome, Outcome::Applied | Outcome::AppliedUnknown) {
            self.applied.insert(id, text.to_owned());
            self.log
                .push(message["add"]["item"].as_str().unwrap().to_owned());
        }
        match outcome {
            Outcome::Applied => ack,
            Outcome::Lost | Outcome::AppliedUnknown => {
                self.given_up = Some(id);
                error("unavailable", None)
            }
            Outcome::OverTheRate => {
                self.given_up = Some(id);
                error("rate_limited", None)
            }
        }
    }
}

struct World {
    at: At,
    server: Server,
    connected: bool,
    to_server: VecDeque<String>,
    to_client: VecDeque<Value>,
    said: Vec<String>,
    refused: Vec<Request<Command>>,
}

impl World {
    fn new(keeps_order: bool) -> World {
        let mut world = World {
            at: At::start(0),
            server: Server {
                keeps_order,
                given_up: None,
                applied: BTreeMap::new(),
                log: Vec::new(),
                outdated: 0,
                repeated_at_once: 0,
            },
            connected: false,
            to_server: VecDeque::new(),
            to_client: VecDeque::new(),
            said: Vec::new(),
            refused: Vec::new(),
        };
        world.connect();
        world
    }

    fn connect(&mut self) {
        self.at.open();
        self.at.hears(hello());
        self.connected = true;
        self.server.given_up = None;
        self.look();
    }

    fn cut(&mut self) {
        self.connected = false;
        self.to_server.clear();
        self.to_client.clear();
    }

    /// Does what the session wants done.
    fn look(&mut self) {
        for effect in self.at.effects() {
            match effect {
                Effect::Send(Outgoing::Text(text)) if self.to_server.contains(&text) => {
                    self.server.repeated_at_once += 1;
                    self.to_server.push_back(text);
                }
                Effect::Send(Outgoing::Text(text)) => self.to_server.push_back(text),
                Effect::Open => {
                    self.cut();
                    self.connect();
                }
                Effect::Send(Outgoing::Ping) => self.at.session.hear(Incoming::Alive, self.at.now),
                Effect::Drop | Effect::Send(Outgoing::Goodbye) => self.cut(),
            }
        }
        for notification in self.at.notifications() {
            match notification {
                Notification::Refused(_, ask) => self.refused.extend(ask),
                Notification::Unsure(asks) => self.refused.extend(asks),
                Notification::TooMany(ask) => self.refused.push(ask),
                _ => {}
            }
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Say => {
                let item = format!("dish {}", self.said.len());
                self.said.push(item.clone());
                self.at.session.send(Command::add(item), self.at.now);
            }
            Step::Read(outcome) => {
                if let Some(text) = self.to_server.pop_front() {
                    let answer = self.server.read(&text, outcome);
                    self.to_client.push_back(answer);
                }
            }
            Step::Hear => {
                if let Some(push) = self.to_client.pop_front() {
                    self.at.hears(push);
                }
            }
            Step::Wait => {
                if self.at.session.next_at().is_some() {
                    self.at.waits();
                }
            }
            Step::Cut if self.connected => {
                self.cut();
                self.at.session.hear(Incoming::Closed(1006), self.at.now);
            }
            Step::Cut => {}
        }
        self.look();
    }

    /// Lets everything come to rest, with a store that answers.
    fn rests(&mut self) {
        for _ in 0..10_000 {
            if self.at.session.pending().next().is_none() {
                return;
            }
            match (self.to_server.is_empty(), self.to_client.is_empty()) {
                (_, false) => self.step(Step::Hear),
                (false, true) => self.step(Step::Read(Outcome::Applied)),
                (true, true) => self.step(Step::Wait),
            }
        }
        panic!(
            "never answered: {:?}",
            self.at.session.pending().collect::<Vec<_>>()
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 256,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// A server that keeps the order never meets a number that is too low, and everything
    /// is there, once, in order.
    #[test]
    fn every_line_takes_effect_once_and_in_order(steps in prop::collection::vec(step(), 0..120)) {
        let mut world = World::new(true);
        steps.into_iter().for_each(|step| world.step(step));
        world.rests();
        prop_assert_eq!(&world.server.log, &world.said);
        prop_assert_eq!(world.server.outdated, 0);
        prop_assert_eq!(world.server.repeated_at_once, 0);
        prop_assert!(world.refused.is_empty(), "{:?}", world.refused);
        prop_assert!(world.at.now >= START);
    }

    /// With a server that does not, a line may come too late. Then it is named, and no line
    /// is there twice.
    #[test]
    fn no_line_is_lost_in_silence(steps in prop::collection::vec(step(), 0..120)) {
        let mut world = World::new(false);
        steps.into_iter().for_each(|step| world.step(step));
        world.rests();
        let mut found = world.server.log.clone();
        found.extend(world.refused.iter().map(|ask| match ask {
            Request::Command(Command::Add(add)) => add.item.clone(),
            other => panic!("{other:?}"),
        }));
        let mut said = world.said.clone();
        found.sort();
        said.sort();
        prop_assert_eq!(found, said);
    }
}
