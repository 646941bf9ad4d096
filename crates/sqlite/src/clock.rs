//! The store's clock, which decides expiry.

use std::time::{Duration, Instant, SystemTime};

/// Milliseconds since 1970, by a clock that never goes back, not over a restart either.
pub(crate) struct Clock {
    now: Box<dyn Fn() -> u64 + Send + Sync>,
}

impl Clock {
    /// The system's at this moment, and from then on how much time has passed: setting the
    /// system's clock expires nothing.
    pub(crate) fn system() -> Self {
        let begin = Instant::now();
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let since_1970 = millis(since_1970.unwrap_or_default());
        Clock::new(move || since_1970.saturating_add(millis(begin.elapsed())))
    }

    /// As this tells it.
    pub(crate) fn new(now: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Clock { now: Box::new(now) }
    }

    /// The same, but no earlier than this when it is first looked at: where it has gone
    /// back since the database was last written, it goes on from there.
    pub(crate) fn not_before(self, least: u64) -> Self {
        let behind = least.saturating_sub(self.now());
        Clock::new(move || self.now().saturating_add(behind))
    }

    pub(crate) fn now(&self) -> u64 {
        (self.now)()
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn it_does_not_go_back_over_a_restart() {
        let hands = Arc::new(AtomicU64::new(1_000));
        let clock = |least| {
            let hands = hands.clone();
            Clock::new(move || hands.load(Ordering::Relaxed)).not_before(least)
        };
        assert_eq!(clock(900).now(), 1_000);
        let behind = clock(5_000);
        assert_eq!(behind.now(), 5_000);
        hands.store(1_010, Ordering::Relaxed);
        assert_eq!(behind.now(), 5_010);
    }
}
