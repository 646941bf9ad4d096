//! The dialect typed by hand. A line in is a command; a frame out is the whole
//! state, or an error for the sender alone.

use serde::Serialize;
use tablecast_core::Rejection;

use crate::codec::Frame;

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct ErrorMessage<'a> {
    error: ErrorBody<'a>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct ErrorBody<'a> {
    code: &'a str,
    message: &'a str,
}

/// `{"error":{"code":…,"message":…}}`
pub(crate) fn error(rejection: &Rejection) -> Frame {
    let error = ErrorBody {
        code: rejection.code,
        message: &rejection.message,
    };
    Frame::text(&serde_json::to_string(&ErrorMessage { error }).unwrap_or_default())
}
