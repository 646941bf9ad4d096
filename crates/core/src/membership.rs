//! Seats: who has one, whether they are connected, and who had one and is remembered.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
pub use tablecast_protocol::FORMER_MEMBERS;
use tablecast_protocol::colour::Colour;
use tablecast_protocol::text::guest_number;

use crate::id::{ConnectionId, MemberId, NodeId, PersonId, SeatToken};
use crate::logic::{Member, Seats};

/// How many persons who were asked to leave a room remembers: the last ones.
pub const BARRED_PERSONS: usize = 256;

/// Whether a member is connected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// Connected, on this node, by this connection.
    Here {
        /// The node that holds the connection.
        node: NodeId,
        /// The newest connection; commands of an older one are ignored.
        connection: ConnectionId,
    },
    /// Not connected; the seat is kept until this moment (backend clock, ms).
    Away {
        /// When the seat is given up.
        until: u64,
    },
}

/// One member's place in a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    /// Who.
    pub member: MemberId,
    /// What the others see.
    pub name: Arc<str>,
    /// The colour that distinguishes them for the others.
    pub colour: Colour,
    /// The secret for taking this seat again.
    pub token: SeatToken,
    /// Who the member is, if their client said so.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub person: Option<PersonId>,
    /// What the member may do, if who embeds the hub said so.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub role: Option<Arc<str>>,
    /// The seq of the event by which the person had this seat again; 0 if it is their first.
    /// Commands are counted anew from it: what was applied before it is no repetition.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub since: u64,
    /// Connected or not.
    pub presence: Presence,
}

fn is_zero(seq: &u64) -> bool {
    *seq == 0
}

/// A member whose seat was given up, and who is the same member if they come back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Former {
    /// Who.
    pub member: MemberId,
    /// The name they had last.
    pub name: Arc<str>,
    /// The colour they had last.
    pub colour: Colour,
    /// Who the member is; a member without it cannot come back, but had a part in the state.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub person: Option<PersonId>,
}

/// Identifies the command that made an event, to recognise the command when it arrives
/// again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Op {
    /// The client's number for the command.
    pub number: u64,
    /// A digest of the command, to distinguish a repetition from another command with the
    /// same number.
    pub digest: u64,
}

/// A command that was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// Which command.
    pub op: Op,
    /// The last event it made.
    pub seq: u64,
}

impl Seat {
    /// The member, as the logic sees them.
    pub(crate) fn as_member(&self) -> Member<'_> {
        Member {
            id: self.member,
            name: &self.name,
            person: self.person,
            role: self.role.as_deref(),
        }
    }

    /// Whether the member is connected by this connection.
    pub fn is_held_by(&self, id: ConnectionId) -> bool {
        matches!(&self.presence, Presence::Here { connection, .. } if *connection == id)
    }

    /// Whether the member is connected by another client than that of this connection, as far as clients say which
    /// they are.
    pub fn is_held_by_another_client(&self, id: ConnectionId) -> bool {
        match &self.presence {
            Presence::Here { connection, .. } => {
                let holder = connection.client();
                holder.is_some() && holder != id.client()
            }
            Presence::Away { .. } => false,
        }
    }

    /// Whether the member is away.
    pub fn is_away(&self) -> bool {
        matches!(self.presence, Presence::Away { .. })
    }
}

/// The seats of a room, sorted by member. Cloning copies no seat.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// Shared, because most events change no seat.
    seats: Arc<Vec<Seat>>,
    /// For each member the applied command with the highest number, sorted by member. It is
    /// stored with the seats, so that the last command before a broken connection is always
    /// answered, however much has happened since.
    applied: Arc<[(MemberId, Applied)]>,
    /// Shared, because most events take nobody's seat.
    #[serde(flatten)]
    gone: Arc<Gone>,
}

/// Who is remembered without a seat.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Gone {
    /// Those who have left and are remembered, in order of leaving.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    former: Vec<Former>,
    /// Persons who were asked to leave and may not come back, in order.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    barred: Vec<PersonId>,
}

impl Seats for Membership {
    fn seated(&self, member: MemberId) -> Option<Member<'_>> {
        self.seat(member).map(Seat::as_member)
    }
}

