//! What operators see of a room: the answers of [`Hub::inspect`](crate::Hub::inspect) and
//! [`Hub::history`](crate::Hub::history).
//!
//! Nothing here is a secret of a seat or a person. What members say (names, and the application's
//! texts) is there: who shows it decides whether operators see it.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;
use tablecast_core::backend::{LOG_EVENTS, Stamp};
use tablecast_core::membership::{Presence, Seat};
use tablecast_core::room::{Change, Event, Events, Room};
use tablecast_core::{App, Colour, MemberId, NodeId, Position, RoomId};

use crate::dialect::Dialect;
pub use crate::peer::Transport;

/// A room as this node knows it, or as it is stored.
#[derive(Debug, Clone)]
pub struct Inspection<A> {
    /// Its id.
    pub id: RoomId,
    /// Its position.
    pub position: Position,
    /// The backend's clock, and when the room expires.
    pub stamp: Stamp,
    /// How many seats it has.
    pub seats: usize,
    /// How long it lives after the last join or change.
    pub ttl: Duration,
    /// Those with a seat, sorted by member.
    pub members: Vec<SeatView>,
    /// What this node has of it; `None` if it is not open here.
    pub here: Option<Here>,
    /// The application's state, with all its secrets: show its [`view`](App::view).
    pub app: A,
}

impl<A: App> Inspection<A> {
    pub(crate) fn new(id: &RoomId, room: &Room<A>, stamp: Stamp, here: Option<Here>) -> Self {
        Inspection {
            id: id.clone(),
            position: room.position,
            stamp,
            seats: room.seats,
            ttl: room.ttl,
            members: room.members.iter().map(SeatView::from).collect(),
            here,
            app: room.logic.clone(),
        }
    }
}

/// What this node has of a room.
#[derive(Debug, Clone)]
pub struct Here {
    /// Since when the room is open (this machine's clock, ms since 1970).
    pub opened_at: u64,
    /// How many connections have no seat.
    pub watchers: usize,
    /// The connections, by member; those without a seat come last.
    pub connections: Vec<ConnectionView>,
}

/// A seat, without its secret.
#[derive(Debug, Clone)]
pub struct SeatView {
    /// Who has it.
    pub member: MemberId,
    /// What the others see.
    pub name: String,
    /// The colour that distinguishes them for the others.
    pub colour: Colour,
    /// Whether the client said who its user is, so that they are the same member whenever they
    /// come back.
    pub is_person: bool,
    /// The node that holds the connection; `None`: they are away.
    pub node: Option<NodeId>,
}

impl From<&Seat> for SeatView {
    fn from(seat: &Seat) -> Self {
        SeatView {
            member: seat.member,
            name: String::from(&*seat.name),
            colour: seat.colour,
            is_person: seat.person.is_some(),
            node: match &seat.presence {
                Presence::Here { node, .. } => Some(node.clone()),
                Presence::Away { .. } => None,
            },
        }
    }
}

/// A connection to a room on this node.
#[derive(Debug, Clone)]
pub struct ConnectionView {
    /// Whose seat it has; `None`: it watches.
    pub member: Option<MemberId>,
    /// Its dialect.
    pub dialect: Dialect,
    /// What carries its frames.
    pub transport: Transport,
    /// The client's address, if the server said it.
    pub address: Option<IpAddr>,
    /// When it was asked for (this machine's clock, ms since 1970).
    pub since: u64,
    /// How long the client took to answer the last ping. Only silent connections are pinged, so
    /// `None` until it was silent for once.
    pub round_trip: Option<Duration>,
    /// What waits to be written.
    pub outbox: Waiting,
}

/// What waits to be written to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// Frames, or batches of them.
    pub frames: usize,
    /// Their bytes.
    pub bytes: usize,
    /// How long the oldest of them has waited.
    pub oldest: Option<Duration>,
}

/// The last events of a room, and the state from which they can be followed.
pub struct RoomHistory<A: App> {
    base: Room<A>,
    /// Contiguous, the oldest first; the last one made the room what it is.
    events: Events<A>,
}

