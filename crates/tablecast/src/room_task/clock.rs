//! The backend's clock, by which rooms expire.

use std::time::Duration;

use tablecast_core::backend::Stamp;
use tokio::time::Instant;

/// The room's expiry is checked this much later, because the estimate of the backend's
/// clock is late by the transit time of a message.
const EXPIRY_SLACK_MS: u64 = 5;

/// Further than a year nothing is computed, so that no time overflows.
const FAR_MS: u64 = 365 * 24 * 3600 * 1000;

/// The last known backend clock, and the deadlines that follow it.
pub(super) struct BackendClock {
    at: Instant,
    now: u64,
    /// When the room expires (backend clock, ms). `u64::MAX` until it is known.
    expires_at: u64,
    /// When the store was last heard, or was found silent for too long.
    heard_at: Instant,
    /// How long the store may be silent, if publications can be lost.
    silence: Option<Duration>,
}

impl BackendClock {
    pub(super) fn new(silence: Option<Duration>) -> Self {
        let at = Instant::now();
        BackendClock {
            at,
            now: 0,
            expires_at: u64::MAX,
            heard_at: at,
            silence,
        }
    }

    /// The time now (ms since 1970).
    pub(super) fn now(&self) -> u64 {
        self.time_at(Instant::now())
    }

    /// When it will be this time (ms since 1970).
    pub(super) fn moment(&self, ms: u64) -> Instant {
        let left = ms.saturating_sub(self.now).min(FAR_MS);
        self.at + Duration::from_millis(left)
    }

    fn time_at(&self, moment: Instant) -> u64 {
        self.now + (moment - self.at).as_millis() as u64
    }

    /// When the room expires (backend clock, ms). `u64::MAX` until it is known.
    pub(super) fn expires_at(&self) -> u64 {
        self.expires_at
    }

    /// The store has answered at this moment.
    pub(super) fn heard(&mut self, stamp: Stamp, at: Instant) {
        self.at = at;
        self.now = stamp.now;
        self.expires_at = stamp.expires_at;
        self.heard_at = at;
    }

    /// A publication came at this moment. It may be old; it never sets the time back.
    pub(super) fn overheard(&mut self, stamp: Stamp, at: Instant) {
        let now = stamp.now.max(self.time_at(at));
        self.heard(Stamp { now, ..stamp }, at);
    }

    /// Whether the store must be asked: the room should have expired, or the store was
    /// silent for too long.
    pub(super) fn is_to_be_heard(&mut self, now: Instant) -> bool {
        let is_silent = self.silent_at().is_some_and(|at| at <= now);
        if is_silent {
            self.heard_at = now;
        }
        is_silent || self.expired_at() <= now
    }

    /// When to check next whether the store must be asked. An expiry that was noticed is
    /// not checked again.
    pub(super) fn next_look(&self, now: Instant) -> Option<Instant> {
        let expiry = Some(self.expired_at()).filter(|at| *at > now);
        expiry.into_iter().chain(self.silent_at()).min()
    }

    fn expired_at(&self) -> Instant {
        self.moment(self.expires_at.saturating_add(EXPIRY_SLACK_MS))
    }

    fn silent_at(&self) -> Option<Instant> {
        self.silence.map(|silence| self.heard_at + silence)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_store_is_to_be_heard_when_the_room_expires_and_when_it_is_silent() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut clock = BackendClock::new(Some(5 * second));
        let (now, expires_at) = (1_000, 3_000);
        clock.heard(Stamp { now, expires_at }, start);
        let slack = Duration::from_millis(EXPIRY_SLACK_MS);
        assert_eq!(clock.next_look(start), Some(start + 2 * second + slack));
        assert!(!clock.is_to_be_heard(start));

        advance(3 * second).await;
        let now = Instant::now();
        assert!(clock.is_to_be_heard(now));
        assert_eq!(clock.next_look(now), Some(start + 5 * second), "silence");

        // An old publication.
        let (late, expires_at) = (1_500, 60_000);
        let stamp = Stamp {
            now: late,
            expires_at,
        };
        clock.overheard(stamp, now);
        assert_eq!(clock.now(), 4_000, "time does not go back");
        assert!(!clock.is_to_be_heard(now));
        advance(5 * second).await;
        assert!(clock.is_to_be_heard(Instant::now()), "silent");
        assert!(!clock.is_to_be_heard(Instant::now()), "once");
    }
}
