//! What the server itself wants: its commands, and sending members away.

use tablecast_protocol::{MemberId, Position, code};

use crate::draft::Draft;
use crate::forms::PERSONS;
use crate::logic::{Logic, Rejection};
use crate::membership::Op;
use crate::room::Change;

impl<L: Logic> Draft<'_, L> {
    /// Decides a command of the server. Returns the seq of its last event, or the room's if
    /// there was nothing to do. `op` is random: a command that is decided again is recognised by
    /// it, as long as its events are [remembered](Draft::remembers_since).
    ///
    /// # Errors
    /// The logic's own, or `not_yet`.
    pub fn server_command(&mut self, op: Op, command: &L::Command) -> Result<u64, Rejection> {
        if let Some(done) = self.done_by_server(op) {
            return Ok(done);
        }
        let events = self.decide(None, command)?;
        self.carry_out(None, op, events)
    }

    /// The seq of the last event that this command of the server made.
    fn done_by_server(&self, op: Op) -> Option<u64> {
        let all = self.history.iter().chain(&self.events);
        let its = all.filter(|event| event.op == Some(op) && event.by().is_none());
        its.last().map(|event| event.seq)
    }

    /// Asks a member to leave: they lose their seat, and this person may not come back while the
    /// room remembers them. Of a member without a seat it keeps out the person, if the room
    /// remembers them. `false`: the room knows nobody with this id.
    pub fn dismiss(&mut self, member: MemberId) -> bool {
        // Older nodes do not know who was asked to leave: then they only lose the seat.
        let dismissed = self.forms.rooms >= PERSONS;
        let members = &self.room.members;
        if members.seat(member).is_some() {
            self.free(member, dismissed);
            return true;
        }
        let Some(person) = members.person(member) else {
            return false;
        };
        if dismissed && !members.is_barred(person) {
            self.free(member, dismissed);
        }
        true
    }

    /// Sends everybody away: all seats are given up. Returns the seq of the last event. `op` as
    /// for [`server_command`](Draft::server_command).
    ///
    /// # Errors
    /// `not_yet`.
    pub fn close(&mut self, op: Op) -> Result<u64, Rejection> {
        if let Some(done) = self.done_by_server(op) {
            return Ok(done);
        }
        let change = Change::Closed {};
        if !self.forms.read(change.forms(L::form)) {
            return Err(not_yet());
        }
        self.record(Some(op), change);
        let seats = self.room.members.iter();
        let members: Vec<MemberId> = seats.map(|seat| seat.member).collect();
        for member in members {
            self.free(member, false);
        }
        Ok(self.room.position.seq)
    }

    /// Gives a member the name that the server says.
    pub fn set_name(&mut self, member: MemberId, name: &str) {
        if let Some(seat) = self.room.members.seat(member)
            && *seat.name != *name
        {
            let (name, colour) = (name.into(), seat.colour);
            self.record(
                None,
                Change::Renamed {
                    member,
                    name,
                    colour,
                },
            );
        }
    }

    /// Whether all events since this position are remembered.
    pub fn remembers_since(&self, position: Position) -> bool {
        let here = self.room.position;
        let newest = here.seq - self.events.len() as u64;
        position.epoch == here.epoch && self.history.since(position.seq, newest).is_some()
    }
}

/// A live node could not read it.
pub(super) fn not_yet() -> Rejection {
    let why = "this is possible when all servers are updated; try again in a few minutes";
    Rejection::new(code::NOT_YET, why)
}
