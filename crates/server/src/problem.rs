//! Refusals as people and programs read them: RFC 9457 problem documents.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER,
};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use serde::Serialize;

/// Why a request was refused. Its type is always `about:blank`, so the title is
/// the status' own; the member `code` says more to programs, with the words that
/// rejected commands have too.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    code: &'a str,
    detail: &'a str,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Problem {
            status,
            code,
            detail: detail.into(),
            headers: Vec::new(),
        }
    }

    /// There is nothing at this address, or no room (any more): one answer for
    /// all ids that lead nowhere, so that none can be told from another.
    pub(crate) fn no_such_room() -> Self {
        Problem::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "there is no such room, or it expired",
        )
    }

    /// Another method is needed.
    pub(crate) fn method_not_allowed(allow: &'static str) -> Self {
        Problem::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            format!(
                "this method is not allowed here; use {}",
                allow.replace(", ", " or ")
            ),
        )
        .with(ALLOW, HeaderValue::from_static(allow))
    }

    /// Too often from one address.
    pub(crate) fn too_many(detail: &'static str, wait: Duration) -> Self {
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail).retry_after(wait)
    }

    /// Not now.
    pub(crate) fn unavailable(
        code: &'static str,
        detail: impl Into<String>,
        wait: Duration,
    ) -> Self {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, code, detail).retry_after(wait)
    }

    /// Says when to come back, in whole seconds, at least one.
    fn retry_after(self, wait: Duration) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        self.with(RETRY_AFTER, HeaderValue::from(seconds.max(1)))
    }

    pub(crate) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        let document = Document {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            code: self.code,
            detail: &self.detail,
        };
        json(
            self.status,
            "application/problem+json",
            self.headers.into_iter().collect(),
            &document,
        )
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
