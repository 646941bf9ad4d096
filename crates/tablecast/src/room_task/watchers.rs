//! Those who watch a room until a seat is free for them.

use std::collections::{BTreeMap, HashSet};

use tablecast_core::ConnectionId;
use tablecast_core::membership::Membership;
use tablecast_core::room::Room;

use crate::room_task::mail::{JoinRequest, Waits};

/// The requests for a seat of those who watch, by turn: in order of coming to this node.
#[derive(Default)]
pub(super) struct Watchers {
    waiting: BTreeMap<u64, Box<JoinRequest>>,
    next_turn: u64,
}

impl Watchers {
    /// Whether anybody waits.
    pub(super) fn wait(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether a seat of this room is free for somebody who waits.
    pub(super) fn may_sit<L>(&self, room: &Room<L>) -> bool {
        self.wait() && room.members.taken() < room.seats
    }

    /// Takes out whoever is next, if a seat of this room is free.
    pub(super) fn next<L>(&mut self, room: &Room<L>) -> Option<Box<JoinRequest>> {
        let (_, next) = self.may_sit(room).then(|| self.waiting.pop_first())??;
        Some(next)
    }

    /// The turn of somebody who comes now.
    pub(super) fn turn(&mut self) -> Waits {
        self.next_turn += 1;
        let turn = self.next_turn;
        Waits::ForSeat { turn }
    }

    /// Lets somebody wait who has a turn.
    pub(super) fn add(&mut self, mut join: Box<JoinRequest>) {
        if let Waits::ForSeat { turn } = join.waits {
            join.may_be_seated = None;
            self.waiting.insert(turn, join);
        }
    }

    /// Only these connections still wait.
    pub(super) fn retain(&mut self, which: impl Fn(ConnectionId) -> bool) {
        self.waiting.retain(|_, join| which(join.connection));
    }

    /// Those who need not wait any more, because a newer connection of the same person waits
    /// or has a seat.
    pub(super) fn displaced(&self, members: &Membership) -> Vec<ConnectionId> {
        let is_seated = |person| members.iter().any(|seat| seat.person == Some(person));
        let mut newer = HashSet::new();
        let newest_first = self.waiting.values().rev();
        let displaced = newest_first.filter(|join| {
            join.person
                .is_some_and(|person| !newer.insert(person) || is_seated(person))
        });
        displaced.map(|join| join.connection).collect()
    }
}
