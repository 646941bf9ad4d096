//! The node as a whole.

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use serde_json::json;
use tablecast_core::backend::Health;
use tablecast_http::tls::Status;
use tablecast_http::{Client, Problem, problem};

use super::{Admin, params};
use crate::since_1970;
use crate::version::COMMIT;

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
        commit: COMMIT,
        started_at: admin.started_at,
        draining: hub.is_draining(),
        rooms: hub.metrics().rooms.get(),
        connections: hub.metrics().connections.get(),
        tls: site.tls.as_ref().map(|tls| Certificate::from(tls.status())),
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
    /// `null`: TLS does not end here.
    tls: Option<Certificate>,
    store: Store,
}

/// Times are ms since 1970.
#[derive(Serialize)]
struct Certificate {
    domains: Vec<String>,
    not_after: Option<u64>,
    last_error: Option<String>,
    next_renewal: Option<u64>,
}

impl From<Status> for Certificate {
    fn from(status: Status) -> Self {
        Certificate {
            domains: status.domains,
            not_after: status.not_after.map(since_1970::of),
            last_error: status.last_error,
            next_renewal: status.next_renewal.map(since_1970::of),
        }
    }
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
