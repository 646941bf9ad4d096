//! Two nodes that decide requests and commit to one store, as a hub does, compared with the
//! oracle.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tablecast_core::backend::LOG_EVENTS;
use tablecast_core::draft::{Draft, Join, Refusal};
use tablecast_core::history::History;
use tablecast_core::membership::Op;
use tablecast_core::membership::{Applied, Presence};
use tablecast_core::room::{Change, Event, Room};
use tablecast_core::stored::Record;
use tablecast_core::{
    Colour, ConnectionId, Epoch, Forms, MemberId, NodeId, PersonId, PersonKey, Position, Rejection,
    SeatToken,
};

use super::oracle::{Answer, Asked, Oracle};
use super::requests::{LAST_RING, Request, Shelf, ShelfEvent, Step};

/// The store's answer to a commit that expects the right position.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Outcome {
    Accepted,
    /// No answer, and the commit did not happen.
    UnknownBefore,
    /// No answer, but the commit happened.
    UnknownAfter,
}

const EPOCH: Epoch = Epoch(7);

fn at(seq: u64) -> Position {
    Position { epoch: EPOCH, seq }
}

fn node_id(node: usize) -> NodeId {
    format!("node-{node}").parse().unwrap()
}

/// Every stored event, and a snapshot of each commit.
pub(crate) struct Store {
    events: Vec<Bytes>,
    snapshots: Vec<(u64, Bytes)>,
    kept: Option<Bytes>,
}

impl Store {
    pub(crate) fn seq(&self) -> u64 {
        self.events.len() as u64
    }

    fn since(&self, seq: u64) -> impl Iterator<Item = Event<ShelfEvent>> {
        (seq + 1..)
            .zip(&self.events[seq as usize..])
            .map(|(seq, event)| Event::decode::<Shelf>(seq, event).unwrap())
    }

    pub(crate) fn all_events(&self) -> impl Iterator<Item = Event<ShelfEvent>> {
        self.since(0)
    }

    /// What one commit does to a store.
    fn append(
        &mut self,
        room: &Room<Shelf>,
        events: &[Arc<Event<ShelfEvent>>],
        keepsake: Option<Record>,
    ) {
        if let Some(keepsake) = keepsake {
            self.kept = Some(keepsake.encode().unwrap());
        }
        for event in events {
            assert_eq!(event.seq, self.seq() + 1);
            let stored = event.encode().unwrap();
            assert_eq!(Event::decode::<Shelf>(event.seq, &stored).unwrap(), **event);
            self.events.push(stored);
        }
        self.snapshots.push((self.seq(), room.encode().unwrap()));
    }

    pub(crate) fn every_snapshot(&self) -> &[(u64, Bytes)] {
        &self.snapshots
    }
}

/// One node's copy of the room.
pub(crate) struct Node {
    pub(crate) room: Room<Shelf>,
    history: History<ShelfEvent>,
}

impl Node {
    /// As after [`Backend::load`](tablecast_core::Backend::load): a snapshot, and
    /// a log that may begin before it.
    pub(crate) fn from_snapshot(store: &Store, (seq, state): &(u64, Bytes)) -> Node {
        let mut node = Node {
            room: Room::decode(at(*seq), state).unwrap(),
            history: History::default(),
        };
        let log_follows = store.seq().saturating_sub(LOG_EVENTS as u64).min(*seq);
        for event in store.since(log_follows) {
            if event.seq > *seq {
                node.room.apply(&event);
            }
            node.history.push(Arc::new(event));
        }
        node
    }

    fn happened(&mut self, event: Arc<Event<ShelfEvent>>) {
        self.room.apply(&event);
        self.history.push(event);
    }

    fn decide(&self, requests: &[Asked], node: usize, now: u64) -> (Draft<'_, Shelf>, Vec<Answer>) {
        // A minute must be left when it rings.
        let mut draft = Draft::new(&self.room, &self.history, Forms::of::<Shelf>(), now)
            .dying_at(LAST_RING + 60_000);
        draft.ring();
        let answers = requests
            .iter()
            .map(|request| decide(&mut draft, node, request))
            .collect();
        (draft, answers)
    }
}

fn decide(draft: &mut Draft<'_, Shelf>, node: usize, request: &Asked) -> Answer {
    match request {
        Asked::Join {
            token,
            connection,
            key,
            name,
            colour,
        } => seat(draft.join(&Join {
            role: None,
            name: name.clone(),
            colour: colour.and_then(Colour::new),
            token: SeatToken(*token),
            person: key.map(person),
            node: node_id(node),
            connection: ConnectionId(*connection),
        })),
        Asked::Resume { token, connection } => {
            seat(draft.resume(SeatToken(*token), &node_id(node), ConnectionId(*connection)))
        }
        Asked::Disconnect { connection, until } => {
            draft.disconnect(ConnectionId(*connection), *until);
            Answer::None
        }
        Asked::Reap { now, live } => {
            let live = live.map(|live| -> HashSet<NodeId> {
                (0..2).filter(|node| live[*node]).map(node_id).collect()
            });
            draft.reap(|_, until| until <= *now, live.as_ref());
            Answer::None
        }
        Asked::Rename {
            by,
            number,
            digest,
            name,
            colour,
        } => match holder(draft, *by) {
            Ok(member) => {
                let (op, colour) = (op(*number, *digest), colour.and_then(Colour::new));
                done(draft.rename(member, op, name, colour))
            }
            Err(no) => no,
        },
        Asked::Command {
            by,
            number,
            digest,
            command,
        } => match holder(draft, *by) {
            Ok(member) => done(draft.command(member, op(*number, *digest), command)),
            Err(no) => no,
        },
        Asked::ServerCommand { order, command } => {
            done(draft.server_command(op(*order, 0), command))
        }
        Asked::Dismiss { member } => {
            draft.dismiss(MemberId(*member));
            Answer::None
        }
        Asked::Close { order } => done(draft.close(op(*order, 0))),
    }
}

