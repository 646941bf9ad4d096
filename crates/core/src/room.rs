//! A room's state machine: seats + logic + seq. The only place that makes events.
//!
//! A [`Room`] is the state at a position. A [`Draft`] is a copy in which requests
//! are decided one after another; what they made happen becomes one commit. If
//! the commit is refused, or nobody knows what became of it, the draft is thrown
//! away and the same requests are decided again on the newer state: each of them
//! recognises what it has already done, so nothing is applied twice.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::history::History;
use crate::id::{ConnectionId, MemberId, NodeId, OpId, SeatToken};
use crate::logic::{Logic, Member, Rejection};
use crate::membership::{Membership, Presence, Seat};
use crate::position::Position;

/// The version of the stored form of snapshots.
const FORMAT: u32 = 1;

/// Which command made an event: enough to recognise the command when it arrives
/// again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Op {
    /// The client's number for the command.
    pub number: u64,
    /// A digest of the command, to tell a repetition from another command under
    /// the same number.
    pub digest: u64,
}

/// Something that happened, at its place in the room's history.
#[derive(Debug, PartialEq, Eq)]
pub struct Event<E> {
    /// Its place.
    pub seq: u64,
    /// The command that made it, if a member asked for it.
    pub op: Option<Op>,
    /// What happened.
    pub change: Change<E>,
}

/// What happened.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change<E> {
    /// Somebody took a seat; the event's seq is their member id.
    Joined {
        /// What the others see.
        name: String,
        /// The secret to have the seat again.
        token: SeatToken,
        /// The node that holds the connection.
        node: NodeId,
        /// The connection.
        connection: ConnectionId,
    },
    /// A member is connected by a newer connection.
    Back {
        /// Who.
        member: MemberId,
        /// The node that holds the connection.
        node: NodeId,
        /// The connection.
        connection: ConnectionId,
    },
    /// A member's connection is gone; the seat is kept for a while.
    Away {
        /// Who.
        member: MemberId,
        /// Until when (backend clock, ms).
        until: u64,
    },
    /// A seat is free again.
    Left {
        /// Whose it was.
        member: MemberId,
    },
    /// A member has another name.
    Renamed {
        /// Who.
        member: MemberId,
        /// The new name.
        name: String,
    },
    /// The application's state changed.
    Logic {
        /// Who asked for it.
        by: MemberId,
        /// How.
        event: E,
    },
}

/// The stored form of an event; its seq is kept beside it by the backend.
#[derive(Serialize, Deserialize)]
struct Stored<C> {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    op: Option<Op>,
    change: C,
}

/// Stored bytes do not hold what they should.
#[derive(Debug, thiserror::Error)]
pub enum StoredError {
    /// They are not the expected JSON.
    #[error("not in the expected form: {0}")]
    Form(#[from] serde_json::Error),
    /// They were written by another version.
    #[error("format {found}, but only format {FORMAT} is understood")]
    Format {
        /// The version they were written by.
        found: u32,
    },
}

impl<E> Event<E> {
    /// Who caused it, if a member's command did.
    pub fn by(&self) -> Option<MemberId> {
        match &self.change {
            Change::Renamed { member, .. } => Some(*member),
            Change::Logic { by, .. } => Some(*by),
            Change::Joined { .. }
            | Change::Back { .. }
            | Change::Away { .. }
            | Change::Left { .. } => None,
        }
    }

    /// Whether this command made it.
    pub fn is_of(&self, id: OpId) -> bool {
        self.op.is_some_and(|op| op.number == id.number) && self.by() == Some(id.member)
    }

    /// Whether it is a sign of life that lets the room live longer.
    fn extends(&self) -> bool {
        match &self.change {
            Change::Joined { .. }
            | Change::Back { .. }
            | Change::Renamed { .. }
            | Change::Logic { .. } => true,
            Change::Away { .. } | Change::Left { .. } => false,
        }
    }
}

impl<E: Serialize> Event<E> {
    /// The stored form.
    ///
    /// # Errors
    /// The logic's event cannot be written as JSON.
    pub fn encode(&self) -> Result<Bytes, StoredError> {
        Ok(serde_json::to_vec(&Stored {
            op: self.op,
            change: &self.change,
        })?
        .into())
    }
}

impl<E: for<'de> Deserialize<'de>> Event<E> {
    /// Reads the stored form of the event at this seq.
    ///
    /// # Errors
    /// The bytes are not an event of this logic.
    pub fn decode(seq: u64, bytes: &[u8]) -> Result<Self, StoredError> {
        let Stored { op, change } = serde_json::from_slice(bytes)?;
        Ok(Event { seq, op, change })
    }
}

/// Why somebody cannot have a seat.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// All seats are taken.
    #[error("the room is full: all {seats} seats are taken")]
    Full {
        /// How many there are.
        seats: usize,
    },
    /// The token opens no seat of this room.
    #[error("there is no such seat, or it was given up")]
    NoSuchSeat,
}

