//! The backend's clock, by which rooms expire.

use std::time::Duration;

use tablecast_core::backend::Stamp;
use tokio::time::Instant;

/// The clock is looked at this long after a room should have expired, since the
/// estimate of the backend's clock is late by a message's way.
const EXPIRY_SLACK_MS: u64 = 5;

/// The backend's clock as it was last heard, and what goes by it.
pub(super) struct BackendClock {
    at: Instant,
    now: u64,
    /// When the room expires (backend clock, ms). `u64::MAX` until it is known.
    expires_at: u64,
    /// When the store was heard last, or was found to have been silent for too long.
    heard_at: Instant,
}

impl BackendClock {
    pub(super) fn new() -> Self {
        let at = Instant::now();
        BackendClock {
            at,
            now: 0,
            expires_at: u64::MAX,
            heard_at: at,
        }
    }

    /// What it shows (ms since 1970).
    pub(super) fn now(&self) -> u64 {
        self.time_at(Instant::now())
    }

    fn time_at(&self, moment: Instant) -> u64 {
        self.now + (moment - self.at).as_millis() as u64
    }

    /// When the room expires (backend clock, ms). `u64::MAX` until it is known.
    pub(super) fn expires_at(&self) -> u64 {
        self.expires_at
    }

    /// An answer came at this moment.
    pub(super) fn heard(&mut self, stamp: Stamp, at: Instant) {
        self.at = at;
        self.now = stamp.now;
        self.expires_at = stamp.expires_at;
        self.heard_at = at;
    }

    /// A publication came now. It may have been long on its way; time does not go back
    /// for it.
    pub(super) fn overheard(&mut self, stamp: Stamp) {
        let at = Instant::now();
        let now = stamp.now.max(self.time_at(at));
        self.heard(Stamp { now, ..stamp }, at);
    }

    /// When the room is to have expired, by the clock of this node.
    pub(super) fn expiry(&self) -> Instant {
        let ms = self.expires_at.saturating_add(EXPIRY_SLACK_MS);
        self.at + Duration::from_millis(ms.saturating_sub(self.now))
    }

    /// When the store has been silent for so long.
    pub(super) fn silent_for(&self, interval: Duration) -> Instant {
        self.heard_at + interval
    }

    /// The store has been silent for too long, and is going to be asked.
    pub(super) fn silence_noticed(&mut self, at: Instant) {
        self.heard_at = at;
    }
}