impl Membership {
    /// Whether seats and commands are in order, and of members who came before this seq: what all
    /// below relies on, and what comes from a store may break.
    pub(crate) fn is_sound(&self, newest: u64) -> bool {
        let applied = self.applied.iter().map(|(member, _)| *member);
        let seats = self.seats.iter().map(|seat| seat.member);
        let newest = MemberId(newest);
        self.seats.last().is_none_or(|last| last.member <= newest)
            && seats.is_sorted_by(|one, next| one < next)
            && applied.is_sorted_by(|one, next| one < next)
    }

    /// The seats, sorted by member.
    pub fn iter(&self) -> impl Iterator<Item = &Seat> {
        self.seats.iter()
    }

    /// How many seats are taken, by members here or away.
    pub fn taken(&self) -> usize {
        self.seats.len()
    }

    /// A member's seat.
    pub fn seat(&self, member: MemberId) -> Option<&Seat> {
        self.seats.get(self.place(member)?)
    }

    fn place(&self, member: MemberId) -> Option<usize> {
        let place = self.seats.binary_search_by_key(&member, |seat| seat.member);
        place.ok()
    }

    /// A member's applied command with the highest number.
    pub fn last_applied(&self, member: MemberId) -> Option<Applied> {
        let at = self.applied_at(member).ok()?;
        self.applied.get(at).map(|(_, applied)| *applied)
    }

    fn applied_at(&self, member: MemberId) -> Result<usize, usize> {
        self.applied.binary_search_by_key(&member, |(who, _)| *who)
    }

    /// The seat that a connection holds.
    pub fn held_by(&self, connection: ConnectionId) -> Option<&Seat> {
        self.iter().find(|seat| seat.is_held_by(connection))
    }

    /// Members whose seats were given up, and who are remembered, in order of leaving.
    pub fn former(&self) -> &[Former] {
        &self.gone.former
    }

    /// The member who is this person, with a seat or remembered.
    pub fn by_person(&self, person: PersonId) -> Option<MemberId> {
        let seated = self.iter().find(|seat| seat.person == Some(person));
        let former = || self.former().iter().find(|one| one.person == Some(person));
        seated
            .map(|seat| seat.member)
            .or_else(|| former().map(|one| one.member))
    }

    /// The seat that a token opens.
    pub fn by_token(&self, token: SeatToken) -> Option<&Seat> {
        self.iter().find(|seat| seat.token == token)
    }

    /// The lowest `guest N` that nobody has, with a seat or remembered.
    pub(crate) fn guest_name(&self) -> String {
        let former = self.former().iter().map(|former| &former.name);
        let names = self.iter().map(|seat| &seat.name).chain(former);
        let numbers = names.filter_map(|name| guest_number(name));
        // So many names leave one of these numbers or the next.
        let mut taken = vec![false; self.taken() + self.former().len()];
        for number in numbers {
            if let Some(taken) = taken.get_mut(number.wrapping_sub(1)) {
                *taken = true;
            }
        }
        let free = taken.iter().position(|taken| !taken);
        format!("guest {}", free.unwrap_or(taken.len()) + 1)
    }

    /// Adds a seat, for a member who has none.
    pub(crate) fn add(&mut self, seat: Seat) {
        let at = self.seats.partition_point(|one| one.member < seat.member);
        match Arc::get_mut(&mut self.seats) {
            Some(seats) => seats.insert(at, seat),
            // The copy has capacity for exactly one more seat, not for twice as many.
            None => {
                let mut seats = Vec::with_capacity(self.seats.len() + 1);
                seats.extend_from_slice(&self.seats);
                seats.insert(at, seat);
                self.seats = Arc::new(seats);
            }
        }
    }

    /// Changes a seat that its person takes again. The member's commands count anew.
    pub(crate) fn renew(&mut self, member: MemberId, change: impl FnOnce(&mut Seat)) {
        self.forget_applied(member);
        self.change(member, change);
    }

    /// Who a member is, with a seat or remembered.
    pub fn person(&self, member: MemberId) -> Option<PersonId> {
        let former = || self.former().iter().find(|one| one.member == member);
        match self.seat(member) {
            Some(seat) => seat.person,
            None => former()?.person,
        }
    }

    /// Whether this person was asked to leave.
    pub fn is_barred(&self, person: PersonId) -> bool {
        self.gone.barred.contains(&person)
    }

