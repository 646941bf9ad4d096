//! Reads the body of a request.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tablecast_http::Problem;
use tokio::time::timeout;

use crate::reason;

/// Bytes; plenty for what an operator says.
pub(crate) const SMALL: usize = 16 * 1024;

/// Bytes; plenty for a menu of 100 dishes with the names of who wanted them.
pub(crate) const MENU: usize = 64 * 1024;

/// A body must be complete in this time.
const DEADLINE: Duration = Duration::from_secs(10);

/// The whole body, if it has at most `max` bytes and comes in time. A body whose `Content-Length`
/// is too large is not read at all.
pub(crate) async fn read(max: usize, headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    let too_large = || {
        Problem::new(
            reason::BODY_TOO_LONG,
            format!("the body is too large: at most {max} bytes"),
        )
    };
    let length = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok());
    // hyper has parsed it before; a number beyond u64 never comes here.
    if length.and_then(|length| length.parse::<u64>().ok()) > Some(max as u64) {
        return Err(too_large());
    }
    let body = Limited::new(body, max).collect();
    match timeout(DEADLINE, body).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(error)) => Err(Problem::new(
            reason::BAD_REQUEST,
            format!("the body cannot be read: {error}"),
        )),
        Err(_) => Err(Problem::new(
            reason::TIMEOUT,
            format!("the body was not complete after {} s", DEADLINE.as_secs()),
        )),
    }
}

/// Whether a body says that it is JSON.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = content_type
        .and_then(|value| value.split(';').next())
        .map(str::trim);
    essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"))
}