/// A room right after one of its events.
pub struct Step<'a, A: App> {
    /// The event; `None` for the oldest known state, if the event that led to it is forgotten.
    pub event: Option<&'a Event<A::Event>>,
    /// The application's state after it; `None` if the event is older than the oldest known state.
    /// As for [`Inspection::app`], show its view.
    pub app: Option<A>,
}

// What members say easily gets into a log.
impl<A: App> fmt::Debug for RoomHistory<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoomHistory")
            .field("oldest", &self.base.position)
            .field("newest", &self.newest())
            .finish_non_exhaustive()
    }
}

impl<A: App> fmt::Debug for Step<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Step")
            .field("seq", &self.event.map(|event| event.seq))
            .finish_non_exhaustive()
    }
}

impl<A: App> RoomHistory<A> {
    /// A room at its oldest known state, with the log that leads from there to the newest, and
    /// may begin before it.
    pub(crate) fn new(base: Room<A>, mut events: Events<A>) -> Self {
        let follow = events.iter().filter(|event| event.seq > base.position.seq);
        // All that follow the state are needed, from it to the newest.
        let kept = LOG_EVENTS.max(follow.count());
        events.drain(..events.len().saturating_sub(kept));
        RoomHistory { base, events }
    }

    /// The oldest state that is known, and its position. The store keeps one state in so many
    /// events, so it may be younger than the oldest event.
    pub fn oldest(&self) -> (Position, &A) {
        (self.base.position, &self.base.logic)
    }

    /// The room's position.
    pub fn newest(&self) -> Position {
        let seq = self.events.last().map_or(0, |last| last.seq);
        let epoch = self.base.position.epoch;
        Position {
            epoch,
            seq: seq.max(self.base.position.seq),
        }
    }

    /// The last events, the oldest first.
    pub fn events(&self) -> impl Iterator<Item = &Event<A::Event>> {
        self.events.iter().map(|event| &**event)
    }

    /// The room right after the event with this seq; `None` if nothing is known of it.
    pub fn at(&self, seq: u64) -> Option<Step<'_, A>> {
        let event = self.events().find(|event| event.seq == seq);
        let begin = self.base.position.seq;
        if event.is_none() && seq != begin {
            return None;
        }
        let app = (seq >= begin).then(|| {
            let mut room = self.base.clone();
            let followed = self
                .events()
                .filter(|event| (begin + 1..=seq).contains(&event.seq));
            followed.for_each(|event| room.apply(event));
            room.logic
        });
        Some(Step { event, app })
    }
}

/// What operators see of an event: of a seat no secret and no person; of the application's what
/// [everybody](App::show) does.
pub fn shown<A: App>(event: &Event<A::Event>) -> impl Serialize + '_ {
    match &event.change {
        Change::Joined(joined) => Shown::Joined {
            member: MemberId(event.seq),
            name: &joined.name,
            colour: joined.colour,
            node: &joined.node,
        },
        Change::Returned(returned) => Shown::Returned {
            member: returned.member,
            name: returned.seated.as_ref().map(|seated| &*seated.name),
            node: &returned.node,
        },
        Change::Back { member, node, .. } => Shown::Back {
            member: *member,
            node,
        },
        Change::Away { member, until } => Shown::Away {
            member: *member,
            until: *until,
        },
        Change::Left { member, dismissed } => Shown::Left {
            member: *member,
            dismissed: *dismissed,
        },
        Change::Closed {} => Shown::Closed {},
        Change::Renamed {
            member,
            name,
            colour,
        } => Shown::Renamed {
            member: *member,
            name,
            colour: *colour,
        },
        Change::Logic { event, .. } => Shown::App(A::show(event)),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Shown<'a, E> {
    Joined {
        member: MemberId,
        name: &'a str,
        colour: Colour,
        node: &'a NodeId,
    },
    Returned {
        member: MemberId,
        /// Absent if they had not lost their seat.
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<&'a str>,
        node: &'a NodeId,
    },
    Back {
        member: MemberId,
        node: &'a NodeId,
    },
    Away {
        member: MemberId,
        until: u64,
    },
    Left {
        member: MemberId,
        dismissed: bool,
    },
    Closed {},
    Renamed {
        member: MemberId,
        name: &'a str,
        colour: Colour,
    },
    #[serde(untagged)]
    App(E),
}
