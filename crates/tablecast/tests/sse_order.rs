//! Whatever becomes of POSTs, a client that follows the protocol has each command applied once and
//! in order: they reach two nodes, answers are lost, POSTs that were given up come late or at the
//! same time as others, the stream breaks, the store does not say what it did.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::Request;
use futures_util::StreamExt;
use proptest::prelude::*;
use serde_json::{Value, json};
use support::rooms::{Menu, two_faulty_nodes};
use tablecast::Hub;
use tablecast::core::limits::Rate;
use tablecast::hub::RoomError;
use tablecast::sse::{EventStream, PostError};
use tablecast_testing::faulty::{Call, Fault, Faults};

#[derive(Debug, Clone)]
enum Step {
    /// The client has something to say.
    Say,
    /// It sends all that is unanswered to this node.
    Send(usize, Fate),
    /// A POST that was given up arrives after all.
    Late(prop::sample::Index),
    /// The stream breaks, and the client comes back on this node.
    Reconnect(usize),
    /// The next commit of this node has an unknown outcome, by one of these faults.
    Unknown(usize, usize),
}

/// What becomes of a POST.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Answered,
    AnswerLost,
    /// The client gives it up, and it is still on its way.
    OnItsWay,
    /// One that was given up arrives at the same time.
    WithALateOne,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let fate = prop_oneof![
        3 => Just(Fate::Answered),
        2 => Just(Fate::AnswerLost),
        3 => Just(Fate::OnItsWay),
        2 => Just(Fate::WithALateOne),
    ];
    let step = prop_oneof![
        4 => Just(Step::Say),
        5 => (0..2usize, fate).prop_map(|(node, fate)| Step::Send(node, fate)),
        3 => any::<prop::sample::Index>().prop_map(Step::Late),
        1 => (0..2usize).prop_map(Step::Reconnect),
        1 => (0..2usize, 0..4usize).prop_map(|(node, fault)| Step::Unknown(node, fault)),
    ];
    prop::collection::vec(step, 1..40)
}

type Stream = axum::body::BodyDataStream;

/// A new stream; none if the store does not answer.
async fn listen(hub: &Hub<Menu>, first: &Value) -> Option<Stream> {
    let request = Request::get("/")
        .header("accept", "text/event-stream")
        .header("tablecast-join", first.to_string());
    let (mut parts, ()) = request.body(()).unwrap().into_parts();
    let stream = EventStream::from_request_parts(&mut parts, &()).await;
    match hub.events(stream.unwrap(), "r").await {
        Ok(answer) => Some(answer.into_body().into_data_stream()),
        Err(RoomError::Unavailable(_)) => None,
        Err(other) => panic!("refused: {other}"),
    }
}

struct Client {
    nodes: Vec<(Hub<Menu>, Faults)>,
    seat: Value,
    stream: Option<Stream>,
    next_id: u64,
    unanswered: Vec<(u64, String)>,
    /// POSTs on their way, each with its node.
    late: Vec<(usize, String)>,
}

impl Client {
    async fn join() -> Client {
        let nodes = two_faulty_nodes(Rate::OFF, Duration::from_millis(1800), Menu::default()).await;
        let stream = listen(&nodes[0].0, &json!({"join": {}})).await;
        let mut stream = stream.unwrap();
        let mut text = String::new();
        while !text.contains("hello") {
            let chunk = stream.next().await.unwrap().unwrap();
            text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
        let hello = text
            .lines()
            .find_map(|line| line.strip_prefix("data: "))
            .unwrap();
        let hello: Value = serde_json::from_str(hello).unwrap();
        Client {
            nodes,
            seat: hello["hello"]["seat"].clone(),
            stream: Some(stream),
            next_id: 1,
            unanswered: Vec::new(),
            late: Vec::new(),
        }
    }

    fn body(&self) -> String {
        let texts = self.unanswered.iter().map(|(_, text)| text.as_str());
        let commands = texts.collect::<Vec<_>>().join(",");
        format!("{{\"seat\":{},\"commands\":[{commands}]}}", self.seat)
    }

    async fn post(&self, node: usize, body: &str) -> Option<Vec<Value>> {
        match self.nodes[node].0.post("r", body.as_bytes()).await {
            Ok(answers) => {
                let answers: Value = serde_json::from_str(answers.as_str()).unwrap();
                Some(answers["answers"].as_array().unwrap().clone())
            }
            Err(PostError::Room(RoomError::Unavailable(_))) => None,
            Err(other) => panic!("refused: {other}"),
        }
    }

    fn hear(&mut self, answers: Option<Vec<Value>>) {
        let Some(answers) = answers else { return };
        assert_eq!(answers.len(), self.unanswered.len(), "one for each command");
        let asked = std::mem::take(&mut self.unanswered);
        for ((id, text), answer) in asked.into_iter().zip(answers) {
            if answer["ack"]["id"] == id {
                assert!(
                    self.unanswered.is_empty(),
                    "{answer} behind one that was not taken"
                );
                continue;
            }
            assert_eq!(answer["error"]["id"], id);
            assert_eq!(answer["error"]["code"], "unavailable", "{answer}");
            let first = self.unanswered.first().map(|(id, _)| *id);
            assert_eq!(answer["error"]["after"].as_u64(), first, "{answer}");
            self.unanswered.push((id, text));
        }
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Say => {
                let id = self.next_id;
                self.next_id += 1;
                let text = format!("{{\"id\":{id},\"add\":{{\"item\":\"{id}\"}}}}");
                self.unanswered.push((id, text));
            }
            Step::Send(node, fate) => {
                let body = self.body();
                match fate {
                    Fate::Answered => {
                        let answers = self.post(node, &body).await;
                        self.hear(answers);
                    }
                    Fate::AnswerLost => drop(self.post(node, &body).await),
                    Fate::OnItsWay => self.late.push((node, body)),
                    Fate::WithALateOne => {
                        let late = self.late.pop().unwrap_or((1 - node, body.clone()));
                        let (one, other) =
                            tokio::join!(self.post(node, &body), self.post(late.0, &late.1));
                        drop(other);
                        let answers = one;
                        self.hear(answers);
                    }
                }
            }
            Step::Late(which) if !self.late.is_empty() => {
                let (node, body) = self.late.swap_remove(which.index(self.late.len()));
                self.post(node, &body).await;
            }
            Step::Late(_) => {}
            Step::Reconnect(node) => {
                self.stream = None;
                let resume = json!({"resume": {"seat": self.seat}});
                self.stream = listen(&self.nodes[node].0, &resume).await;
            }
            Step::Unknown(node, fault) => {
                let fault = [
                    Fault::UnknownAfter,
                    Fault::UnknownThenLate(Duration::from_millis(300)),
                    Fault::Hang,
                    Fault::HangAfter,
                ][fault];
                self.nodes[node].1.next(Call::Commit, fault);
            }
        }
    }

    async fn end(mut self) {
        for (_, faults) in &self.nodes {
            faults.none();
        }
        while let Some((node, body)) = self.late.pop() {
            self.post(node, &body).await;
        }
        let mut left = 10;
        while !self.unanswered.is_empty() {
            let body = self.body();
            let answers = self.post(left % 2, &body).await;
            self.hear(answers);
            left = left.checked_sub(1).expect("all is answered in the end");
        }
        let said: Vec<String> = (1..self.next_id).map(|id| id.to_string()).collect();
        for (hub, _) in &self.nodes {
            assert_eq!(hub.view("r").await.unwrap().app.items, said);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn each_command_is_applied_once_and_in_order(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut client = Client::join().await;
            for step in steps {
                client.step(step).await;
            }
            client.end().await;
        });
    }
}
