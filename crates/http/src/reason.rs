//! Why a request is refused.

use axum::http::StatusCode;
use tablecast_core::code;

/// The reason of a refusal: a status and a code for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reason {
    status: StatusCode,
    code: &'static str,
    when: &'static str,
}

impl Reason {
    /// A reason with a status, a code of lower-case words separated by `_`, and a
    /// description for documents of when it occurs.
    pub const fn new(status: StatusCode, code: &'static str, when: &'static str) -> Self {
        Reason { status, code, when }
    }

    /// The status of the answer.
    pub const fn status(self) -> StatusCode {
        self.status
    }

    /// What programs read.
    pub const fn code(self) -> &'static str {
        self.code
    }

    /// When it occurs.
    pub const fn when(self) -> &'static str {
        self.when
    }
}

/// The reasons that may occur for any request.
pub const ANYWHERE: [Reason; 5] = [
    BAD_REQUEST,
    METHOD_NOT_ALLOWED,
    LINE_TOO_LONG,
    HEAD_TOO_LONG,
    INTERNAL,
];

/// Declares [`Reason`]s: `NAME = STATUS, CODE, WHEN;`, where a status is a constant of
/// [`StatusCode`](axum::http::StatusCode).
#[macro_export]
macro_rules! reasons {
    ($($(#[$meaning:meta])* $visible:vis $name:ident = $status:ident, $code:expr, $when:literal;)*) => {
        $($(#[$meaning])*
        $visible const $name: $crate::Reason =
            $crate::Reason::new(::axum::http::StatusCode::$status, $code, $when);)*
    };
}

reasons! {
    /// The request is malformed.
    pub BAD_REQUEST = BAD_REQUEST, "bad_request", "the request is not what it should be";
    /// There is nothing at this address.
    pub NOT_FOUND = NOT_FOUND, "not_found", "there is nothing there: unknown, expired and malformed ids get the same answer";
    /// Another method is needed.
    pub METHOD_NOT_ALLOWED = METHOD_NOT_ALLOWED, "method_not_allowed", "another method is needed; `Allow` says which";
    /// The request line is too long.
    pub LINE_TOO_LONG = URI_TOO_LONG, code::TOO_LONG.as_str(), "the request line has more than 8 KiB";
    /// The head is too large.
    pub HEAD_TOO_LONG = REQUEST_HEADER_FIELDS_TOO_LARGE, code::TOO_LONG.as_str(), "the head has more than 16 KiB, or more than 100 fields";
    /// Too many requests from one address.
    pub RATE_LIMITED = TOO_MANY_REQUESTS, code::RATE_LIMITED.as_str(), "too many from one address; `Retry-After` says how long to wait";
    /// The request comes from a page of a foreign origin.
    pub FOREIGN_ORIGIN = FORBIDDEN, "foreign_origin", "pages of this `Origin` may not connect";
    /// An error in the server.
    pub INTERNAL = INTERNAL_SERVER_ERROR, "internal", "a fault of the server";
}
