//! Nodes on one store whose time is the test's.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tablecast::config::ConnectionConfig;
use tablecast::core::limits::Rate;
use tablecast::core::room::{Event, Room};
use tablecast::core::{Backend, Position};
use tablecast::{Hub, HubConfig, MemoryBackend};
use tablecast_lunch::Menu;
use tablecast_testing::FaultyBackend;
use tablecast_testing::faulty::Faults;
use tokio::time::Instant;

use crate::support::{NEVER, patient};

pub(crate) const SEATS: usize = 4;

/// How long a seat is kept.
pub(crate) const GRACE: Duration = Duration::from_secs(20);

pub(crate) const LEASE: Duration = Duration::from_secs(4);

/// How late the store may have learned what happened to a connection, with faults.
pub(crate) const SLACK: Duration = Duration::from_secs(3);

/// When the world begins (ms since 1970).
pub(crate) const BEGIN: u64 = 1_750_000_000_000;

/// How much of the test's own time has passed since then.
pub(crate) fn age(since: Instant) -> Duration {
    Instant::now().duration_since(since)
}

pub(crate) struct World {
    begin: Instant,
    store: MemoryBackend,
    pub(crate) nodes: Vec<(Hub<Menu>, Faults)>,
    /// Nodes that were killed: they do not reach the store any more.
    dead: Vec<Hub<Menu>>,
}

fn node(store: &MemoryBackend) -> (Hub<Menu>, Faults) {
    let backend = FaultyBackend::new(Arc::new(store.another_node()));
    let faults = backend.faults();
    let config = HubConfig {
        connection: ConnectionConfig {
            outbox: ConnectionConfig::default().outbox,
            ..patient()
        },
        seats: SEATS,
        room_ttl: NEVER * 24 * 100,
        room_max_age: NEVER * 24 * 100,
        seat_grace: GRACE,
        command_rate: Rate::OFF,
        node_lease: LEASE,
        command_deadline: Duration::from_millis(300),
        ..HubConfig::default()
    };
    (Hub::start(Arc::new(backend), config), faults)
}

impl World {
    /// So many nodes that know each other, and the room `r`.
    pub(crate) async fn new(nodes: usize, menu: Menu) -> World {
        let begin = Instant::now();
        let store = MemoryBackend::with_clock(move || BEGIN + begin.elapsed().as_millis() as u64);
        let nodes: Vec<_> = (0..nodes).map(|_| node(&store)).collect();
        // sleep: nodes know each other after a lease, which takes no time
        tokio::time::sleep(LEASE).await;
        nodes[0].0.create("r".parse().unwrap(), menu).await.unwrap();
        let dead = Vec::new();
        World {
            begin,
            store,
            nodes,
            dead,
        }
    }

    /// The store's clock (ms since 1970).
    pub(crate) fn now(&self) -> u64 {
        BEGIN + self.begin.elapsed().as_millis() as u64
    }

    pub(crate) fn hub(&self, node: usize) -> &Hub<Menu> {
        &self.nodes[node].0
    }

    /// Another node is there in the place of this one.
    pub(crate) fn kill(&mut self, at: usize) {
        let (hub, faults) = std::mem::replace(&mut self.nodes[at], node(&self.store));
        faults.none();
        faults.down("it was killed");
        self.dead.push(hub);
    }

    /// What the store has.
    pub(crate) async fn room(&self) -> (Room<Menu>, Vec<Event<tablecast_lunch::Event>>) {
        let loaded = self.store.load(&"r".parse().unwrap(), None).await;
        let loaded = loaded.unwrap().expect("the room lives");
        let snapshot = loaded.snapshot.unwrap();
        let position = Position {
            seq: snapshot.seq,
            ..loaded.position
        };
        let mut room = Room::decode(position, &snapshot.state).unwrap();
        let events = loaded.events.iter();
        let events = events.map(|one| Event::decode::<Menu>(one.seq, &one.event).unwrap());
        let events: Vec<_> = events.collect();
        for event in &events {
            if event.seq > snapshot.seq {
                room.apply(event);
            }
        }
        (room, events)
    }
}

/// Everybody has one seat at most, and is either here or remembered.
pub(crate) fn check_persons(room: &Room<Menu>) {
    assert!(room.members.taken() <= SEATS);
    let seated = room.members.iter().filter_map(|seat| seat.person);
    let former = room.members.former().iter().filter_map(|one| one.person);
    let all: Vec<_> = seated.chain(former).collect();
    let each: HashSet<_> = all.iter().collect();
    assert_eq!(all.len(), each.len(), "one person is two members");
}
