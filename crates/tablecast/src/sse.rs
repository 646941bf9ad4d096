//! Rooms without WebSocket: a stream of events (Server-Sent Events, WHATWG HTML 9.2) by which a
//! client hears the frames of `tablecast.v1`, and POSTs by which it speaks.
//!
//! A stream is a connection as any other: it has an outbox, a place in the room's channel, and ends
//! for the same reasons. Only its bytes are others, see `pipe.rs`. A POST may come to any node: it
//! names the seat by its secret, and each of its commands is decided as if the connection that
//! holds the seat had sent it.

mod pipe;
mod post;
mod rooms;

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::http::header::{ACCEPT, ALLOW};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{AppendHeaders, IntoResponse, Response};
use tablecast_protocol::client::First;

use crate::dialect::json;

pub use post::{Answers, MAX_COMMANDS, PostError, max_body_bytes};

/// The header in which a client says what it would say first by WebSocket. Without it: `{"join":{}}`.
pub const JOIN: HeaderName = HeaderName::from_static("tablecast-join");

const EVENT_STREAM: &str = "text/event-stream";

/// A request for a stream of events that was checked and can be answered.
///
/// As for an [`Upgrade`](crate::upgrade::Upgrade), whether this client may connect is the server's
/// policy.
#[derive(Debug)]
pub struct EventStream {
    first: First,
    client: Option<IpAddr>,
}

/// What is wrong with a request for a stream of events.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoStream {
    /// Not a GET: 405. A HEAD must not take a seat.
    #[error("a stream of events is requested by GET")]
    Method,
    /// Another content is wanted: 406. So no link that somebody follows takes a seat.
    #[error("this is a stream of events: request it with `Accept: text/event-stream`")]
    Accept,
    /// What the header says is not understood, in these words: 400.
    #[error("{0}")]
    First(String),
}

impl NoStream {
    /// The status of the refusal.
    pub fn status(&self) -> StatusCode {
        match self {
            NoStream::Method => StatusCode::METHOD_NOT_ALLOWED,
            NoStream::Accept => StatusCode::NOT_ACCEPTABLE,
            NoStream::First(_) => StatusCode::BAD_REQUEST,
        }
    }
}

impl IntoResponse for NoStream {
    fn into_response(self) -> Response {
        let allow = (self == NoStream::Method).then_some((ALLOW, HeaderValue::from_static("GET")));
        (self.status(), AppendHeaders(allow), self.to_string()).into_response()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for EventStream {
    type Rejection = NoStream;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, NoStream> {
        if parts.method != Method::GET {
            return Err(NoStream::Method);
        }
        let lines = parts.headers.get_all(ACCEPT).into_iter();
        let mut kinds = lines
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split([',', ';']));
        if !kinds.any(|kind| kind.trim().eq_ignore_ascii_case(EVENT_STREAM)) {
            return Err(NoStream::Accept);
        }
        let first = json::first(first(&parts.headers)?);
        Ok(EventStream {
            first: first.map_err(|no| NoStream::First(no.rejection.message))?,
            client: None,
        })
    }
}

impl EventStream {
    /// Sets the client's address, as [`Upgrade::from_client`](crate::upgrade::Upgrade::from_client).
    #[must_use]
    pub fn from_client(self, address: IpAddr) -> Self {
        EventStream {
            client: Some(address),
            ..self
        }
    }
}

/// The first message in a request's head.
fn first(headers: &HeaderMap) -> Result<&str, NoStream> {
    let mut given = headers.get_all(JOIN).into_iter();
    let first = given
        .next()
        .map_or(Ok(r#"{"join":{}}"#), |one| one.to_str());
    let why = "Tablecast-Join must be given once, with characters beyond ASCII written as \\uXXXX";
    match (first, given.next()) {
        (Ok(first), None) => Ok(first),
        _ => Err(NoStream::First(why.to_owned())),
    }
}
