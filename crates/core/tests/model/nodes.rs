//! Two nodes that decide requests and commit to one store, as a hub does, while
//! the oracle looks on.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use tablecast_core::backend::LOG_EVENTS;
use tablecast_core::history::History;
use tablecast_core::membership::Presence;
use tablecast_core::room::{Change, Draft, Event, Join, Op, Refusal, Room};
use tablecast_core::{ConnectionId, Epoch, MemberId, NodeId, Position, Rejection, SeatToken};

use super::oracle::{Answer, Asked, Oracle};
use super::requests::{Request, Shelf, ShelfEvent, Step};

/// What the store answers a commit that expects the right position.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Outcome {
    Accepted,
    /// Nothing: it did not happen.
    UnknownBefore,
    /// Nothing: it happened.
    UnknownAfter,
}

const EPOCH: Epoch = Epoch(7);

fn at(seq: u64) -> Position {
    Position { epoch: EPOCH, seq }
}

fn node_id(node: usize) -> NodeId {
    format!("node-{node}").parse().unwrap()
}

/// Every event as it was stored, and a snapshot of each commit.
pub(crate) struct Store {
    events: Vec<Bytes>,
    snapshots: Vec<(u64, Bytes)>,
}

impl Store {
    pub(crate) fn seq(&self) -> u64 {
        self.events.len() as u64
    }

    fn since(&self, seq: u64) -> impl Iterator<Item = Event<ShelfEvent>> {
        (seq + 1..)
            .zip(&self.events[seq as usize..])
            .map(|(seq, event)| Event::decode(seq, event).unwrap())
    }

    pub(crate) fn all_events(&self) -> impl Iterator<Item = Event<ShelfEvent>> {
        self.since(0)
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

    fn decide(&self, requests: &[Asked], node: usize) -> (Draft<'_, Shelf>, Vec<Answer>) {
        let mut draft = Draft::new(&self.room, &self.history);
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
            name,
        } => seat(draft.join(&Join {
            name: name.clone(),
            token: SeatToken(*token),
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
            draft.reap(*now, live.as_ref());
            Answer::None
        }
        Asked::Rename {
            member,
            number,
            digest,
            name,
        } => done(draft.rename(MemberId(*member), op(*number, *digest), name)),
        Asked::Command {
            member,
            number,
            digest,
            command,
        } => done(draft.command(MemberId(*member), op(*number, *digest), command)),
    }
}

fn op(number: u64, digest: u64) -> Op {
    Op { number, digest }
}

fn seat(answer: Result<MemberId, Refusal>) -> Answer {
    match answer {
        Ok(member) => Answer::Seat(member.0),
        Err(Refusal::Full { .. }) => Answer::Refused("full"),
        Err(Refusal::NoSuchSeat) => Answer::Refused("no_such_seat"),
    }
}

fn done(answer: Result<u64, Rejection>) -> Answer {
    match answer {
        Ok(seq) => Answer::Done(seq),
        Err(rejection) => Answer::Rejected(rejection.code),
    }
}

/// Two nodes, their store, and what should be.
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) nodes: [Node; 2],
    oracle: Oracle,
    /// Which way of catching up comes next.
    ways: usize,
}

impl World {
    pub(crate) fn new(seats: usize) -> World {
        let room = Room::new(at(0), seats, Shelf::default());
        let store = Store {
            events: Vec::new(),
            snapshots: vec![(0, room.encode().unwrap())],
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
        // The other node is first: what is decided here is too old by then, and
        // was decided for nothing.
        if let Some(others) = &step.other_first {
            let _ = self.nodes[step.node].decide(&requests, step.node);
            let other = 1 - step.node;
            let others = self.ask(other, others);
            self.commit(other, &others);
        }
        match step.outcome {
            Outcome::Accepted => {}
            Outcome::UnknownBefore => {
                let _ = self.nodes[step.node].decide(&requests, step.node);
            }
            Outcome::UnknownAfter => {
                // The node does not learn of it, and decides the same again.
                let node = self.fresh(step.node);
                let (events, first) = self.decide(node, step.node, &requests);
                let base = self.store.seq();
                self.store_events(&events);
                let again = self.commit(step.node, &requests);
                self.same_answers(&requests, base, &first, &again);
            }
        }
        self.commit(step.node, &requests);
    }

    fn ask(&mut self, node: usize, requests: &[Request]) -> Vec<Asked> {
        requests
            .iter()
            .flat_map(|request| self.oracle.ask(node, request))
            .collect()
    }

    /// Decides until the store accepts, as often as others are faster.
    fn commit(&mut self, node: usize, requests: &[Asked]) -> Vec<Answer> {
        if self.nodes[node].room.position != at(self.store.seq()) {
            // A conflict. The draft that met it changed nothing here.
            let before = self.nodes[node].room.clone();
            let _ = self.nodes[node].decide(requests, node);
            assert_eq!(self.nodes[node].room, before);
            self.catch_up(node);
        }
        let base = self.store.seq();
        let expected: Vec<Answer> = requests
            .iter()
            .map(|request| self.oracle.request(node, base, request))
            .collect();
        let (draft, answers) = self.nodes[node].decide(requests, node);
        assert_eq!(answers, expected);
        let extends = draft.extends();
        let (room, events) = draft.finish();
        assert_eq!(
            extends,
            events
                .iter()
                .any(|event| !matches!(event.change, Change::Away { .. } | Change::Left { .. }))
        );
        self.store_events(&events);
        self.nodes[node].room = room;
        for event in events {
            self.nodes[node].history.push(event);
        }
        answers
    }
}