/// Who wants a seat.
#[derive(Debug, Clone)]
pub struct Join {
    /// Their name, already [`clean`](crate::text::clean); one is made if it is absent.
    pub name: Option<String>,
    /// The secret for the new seat.
    pub token: SeatToken,
    /// The node that holds the connection.
    pub node: NodeId,
    /// The connection.
    pub connection: ConnectionId,
}

/// A room's state at a position.
#[derive(Debug, Clone, PartialEq)]
pub struct Room<L> {
    /// Where it stands.
    pub position: Position,
    /// How many seats there are.
    pub seats: usize,
    /// Who has one.
    pub members: Membership,
    /// The application's state.
    pub logic: L,
}

#[derive(Serialize, Deserialize)]
struct StoredRoom<M, L> {
    format: u32,
    seats: usize,
    members: M,
    logic: L,
}

impl<L: Logic> Room<L> {
    /// A room in which nothing happened yet.
    pub fn new(position: Position, seats: usize, logic: L) -> Self {
        Room {
            position,
            seats,
            members: Membership::default(),
            logic,
        }
    }

    /// The stored form of the state. The position is kept beside it.
    ///
    /// # Errors
    /// The logic cannot be written as JSON.
    pub fn encode(&self) -> Result<Bytes, StoredError> {
        let stored = StoredRoom {
            format: FORMAT,
            seats: self.seats,
            members: &self.members,
            logic: &self.logic,
        };
        Ok(serde_json::to_vec(&stored)?.into())
    }

    /// Reads the stored form of the state at this position.
    ///
    /// # Errors
    /// The bytes are not a room of this logic and version.
    pub fn decode(position: Position, bytes: &[u8]) -> Result<Self, StoredError> {
        let stored: StoredRoom<Membership, L> = serde_json::from_slice(bytes)?;
        if stored.format != FORMAT {
            return Err(StoredError::Format {
                found: stored.format,
            });
        }
        Ok(Room {
            position,
            seats: stored.seats,
            members: stored.members,
            logic: stored.logic,
        })
    }

    /// Lets the next event happen. Its seq must be the next one.
    pub fn apply(&mut self, event: &Event<L::Event>) {
        debug_assert_eq!(event.seq, self.position.seq + 1);
        self.position.seq = event.seq;
        if let (Some(op), Some(by)) = (event.op, event.by()) {
            let newer = self
                .members
                .seat(by)
                .is_some_and(|seat| seat.last_op < op.number);
            if newer {
                self.members.change(by, |seat| seat.last_op = op.number);
            }
        }
        match &event.change {
            Change::Joined {
                name,
                token,
                node,
                connection,
            } => self.members.add(Seat {
                member: MemberId(event.seq),
                name: name.clone(),
                token: *token,
                presence: Presence::Here {
                    node: node.clone(),
                    connection: *connection,
                },
                last_op: 0,
            }),
            Change::Back {
                member,
                node,
                connection,
            } => self.members.change(*member, |seat| {
                seat.presence = Presence::Here {
                    node: node.clone(),
                    connection: *connection,
                };
            }),
            Change::Away { member, until } => {
                self.members.change(*member, |seat| {
                    seat.presence = Presence::Away { until: *until }
                });
            }
            Change::Left { member } => self.members.remove(*member),
            Change::Renamed { member, name } => {
                self.members
                    .change(*member, |seat| seat.name.clone_from(name));
            }
            Change::Logic { by, event } => self.logic.apply(*by, event),
        }
    }

    /// When the next seat of somebody away is to be given up (backend clock, ms).
    pub fn next_away_end(&self) -> Option<u64> {
        self.members
            .iter()
            .filter_map(|seat| match seat.presence {
                Presence::Away { until } => Some(until),
                Presence::Here { .. } => None,
            })
            .min()
    }
}

/// A copy of a room in which requests are decided.
#[derive(Debug)]
pub struct Draft<'a, L: Logic> {
    room: Room<L>,
    history: &'a History<L::Event>,
    events: Vec<Arc<Event<L::Event>>>,
    extends: bool,
}

impl<'a, L: Logic> Draft<'a, L> {
    /// Begins with the room as it is.
    pub fn new(room: &Room<L>, history: &'a History<L::Event>) -> Self {
        Draft {
            room: room.clone(),
            history,
            events: Vec::new(),
            extends: false,
        }
    }

    /// The state with all that was decided so far.
    pub fn room(&self) -> &Room<L> {
        &self.room
    }

    /// What was decided so far.
    pub fn events(&self) -> &[Arc<Event<L::Event>>] {
        &self.events
    }

    /// Whether something was decided that lets the room live longer.
    pub fn extends(&self) -> bool {
        self.extends
    }

    /// The state and the events, once they are committed.
    pub fn finish(self) -> (Room<L>, Vec<Arc<Event<L::Event>>>) {
        (self.room, self.events)
    }

    fn record(&mut self, op: Option<Op>, change: Change<L::Event>) -> u64 {
        let event = Event {
            seq: self.room.position.seq + 1,
            op,
            change,
        };
        self.room.apply(&event);
        self.extends |= event.extends();
        let seq = event.seq;
        self.events.push(Arc::new(event));
        seq
    }

