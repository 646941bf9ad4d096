//! An egg timer as a room's logic, and nodes that have rooms of it.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use tablecast::core::limits::Rate;
use tablecast::core::logic::{Context, Logic};
use tablecast::core::room::Event;
use tablecast::core::{Backend, MemberId, Rejection, RoomId};
use tablecast::hub::CreateError;
use tablecast::{App, Hub, HubConfig};
use tablecast_testing::client::Client;
use tablecast_testing::until;

use crate::support::NEVER;
use crate::support::rooms::{JsonMember, serve_rooms};

/// An egg timer: rings once at each time for which it was set.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Egg {
    /// In order.
    pub(crate) times: Vec<u64>,
    /// When it was to ring, and when it rang.
    pub(crate) rang: Vec<(u64, u64)>,
    /// Its alarm is never over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_broken: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Ask {
    Set {
        at: u64,
    },
    /// In place of all others.
    Only {
        at: u64,
    },
    Break {},
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Happened {
    Set { at: u64 },
    Only { at: u64 },
    Rang { at: u64, now: u64 },
    Broke {},
}

impl Logic for Egg {
    type Command = Ask;
    type Event = Happened;

    fn decide(&self, _: &Context<'_>, ask: &Ask) -> Result<Vec<Happened>, Rejection> {
        Ok(vec![match *ask {
            Ask::Set { at } => Happened::Set { at },
            Ask::Only { at } => Happened::Only { at },
            Ask::Break {} => Happened::Broke {},
        }])
    }

    fn apply(&mut self, _: Option<MemberId>, happened: &Happened) {
        match *happened {
            Happened::Set { at } => {
                self.times.push(at);
                self.times.sort_unstable();
            }
            Happened::Only { at } => self.times = vec![at],
            Happened::Rang { at, now } => {
                self.rang.push((at, now));
                if !self.is_broken {
                    self.times.remove(0);
                }
            }
            Happened::Broke {} => self.is_broken = true,
        }
    }

    fn alarm(&self) -> Option<u64> {
        self.times.first().copied()
    }

    fn ring(&self, now: u64) -> Vec<Happened> {
        let due = self.times.iter().filter(|at| **at <= now).take(1);
        due.map(|at| Happened::Rang { at: *at, now }).collect()
    }

    fn keepsake(&self, happened: &Happened) -> Option<impl Serialize + Send + Sync + 'static> {
        matches!(happened, Happened::Rang { .. }).then(|| self.rang.len())
    }
}

impl App for Egg {}

pub(crate) const SECOND: Duration = Duration::from_secs(1);

pub(crate) fn config() -> HubConfig {
    let mut config = HubConfig {
        command_rate: Rate::OFF,
        ..HubConfig::default()
    };
    config.connection.ping_interval = NEVER;
    config
}

/// It is soon known which nodes live, and given up soon what a store does not answer.
pub(crate) fn quick() -> HubConfig {
    HubConfig {
        node_lease: Duration::from_millis(400),
        command_deadline: Duration::from_millis(300),
        ..config()
    }
}

pub(crate) struct Node {
    pub(crate) hub: Hub<Egg>,
    address: std::net::SocketAddr,
}

impl Node {
    pub(crate) async fn on(backend: impl Backend) -> Node {
        Node::with(backend, config()).await
    }

    pub(crate) async fn with(backend: impl Backend, config: HubConfig) -> Node {
        let hub = Hub::start(Arc::new(backend), config);
        let address = serve_rooms(&hub).await;
        Node { hub, address }
    }

    pub(crate) async fn make(&self, room: &str) {
        let id: RoomId = room.parse().unwrap();
        self.hub.create(id, Egg::default()).await.unwrap();
    }

    pub(crate) async fn join(&self, room: &str) -> JsonMember {
        self.try_join(room).await.expect("a seat")
    }

    pub(crate) async fn try_join(&self, room: &str) -> Option<JsonMember> {
        let path = format!("/ws/{room}");
        let mut client = Client::connect_json(self.address, &path).await.unwrap();
        client.send_text(r#"{"join":{}}"#).await.unwrap();
        let mut hello = client.next_json().await.ok()?;
        let hello = hello["hello"].take();
        Some(JsonMember { client, hello })
    }

    /// Sets an alarm, and leaves the room to itself.
    pub(crate) async fn set(&self, room: &str, at: u64) {
        let mut member = self.join(room).await;
        set(&mut member, 1, at).await;
        member.client.send_close(1000).await.unwrap();
        self.until_closed().await;
    }

    /// Waits until it is known that all nodes read what an alarm does.
    pub(crate) async fn until_sure(&self) {
        let mut number = 0;
        let make = async || {
            number += 1;
            let id = format!("sure-{number}").parse().unwrap();
            let egg = Egg {
                times: vec![u64::MAX / 2],
                ..Egg::default()
            };
            self.hub.create(id, egg).await
        };
        let is_sure = |made: &Result<_, _>| !matches!(made, Err(CreateError::NotYet));
        until("all forms are known", make, is_sure).await.ok();
    }

    pub(crate) async fn until_closed(&self) {
        let open = async || self.hub.metrics().rooms.get();
        until("no room is open", open, |open| *open == 0).await;
    }

    pub(crate) async fn rang(&self, room: &str) -> Vec<(u64, u64)> {
        self.hub.view(room).await.unwrap().app.rang
    }
}

pub(crate) async fn set(member: &mut JsonMember, id: u64, at: u64) {
    let answer = member.ask(json!({"id": id, "set": {"at": at}})).await;
    assert_eq!(answer["ack"]["id"], id, "{answer}");
}

/// The room's stored state, without asking any hub.
pub(crate) async fn stored(backend: &dyn Backend, room: &str) -> Egg {
    let loaded = backend.load(&room.parse().unwrap(), None).await.unwrap();
    let loaded = loaded.expect("it is there");
    let snapshot = loaded.snapshot.unwrap();
    let position = tablecast::core::Position {
        seq: snapshot.seq,
        ..loaded.position
    };
    let mut room = tablecast::core::Room::<Egg>::decode(position, &snapshot.state).unwrap();
    for stored in loaded.events {
        if stored.seq > snapshot.seq {
            room.apply(&Event::decode::<Egg>(stored.seq, &stored.event).unwrap());
        }
    }
    room.logic
}

pub(crate) async fn until_rung(backend: &dyn Backend, room: &str, count: usize) -> Vec<(u64, u64)> {
    let rang = async || stored(backend, room).await.rang;
    until("it has rung", rang, |rang| rang.len() >= count).await
}

/// No more hints: each was looked at and forgotten.
pub(crate) async fn until_forgotten(backend: &dyn Backend) {
    let hints = async || backend.due_alarms(1000).await.unwrap().hints;
    until("no hint is left", hints, |hints| hints.is_empty()).await;
}
