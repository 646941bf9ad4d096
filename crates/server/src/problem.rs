//! Refusals as people and programs read them: RFC 9457 problem documents.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER,
};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use schemars::JsonSchema;
use serde::Serialize;

/// The media type of problem documents.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// Why a request is refused: all there is. Status and code say it to programs, the
/// code with the words that rejected commands have too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The request is not what it should be.
    BadRequest,
    /// Its body is not what it should be.
    BadJson,
    /// The room's title has nothing that can be seen.
    TitleEmpty,
    /// The room's title is too long.
    TitleTooLong,
    /// The room's title holds what it may not.
    TitleForbidden,
    /// A page from elsewhere asks.
    ForeignOrigin,
    /// All seats are taken.
    RoomFull,
    /// There is nothing there.
    NotFound,
    /// Another method is needed.
    MethodNotAllowed,
    /// The body did not come in time.
    Timeout,
    /// The body is too large.
    BodyTooLong,
    /// The request line is too long.
    LineTooLong,
    /// The head is too large.
    HeadTooLong,
    /// The body is no JSON by its own word.
    BadContentType,
    /// A handshake is needed.
    UpgradeRequired,
    /// Too often from one address.
    RateLimited,
    /// A fault of the server.
    Internal,
    /// The store cannot be reached, or takes no changes.
    Unavailable,
    /// This server shuts down.
    Draining,
    /// No more rooms fit in.
    TooManyRooms,
}

impl Reason {
    /// What may happen to any request, whatever it asks for.
    pub(crate) const ANYWHERE: [Reason; 5] = [
        Reason::BadRequest,
        Reason::MethodNotAllowed,
        Reason::LineTooLong,
        Reason::HeadTooLong,
        Reason::Internal,
    ];

    /// Status, code, and when it is so.
    const fn row(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as Is;
        match self {
            Reason::BadRequest => (
                Is::BAD_REQUEST,
                "bad_request",
                "the request is not what it should be",
            ),
            Reason::BadJson => (
                Is::BAD_REQUEST,
                "bad_json",
                "the body is not what it should be",
            ),
            Reason::TitleEmpty => (
                Is::BAD_REQUEST,
                "empty",
                "the title has no visible character",
            ),
            Reason::TitleTooLong => (Is::BAD_REQUEST, "too_long", "the title is too long"),
            Reason::TitleForbidden => (
                Is::BAD_REQUEST,
                "bad_item",
                "the title holds a forbidden character",
            ),
            Reason::ForeignOrigin => (
                Is::FORBIDDEN,
                "foreign_origin",
                "pages of this `Origin` may not connect",
            ),
            Reason::RoomFull => (Is::FORBIDDEN, "room_full", "all seats are taken"),
            Reason::NotFound => (
                Is::NOT_FOUND,
                "not_found",
                "there is nothing there: unknown, expired and malformed ids get the same answer",
            ),
            Reason::MethodNotAllowed => (
                Is::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "another method is needed; `Allow` says which",
            ),
            Reason::Timeout => (
                Is::REQUEST_TIMEOUT,
                "timeout",
                "the body was not complete after 10 s",
            ),
            Reason::BodyTooLong => (
                Is::PAYLOAD_TOO_LARGE,
                "too_long",
                "the body has more than 16 KiB",
            ),
            Reason::LineTooLong => (
                Is::URI_TOO_LONG,
                "too_long",
                "the request line has more than 8 KiB",
            ),
            Reason::HeadTooLong => (
                Is::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "too_long",
                "the head has more than 16 KiB, or more than 100 fields",
            ),
            Reason::BadContentType => (
                Is::UNSUPPORTED_MEDIA_TYPE,
                "bad_content_type",
                "the body is not `application/json`",
            ),
            Reason::UpgradeRequired => (
                Is::UPGRADE_REQUIRED,
                "upgrade_required",
                "not a WebSocket handshake, or not version 13",
            ),
            Reason::RateLimited => (
                Is::TOO_MANY_REQUESTS,
                "rate_limited",
                "too many from one address; `Retry-After` says how long to wait",
            ),
            Reason::Internal => (
                Is::INTERNAL_SERVER_ERROR,
                "internal",
                "a fault of the server",
            ),
            Reason::Unavailable => (
                Is::SERVICE_UNAVAILABLE,
                "unavailable",
                "the store cannot be reached or takes no changes; come back after `Retry-After`",
            ),
            Reason::Draining => (
                Is::SERVICE_UNAVAILABLE,
                "draining",
                "this server shuts down; come back after `Retry-After`, or go to another",
            ),
            Reason::TooManyRooms => (
                Is::SERVICE_UNAVAILABLE,
                "too_many_rooms",
                "this server has as many rooms as it may have; come back after `Retry-After`",
            ),
        }
    }

