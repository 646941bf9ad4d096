//! A quiz: `cargo run -p tablecast --example quiz`, and in another terminal
//! `websocat --preamble '{"join":{}}' --protocol tablecast.v1 ws://127.0.0.1:8000/`, to answer
//! with `{"id":1,"answer":"Seoul"}`. The server asks. Nobody sees the right answer, nor those of
//! the others, before the time is up.
use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{Router, routing::get};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tablecast::core::MemberId;
use tablecast::core::logic::{Context, Logic, Member, Rejection};
use tablecast::{App, Hub, HubConfig, MemoryBackend, upgrade::Upgrade};

#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Quiz {
    question: Option<Question>,
    answers: BTreeMap<MemberId, String>,
    points: BTreeMap<MemberId, u32>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Question {
    text: String,
    right: String,
    until: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Command {
    Ask { text: String, right: String },
    Answer(String),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Event {
    Asked(Question),
    Answered(String),
    Over { right: String },
    Entered {},
    Gone { member: MemberId },
}

impl Logic for Quiz {
    type Command = Command;
    type Event = Event;

    fn decide(&self, context: &Context<'_>, command: &Command) -> Result<Vec<Event>, Rejection> {
        match (command, context.by, &self.question) {
            (Command::Ask { text, right }, None, None) => Ok(vec![Event::Asked(Question {
                text: text.clone(),
                right: right.clone(),
                until: context.now + 20_000,
            })]),
            (Command::Answer(text), Some(_), Some(_)) => Ok(vec![Event::Answered(text.clone())]),
            _ => Err(Rejection::new("not_now", "wait for your turn")),
        }
    }

    fn apply(&mut self, by: Option<MemberId>, event: &Event) {
        match event {
            Event::Asked(question) => self.question = Some(question.clone()),
            Event::Answered(text) => self.answers.extend(by.map(|by| (by, text.clone()))),
            Event::Over { right } => {
                self.question = None;
                let answers = std::mem::take(&mut self.answers).into_iter();
                for (member, _) in answers.filter(|(_, answer)| answer == right) {
                    *self.points.entry(member).or_default() += 1;
                }
            }
            Event::Entered {} => self.points.extend(by.map(|by| (by, 0))),
            Event::Gone { member } => drop(self.points.remove(member)),
        }
    }

    fn alarm(&self) -> Option<u64> {
        Some(self.question.as_ref()?.until)
    }

    fn ring(&self, _now: u64) -> Vec<Event> {
        let right = self.question.iter().map(|question| question.right.clone());
        right.map(|right| Event::Over { right }).collect()
    }

    fn joined(&self, _member: Member<'_>) -> Vec<Event> {
        vec![Event::Entered {}]
    }

    fn left(&self, member: MemberId, _dismissed: bool) -> Vec<Event> {
        vec![Event::Gone { member }]
    }
}

impl App for Quiz {
    fn show(event: &Event) -> impl Serialize + '_ {
        match event {
            Event::Asked(question) => json!({"asked": [question.text, question.until]}),
            Event::Answered(_) => json!({"answered": {}}),
            open => json!(open),
        }
    }

    fn is_secret(event: &Event) -> bool {
        matches!(event, Event::Answered(_))
    }

    fn view(&self, viewer: Option<MemberId>) -> impl Serialize + '_ {
        let question = self
            .question
            .as_ref()
            .map(|asked| (&asked.text, asked.until));
        let own = viewer.and_then(|viewer| self.answers.get(&viewer));
        json!({"question": question, "own_answer": own, "points": self.points})
    }

    fn has_secrets(&self) -> bool {
        !self.answers.is_empty()
    }
}

pub(crate) fn router(hub: Hub<Quiz>) -> Router {
    let join = async move |upgrade: Upgrade| hub.upgrade(upgrade, "quiz").await;
    Router::new().route("/", get(join))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let hub = Hub::start(Arc::new(MemoryBackend::new()), HubConfig::default());
    hub.create("quiz".parse()?, Quiz::default()).await?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8000").await?;
    tokio::spawn(axum::serve(listener, router(hub.clone())).into_future());
    for (text, right) in [("The capital of Korea?", "Seoul"), ("7 × 8?", "56")] {
        tokio::time::sleep(Duration::from_secs(10)).await;
        let (text, right) = (text.to_owned(), right.to_owned());
        hub.command("quiz", Command::Ask { text, right }).await?;
        tokio::time::sleep(Duration::from_secs(20)).await;
    }
    Ok(())
}
