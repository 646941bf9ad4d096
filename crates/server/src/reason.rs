//! Why the lunch server refuses a request, besides what [`tablecast_http::reason`] has. The
//! codes are the same words as those of rejected commands.

use axum::http::StatusCode;
use tablecast_core::code;
pub(crate) use tablecast_http::reason::*;

/// The body is malformed.
pub(crate) const BAD_JSON: Reason = Reason::new(
    StatusCode::BAD_REQUEST,
    "bad_json",
    "the body is not what it should be",
);

/// The room's title has no visible character.
pub(crate) const TITLE_EMPTY: Reason = Reason::new(
    StatusCode::BAD_REQUEST,
    code::EMPTY.as_str(),
    "the title has no visible character",
);

/// The room's title is too long.
pub(crate) const TITLE_TOO_LONG: Reason = Reason::new(
    StatusCode::BAD_REQUEST,
    code::TOO_LONG.as_str(),
    "the title is too long",
);

/// The room's title has a forbidden character.
pub(crate) const TITLE_FORBIDDEN: Reason = Reason::new(
    StatusCode::BAD_REQUEST,
    code::BAD_ITEM.as_str(),
    "the title holds a forbidden character",
);

/// All seats are taken.
pub(crate) const ROOM_FULL: Reason =
    Reason::new(StatusCode::FORBIDDEN, "room_full", "all seats are taken");

/// The body did not come in time.
pub(crate) const TIMEOUT: Reason = Reason::new(
    StatusCode::REQUEST_TIMEOUT,
    "timeout",
    "the body was not complete after 10 s",
);

/// The body is too large.
pub(crate) const BODY_TOO_LONG: Reason = Reason::new(
    StatusCode::PAYLOAD_TOO_LARGE,
    code::TOO_LONG.as_str(),
    "the body has more than 16 KiB",
);

/// The body's content type is not JSON.
pub(crate) const BAD_CONTENT_TYPE: Reason = Reason::new(
    StatusCode::UNSUPPORTED_MEDIA_TYPE,
    "bad_content_type",
    "the body is not `application/json`",
);

/// A handshake is needed.
pub(crate) const UPGRADE_REQUIRED: Reason = Reason::new(
    StatusCode::UPGRADE_REQUIRED,
    "upgrade_required",
    "not a WebSocket handshake, or not version 13",
);

/// The store cannot be reached, or takes no changes.
pub(crate) const UNAVAILABLE: Reason = Reason::new(
    StatusCode::SERVICE_UNAVAILABLE,
    code::UNAVAILABLE.as_str(),
    "the store cannot be reached or takes no changes; come back after `Retry-After`",
);

/// This server is shutting down.
pub(crate) const DRAINING: Reason = Reason::new(
    StatusCode::SERVICE_UNAVAILABLE,
    "draining",
    "this server shuts down; come back after `Retry-After`, or go to another",
);

/// The server has as many rooms as allowed.
pub(crate) const TOO_MANY_ROOMS: Reason = Reason::new(
    StatusCode::SERVICE_UNAVAILABLE,
    "too_many_rooms",
    "this server has as many rooms as it may have; come back after `Retry-After`",
);