    pub(crate) const fn status(self) -> StatusCode {
        self.row().0
    }

    pub(crate) const fn code(self) -> &'static str {
        self.row().1
    }

    pub(crate) const fn when(self) -> &'static str {
        self.row().2
    }
}

/// A refusal. Its type is always `about:blank`, so the title is the status' own.
#[derive(Debug)]
pub(crate) struct Problem {
    reason: Reason,
    detail: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// Why a request was refused (RFC 9457).
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub(crate) struct Document<'a> {
    /// Always `about:blank`: the status says what kind of problem it is.
    r#type: &'static str,
    /// The status in words.
    title: &'a str,
    /// The status.
    status: u16,
    /// For programs.
    code: &'a str,
    /// For people: what was wrong and what is allowed.
    detail: &'a str,
}

impl Problem {
    pub(crate) fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Problem {
            reason,
            detail: detail.into(),
            headers: Vec::new(),
        }
    }

    pub(crate) fn reason(&self) -> Reason {
        self.reason
    }

    /// Something is not as it must be, which was logged.
    pub(crate) fn internal(detail: &'static str) -> Self {
        Problem::new(Reason::Internal, detail)
    }

    /// There is no room (any more): one answer for all ids that lead nowhere, so
    /// that none can be told from another.
    pub(crate) fn no_such_room() -> Self {
        Problem::new(Reason::NotFound, "there is no such room, or it expired")
    }

    /// There is nothing at this address.
    pub(crate) fn nothing_here() -> Self {
        Problem::new(Reason::NotFound, "there is nothing at this address")
    }

    /// Another method is needed.
    pub(crate) fn method_not_allowed(allow: &'static str) -> Self {
        Problem::new(
            Reason::MethodNotAllowed,
            format!(
                "this method is not allowed here; use {}",
                allow.replace(", ", " or ")
            ),
        )
        .with(ALLOW, HeaderValue::from_static(allow))
    }

    /// Too often from one address.
    pub(crate) fn too_many(detail: &'static str, wait: Duration) -> Self {
        Problem::new(Reason::RateLimited, detail).retry_after(wait)
    }

    /// Not now.
    pub(crate) fn not_now(reason: Reason, detail: impl Into<String>, wait: Duration) -> Self {
        Problem::new(reason, detail).retry_after(wait)
    }

    /// Says when to come back, in whole seconds, at least one.
    fn retry_after(self, wait: Duration) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        self.with(RETRY_AFTER, HeaderValue::from(seconds.max(1)))
    }

    /// The same, in words that fit better.
    pub(crate) fn because(mut self, detail: &str) -> Self {
        detail.clone_into(&mut self.detail);
        self
    }

    pub(crate) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        let status = self.reason.status();
        let document = Document {
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            code: self.reason.code(),
            detail: &self.detail,
        };
        let headers = self.headers.into_iter().collect();
        let mut response = json(status, PROBLEM_JSON, headers, &document);
        response.extensions_mut().insert(self.reason);
        response
    }
}

/// A JSON answer that no cache keeps: all of ours are about this moment.
pub(crate) fn json(
    status: StatusCode,
    content_type: &'static str,
    mut headers: HeaderMap,
    value: &impl Serialize,
) -> Response<Body> {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    match serde_json::to_vec(value) {
        Ok(mut body) => {
            // So that a prompt after `curl` stands on a line of its own.
            body.push(b'\n');
            (status, headers, body).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "an answer cannot be written as JSON");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
