//! The clock: whose it is, what has a deadline, and when to look next.

use std::time::Duration;

use tablecast_core::backend::Stamp;
use tablecast_core::room::Room;
use tokio::time::Instant;

use crate::app::App;
use crate::hub::RoomError;
use crate::room_task::task::RoomTask;

/// The clock is looked at this long after a room should have expired, since the
/// estimate of the backend's clock is late by a message's way.
const EXPIRY_SLACK_MS: u64 = 5;

/// The estimated clock of the backend.
#[derive(Clone, Copy)]
pub(in crate::room_task) struct BackendClock {
    pub(super) at: Instant,
    pub(super) now: u64,
}

impl BackendClock {
    pub(in crate::room_task) fn now(&self) -> u64 {
        self.time_at(Instant::now())
    }

    /// What it shows at a moment.
    pub(super) fn time_at(&self, moment: Instant) -> u64 {
        self.now + (moment - self.at).as_millis() as u64
    }

    pub(super) fn instant(&self, ms: u64) -> Instant {
        self.at + Duration::from_millis(ms.saturating_sub(self.now))
    }
}

impl<A: App> RoomTask<'_, A> {
    /// Takes over the time and the expiry of an answer that came at this moment.
    pub(super) fn stamp(&mut self, stamp: Stamp, at: Instant) {
        self.clock = BackendClock { at, now: stamp.now };
        self.expires_at = stamp.expires_at;
        self.heard_at = at;
        self.look_at(
            self.clock
                .instant(stamp.expires_at.saturating_add(EXPIRY_SLACK_MS)),
        );
        if let Some(interval) = self.hub.backend.resync_interval() {
            self.look_at(self.heard_at + interval);
        }
    }

    pub(super) fn expect_away_end(&mut self) {
        if let Some(until) = self.room.as_ref().and_then(Room::next_away_end) {
            self.look_at(self.clock.instant(until));
        }
    }

    pub(super) fn look_at(&mut self, at: Instant) {
        if at < self.timer_at {
            self.timer_at = at;
            self.timer_is_new = true;
        }
    }

    /// Looks at everything that has a deadline, and when to look next.
    pub(super) fn tick(&mut self) {
        let now = Instant::now();
        self.timer_at = now + Duration::from_secs(3600);
        self.timer_is_new = true;
        if let Some(late) = self.busy.take_if(|busy| busy.until <= now) {
            self.done(late.unanswered());
        }
        if let Some(busy) = &self.busy {
            self.look_at(busy.until);
        }
        self.answer_late(now);
        if self.room.is_none() {
            return;
        }
        let expiry = self
            .clock
            .instant(self.expires_at.saturating_add(EXPIRY_SLACK_MS));
        if expiry <= now {
            self.be_stale();
        } else {
            self.look_at(expiry);
        }
        if let Some(interval) = self.hub.backend.resync_interval() {
            if self.heard_at + interval <= now {
                self.heard_at = now;
                self.be_stale();
            }
            self.look_at(self.heard_at + interval);
        }
        if let Some(until) = self.room.as_ref().and_then(Room::next_away_end) {
            let until = self.clock.instant(until);
            if until <= now {
                self.reap_soon();
            } else {
                self.look_at(until);
            }
        }
        if !self.strangers.is_empty() {
            self.reap_soon();
        }
    }

    /// Answers what has waited too long; what may still happen by a commit under
    /// way is said to be unknown.
    fn answer_late(&mut self, now: Instant) {
        let given_up = self.waiting.take_late(now);
        let error = RoomError::Unavailable("the store did not answer in time".to_owned());
        for request in given_up {
            self.give_up(request, &error);
        }
        self.expect_deadline();
    }

    /// Looks again when the first of those who wait has waited too long.
    pub(super) fn expect_deadline(&mut self) {
        if let Some(next) = self.waiting.next_deadline() {
            self.look_at(next);
        }
    }
}
