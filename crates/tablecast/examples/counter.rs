//! A shared counter: type `up` or `down` in `websocat ws://127.0.0.1:8000/`.
use axum::{Router, extract::State, response::IntoResponse, routing::get};
use serde::{Deserialize, Serialize};
use tablecast::core::logic::{Logic, Member, Rejection};
use tablecast::core::{MemberId, RoomId};
use tablecast::{App, Hub, HubConfig, MemoryBackend, upgrade::Upgrade};

#[derive(Clone, Default, Serialize, Deserialize)]
struct Counter {
    value: u32,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    Up {},
    Down {},
}

impl Logic for Counter {
    type Command = Step;
    type Event = Step;

    fn decide(&self, _by: Member<'_>, step: &Step) -> Result<Vec<Step>, Rejection> {
        match step {
            Step::Down {} if self.value == 0 => Err(Rejection::new("at_zero", "it is 0 already")),
            step => Ok(vec![*step]),
        }
    }

    fn apply(&mut self, _by: MemberId, step: &Step) {
        match step {
            Step::Up {} => self.value += 1,
            Step::Down {} => self.value -= 1,
        }
    }
}

impl App for Counter {
    fn text_command(line: &str) -> Result<Step, Rejection> {
        match line.trim() {
            "up" => Ok(Step::Up {}),
            "down" => Ok(Step::Down {}),
            _ => Err(Rejection::new("bad_command", "say up or down")),
        }
    }
}

async fn join(State(hub): State<Hub<Counter>>, upgrade: Upgrade) -> impl IntoResponse {
    hub.upgrade(upgrade, "counter")
        .await
        .map_err(|error| error.to_string())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let hub = Hub::start(
        std::sync::Arc::new(MemoryBackend::new()),
        HubConfig::default(),
    );
    hub.create("counter".parse::<RoomId>()?, Counter::default())
        .await?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8000").await?;
    axum::serve(
        listener,
        Router::new().route("/", get(join)).with_state(hub),
    )
    .await?;
    Ok(())
}