    /// Gives somebody a seat.
    ///
    /// # Errors
    /// [`Refusal::Full`]: all seats are taken.
    pub fn join(&mut self, join: &Join) -> Result<MemberId, Refusal> {
        if let Some(seat) = self.room.members.held_by(join.connection) {
            return Ok(seat.member);
        }
        let seats = self.room.seats;
        if self.room.members.taken() >= seats {
            return Err(Refusal::Full { seats });
        }
        let name = match &join.name {
            Some(name) => name.clone(),
            None => format!("guest {}", self.room.position.seq + 1),
        };
        let (token, node, connection) = (join.token, join.node.clone(), join.connection);
        Ok(MemberId(self.record(
            None,
            Change::Joined {
                name,
                token,
                node,
                connection,
            },
        )))
    }

    /// Gives somebody the same seat again; an older connection loses it.
    ///
    /// # Errors
    /// [`Refusal::NoSuchSeat`]: the token opens no seat here.
    pub fn resume(
        &mut self,
        token: SeatToken,
        node: &NodeId,
        connection: ConnectionId,
    ) -> Result<MemberId, Refusal> {
        let seat = self
            .room
            .members
            .by_token(token)
            .ok_or(Refusal::NoSuchSeat)?;
        let member = seat.member;
        if !seat.is_held_by(connection) {
            self.record(
                None,
                Change::Back {
                    member,
                    node: node.clone(),
                    connection,
                },
            );
        }
        Ok(member)
    }

    /// A connection is gone. Its member is away until `keep_until` (backend
    /// clock, ms), or leaves if there is none. A connection that holds no seat
    /// (any more) changes nothing, so this may come late and twice.
    pub fn disconnect(&mut self, connection: ConnectionId, keep_until: Option<u64>) {
        if let Some(seat) = self.room.members.held_by(connection) {
            let member = seat.member;
            self.record(
                None,
                match keep_until {
                    Some(until) => Change::Away { member, until },
                    None => Change::Left { member },
                },
            );
        }
    }

    /// Gives up the seats whose time is over, and those of members on nodes that
    /// live no more (`live` is `None` where this is not known).
    pub fn reap(&mut self, now: u64, live: Option<&HashSet<NodeId>>) {
        let over = |seat: &&Seat| match &seat.presence {
            Presence::Away { until } => *until <= now,
            Presence::Here { node, .. } => live.is_some_and(|live| !live.contains(node)),
        };
        let members: Vec<MemberId> = self
            .room
            .members
            .iter()
            .filter(over)
            .map(|seat| seat.member)
            .collect();
        for member in members {
            self.record(None, Change::Left { member });
        }
    }

    /// Gives a member another name. Returns the seq of the change.
    ///
    /// # Errors
    /// As [`Draft::command`].
    pub fn rename(&mut self, member: MemberId, op: Op, name: &str) -> Result<u64, Rejection> {
        if let Some(done) = self.already_done(member, op)? {
            return Ok(done);
        }
        if self.seat(member)?.name == name {
            return Ok(self.room.position.seq);
        }
        Ok(self.record(
            Some(op),
            Change::Renamed {
                member,
                name: name.to_owned(),
            },
        ))
    }

    /// Decides a member's command. Returns the seq of its last event, or the
    /// room's if there was nothing to do. A command that was applied before has
    /// the same answer as then.
    ///
    /// # Errors
    /// The logic's own; `conflict` if another command was applied under this
    /// number; `outdated` if the number is lower than one that was applied and
    /// it is not remembered what became of it; `no_seat` without a seat.
    pub fn command(
        &mut self,
        member: MemberId,
        op: Op,
        command: &L::Command,
    ) -> Result<u64, Rejection> {
        if let Some(done) = self.already_done(member, op)? {
            return Ok(done);
        }
        let by = Member {
            id: member,
            name: &self.seat(member)?.name,
        };
        let events = self.room.logic.decide(by, command)?;
        let mut seq = self.room.position.seq;
        for event in events {
            seq = self.record(Some(op), Change::Logic { by: member, event });
        }
        Ok(seq)
    }

    fn seat(&self, member: MemberId) -> Result<&Seat, Rejection> {
        self.room
            .members
            .seat(member)
            .ok_or_else(|| Rejection::new("no_seat", "you have no seat in this room any more"))
    }

    fn already_done(&self, member: MemberId, op: Op) -> Result<Option<u64>, Rejection> {
        let last_op = self.seat(member)?.last_op;
        if op.number > last_op {
            return Ok(None);
        }
        let id = OpId {
            member,
            number: op.number,
        };
        let here = self
            .events
            .iter()
            .rev()
            .find(|event| event.is_of(id))
            .map(|event| &**event);
        match here.or_else(|| self.history.find_op(id)) {
            Some(event) if event.op == Some(op) => Ok(Some(event.seq)),
            Some(_) => Err(Rejection::new(
                "conflict",
                format!(
                    "another command was applied as number {}; give each command its own number",
                    op.number
                ),
            )),
            None => Err(Rejection::new(
                "outdated",
                format!(
                    "number {} is not remembered, and number {last_op} was applied already; numbers must grow",
                    op.number
                ),
            )),
        }
    }
}