    /// Whether this member has lost the seat and may not come back.
    pub fn was_dismissed(&self, member: MemberId) -> bool {
        let mut former = self.former().iter().filter(|one| one.member == member);
        former.any(|one| one.person.is_some_and(|person| self.is_barred(person)))
    }

    /// Lets this person not come back. Somebody without a key cannot be recognised.
    pub(crate) fn bar(&mut self, person: Option<PersonId>) {
        let Some(person) = person.filter(|person| !self.is_barred(*person)) else {
            return;
        };
        let barred = &mut Arc::make_mut(&mut self.gone).barred;
        barred.push(person);
        if barred.len() > BARRED_PERSONS {
            barred.remove(0);
        }
    }

    /// Takes out a member who had left.
    pub(crate) fn take_former(&mut self, member: MemberId) -> Option<Former> {
        let at = self.former().iter().position(|one| one.member == member)?;
        Some(Arc::make_mut(&mut self.gone).former.remove(at))
    }

    /// Frees a seat, and returns it.
    pub(crate) fn free(&mut self, member: MemberId) -> Option<Seat> {
        let at = self.place(member)?;
        self.forget_applied(member);
        Some(Arc::make_mut(&mut self.seats).remove(at))
    }

    /// Remembers who had this seat, if they can come back or matter to the application. Where
    /// too many are remembered, the one who left first of those that do not matter is forgotten;
    /// if all matter, the one who left last of those that the application can do without.
    pub(crate) fn remember_former(
        &mut self,
        seat: Seat,
        matters: impl Fn(MemberId) -> bool,
        is_needed: impl Fn(MemberId) -> bool,
    ) {
        if seat.person.is_none() && !matters(seat.member) {
            return;
        }
        let former = &mut Arc::make_mut(&mut self.gone).former;
        former.push(Former {
            member: seat.member,
            name: seat.name,
            colour: seat.colour,
            person: seat.person,
        });
        if former.len() > FORMER_MEMBERS {
            let idle = former.iter().position(|one| !matters(one.member));
            let spare = || former.iter().rposition(|one| !is_needed(one.member));
            former.remove(idle.or_else(spare).unwrap_or(FORMER_MEMBERS));
        }
    }

    /// Changes a seat, if it is there.
    pub(crate) fn change(&mut self, member: MemberId, change: impl FnOnce(&mut Seat)) {
        if let Some(at) = self.place(member) {
            change(&mut Arc::make_mut(&mut self.seats)[at]);
        }
    }

    /// Remembers a member's command, unless one with a higher number is remembered.
    pub(crate) fn remember(&mut self, member: MemberId, applied: Applied) {
        match self.applied_at(member) {
            Ok(at) if self.applied[at].1.op.number <= applied.op.number => {
                Arc::make_mut(&mut self.applied)[at].1 = applied;
            }
            Err(at) if self.place(member).is_some() => {
                let (before, after) = self.applied.split_at(at);
                let its = [(member, applied)];
                let all = before.iter().chain(&its).chain(after);
                self.applied = all.copied().collect();
            }
            Ok(_) | Err(_) => {}
        }
    }

    fn forget_applied(&mut self, member: MemberId) {
        if self.applied_at(member).is_ok() {
            let others = self.applied.iter().filter(|(who, _)| *who != member);
            self.applied = others.copied().collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seat(member: u64) -> Seat {
        Seat {
            member: MemberId(member),
            name: format!("guest {member}").into(),
            colour: Colour::least_used(std::iter::empty()),
            token: SeatToken(u128::from(member)),
            person: None,
            role: None,
            since: 0,
            presence: Presence::Away { until: 0 },
        }
    }

    #[test]
    fn who_is_needed_is_remembered_also_where_all_matter() {
        let mut members = Membership::default();
        let last = FORMER_MEMBERS as u64 + 1;
        let needed = [MemberId(1), MemberId(last)];
        for member in 1..=last + 1 {
            members.remember_former(seat(member), |_| true, |one| needed.contains(&one));
        }
        let former: Vec<_> = members.former().iter().map(|one| one.member).collect();
        assert_eq!(former.len(), FORMER_MEMBERS);
        assert!(needed.iter().all(|one| former.contains(one)));
        let second_last = MemberId(last - 1);
        assert!(!former.contains(&second_last) && !former.contains(&MemberId(last + 1)));
    }
}
