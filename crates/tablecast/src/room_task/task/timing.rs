//! The clock: whose it is, what has a deadline, and when to look next.

use std::time::Duration;

use tablecast_core::backend::Stamp;
use tablecast_core::room::Room;
use tokio::time::Instant;

use crate::app::App;
use crate::hub::RoomError;
use crate::room_task::batch::Request;
use crate::room_task::task::RoomTask;

/// The clock is looked at this long after a room should have expired, since the
/// estimate of the backend's clock is late by a message's way.
const EXPIRY_SLACK_MS: u64 = 5;

/// The estimated clock of the backend.
#[derive(Clone, Copy)]
pub(super) struct BackendClock {
    pub(super) at: Instant,
    pub(super) now: u64,
}

impl BackendClock {
    pub(super) fn now(&self) -> u64 {
        self.now + self.at.elapsed().as_millis() as u64
    }

    pub(super) fn instant(&self, ms: u64) -> Instant {
        self.at + Duration::from_millis(ms.saturating_sub(self.now))
    }
}

impl<A: App> RoomTask<A> {
    pub(super) fn stamp(&mut self, stamp: Stamp) {
        self.clock = BackendClock {
            at: Instant::now(),
            now: stamp.now,
        };
        self.expires_at = stamp.expires_at;
        self.heard_at = self.clock.at;
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
            self.timer.as_mut().reset(at);
        }
    }

    /// Looks at everything that has a deadline, and when to look next.
    pub(super) fn tick(&mut self) {
        let now = Instant::now();
        self.timer_at = now + Duration::from_secs(3600);
        self.timer.as_mut().reset(self.timer_at);
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
        let late = |request: &Request<A>| request.deadline().is_some_and(|at| at <= now);
        let mut given_up = Vec::new();
        for request in std::mem::take(&mut self.waiting) {
            if late(&request) {
                given_up.push(request);
            } else {
                self.waiting.push_back(request);
            }
        }
        if let Some(batch) = &mut self.batch {
            for (request, _) in &mut batch.requests {
                given_up.extend(request.take_if(|request| late(request)));
            }
        }
        let error = RoomError::Unavailable("the store did not answer in time".to_owned());
        for request in given_up {
            self.give_up(request, &error);
        }
        let batch = self.batch.iter().flat_map(|batch| &batch.requests);
        let open = batch
            .filter_map(|(request, _)| request.as_ref())
            .chain(&self.waiting);
        if let Some(next) = open.filter_map(Request::deadline).min() {
            self.look_at(next);
        }
    }
}
