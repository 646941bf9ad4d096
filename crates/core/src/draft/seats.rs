//! Seats as who knows their secrets sees them.

use crate::draft::{Draft, Refusal};
use crate::id::{MemberId, SeatToken};
use crate::logic::Logic;
use crate::room::Change;

impl<L: Logic> Draft<'_, L> {
    /// Gives up a member's seat, because they say so.
    pub fn leave(&mut self, member: MemberId) {
        if self.room.members.seat(member).is_some() {
            self.free(member, false);
        }
    }

    /// Why this secret opens no seat, as far as it is remembered whose it was.
    pub fn lost(&self, secret: SeatToken) -> Refusal {
        let mut all = self.history.iter().chain(&self.events);
        let owner = all.find_map(|event| match &event.change {
            Change::Joined(joined) if joined.token == secret => Some(MemberId(event.seq)),
            Change::Returned(returned) if returned.token == secret => Some(returned.member),
            _ => None,
        });
        let members = &self.room.members;
        match owner {
            Some(member) if members.was_dismissed(member) => Refusal::Dismissed,
            Some(member) if members.seat(member).is_some() => Refusal::TakenOver,
            Some(_) | None => Refusal::NoSuchSeat,
        }
    }
}
