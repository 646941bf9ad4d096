//! Why the lunch server refuses a request, besides what [`tablecast_http::reason`] has. The
//! codes are the same words as those of rejected commands.

use tablecast_core::code;
pub(crate) use tablecast_http::reason::*;
use tablecast_lunch::code as lunch_code;

tablecast_http::reasons! {
    /// The body is malformed.
    pub(crate) BAD_JSON = BAD_REQUEST, "bad_json", "the body is not what it should be";
    /// The room's title has no visible character.
    pub(crate) TITLE_EMPTY = BAD_REQUEST, code::EMPTY.as_str(), "the title has no visible character";
    /// The room's title is too long.
    pub(crate) TITLE_TOO_LONG = BAD_REQUEST, code::TOO_LONG.as_str(), "the title is too long";
    /// The room's title has a forbidden character.
    pub(crate) TITLE_FORBIDDEN = BAD_REQUEST, code::BAD_ITEM.as_str(), "the title holds a forbidden character";
    /// The deadline is too early or too late.
    pub(crate) BAD_DEADLINE = BAD_REQUEST, lunch_code::BAD_DEADLINE.as_str(), "the deadline is too early or too late";
    /// Operators' address under a name that is not the server's.
    pub(crate) FOREIGN_HOST = FORBIDDEN, "foreign_host", "the address is asked for under a name that is not the server's";
    /// All seats are taken.
    pub(crate) ROOM_FULL = FORBIDDEN, "room_full", "all seats are taken";
    /// A seat is asked for that is not there.
    pub(crate) NO_SEAT = FORBIDDEN, code::NO_SEAT.as_str(), "no seat has this secret; or it was given up";
    /// No stream of events is wanted.
    pub(crate) NOT_ACCEPTABLE = NOT_ACCEPTABLE, "not_acceptable", "a stream of events is answered only to `Accept: text/event-stream`";
    /// Another connection has the seat.
    pub(crate) TAKEN_OVER = CONFLICT, "taken_over", "a newer connection has the seat";
    /// The member may not come back.
    pub(crate) DISMISSED = CONFLICT, "dismissed", "you were asked to leave this room";
    /// The body did not come in time.
    pub(crate) TIMEOUT = REQUEST_TIMEOUT, "timeout", "the body was not complete after 10 s";
    /// The body is too large.
    pub(crate) BODY_TOO_LONG = PAYLOAD_TOO_LARGE, code::TOO_LONG.as_str(), "the body is too long: it has more than 64 KiB, or by `/sse/{id}/` a command that is larger than a message may be, or more than 64 commands";
    /// The body's content type is not JSON.
    pub(crate) BAD_CONTENT_TYPE = UNSUPPORTED_MEDIA_TYPE, "bad_content_type", "the body is not `application/json`";
    /// A handshake is needed.
    pub(crate) UPGRADE_REQUIRED = UPGRADE_REQUIRED, "upgrade_required", "not a WebSocket handshake, or not version 13";
    /// The store cannot be reached, or takes no changes.
    pub(crate) UNAVAILABLE = SERVICE_UNAVAILABLE, code::UNAVAILABLE.as_str(), "the store cannot be reached or takes no changes; come back after `Retry-After`";
    /// This server is shutting down.
    pub(crate) DRAINING = SERVICE_UNAVAILABLE, "draining", "this server shuts down; come back after `Retry-After`, or go to another";
    /// A server of the version before lives.
    pub(crate) NOT_YET = SERVICE_UNAVAILABLE, code::NOT_YET.as_str(), "a server of the version before runs, which could not read it; come back after `Retry-After`";
    /// The server has as many rooms as allowed.
    pub(crate) TOO_MANY_ROOMS = SERVICE_UNAVAILABLE, "too_many_rooms", "this server has as many rooms as it may have; come back after `Retry-After`";
}
