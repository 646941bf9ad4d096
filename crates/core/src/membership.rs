//! Seats: who has one, and whether they are connected.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tablecast_protocol::colour::Colour;

use crate::id::{ConnectionId, MemberId, NodeId, SeatToken};

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
    pub name: String,
    /// The colour that distinguishes them for the others.
    pub colour: Colour,
    /// The secret for taking this seat again.
    pub token: SeatToken,
    /// Connected or not.
    pub presence: Presence,
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
    /// Whether the member is connected by this connection.
    pub fn is_held_by(&self, id: ConnectionId) -> bool {
        matches!(&self.presence, Presence::Here { connection, .. } if *connection == id)
    }

    /// Whether the member is away.
    pub fn is_away(&self) -> bool {
        matches!(self.presence, Presence::Away { .. })
    }
}

/// The seats of a room, in order of joining. Cloning copies no seat.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// Shared, because most events change no seat. Later seats have higher ids, so the list
    /// is sorted by id.
    seats: Arc<Vec<Seat>>,
    /// For each member the applied command with the highest number, sorted by member. It is
    /// stored with the seats, so that the last command before a broken connection is always
    /// answered, however much has happened since.
    applied: Vec<(MemberId, Applied)>,
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

    /// The seats in order of joining.
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

    /// The seat that a token opens.
    pub fn by_token(&self, token: SeatToken) -> Option<&Seat> {
        self.iter().find(|seat| seat.token == token)
    }

    /// Adds a seat at the end. Its member id must be higher than all before, which the seq
    /// of its event guarantees.
    pub(crate) fn add(&mut self, seat: Seat) {
        debug_assert!(
            self.seats
                .last()
                .is_none_or(|last| last.member < seat.member)
        );
        match Arc::get_mut(&mut self.seats) {
            Some(seats) => seats.push(seat),
            // The copy has capacity for exactly one more seat, not for twice as many.
            None => {
                let mut seats = Vec::with_capacity(self.seats.len() + 1);
                seats.extend_from_slice(&self.seats);
                seats.push(seat);
                self.seats = Arc::new(seats);
            }
        }
    }

    pub(crate) fn remove(&mut self, member: MemberId) {
        Arc::make_mut(&mut self.seats).retain(|seat| seat.member != member);
        self.applied.retain(|(who, _)| *who != member);
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
            Ok(at) => {
                let (_, last) = &mut self.applied[at];
                if last.op.number <= applied.op.number {
                    *last = applied;
                }
            }
            Err(at) if self.place(member).is_some() => {
                self.applied.insert(at, (member, applied));
            }
            Err(_) => {}
        }
    }
}
