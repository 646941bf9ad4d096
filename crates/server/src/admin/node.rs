//! The node as a whole.

use std::time::SystemTime;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use serde_json::{Value, json};
use tablecast_core::backend::Health;
use tablecast_http::{Client, Problem, problem};

use super::{Admin, params};

/// `GET /api/node`
pub(super) async fn show(State(Admin(admin)): State<Admin>) -> Response {
    let (site, hub) = (&admin.public, &admin.public.hub);
    let (health, words) = match hub.health() {
        Health::Up => ("up", None),
        Health::Down(why) => ("down", Some(why)),
        Health::Refusing { words, .. } => ("refusing", Some(words)),
    };
    problem::ok(&Node {
        node: hub.node().as_str(),
        version: env!("CARGO_PKG_VERSION"),
        commit: option_env!("TABLECAST_COMMIT"),
        started_at: admin.started_at,
        draining: hub.is_draining(),
        rooms: hub.metrics().rooms.get(),
        connections: hub.metrics().connections.get(),
        tls: Value::Null,
        store: Store {
            name: site.config.store.to_string(),
            health,
            words,
        },
    })
}

#[derive(Serialize)]
struct Node<'a> {
    node: &'a str,
    version: &'static str,
    commit: Option<&'static str>,
    started_at: u64,
    draining: bool,
    rooms: i64,
    connections: i64,
    tls: Value,
    store: Store,
}

#[derive(Serialize)]
struct Store {
    name: String,
    health: &'static str,
    /// Why it is not up.
    #[serde(skip_serializing_if = "Option::is_none")]
    words: Option<String>,
}

/// `POST /api/drain`: the server ends, as after SIGTERM.
pub(super) async fn drain(
    State(Admin(admin)): State<Admin>,
    Client(address): Client,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    params::object(&headers, body, &[]).await?;
    tracing::info!(%address, "an operator asked this server to end");
    admin.drain.cancel();
    Ok(problem::ok(&json!({})))
}

/// This machine's clock (ms since 1970).
pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}
