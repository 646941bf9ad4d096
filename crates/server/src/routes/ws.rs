//! Joining a room by WebSocket.

use std::net::IpAddr;

use axum::extract::State;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use tablecast::dialect::SUBPROTOCOL;
use tablecast::inspect::Transport;
use tablecast::upgrade::{HandshakeError, Upgrade};

use super::route::{Answer, Route, Tag, other_method};
use super::site::{AllowedPage, Id, SharedSite};
use crate::reason;
use tablecast_http::{Client, HeadGuard, Problem};

const ABOUT: &str = "\
A WebSocket handshake (RFC 6455, version 13), which this page cannot try: use [the console](docs/live), or

    websocat ws://127.0.0.1:8000/ws/ID/

What is said behind it is described by [/asyncapi.json](asyncapi.json). There are two dialects: without a \
subprotocol that of people, in which a refused join has the status described here; with the subprotocol \
`tablecast.v1` that of programs, in which the handshake is accepted first, and not found, full and unavailable \
are told by close codes, because a browser cannot see why a handshake failed.";

pub(super) fn routes() -> Vec<Route<SharedSite>> {
    let upgraded = Answer::new(StatusCode::SWITCHING_PROTOCOLS, "The WebSocket is open")
        .header("Sec-WebSocket-Accept", "The answer to the key")
        .header(
            "Sec-WebSocket-Protocol",
            "`tablecast.v1` if that was offered",
        );
    let route = Route::upgrade("/ws/{id}/", join)
        .named("joinRoom", Tag::Rooms, "Enters a room by WebSocket", ABOUT)
        .room()
        .answers(upgraded)
        .refuses(&[
            reason::FOREIGN_ORIGIN,
            reason::ROOM_FULL,
            reason::NOT_FOUND,
            reason::UPGRADE_REQUIRED,
            reason::RATE_LIMITED,
            reason::UNAVAILABLE,
            reason::DRAINING,
        ]);
    vec![route]
}

/// `GET /ws/{id}`: 101, or the reason why not. In the text dialect 404 and 403 (full) are
/// statuses; in `tablecast.v1` they are close codes, because a browser cannot see why a
/// handshake failed.
pub(super) async fn join(
    State(site): State<SharedSite>,
    Client(client): Client,
    Id(id): Id,
    method: Method,
    page: Result<AllowedPage, Problem>,
    upgrade: Result<Upgrade, HandshakeError>,
) -> Result<Response, Problem> {
    if method != Method::GET {
        return Ok(other_method(&method, "GET"));
    }
    let upgrade = may_join(&site, client, page, upgrade).inspect_err(|problem| {
        site.turned_away(&id, client, Transport::WebSocket, problem);
    })?;
    let upgrade = upgrade.over::<HeadGuard>().from_client(client);
    let joined = site.hub.upgrade(upgrade, &id).await;
    joined.map_err(|error| site.refused(client, error))
}

/// The checks before the hub is asked.
fn may_join(
    site: &SharedSite,
    client: IpAddr,
    page: Result<AllowedPage, Problem>,
    upgrade: Result<Upgrade, HandshakeError>,
) -> Result<Upgrade, Problem> {
    page?;
    let upgrade = upgrade.map_err(refused)?;
    match upgrade.offers(SUBPROTOCOL) {
        true => site.may_come(client)?,
        false => site.may_look(client)?,
    }
    Ok(upgrade)
}

/// The library's refusal as a problem document.
fn refused(error: HandshakeError) -> Problem {
    let reason = match error {
        HandshakeError::Method => reason::METHOD_NOT_ALLOWED,
        HandshakeError::NotAnUpgrade | HandshakeError::Version => reason::UPGRADE_REQUIRED,
        HandshakeError::Key => reason::BAD_REQUEST,
    };
    let problem = Problem::new(reason, error.to_string());
    let add = |problem: Problem, (name, value)| problem.with(name, value);
    error.headers().into_iter().fold(problem, add)
}