/// The member, if the token still opens their seat.
fn holder(draft: &Draft<'_, Shelf>, (member, token): (u64, u128)) -> Result<MemberId, Answer> {
    let seat = draft.room().members.seat(MemberId(member));
    match seat.is_some_and(|seat| seat.token == SeatToken(token)) {
        true => Ok(MemberId(member)),
        false => Err(Answer::Rejected("no_seat")),
    }
}

fn person(key: u128) -> PersonId {
    PersonId::new(PersonKey(key), &"r".parse().unwrap())
}

fn op(number: u64, digest: u64) -> Op {
    Op { number, digest }
}

fn seat(answer: Result<MemberId, Refusal>) -> Answer {
    match answer {
        Ok(member) => Answer::Seat(member.0),
        Err(Refusal::Full { .. }) => Answer::Refused("full"),
        Err(Refusal::NoSuchSeat) => Answer::Refused("no_such_seat"),
        Err(Refusal::TakenOver) => Answer::Refused("taken_over"),
        Err(Refusal::Dismissed) => Answer::Refused("dismissed"),
    }
}

fn done(answer: Result<u64, Rejection>) -> Answer {
    match answer {
        Ok(seq) => Answer::Done(seq),
        Err(rejection) => Answer::Rejected(rejection.code.as_str()),
    }
}

/// Two nodes, their store, and the oracle.
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) nodes: [Node; 2],
    oracle: Oracle,
    /// Selects the next way of catching up.
    ways: usize,
}

impl World {
    pub(crate) fn new(seats: usize) -> World {
        let room = Room::new(at(0), seats, Duration::from_secs(600), Shelf::default());
        let store = Store {
            events: Vec::new(),
            snapshots: vec![(0, room.encode().unwrap())],
            kept: None,
        };
        World {
            nodes: [0, 1].map(|_| Node::from_snapshot(&store, &store.snapshots[0])),
            store,
            oracle: Oracle::new(seats),
            ways: 0,
        }
    }

    pub(crate) fn take(&mut self, step: &Step) {
        let requests = self.ask(step.node, &step.requests);
        if let Some(others) = &step.other_first {
            let other = 1 - step.node;
            let others = self.ask(other, others);
            self.commit(other, &others, true);
        }
        match step.outcome {
            Outcome::Accepted => {}
            Outcome::UnknownBefore => self.decide_in_vain(step.node, &requests),
            Outcome::UnknownAfter => {
                let first = self.commit(step.node, &requests, false);
                let again = self.commit(step.node, &requests, true);
                self.same_answers(&requests, &first, &again);
                return;
            }
        }
        self.commit(step.node, &requests, true);
    }

    fn ask(&mut self, node: usize, requests: &[Request]) -> Vec<Asked> {
        requests
            .iter()
            .flat_map(|request| self.oracle.ask(node, request))
            .collect()
    }

    /// A draft that is thrown away changes nothing.
    fn decide_in_vain(&self, node: usize, requests: &[Asked]) {
        let room = &self.nodes[node].room;
        let before = room.clone();
        drop(self.nodes[node].decide(requests, node, self.oracle.now));
        assert_eq!(*room, before);
    }

    /// Decides and commits; after a conflict again on the newest state. The store's answer
    /// may not reach the node.
    fn commit(&mut self, node: usize, requests: &[Asked], answered: bool) -> Vec<Answer> {
        if self.nodes[node].room.position != at(self.store.seq()) {
            self.decide_in_vain(node, requests);
            self.catch_up(node);
        }
        let base = self.store.seq();
        let (mut draft, answers) = self.nodes[node].decide(requests, node, self.oracle.now);
        self.oracle.ring();
        let expected: Vec<Answer> = requests
            .iter()
            .map(|request| self.oracle.request(node, base, request))
            .collect();
        assert_eq!(answers, expected, "to {requests:?}");
        let sign_of_life = |event: &Arc<Event<ShelfEvent>>| {
            !matches!(
                event.change,
                Change::Away { .. } | Change::Left { .. } | Change::Closed {}
            )
        };
        assert_eq!(draft.extends(), draft.events().iter().any(sign_of_life));
        let keepsake = draft.take_keepsake();
        let (room, events) = draft.finish();
        self.store.append(&room, &events, keepsake);
        if answered {
            let node = &mut self.nodes[node];
            node.room = room;
            for event in events {
                node.history.push(event);
            }
        }
        answers
    }

