//! Times as milliseconds since 1970, as JSON and stores have them.

use std::time::{SystemTime, UNIX_EPOCH};

/// This machine's clock.
pub(crate) fn now() -> u64 {
    of(SystemTime::now())
}

/// This time; 0 before 1970.
pub(crate) fn of(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
