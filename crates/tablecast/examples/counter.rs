//! A shared counter: `cargo run -p tablecast --example counter`, and type `1` or `-1` in
//! `websocat ws://127.0.0.1:8000/`. Its room ends with the process, or after ten minutes
//! without a join or a change; `HubConfig::room_ttl` sets a longer time.
use std::sync::Arc;

use axum::{Router, extract::State, response::Response, routing::get};
use serde::{Deserialize, Serialize};
use tablecast::core::MemberId;
use tablecast::core::logic::{Context, Logic, Rejection};
use tablecast::hub::RoomError;
use tablecast::{App, Hub, HubConfig, MemoryBackend, upgrade::Upgrade};

#[derive(Clone, Default, Serialize, Deserialize)]
struct Counter(i64);

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    Add(i64),
}

impl Logic for Counter {
    type Command = Step;
    type Event = Step;

    fn decide(&self, _by: &Context<'_>, step: &Step) -> Result<Vec<Step>, Rejection> {
        let Step::Add(number) = step;
        match self.0.checked_add(*number) {
            Some(0..) => Ok(vec![*step]),
            _ => Err(Rejection::new("out_of_range", "it cannot be counted")),
        }
    }

    fn apply(&mut self, _by: Option<MemberId>, Step::Add(number): &Step) {
        self.0 += number;
    }
}

impl App for Counter {
    fn text_command(line: &str) -> Result<Step, Rejection> {
        let bad = |_| Rejection::new("bad_command", "say a number, such as 1 or -1");
        line.trim().parse().map(Step::Add).map_err(bad)
    }
}

async fn join(State(hub): State<Hub<Counter>>, upgrade: Upgrade) -> Result<Response, RoomError> {
    hub.upgrade(upgrade, "counter").await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let hub = Hub::start(Arc::new(MemoryBackend::new()), HubConfig::default());
    hub.create("counter".parse()?, Counter::default()).await?;
    let app = Router::new().route("/", get(join)).with_state(hub);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8000").await?;
    Ok(axum::serve(listener, app).await?)
}