    /// A command that was applied gets the same answer when it is decided again, as long as
    /// it is remembered and its member has a seat.
    fn same_answers(&self, requests: &[Asked], first: &[Answer], again: &[Answer]) {
        let forgotten = self.store.seq().saturating_sub(LOG_EVENTS as u64);
        for ((request, first), again) in requests.iter().zip(first).zip(again) {
            let (Some(id), Answer::Done(seq)) = (request.op_id(), first) else {
                continue;
            };
            let Some(event) = self.store.since(seq - 1).next() else {
                continue;
            };
            // Otherwise there was nothing to do, and the answer is the room's position at that time.
            if event.is_of(id) && *seq > forgotten {
                let no_seat = Answer::Rejected("no_seat");
                assert!(
                    again == first || *again == no_seat,
                    "{request:?}: {again:?}"
                );
            }
        }
    }

    pub(crate) fn catch_up_all(&mut self) {
        for node in 0..2 {
            self.catch_up(node);
        }
    }

    /// Uses the three ways of catching up in turn.
    fn catch_up(&mut self, node: usize) {
        self.ways += 1;
        let (known, newest) = (self.nodes[node].room.position.seq, self.store.seq());
        let other = &self.nodes[1 - node];
        let events: Vec<Arc<Event<ShelfEvent>>> = match self.ways % 3 {
            0 => {
                let snapshots = self.store.every_snapshot();
                let any = &snapshots[(7 * self.ways) % snapshots.len()];
                self.nodes[node] = Node::from_snapshot(&self.store, any);
                return;
            }
            1 if other.room.position.seq == newest => match other.history.since(known, newest) {
                Some(events) => events.cloned().collect(),
                None => self.store.since(known).map(Arc::new).collect(),
            },
            _ => self.store.since(known).map(Arc::new).collect(),
        };
        for event in events {
            self.nodes[node].happened(event);
        }
    }

    /// The invariants at any time.
    pub(crate) fn check(&self) {
        for node in &self.nodes {
            let room = &node.room;
            assert!(room.members.taken() <= room.seats);
            let again = Room::decode(room.position, &room.encode().unwrap()).unwrap();
            assert_eq!(again, *room, "after writing and reading");

            let newest = room.position.seq;
            let oldest = newest.saturating_sub(LOG_EVENTS as u64);
            let remembered: Vec<u64> = node
                .history
                .since(oldest, newest)
                .expect("the last events are remembered")
                .map(|event| event.seq)
                .collect();
            assert_eq!(remembered, (oldest + 1..=newest).collect::<Vec<u64>>());

            if newest == self.store.seq() {
                self.is_as_the_oracle_says(room);
            }
        }
    }

    fn is_as_the_oracle_says(&self, room: &Room<Shelf>) {
        assert_eq!(room.position.seq, self.oracle.seq);
        let things = self.oracle.things.iter();
        let things: Vec<_> = things.map(|(by, thing)| (MemberId(*by), *thing)).collect();
        assert_eq!(room.logic.things, things);
        assert_eq!(room.logic.bell, self.oracle.bell);
        assert_eq!(room.logic.rung, self.oracle.rung);
        let kept = self.store.kept.as_deref();
        let kept: Option<Vec<(u64, u8)>> = kept.map(|kept| serde_json::from_slice(kept).unwrap());
        assert_eq!(kept, self.oracle.kept);
        for key in 0..3 {
            let is_barred = self.oracle.barred.contains(&key);
            assert_eq!(room.members.is_barred(person(key)), is_barred);
        }
        assert_eq!(room.members.taken(), self.oracle.people.len());
        for (seat, person) in room.members.iter().zip(&self.oracle.people) {
            assert_eq!(seat.member, MemberId(person.id));
            assert_eq!(*seat.name, *person.name);
            assert_eq!(Some(seat.colour), Colour::new(person.colour));
            assert_eq!(seat.token, SeatToken(person.token));
            assert_eq!(seat.person, person.key.map(self::person));
            let presence = match person.presence {
                Ok((node, connection)) => Presence::Here {
                    node: node_id(node),
                    connection: ConnectionId(connection),
                },
                Err(until) => Presence::Away { until },
            };
            assert_eq!(seat.presence, presence);
            let last = person.applied.last_key_value();
            let last = last.map(|(number, (digest, seq))| Applied {
                op: op(*number, *digest),
                seq: *seq,
            });
            assert_eq!(room.members.last_applied(seat.member), last);
        }
        assert_eq!(room.members.former().len(), self.oracle.former.len());
        for (former, person) in room.members.former().iter().zip(&self.oracle.former) {
            assert_eq!(former.member, MemberId(person.id));
            assert_eq!(*former.name, *person.name);
            assert_eq!(former.person, person.key.map(self::person));
        }
        let away = self.oracle.people.iter();
        let away = away.filter_map(|person| person.presence.err());
        assert_eq!(room.next_away_end(), away.min());
    }
}
