//! The dialect typed by hand. An incoming line is a command; an outgoing frame is the whole
//! state, or an error only for the sender.

use tablecast_core::Rejection;
use tablecast_protocol::push::{Refusal, Refused};

use crate::codec::Frame;

/// `{"error":{"code":…,"message":…}}`
pub(crate) fn error(rejection: &Rejection) -> Frame {
    let error = Refusal {
        code: rejection.code.as_str().into(),
        message: (&*rejection.message).into(),
    };
    Frame::text(&serde_json::to_string(&Refused { error }).unwrap_or_default())
}
