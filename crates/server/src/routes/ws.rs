//! Joining a room by WebSocket.

use axum::extract::State;
use axum::http::Method;
use axum::response::Response;
use tablecast::upgrade::{HandshakeError, Upgrade};

use super::{AllowedPage, App, Client, Id, other_method};
use crate::problem::{Problem, Reason};

/// `GET /ws/{id}`: 101, or why not. In the text dialect 404 and 403 (full) come
/// here; in `tablecast.v1` they come as close codes, because a browser cannot see
/// why a handshake failed.
pub(super) async fn join(
    State(app): State<App>,
    Client(client): Client,
    Id(id): Id,
    method: Method,
    page: Result<AllowedPage, Problem>,
    upgrade: Result<Upgrade, HandshakeError>,
) -> Result<Response, Problem> {
    if method != Method::GET {
        return Ok(other_method(&method, "GET"));
    }
    page?;
    let upgrade = upgrade.map_err(refused)?;
    app.may_look(client)?;
    let joined = app.hub.upgrade(upgrade, &id).await;
    joined.map_err(|error| app.refused(client, error))
}

/// The library's refusal as a problem document.
fn refused(error: HandshakeError) -> Problem {
    let reason = match error {
        HandshakeError::Method => Reason::MethodNotAllowed,
        HandshakeError::NotAnUpgrade | HandshakeError::Version => Reason::UpgradeRequired,
        HandshakeError::Key => Reason::BadRequest,
    };
    let problem = Problem::new(reason, error.to_string());
    let add = |problem: Problem, (name, value)| problem.with(name, value);
    error.headers().into_iter().fold(problem, add)
}
