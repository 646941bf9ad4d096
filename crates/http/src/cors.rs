//! Lets pages of the listed origins read the answers (the Fetch standard, 3.3: CORS).
//!
//! A page of a listed origin may do all that the server's own pages may, so every
//! answer to it says so, refusals and those of a head that is not read any further
//! alike. There are no cookies here, so nothing is said of credentials.
//!
//! tower-http's `CorsLayer` takes each OPTIONS for a preflight and answers it in place of
//! the routes, with `Vary` on everything even where no origin is listed.

use axum::body::Body;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ALLOW,
    HeaderValue, ORIGIN, VARY,
};
use axum::http::{Method, Request, Response, StatusCode};

use crate::origin::{self, Origin};

/// What a page may read besides the headers that any page may.
const EXPOSED: &str = "location, retry-after";

/// What a page may send besides the headers that any page may.
const ACCEPTED: &str = "content-type";

/// For how long a browser may remember a preflight, in seconds: two hours, which is the
/// most that Chromium believes.
const REMEMBERED: &str = "7200";

/// What one request has to do with it.
#[derive(Debug)]
pub(crate) struct Cors {
    /// Answers differ by `Origin`.
    is_on: bool,
    /// The listed origin that asks, as it wrote itself.
    origin: Option<HeaderValue>,
    is_preflight: bool,
}

impl Cors {
    /// Of a request to a server that lists these origins.
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

    /// Says in the answer what the page may do with it.
    pub(crate) fn mark(self, response: &mut Response<Body>) {
        if !self.is_on {
            return;
        }
        let is_preflight = self.is_preflight && response.status() == StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        // Also where nothing is allowed: a cache must not give that answer to others.
        headers.append(VARY, HeaderValue::from_static("origin"));
        let Some(origin) = self.origin else { return };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(
            ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static(EXPOSED),
        );
        // The route has answered what it allows.
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
