//! The dialect typed by hand. An incoming line is a command; an outgoing frame is the whole
//! state, or an error only for the sender.

use serde::Serialize;
use tablecast_core::Rejection;

use crate::codec::Frame;

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct ErrorMessage<'a> {
    /// Why a line was refused.
    error: ErrorBody<'a>,
}

#[derive(Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "Refusal")
)]
struct ErrorBody<'a> {
    /// For programs.
    code: &'a str,
    /// For people.
    message: &'a str,
}

/// The schema of a refusal, from the type that writes it.
#[cfg(feature = "schema")]
pub fn refusal(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    <ErrorMessage<'static> as schemars::JsonSchema>::json_schema(generator)
}

/// `{"error":{"code":…,"message":…}}`
pub(crate) fn error(rejection: &Rejection) -> Frame {
    let error = ErrorBody {
        code: rejection.code,
        message: &rejection.message,
    };
    Frame::text(&serde_json::to_string(&ErrorMessage { error }).unwrap_or_default())
}
