//! When a failed store is asked again.

use std::time::Duration;

/// The wait before the store is asked again, at first and at most.
const WAIT: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(500));

/// How long to wait after the next failure: twice as long as after the last, unless
/// something has succeeded in between.
pub(super) struct Retry(Duration);

impl Retry {
    pub(super) fn new() -> Self {
        Retry(WAIT.0)
    }

    /// The store took a change, or returned something new. An answer alone proves nothing,
    /// because the store may refuse only writes.
    pub(super) fn succeeded(&mut self) {
        self.0 = WAIT.0;
    }

    /// Whether nothing has failed since the last success.
    pub(super) fn is_first(&self) -> bool {
        self.0 == WAIT.0
    }

    /// It failed: returns how long to wait. The result is between half and one and a half
    /// of the wait, so that rooms that fail together do not all ask again together.
    pub(super) fn failed(&mut self) -> Duration {
        let wait = self.0;
        self.0 = (wait * 2).min(WAIT.1);
        wait / 2 + wait.mul_f64(fastrand::f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_begin_anew_after_a_success() {
        let mut retry = Retry::new();
        for wait in [50, 100, 200, 400, 500, 500].map(Duration::from_millis) {
            assert_eq!(retry.is_first(), wait == WAIT.0);
            let got = retry.failed();
            assert!(wait / 2 <= got && got <= wait * 3 / 2, "{got:?}");
        }
        retry.succeeded();
        assert!(retry.is_first());
        assert!(retry.failed() <= WAIT.0 * 3 / 2);
    }
}
