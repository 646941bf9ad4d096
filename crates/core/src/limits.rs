//! Limits that are computed from numbers and the given time only.

use std::time::Duration;

/// How many may watch a room on one node without a seat. Each costs a connection and a write for
/// each change, and the members do not see them; so there are few, and still enough for those who
/// wait for a seat and for a screen on the wall.
pub const WATCHERS: usize = 32;

/// How often something may happen: `burst` at once, and `per_second` on average.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// The average rate; 0 switches the limit off.
    pub per_second: f64,
    /// How many at once after a quiet time. At least 1.
    pub burst: u32,
}

impl Rate {
    /// No limit.
    pub const OFF: Rate = Rate {
        per_second: 0.0,
        burst: 1,
    };

    /// Whether there is a limit at all.
    pub fn is_on(&self) -> bool {
        self.per_second > 0.0
    }
}

/// A token bucket: what is left of a [`Rate`] for one connection or address.
/// `now` is any clock that does not go backwards.
#[derive(Debug, Clone, Copy)]
pub struct Bucket {
    /// When the bucket will be full again; if that is past, it is full.
    full_at: Duration,
}

impl Bucket {
    /// A full bucket.
    pub fn full() -> Bucket {
        Bucket {
            full_at: Duration::ZERO,
        }
    }

    /// Takes one, or says how long to wait until there is one.
    ///
    /// # Errors
    /// The bucket is empty: the time until the next one.
    pub fn take(&mut self, rate: Rate, now: Duration) -> Result<(), Duration> {
        if !rate.is_on() {
            return Ok(());
        }
        // Once in thirty years is practically never, and then no duration overflows.
        let one = Duration::from_secs_f64(1.0 / rate.per_second.max(1e-9));
        let full_at = self.full_at.max(now) + one;
        let longest = one * rate.burst.max(1);
        match (full_at - now).checked_sub(longest) {
            Some(wait) if wait > Duration::ZERO => Err(wait),
            _ => {
                self.full_at = full_at;
                Ok(())
            }
        }
    }

    /// Whether it is full. A full bucket can be forgotten without any change.
    pub fn is_full(&self, now: Duration) -> bool {
        self.full_at <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate {
        per_second: 10.0,
        burst: 20,
    };

    #[test]
    fn a_burst_passes_then_the_rate_holds() {
        let mut bucket = Bucket::full();
        let now = Duration::from_secs(100);
        assert_eq!(
            (0..50).filter(|_| bucket.take(RATE, now).is_ok()).count(),
            20
        );
        assert_eq!(bucket.take(RATE, now), Err(Duration::from_millis(100)));
        let later = now + Duration::from_secs(1);
        assert_eq!(
            (0..50).filter(|_| bucket.take(RATE, later).is_ok()).count(),
            10
        );
        assert!(bucket.is_full(later + Duration::from_secs(2)));
    }

    #[test]
    fn a_rate_next_to_nothing_lets_the_burst_pass_and_no_more() {
        let rate = Rate {
            per_second: 1e-300,
            burst: 2,
        };
        let mut bucket = Bucket::full();
        let now = Duration::from_secs(1);
        assert_eq!((0..9).filter(|_| bucket.take(rate, now).is_ok()).count(), 2);
    }

    #[test]
    fn a_rate_of_zero_is_no_limit() {
        let mut bucket = Bucket::full();
        assert!((0..10_000).all(|_| bucket.take(Rate::OFF, Duration::ZERO).is_ok()));
    }
}
