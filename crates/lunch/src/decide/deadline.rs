//! The room's clock: a deadline, and the end of a draw that follows from it.

use tablecast_core::Rejection;
use tablecast_core::code::BAD_COMMAND;
use tablecast_core::logic::Member;

use crate::command::SetDeadline;
use crate::decision::How;
use crate::event::Event;
use crate::limits::DRAW_MS;
use crate::menu::{Menu, check_deadline};

impl Menu {
    pub(super) fn set_deadline(
        &self,
        by: Member<'_>,
        deadline: &SetDeadline,
        now: u64,
    ) -> Result<Vec<Event>, Rejection> {
        let at = match (deadline.at, deadline.in_ms) {
            (Some(at), None) => at,
            (None, Some(in_ms)) => Some(now.saturating_add(in_ms)),
            (None, None) => {
                let what = "say when: by \"at\" or by \"in_ms\"";
                return Err(Rejection::new(BAD_COMMAND, what));
            }
            (Some(_), Some(_)) => {
                let what = "say when by \"at\" or by \"in_ms\", not by both";
                return Err(Rejection::new(BAD_COMMAND, what));
            }
        };
        if let Some(at) = at {
            check_deadline(at, now)?;
        }
        let present = self.table.house.deadline.as_ref();
        if present.map(|deadline| deadline.at) == at {
            return Ok(Vec::new());
        }
        let name = Some(by.name.into());
        Ok(vec![Event::Deadline { at, name }])
    }

    /// When the server has to do something by itself.
    #[inline]
    pub(super) fn next_alarm(&self) -> Option<u64> {
        let deadline = self
            .table
            .house
            .deadline
            .as_ref()
            .map(|deadline| deadline.at);
        match &self.table.settling.drawing {
            // Members end it earlier. But nobody may be there.
            Some(drawing) => drawing
                .ends_at
                .or(deadline.map(|at| at.saturating_add(DRAW_MS))),
            None => deadline,
        }
    }

    /// What the server does by itself when the time has come.
    pub(super) fn at_alarm(&self, now: u64) -> Vec<Event> {
        if self.next_alarm().is_none_or(|at| at > now) {
            return Vec::new();
        }
        if let Some(drawing) = &self.table.settling.drawing {
            return self.end(drawing, Some(now)).into_iter().collect();
        }
        let ends_at = Some(now.saturating_add(DRAW_MS));
        let decided = self.decision(None, How::Votes, Some(now), ends_at);
        let nothing = Event::Deadline {
            at: None,
            name: None,
        };
        vec![decided.unwrap_or(nothing)]
    }
}
