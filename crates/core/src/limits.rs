//! Limits that are computed from numbers and the given time only.

use std::collections::HashMap;
use std::hash::Hash;
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

/// How many keys are remembered at the same time. All further ones share one bucket: this limits the
/// memory, and more keys gain an attacker nothing.
pub const BUCKETS: usize = 65_536;

/// Buckets that are full again are forgotten this often.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// And this often while there is no space for another key: else whoever invents keys would have
/// all others share one bucket.
const FULL_SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// A [`Bucket`] for each of many keys, such as addresses.
#[derive(Debug)]
pub struct Buckets<K> {
    by_key: HashMap<K, Bucket>,
    rest: Bucket,
    swept: Duration,
}

impl<K> Default for Buckets<K> {
    fn default() -> Self {
        Buckets {
            by_key: HashMap::new(),
            rest: Bucket::full(),
            swept: Duration::ZERO,
        }
    }
}

impl<K: Eq + Hash> Buckets<K> {
    /// The bucket of this key.
    pub fn of(&mut self, key: K, now: Duration) -> &mut Bucket {
        let interval = match self.by_key.len() < BUCKETS {
            true => SWEEP_INTERVAL,
            false => FULL_SWEEP_INTERVAL,
        };
        if now >= self.swept + interval {
            self.by_key.retain(|_, bucket| !bucket.is_full(now));
            self.swept = now;
        }
        if self.by_key.len() >= BUCKETS && !self.by_key.contains_key(&key) {
            return &mut self.rest;
        }
        self.by_key.entry(key).or_insert_with(Bucket::full)
    }

    /// How many keys are remembered.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
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

    #[test]
    fn full_buckets_are_forgotten() {
        let rate = Rate {
            per_second: 1.0 / 3600.0,
            burst: 2,
        };
        let mut buckets = Buckets::default();
        let (now, hour) = (Duration::from_secs(1), Duration::from_secs(3600));
        assert_eq!(buckets.of(1, now).take(rate, now), Ok(()));
        let later = now + hour / 2;
        assert_eq!(buckets.of(2, later).take(rate, later), Ok(()));
        assert_eq!(buckets.len(), 2);
        buckets.of(3, now + hour + SWEEP_INTERVAL);
        assert_eq!(buckets.len(), 2);
        assert!(!buckets.by_key.contains_key(&1));
    }

    #[test]
    fn whoever_invents_keys_has_the_others_share_one_bucket_only_for_a_moment() {
        let mut buckets = Buckets::default();
        let begin = SWEEP_INTERVAL;
        for key in 0..=BUCKETS {
            let _ = buckets.of(key, begin).take(RATE, begin);
        }
        assert_eq!(buckets.len(), BUCKETS);
        let later = begin + FULL_SWEEP_INTERVAL;
        assert!(buckets.of(BUCKETS + 1, later).is_full(later));
        assert_eq!(buckets.len(), 1);
    }
}
