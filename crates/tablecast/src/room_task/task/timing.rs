//! The clock: whose it is, what has a deadline, and when to look next.

use std::collections::HashMap;
use std::time::Duration;

use tablecast_core::MemberId;
use tablecast_core::backend::Stamp;
use tablecast_core::membership::Presence;
use tablecast_core::room::Room;
use tokio::time::Instant;

use crate::app::App;
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

/// When the seats of those who are away are given up, by this node's own clock. What is
/// left of the time is read off the backend's clock once, when this node learns that
/// somebody is away; from then on it is how much time passes, wherever somebody sets that
/// clock to.
#[derive(Default)]
pub(in crate::room_task) struct AwayEnds(HashMap<MemberId, AwayEnd>);

struct AwayEnd {
    /// What the seat says (backend clock, ms). It tells one absence from the next.
    until: u64,
    at: Instant,
}

impl AwayEnds {
    /// Whether the time of a member who is away until then (backend clock, ms) is over.
    pub(in crate::room_task) fn is_over(&self, member: MemberId, until: u64) -> bool {
        let end = self.0.get(&member).filter(|end| end.until == until);
        end.is_some_and(|end| end.at <= Instant::now())
    }

    /// Learns who is away. Nobody is for longer than the grace, whatever the clock
    /// showed when they left.
    fn follow<A: App>(&mut self, room: &Room<A>, clock: BackendClock, grace: Duration) {
        let mut known = std::mem::take(&mut self.0);
        for seat in room.members.iter() {
            let Presence::Away { until } = seat.presence else {
                continue;
            };
            let end = known.remove(&seat.member);
            let end = end.filter(|end| end.until == until).unwrap_or_else(|| {
                let left = Duration::from_millis(until.saturating_sub(clock.now()));
                let at = Instant::now() + left.min(grace);
                AwayEnd { until, at }
            });
            self.0.insert(seat.member, end);
        }
    }

    fn next(&self) -> Option<Instant> {
        self.0.values().map(|end| end.at).min()
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
        let Some(room) = &self.room else { return };
        self.away
            .follow(room, self.clock, self.hub.config.seat_grace);
        match self.away.next() {
            Some(at) if at <= Instant::now() => self.reap_soon(),
            Some(at) => self.look_at(at),
            None => {}
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
        self.expect_away_end();
        if !self.strangers.is_empty() {
            self.reap_soon();
        }
    }

    /// Answers what has waited too long; what may still happen by a commit under
    /// way is said to be unknown.
    fn answer_late(&mut self, now: Instant) {
        let given_up = self.waiting.take_late(now);
        let error = self.hub.unsettled();
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
