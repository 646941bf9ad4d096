//! Lets pages of the listed origins read the answers (the Fetch standard, 3.3: CORS).
//!
//! A page of a listed origin may do all that the server's own pages may. So every answer to
//! it says so, including refusals and the answer to a bad head. There are no cookies here,
//! so the header for credentials is not sent.
//!
//! tower-http's `CorsLayer` is not used: it treats every OPTIONS as a preflight and answers
//! it before the routes, and it adds `Vary` to every answer even if no origin is listed.

use axum::body::Body;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ALLOW,
    HeaderValue, ORIGIN, VARY,
};
use axum::http::{Method, Request, Response, StatusCode};

use crate::origin::{self, Origin};

/// The headers that a page may read in addition to those that any page may read.
const EXPOSED: &str = "location, retry-after";

/// The headers that a page may send in addition to those that any page may send. By `tablecast-join`
/// it says who wants to hear a stream of events.
const ACCEPTED: &str = "content-type, tablecast-join";

/// How long a browser may remember a preflight, in seconds: two hours, the most that
/// Chromium accepts.
const REMEMBERED: &str = "7200";

/// The CORS part of one request.
#[derive(Debug)]
pub(crate) struct Cors {
    /// Whether answers differ by `Origin`.
    is_on: bool,
    /// The listed origin of the request, as it was sent.
    origin: Option<HeaderValue>,
    is_preflight: bool,
}

impl Cors {
    /// For a request to a server that lists these origins.
    pub(crate) fn of<B>(request: &Request<B>, listed: &[Origin]) -> Self {
        let headers = request.headers();
        let is_on = !listed.is_empty();
        let is_listed = is_on && origin::of(headers).is_some_and(|origin| listed.contains(&origin));
        Cors {
            is_on,
            origin: headers.get(ORIGIN).filter(|_| is_listed).cloned(),
            is_preflight: request.method() == Method::OPTIONS
                && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD),
        }
    }

    /// Adds to the answer what the page may do with it.
    pub(crate) fn mark(self, response: &mut Response<Body>) {
        if !self.is_on {
            return;
        }
        let is_preflight = self.is_preflight && response.status() == StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        // Also if nothing is allowed: a cache must not give that answer to other origins.
        headers.append(VARY, HeaderValue::from_static("origin"));
        let Some(origin) = self.origin else { return };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(
            ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static(EXPOSED),
        );
        // The route has answered which methods it allows.
        if let Some(allow) = headers.get(ALLOW).filter(|_| is_preflight).cloned() {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, allow);
            for (name, value) in [
                (ACCESS_CONTROL_ALLOW_HEADERS, ACCEPTED),
                (ACCESS_CONTROL_MAX_AGE, REMEMBERED),
            ] {
                headers.insert(name, HeaderValue::from_static(value));
            }
        }
    }
}
