//! Placeholders for the site's pages, until there is one.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderMap};
use axum::response::{IntoResponse, Response};
use tablecast_core::RoomId;

use super::Id;
use crate::problem::Problem;

/// `GET /`: what this is, and how to try it.
pub(super) async fn home(headers: HeaderMap) -> Response {
    let host = host(&headers);
    page(&format!(
        "<h1>Choose lunch together</h1>\n\
         <p>Make a room, send its link to your friends, and everybody sees the same menu live.</p>\n\
         <pre>curl -X POST http://{host}/session/\nwebsocat ws://{host}/ws/ID/</pre>\n\
         <p>Then type <code>add:pizza</code> or <code>remove:pizza</code>.</p>\n"
    ))
}

/// `GET /r/{id}`: how to join the room.
pub(super) async fn room(Id(id): Id, headers: HeaderMap) -> Result<Response, Problem> {
    let id: RoomId = id.parse().map_err(|_| Problem::no_such_room())?;
    let host = host(&headers);
    Ok(page(&format!(
        "<h1>Choose lunch together</h1>\n\
         <p>Room {id}</p>\n\
         <pre>websocat ws://{host}/ws/{id}/</pre>\n\
         <p>Then type <code>add:pizza</code> or <code>remove:pizza</code>.</p>\n"
    )))
}

/// The host that the client used, if it can stand in a page as it is.
fn host(headers: &HeaderMap) -> &str {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    host.filter(|host| !host.is_empty() && host.chars().all(plain))
        .unwrap_or("127.0.0.1:8000")
}

fn page(main: &str) -> Response {
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Tablecast</title>\n</head>\n<body>\n<main>\n{main}</main>\n</body>\n</html>\n"
    );
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-cache"),
    ];
    (headers, html).into_response()
}
