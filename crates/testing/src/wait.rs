//! Waiting until something is so.

use std::fmt::Debug;
use std::time::{Duration, Instant};

/// How long a test waits for anything: longer than a busy machine needs, since only a failing test waits for it.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(5);

/// Looks again and again until what is seen `is_so`; returns that.
///
/// # Panics
/// It was not so within [`DEADLINE`] of real time, also where tokio's time is paused: the message says `what` was waited
/// for, and what was seen last.
pub async fn until<T: Debug>(
    what: &str,
    mut look: impl AsyncFnMut() -> T,
    mut is_so: impl FnMut(&T) -> bool,
) -> T {
    let begin = Instant::now();
    loop {
        let seen = look().await;
        if is_so(&seen) {
            return seen;
        }
        not_too_long(begin, what, &seen);
        // sleep: between two looks
        tokio::time::sleep(PAUSE).await;
    }
}

/// As [`until`], for tests that are not async.
///
/// # Panics
/// As [`until`].
pub fn blocking_until<T: Debug>(
    what: &str,
    mut look: impl FnMut() -> T,
    mut is_so: impl FnMut(&T) -> bool,
) -> T {
    let begin = Instant::now();
    loop {
        let seen = look();
        if is_so(&seen) {
            return seen;
        }
        not_too_long(begin, what, &seen);
        // sleep: between two looks
        std::thread::sleep(PAUSE);
    }
}

fn not_too_long(begin: Instant, what: &str, seen: &dyn Debug) {
    assert!(
        begin.elapsed() < DEADLINE,
        "not within {DEADLINE:?}: {what}; seen last: {seen:?}"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "not within 60s: the room is gone; seen last: Some(3)")]
    fn whoever_waits_too_long_says_for_what_and_what_was_seen() {
        let begin = Instant::now().checked_sub(DEADLINE).unwrap();
        not_too_long(begin, "the room is gone", &Some(3));
    }
}
