//! A room's state: seats + logic + seq, and the events that change it.
//!
//! A [`Room`] is the state at a position. Only [`Event`]s change it, and only a
//! [`Draft`](crate::draft::Draft) makes them.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tablecast_protocol::colour::Colour;
use tablecast_protocol::position::Position;

use crate::forms::{Forms, PERSONS};
use crate::id::{ConnectionId, MemberId, NodeId, OpId, PersonId, SeatToken};
use crate::logic::Logic;
use crate::membership::{Applied, Membership, Op, Presence, Seat};

/// Something that happened, at its place in the room's history.
#[derive(Debug, PartialEq, Eq)]
pub struct Event<E> {
    /// Its place.
    pub seq: u64,
    /// The command that made it, if there was one.
    pub op: Option<Op>,
    /// The lowest forms that read it.
    pub forms: Forms,
    /// What happened.
    pub change: Change<E>,
}

/// What happened.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change<E> {
    /// Somebody took a seat; the event's seq is their member id.
    // Boxed, as the next one: every event takes as much memory as the largest, and few are joins.
    Joined(Box<Joined>),
    /// A person whom the room knows is here again, as the same member with a new token.
    Returned(Box<Returned>),
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
        /// They were asked to leave, and this person may not come back.
        #[serde(skip_serializing_if = "is_false", default)]
        dismissed: bool,
    },
    /// The server has sent everybody away; all seats are given up by the events that follow.
    Closed {},
    /// A member has another name, or another colour.
    Renamed {
        /// Who.
        member: MemberId,
        /// The name from now on.
        name: Arc<str>,
        /// The colour from now on.
        colour: Colour,
    },
    /// The application's state changed.
    Logic {
        /// The member whose command or join it was; absent: the server's, or the clock's.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        by: Option<MemberId>,
        /// The change.
        event: E,
    },
}

fn is_false(value: &bool) -> bool {
    !*value
}

/// Who took a seat.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// What the others see.
    pub name: Arc<str>,
    /// The colour that distinguishes them for the others.
    pub colour: Colour,
    /// The secret for taking the seat again.
    pub token: SeatToken,
    /// Who they are, if their client said so.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub person: Option<PersonId>,
    /// What they may do, if who embeds the hub said so.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub role: Option<Arc<str>>,
    /// The node that holds the connection.
    pub node: NodeId,
    /// The connection.
    pub connection: ConnectionId,
}

/// Who is here again.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Returned {
    /// Who.
    pub member: MemberId,
    /// What the others see of them; absent if they have not lost their seat.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub seated: Option<Seated>,
    /// What they may do from now on.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub role: Option<Arc<str>>,
    /// The secret for taking the seat again. The one before is void.
    pub token: SeatToken,
    /// The node that holds the connection.
    pub node: NodeId,
    /// The connection.
    pub connection: ConnectionId,
}

/// What the others see of somebody who takes a seat again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seated {
    /// The name.
    pub name: Arc<str>,
    /// The colour.
    pub colour: Colour,
}

/// Events in order, shared by all who remember them.
pub type Events<L> = Vec<Arc<Event<<L as Logic>::Event>>>;

impl<E> Change<E> {
    /// The lowest forms that read it; `app` says this of an application's event. A new kind
    /// has higher ones, and is made only if the draft's forms allow it.
    pub(crate) fn forms(&self, app: impl FnOnce(&E) -> u32) -> Forms {
        let is_new = match self {
            Change::Joined(joined) => joined.person.is_some() || joined.role.is_some(),
            Change::Returned(_) | Change::Closed {} => true,
            Change::Left { dismissed, .. } => *dismissed,
            Change::Back { .. } | Change::Away { .. } | Change::Renamed { .. } => false,
            Change::Logic { by, event } => return app_forms(*by, app(event)),
        };
        Forms {
            rooms: if is_new { PERSONS } else { Forms::FIRST.rooms },
            ..Forms::FIRST
        }
    }
}

/// The lowest forms that read an application's event, of which it says `app`.
pub(crate) fn app_forms(by: Option<MemberId>, app: u32) -> Forms {
    let rooms = by.map_or(PERSONS, |_| Forms::FIRST.rooms);
    Forms { rooms, app }
}

impl<E> Event<E> {
    /// The member whose command or join caused it, if there was one.
    pub fn by(&self) -> Option<MemberId> {
        match &self.change {
            Change::Renamed { member, .. } => Some(*member),
            Change::Logic { by, .. } => *by,
            Change::Joined(_)
            | Change::Returned(_)
            | Change::Back { .. }
            | Change::Away { .. }
            | Change::Left { .. }
            | Change::Closed {} => None,
        }
    }

    /// What happened to the application's state, if it is such an event.
    pub fn of_app(&self) -> Option<&E> {
        match &self.change {
            Change::Logic { event, .. } => Some(event),
            Change::Joined(_)
            | Change::Returned(_)
            | Change::Back { .. }
            | Change::Away { .. }
            | Change::Left { .. }
            | Change::Closed {}
            | Change::Renamed { .. } => None,
        }
    }

