//! A room without WebSocket: a stream of events to hear by, POSTs to speak by.

use std::collections::BTreeMap;
use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::header::{HeaderMap, ORIGIN};
use axum::http::{HeaderName, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tablecast::hub::RoomError;
use tablecast::inspect::Transport;
use tablecast::sse::{EventStream, NoStream, PostError, max_body_bytes};
use tablecast_core::draft::Refusal;
use tablecast_core::{CloseReason, SeatToken};
use tablecast_http::{Client, Endless, Problem};

use super::body;
use super::route::{Answer, Route, Tag};
use super::site::{AllowedPage, Id, SharedSite, no_such_room, unavailable};
use crate::reason;

const PATH: &str = "/sse/{id}/";

const ABOUT_GET: &str = "\
For clients to whom a WebSocket is denied. The frames are those of the subprotocol `tablecast.v1`, which \
[/asyncapi.json](asyncapi.json) describes: each is an event without a name. The server's sign of life is a comment, `: ping`; the \
end is the event `close` with `code` and `reason`. The client must POST here at least once in `ping_interval_ms`. \
A seat may be resumed here that was got by WebSocket, and the other way round.";

const ABOUT_POST: &str = "\
Each command gets the answer that it would get by WebSocket, in order; the events come by the stream. It may reach any \
server, and is a sign of life. A client has one under way at a time, and sends the same again if it gets no answer.";

const ABOUT_FIRST: &str = "\
What a client says first by WebSocket, as JSON with characters beyond ASCII escaped: `{\"join\":{…}}` or \
`{\"resume\":{…}}`. If absent: `{\"join\":{}}`";

/// What is said by POST.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "it describes what the library reads")]
struct Said {
    /// The `seat` of the `hello`; who watches gives its `stream`.
    seat: SeatToken,
    /// Commands with their numbers, as by WebSocket, in order; at most 64. None: only a sign of life.
    #[serde(default)]
    commands: Vec<BTreeMap<String, Value>>,
    /// Whether you leave after them: you give up the seat, or watch no more.
    #[serde(default)]
    leave: bool,
}

/// The answers to what was said by POST.
#[derive(Serialize, JsonSchema)]
struct Answers {
    /// One for each command, in order: an `ack` or an `error`, as by WebSocket.
    answers: Vec<Value>,
}

pub(super) fn routes() -> Vec<Route<SharedSite>> {
    let secret = "73c9439d5e4594f889a09b8db8763757";
    let done = Answers {
        answers: vec![json!({ "ack": { "id": 1, "seq": 4 } })],
    };
    vec![
        Route::get_beside(PATH, listen)
            .named(
                "listen",
                Tag::Rooms,
                "Enters a room without WebSocket: the stream of events",
                ABOUT_GET,
            )
            .room()
            .may_have("Tablecast-Join", ABOUT_FIRST, r#"{"join":{"name":"Mina"}}"#)
            .answers(Answer::media("The stream has begun", "text/event-stream"))
            .refuses(&[
                reason::FOREIGN_ORIGIN,
                reason::ROOM_FULL,
                reason::NO_SEAT,
                reason::NOT_FOUND,
                reason::NOT_ACCEPTABLE,
                reason::TAKEN_OVER,
                reason::DISMISSED,
                reason::RATE_LIMITED,
                reason::UNAVAILABLE,
                reason::DRAINING,
            ]),
        Route::post_beside(PATH, say)
            .named(
                "say",
                Tag::Rooms,
                "Says something in a room that is heard by a stream of events",
                ABOUT_POST,
            )
            .room()
            .needs::<Said>(
                "The seat and the commands",
                json!({ "seat": secret, "commands": [{ "id": 1, "add": { "item": "pizza" } }] }),
            )
            .answers(Answer::json(StatusCode::OK, "The answers", &done))
            .refuses(&[
                reason::BAD_JSON,
                reason::FOREIGN_ORIGIN,
                reason::NO_SEAT,
                reason::NOT_FOUND,
                reason::TIMEOUT,
                reason::TAKEN_OVER,
                reason::DISMISSED,
                reason::BODY_TOO_LONG,
                reason::BAD_CONTENT_TYPE,
                reason::RATE_LIMITED,
                reason::UNAVAILABLE,
                reason::DRAINING,
            ]),
    ]
}

/// `GET /sse/{id}`: the stream of events, or the reason why not.
pub(super) async fn listen(
    State(site): State<SharedSite>,
    Client(client): Client,
    Id(id): Id,
    method: Method,
    headers: HeaderMap,
    page: Result<AllowedPage, Problem>,
    stream: Result<EventStream, NoStream>,
) -> Result<Response, Problem> {
    if method == Method::HEAD {
        // Whoever asks so wants to know whether a request gets here at all.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let stream = may_listen(&site, client, &headers, page, stream).inspect_err(|problem| {
        site.turned_away(&id, client, Transport::Sse, problem);
    })?;
    let listens = site.hub.events(stream.from_client(client), &id).await;
    let mut response = listens.map_err(|error| refused(error.into()))?;
    response.extensions_mut().insert(Endless);
    Ok(response)
}

/// The checks before the hub is asked.
fn may_listen(
    site: &SharedSite,
    client: IpAddr,
    headers: &HeaderMap,
    page: Result<AllowedPage, Problem>,
    stream: Result<EventStream, NoStream>,
) -> Result<EventStream, Problem> {
    page?;
    let stream = stream.map_err(|error| match error {
        NoStream::Method => Problem::method_not_allowed("GET, POST"),
        NoStream::Accept => Problem::new(reason::NOT_ACCEPTABLE, error.to_string()),
        NoStream::First(_) => Problem::new(reason::BAD_REQUEST, error.to_string())
            .closing(CloseReason::BadProtocol.code()),
    })?;
    if is_foreign(headers) {
        let why = "pages of other sites may not take a seat";
        return Err(Problem::new(reason::FOREIGN_ORIGIN, why));
    }
    may_come(site, client)?;
    Ok(stream)
}

/// Whether a page of another site asks without saying which: browsers leave out `Origin` where the
/// page may not read the answer.
fn is_foreign(headers: &HeaderMap) -> bool {
    const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
    let is_own = |from: &[u8]| matches!(from, b"same-origin" | b"none");
    !headers.contains_key(ORIGIN)
        && (headers.get(SITE)).is_some_and(|from| !is_own(from.as_bytes()))
}

fn may_come(site: &SharedSite, client: IpAddr) -> Result<(), Problem> {
    let came = site.may_come(client);
    came.map_err(|problem| problem.closing(CloseReason::TooMany.code()))
}

/// `POST /sse/{id}`: what somebody says who hears by a stream.
pub(super) async fn say(
    _: AllowedPage,
    State(site): State<SharedSite>,
    Client(client): Client,
    Id(id): Id,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    if !body::is_json(&parts.headers) {
        // A page of another site may send other types without asking first.
        let why = "the body must be application/json";
        return Err(Problem::new(reason::BAD_CONTENT_TYPE, why));
    }
    may_come(&site, client)?;
    let max = max_body_bytes(&site.config.hub.connection);
    let body = body::read(max, &parts.headers, body).await;
    let body = body.map_err(|problem| match problem.reason() == reason::BODY_TOO_LONG {
        true => problem.closing(CloseReason::TooBig.code()),
        false => problem,
    })?;
    let answers = site.hub.post(&id, &body).await;
    answers.map(IntoResponse::into_response).map_err(refused)
}

/// The library's refusal as a problem document.
fn refused(error: PostError) -> Problem {
    let (detail, close) = (error.to_string(), error.close_reason().code());
    let problem = match error {
        PostError::Malformed(_) => Problem::new(reason::BAD_JSON, detail),
        PostError::TooMany | PostError::TooLarge { .. } => {
            Problem::new(reason::BODY_TOO_LONG, detail)
        }
        PostError::RateLimited { retry_after } => {
            Problem::too_many("too many commands from this seat", retry_after)
        }
        PostError::Room(RoomError::NotFound) => no_such_room(),
        PostError::Room(RoomError::Refused(why)) => {
            let reason = match why {
                Refusal::Full { .. } => reason::ROOM_FULL,
                Refusal::NoSuchSeat => reason::NO_SEAT,
                Refusal::TakenOver => reason::TAKEN_OVER,
                Refusal::Dismissed => reason::DISMISSED,
            };
            Problem::new(reason, detail)
        }
        PostError::Room(RoomError::Unavailable(why)) => unavailable(&why),
    };
    problem.closing(close)
}
