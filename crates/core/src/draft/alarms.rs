//! The application's alarms: deciding those that are due.

use std::time::Duration;

use crate::draft::Draft;
use crate::logic::Logic;
use crate::room::Change;

/// So often an alarm may be followed by another one that is due at the same moment.
const ALARMS: usize = 8;

/// A room whose maximum age does not allow a whole lifetime beyond its alarm must live at least
/// this long beyond it, in milliseconds: members are to see what the alarm has done.
const BEYOND_ALARM: u64 = 60_000;

/// Until when a room with this alarm and lifetime must be able to live, at least (backend
/// clock, ms).
pub fn must_live_until(alarm: u64, ttl: Duration) -> u64 {
    let ttl = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
    alarm.saturating_add(ttl.min(BEYOND_ALARM))
}

impl<L: Logic> Draft<'_, L> {
    /// The room's maximum age ends then (backend clock, ms): commands that set a later alarm are
    /// refused. Without this, none is.
    #[must_use]
    pub fn dying_at(mut self, dies_at: u64) -> Self {
        self.dies_at = dies_at;
        self
    }

    /// Decides the application's alarm, if it is due; otherwise, or if a live node could not
    /// read all of its events, does nothing.
    pub fn ring(&mut self) {
        for _ in 0..ALARMS {
            let due = self.room.logic.alarm().filter(|at| *at <= self.now);
            let Some(due) = due else { return };
            let events = self.room.logic.ring(self.now);
            if !self.are_read(None, &events) {
                return;
            }
            for event in events {
                self.record(None, Change::Logic { by: None, event });
            }
            // One that does not go on would ring for ever.
            if self.room.logic.alarm().is_some_and(|at| at <= due) {
                return;
            }
        }
    }
}