    /// Whether this command made it.
    pub fn is_of(&self, id: OpId) -> bool {
        self.op.is_some_and(|op| op.number == id.number) && self.by() == Some(id.member)
    }

    /// The connection to which it gave a seat, if it gave one.
    pub(crate) fn seats(&self) -> Option<ConnectionId> {
        match &self.change {
            Change::Joined(joined) => Some(joined.connection),
            Change::Returned(returned) => Some(returned.connection),
            Change::Back { connection, .. } => Some(*connection),
            Change::Away { .. }
            | Change::Left { .. }
            | Change::Closed {}
            | Change::Renamed { .. }
            | Change::Logic { .. } => None,
        }
    }

    /// Whether it lets the room live longer.
    pub(crate) fn extends(&self) -> bool {
        match &self.change {
            Change::Joined(_)
            | Change::Returned(_)
            | Change::Back { .. }
            | Change::Renamed { .. }
            | Change::Logic { .. } => true,
            Change::Away { .. } | Change::Left { .. } | Change::Closed {} => false,
        }
    }
}

/// A room's state at a position.
#[derive(Debug, Clone, PartialEq)]
pub struct Room<L> {
    /// Its position.
    pub position: Position,
    /// The lowest forms that read it: those of all its events.
    pub forms: Forms,
    /// How many seats there are.
    pub seats: usize,
    /// How long it lives after the last join or change. Stored in milliseconds.
    pub ttl: Duration,
    /// Who has a seat.
    pub members: Membership,
    /// The application's state.
    pub logic: L,
}

fn here(node: &NodeId, connection: ConnectionId) -> Presence {
    Presence::Here {
        node: node.clone(),
        connection,
    }
}

impl<L: Logic> Room<L> {
    /// A room without events.
    pub fn new(position: Position, seats: usize, ttl: Duration, logic: L) -> Self {
        // What an alarm does has no member who caused it.
        let rooms = logic.alarm().map_or(Forms::FIRST.rooms, |_| PERSONS);
        let app = logic.state_form();
        Room {
            position,
            forms: Forms { rooms, app },
            seats,
            ttl,
            members: Membership::default(),
            logic,
        }
    }

    /// Applies the next event. Its seq must be the next one.
    pub fn apply(&mut self, event: &Event<L::Event>) {
        debug_assert_eq!(event.seq, self.position.seq + 1);
        self.position.seq = event.seq;
        self.forms = self.forms.highest(event.forms);
        if let (Some(op), Some(by)) = (event.op, event.by()) {
            let applied = Applied { op, seq: event.seq };
            self.members.remember(by, applied);
        }
        match &event.change {
            Change::Logic { by, event } => self.logic.apply(*by, event),
            seats => self.change_seats(event.seq, seats),
        }
    }

    fn change_seats(&mut self, seq: u64, change: &Change<L::Event>) {
        match change {
            Change::Joined(joined) => self.members.add(Seat {
                member: MemberId(seq),
                name: joined.name.clone(),
                colour: joined.colour,
                token: joined.token,
                person: joined.person,
                role: joined.role.clone(),
                since: 0,
                presence: here(&joined.node, joined.connection),
            }),
            Change::Returned(returned) => {
                let member = returned.member;
                let presence = here(&returned.node, returned.connection);
                match &returned.seated {
                    None => self.members.renew(member, |seat| {
                        seat.token = returned.token;
                        seat.role.clone_from(&returned.role);
                        seat.since = seq;
                        seat.presence = presence;
                    }),
                    Some(Seated { name, colour }) => {
                        let former = self.members.take_former(member);
                        self.members.add(Seat {
                            member,
                            name: name.clone(),
                            colour: *colour,
                            token: returned.token,
                            person: former.and_then(|former| former.person),
                            role: returned.role.clone(),
                            since: seq,
                            presence,
                        });
                    }
                }
            }
            Change::Back {
                member,
                node,
                connection,
            } => self.members.change(*member, |seat| {
                seat.presence = here(node, *connection);
            }),
            Change::Away { member, until } => {
                self.members.change(*member, |seat| {
                    seat.presence = Presence::Away { until: *until }
                });
            }
            Change::Left { member, dismissed } => {
                let matters = |member| self.logic.remembers(member);
                let is_needed = |member| self.logic.needs(member);
                if *dismissed {
                    self.members.bar(self.members.person(*member));
                }
                if let Some(seat) = self.members.free(*member)
                    && self.forms.rooms >= PERSONS
                {
                    self.members.remember_former(seat, matters, is_needed);
                }
            }
            Change::Renamed {
                member,
                name,
                colour,
            } => self.members.change(*member, |seat| {
                seat.name.clone_from(name);
                seat.colour = *colour;
            }),
            Change::Closed {} | Change::Logic { .. } => {}
        }
    }

    /// When the next seat of an absent member is given up (backend clock, ms).
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
