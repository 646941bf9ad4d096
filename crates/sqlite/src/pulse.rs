//! How long the writer has been at its present work. A disk that hangs says nothing, not even an
//! error, so only the time tells of it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Since when the writer is at work.
pub(crate) struct Pulse {
    start: Instant,
    /// Milliseconds since `start`, and one more; 0: it rests.
    since: AtomicU64,
}

impl Pulse {
    pub(crate) fn new() -> Self {
        Pulse {
            start: Instant::now(),
            since: AtomicU64::new(0),
        }
    }

    fn now(&self) -> u64 {
        self.start.elapsed().as_millis() as u64 + 1
    }

    /// Work begins.
    pub(crate) fn begin(&self) {
        self.since.store(self.now(), Ordering::Relaxed);
    }

    /// It is done.
    pub(crate) fn end(&self) {
        self.since.store(0, Ordering::Relaxed);
    }

    /// Whether one piece of work takes longer than this already.
    pub(crate) fn is_longer_than(&self, time: Duration) -> bool {
        let since = self.since.load(Ordering::Relaxed);
        since > 0 && u128::from(self.now().saturating_sub(since)) > time.as_millis()
    }
}
