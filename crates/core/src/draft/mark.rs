//! Taking a command back after its events were made: what a live node could not read, and an alarm
//! that would come too late.

use tablecast_protocol::code;

use crate::draft::Draft;
use crate::draft::alarms::must_live_until;
use crate::draft::server::not_yet;
use crate::logic::{Logic, Rejection};
use crate::stored::Record;

/// How far a draft had come before a command.
pub(super) struct Mark {
    events: usize,
    keepsake: Option<Record>,
    alarm: Option<u64>,
}

impl<L: Logic> Draft<'_, L> {
    pub(super) fn mark(&self) -> Mark {
        Mark {
            events: self.events.len(),
            keepsake: self.keepsake.clone(),
            alarm: self.room.logic.alarm(),
        }
    }

    /// Goes back to the mark if an event was made since that a live node could not read, or an
    /// alarm was set that the room's maximum age does not allow.
    ///
    /// # Errors
    /// `not_yet` or `too_late`: it went back.
    pub(super) fn check(&mut self, mark: Mark) -> Result<(), Rejection> {
        match self.refusal(&mark) {
            None => Ok(()),
            Some(why) => {
                self.go_back(mark);
                Err(why)
            }
        }
    }

    fn refusal(&self, mark: &Mark) -> Option<Rejection> {
        // A room has the forms of all its events.
        if !self.forms.read(self.room.forms) {
            return Some(not_yet());
        }
        let alarm = self.room.logic.alarm();
        let is_too_late = |at| must_live_until(at, self.room.ttl) > self.dies_at;
        if alarm == mark.alarm || !alarm.is_some_and(is_too_late) {
            return None;
        }
        let why = "the room does not live that long; choose an earlier time";
        Some(Rejection::new(code::TOO_LATE, why))
    }

    fn go_back(&mut self, mark: Mark) {
        self.events.truncate(mark.events);
        self.keepsake = mark.keepsake;
        self.extends = self.events.iter().any(|event| event.extends());
        // As in a conflict: decided events are applied to the room as it was.
        self.room = self.base.clone();
        for event in &self.events {
            self.room.apply(event);
        }
    }
}
