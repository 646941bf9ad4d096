//! Refusals for people and programs: RFC 9457 problem documents.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER,
};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use serde::Serialize;

use crate::reason::{self, Reason};

/// The media type of problem documents.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// A refusal. Its type is always `about:blank`, so its title is the text of the status.
#[derive(Debug)]
pub struct Problem {
    reason: Reason,
    detail: String,
    close: Option<u16>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// Why a request was refused (RFC 9457).
#[derive(Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "Problem")
)]
pub struct Document<'a> {
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
    /// Where a room is refused to who hears by a stream of events: the close code by which a
    /// WebSocket would say the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "u16"))]
    close: Option<u16>,
}

impl Problem {
    /// A refusal for this reason; the detail tells people what was wrong and what is allowed.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Problem {
            reason,
            detail: detail.into(),
            close: None,
            headers: Vec::new(),
        }
    }

    /// The reason.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// An internal error, which was logged.
    pub fn internal(detail: &'static str) -> Self {
        Problem::new(reason::INTERNAL, detail)
    }

    /// There is nothing at this address.
    pub fn nothing_here() -> Self {
        Problem::new(reason::NOT_FOUND, "there is nothing at this address")
    }

    /// Another method is needed.
    pub fn method_not_allowed(allow: &'static str) -> Self {
        Problem::new(
            reason::METHOD_NOT_ALLOWED,
            format!(
                "this method is not allowed here; use {}",
                allow.replace(", ", " or ")
            ),
        )
        .with(ALLOW, HeaderValue::from_static(allow))
    }

    /// Too many requests from one address.
    pub fn too_many(detail: &'static str, wait: Duration) -> Self {
        Problem::new(reason::RATE_LIMITED, detail).retry_after(wait)
    }

    /// Not possible now; the client may try again after `wait`.
    pub fn not_now(reason: Reason, detail: impl Into<String>, wait: Duration) -> Self {
        Problem::new(reason, detail).retry_after(wait)
    }

    /// Says when to come back, in whole seconds, at least one.
    fn retry_after(self, wait: Duration) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        self.with(RETRY_AFTER, HeaderValue::from(seconds.max(1)))
    }

    /// The same refusal with another detail.
    pub fn because(mut self, detail: &str) -> Self {
        detail.clone_into(&mut self.detail);
        self
    }

    /// With the close code by which a WebSocket would say the same.
    pub fn closing(self, code: u16) -> Self {
        Problem {
            close: Some(code),
            ..self
        }
    }

    /// With one more header.
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
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
            close: self.close,
        };
        let headers = self.headers.into_iter().collect();
        let mut response = json(status, PROBLEM_JSON, headers, &document);
        response.extensions_mut().insert(self.reason);
        response
    }
}

/// An answer with this value as JSON, which nobody keeps.
pub fn ok(value: &impl Serialize) -> Response<Body> {
    json(StatusCode::OK, "application/json", HeaderMap::new(), value)
}

/// A JSON answer that no cache keeps, because all answers describe the current moment.
pub fn json(
    status: StatusCode,
    content_type: &'static str,
    mut headers: HeaderMap,
    value: &impl Serialize,
) -> Response<Body> {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    match serde_json::to_vec(value) {
        Ok(mut body) => {
            // So that the prompt after `curl` is on its own line.
            body.push(b'\n');
            (status, headers, body).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "an answer cannot be written as JSON");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
