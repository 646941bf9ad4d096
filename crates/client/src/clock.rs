//! The one clock of clients.
#![expect(clippy::disallowed_types, reason = "the place that reads it")]

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970. The wall's clock, not a monotonic one: it goes on while a
/// laptop sleeps, so that on waking whatever was due is due.
pub type Millis = u64;

/// What time it is.
pub fn now() -> Millis {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as Millis)
}
