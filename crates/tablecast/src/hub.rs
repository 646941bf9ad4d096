//! Rooms of this process: find, open, reap, drain.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::response::Response;
use futures_util::StreamExt;
use tablecast_core::backend::{Backend, Created, Health, NewRoom, Notice, Stamp};
use tablecast_core::position::Epoch;
use tablecast_core::room::{Event, Room};
use tablecast_core::{CloseReason, ConnectionId, MemberId, NodeId, Position, RoomId};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::app::App;
use crate::config::HubConfig;
use crate::dialect::{Dialect, JSON_PROTOCOL, json};
use crate::metrics::Metrics;
use crate::outbox::Outbox;
use crate::room_task::{self, Entrant, Inbox, Mail, Mailbox, Published, Wish};
use crate::session::{self, Place};
use crate::upgrade::Upgrade;

/// A drain closes at most this many connections a second, so that those who come
/// back do not all arrive at once; or more, if the time is short.
const DRAIN_PER_SECOND: f64 = 500.0;

/// All rooms of one process. A handle: cloning it is cheap. When the last one is
/// dropped, the hub's own tasks end.
pub struct Hub<A: App> {
    shared: Arc<Shared<A>>,
    _stop: Arc<DropGuard>,
}

impl<A: App> Clone for Hub<A> {
    fn clone(&self) -> Self {
        Hub { shared: self.shared.clone(), _stop: self._stop.clone() }
    }
}

impl<A: App> fmt::Debug for Hub<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("node", &self.shared.node).finish_non_exhaustive()
    }
}

/// What the hub and its room tasks share.
pub(crate) struct Shared<A: App> {
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) config: HubConfig,
    pub(crate) node: NodeId,
    pub(crate) metrics: Arc<Metrics>,
    rooms: Mutex<HashMap<RoomId, Entry<A>>>,
    nodes: Mutex<Nodes>,
    draining: AtomicBool,
}

/// A room that was made or opened here.
struct Entry<A: App> {
    /// As far as is known here (backend clock, ms).
    expires_at: u64,
    /// Present while its task runs.
    mailbox: Option<Mailbox<A>>,
}

/// What is known of the store and of the other nodes.
struct Nodes {
    health: Health,
    /// Since when leases can be believed: after an outage of the store, living
    /// nodes must first have had the time to renew theirs.
    steady_since: Instant,
    live: Option<Arc<HashSet<NodeId>>>,
    /// The backend's clock when it was last heard, and when that was.
    clock: Option<(Instant, u64)>,
}

/// A room that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedRoom {
    /// Its id.
    pub id: RoomId,
    /// The backend's clock, and when the room expires.
    pub stamp: Stamp,
    /// How many seats it has.
    pub seats: usize,
}

/// Why a room was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CreateError {
    /// There is a room with this id.
    #[error("there is a room with this id already")]
    Exists,
    /// As many rooms as allowed are there.
    #[error("this node has as many rooms as it may have: {max}")]
    TooManyRooms {
        /// How many are allowed.
        max: usize,
        /// When a place may be free.
        retry_after: Duration,
    },
    /// The store cannot be reached.
    #[error("{0}")]
    Unavailable(String),
    /// The node is shutting down.
    #[error("this server is shutting down")]
    Draining,
}

/// One member as others see them.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct MemberView {
    /// Who.
    pub id: MemberId,
    /// Their name.
    pub name: String,
    /// Not connected at the moment; the seat is kept for a while.
    pub away: bool,
}

/// A room as it stands.
#[derive(Debug, Clone)]
pub struct RoomView<A> {
    /// Where it stands.
    pub position: Position,
    /// The backend's clock, and when the room expires.
    pub stamp: Stamp,
    /// How many seats it has.
    pub seats: usize,
    /// Who has one.
    pub members: Vec<MemberView>,
    /// The application's state.
    pub app: A,
}

/// Why a room cannot be shown or joined.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoomError {
    /// There is no such room (any more), or the id is none.
    #[error("there is no such room, or it expired")]
    NotFound,
    /// All seats are taken.
    #[error("the room is full: all {seats} seats are taken")]
    Full {
        /// How many there are.
        seats: usize,
    },
    /// The seat token opens no seat of this room (any more).
    #[error("there is no such seat, or it was given up")]
    NoSuchSeat,
    /// The store cannot be reached.
    #[error("{0}")]
    Unavailable(String),
    /// The node is shutting down.
    #[error("this server is shutting down")]
    Draining,
}

impl RoomError {
    /// How a connection is closed for it, where it was accepted first.
    pub fn close_reason(&self) -> CloseReason {
        match self {
            RoomError::NotFound => CloseReason::NoSuchRoom,
            RoomError::Full { .. } => CloseReason::RoomFull,
            RoomError::NoSuchSeat => CloseReason::BadSeat,
            RoomError::Unavailable(_) => CloseReason::Unavailable,
            RoomError::Draining => CloseReason::Restarting,
        }
    }
}

impl<A: App> Hub<A> {
    /// Starts a hub on this backend. Must be called in a tokio runtime, of which
    /// it uses two tasks: one hears the backend's notices, the other renews the
    /// node's lease. One hub takes a backend's stream of notices.
    pub fn start(backend: Arc<dyn Backend>, config: HubConfig) -> Self {
        let shared = Arc::new(Shared {
            backend,
            config,
            node: random_node_id(),
            metrics: Arc::default(),
            rooms: Mutex::default(),
            nodes: Mutex::new(Nodes {
                health: Health::Up,
                steady_since: Instant::now(),
                live: None,
                clock: None,
            }),
            draining: AtomicBool::new(false),
        });
        let stop = CancellationToken::new();
        tokio::spawn(stop.clone().run_until_cancelled_owned(hear(shared.clone())));
        tokio::spawn(stop.clone().run_until_cancelled_owned(keep_lease(shared.clone())));
        Hub { shared, _stop: Arc::new(stop.drop_guard()) }
    }

    /// Makes a room with this state.
    ///
    /// # Errors
    /// See [`CreateError`]; nothing was made, except that after `Unavailable` it
    /// may have been.
    pub async fn create(&self, id: RoomId, app: A) -> Result<CreatedRoom, CreateError> {
        let shared = &self.shared;
        if self.is_draining() {
            return Err(CreateError::Draining);
        }
        shared.check_room_count()?;
        let config = &shared.config;
        let nowhere = Position { epoch: Epoch(0), seq: 0 };
        let room = Room::new(nowhere, config.seats, app);
        let snapshot = room.encode().map_err(|error| CreateError::Unavailable(error.to_string()))?;
        let new = NewRoom { snapshot, ttl: config.room_ttl, max_age: config.room_max_age };
        match shared.backend.create(&id, new).await {
            Ok(Created::New(_, stamp)) => {
                shared.metrics.rooms_created.add(1);
                shared.nodes().clock = Some((Instant::now(), stamp.now));
                let entry = Entry { expires_at: stamp.expires_at, mailbox: None };
                shared.rooms().entry(id.clone()).or_insert(entry);
                Ok(CreatedRoom { id, stamp, seats: config.seats })
            }
            Ok(Created::Exists) => Err(CreateError::Exists),
            Err(error) => Err(CreateError::Unavailable(error.to_string())),
        }
    }

    /// Shows a room as the backend has it.
    ///
    /// # Errors
    /// `NotFound` (for anything that is no id, too), `Unavailable` or `Draining`.
    pub async fn view(&self, room: &str) -> Result<RoomView<A>, RoomError> {
        let id: RoomId = room.parse().map_err(|_| RoomError::NotFound)?;
        let unavailable = |error: String| RoomError::Unavailable(error);
        let loaded = self.shared.backend.load(&id, None).await;
        let loaded = loaded.map_err(|error| unavailable(error.to_string()))?.ok_or(RoomError::NotFound)?;
        let snapshot = loaded.snapshot.ok_or_else(|| unavailable("no snapshot".to_owned()))?;
        let at = Position { epoch: loaded.position.epoch, seq: snapshot.seq };
        let room = Room::<A>::decode(at, &snapshot.state).and_then(|mut room| {
            for stored in loaded.events.iter().filter(|stored| stored.seq > snapshot.seq) {
                room.apply(&Event::decode(stored.seq, &stored.event)?);
            }
            Ok(room)
        });
        let room = room.map_err(|error| {
            tracing::error!(room = %id, %error, "the stored room cannot be read");
            unavailable(error.to_string())
        })?;
        Ok(RoomView {
            position: room.position,
            stamp: loaded.stamp,
            seats: room.seats,
            members: json::members(&room),
            app: room.logic,
        })
    }

    /// Answers a WebSocket handshake for a room. A client that offers
    /// `tablecast.v1` is accepted, and told by a close code if it cannot join,
    /// because a browser cannot see why a handshake failed. Any other client
    /// speaks the text dialect and joins before the answer, so that `curl` and
    /// `websocat` see the status.
    ///
    /// # Errors
    /// Why somebody who speaks the text dialect cannot join.
    pub async fn upgrade(&self, upgrade: Upgrade, room: &str) -> Result<Response, RoomError> {
        let config = self.shared.config.connection;
        let outbox = Arc::new(Outbox::new(config.outbox));
        let shared = self.shared.clone();
        if upgrade.offers(JSON_PROTOCOL) {
            let room = room.to_owned();
            return Ok(upgrade.accept_with(config, outbox, Some(JSON_PROTOCOL), move |connection| {
                session::json(shared, room, connection)
            }));
        }
        let wish = Wish::New { name: None, token: session::random_token()? };
        let (place, member) = shared.enter(room, Dialect::Text, &outbox, wish).await?;
        Ok(upgrade.accept_with(config, outbox, None, move |connection| {
            session::text(shared, place, member, connection)
        }))
    }

    /// Whether the backend can be reached.
    pub fn health(&self) -> Health {
        self.shared.nodes().health.clone()
    }

    /// Whether the node is shutting down.
    pub fn is_draining(&self) -> bool {
        self.shared.draining.load(Ordering::Relaxed)
    }

    /// What was counted.
    pub fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }

    /// Shuts down: nobody joins any more, members are closed with 1012 spread
    /// over the time (no faster than needed), and the node's lease is given up.
    /// Returns when all connections are closed, or when the time is over.
    pub async fn drain(&self, within: Duration) {
        let shared = &self.shared;
        shared.draining.store(true, Ordering::Relaxed);
        let deadline = Instant::now() + within;
        let connections = shared.metrics.connections.get().max(0) as f64;
        let spread = Duration::from_secs_f64(connections / DRAIN_PER_SECOND).min(within.mul_f64(0.8));
        let mailboxes: Vec<Mailbox<A>> =
            shared.rooms().values().filter_map(|entry| entry.mailbox.clone()).collect();
        let pause = spread.checked_div(mailboxes.len().max(1) as u32).unwrap_or_default();
        for mailbox in mailboxes {
            mailbox.send(Mail::Drain);
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
        }
        let open = || shared.metrics.connections.get() > 0 || shared.metrics.rooms.get() > 0;
        while open() && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        if let Err(error) = shared.backend.release(&shared.node).await {
            tracing::warn!(%error, "the node's lease was not given up; it ends by itself");
        }
    }
}

impl<A: App> Shared<A> {
    fn rooms(&self) -> MutexGuard<'_, HashMap<RoomId, Entry<A>>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn nodes(&self) -> MutexGuard<'_, Nodes> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_up(&self) -> bool {
        self.nodes().health == Health::Up
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// The nodes that live, once this can be believed.
    pub(crate) fn live(&self) -> Option<Arc<HashSet<NodeId>>> {
        self.nodes().live.clone()
    }

    fn check_room_count(&self) -> Result<(), CreateError> {
        let max = self.config.max_rooms;
        let mut rooms = self.rooms();
        if rooms.len() < max {
            return Ok(());
        }
        let Some((at, ms)) = self.nodes().clock else { return Ok(()) };
        let now = ms + at.elapsed().as_millis() as u64;
        rooms.retain(|_, entry| entry.mailbox.is_some() || entry.expires_at > now);
        if rooms.len() < max {
            return Ok(());
        }
        let next = rooms.values().map(|entry| entry.expires_at).min().unwrap_or(now);
        let wait = Duration::from_millis(next.saturating_sub(now));
        Err(CreateError::TooManyRooms { max, retry_after: wait.max(Duration::from_secs(1)) })
    }

    /// Gets somebody a seat. Whatever becomes of it, dropping the place (or this
    /// future) gives the seat up.
    pub(crate) async fn enter(
        self: &Arc<Self>,
        room: &str,
        dialect: Dialect,
        outbox: &Arc<Outbox>,
        wish: Wish,
    ) -> Result<(Place<A>, MemberId), RoomError> {
        let id: RoomId = room.parse().map_err(|_| RoomError::NotFound)?;
        if self.is_draining() {
            return Err(RoomError::Draining);
        }
        let connection = ConnectionId(fastrand::u64(..));
        let (reply, answer) = oneshot::channel();
        let deadline = Instant::now() + self.config.command_deadline;
        let outbox = outbox.clone();
        let entrant = Entrant { connection, dialect, outbox, wish, deadline, reply };
        let place = Place::new(self.deliver_entrant(id, entrant), connection);
        match answer.await {
            Ok(seated) => seated.map(|member| (place, member)),
            Err(_) => Err(RoomError::Unavailable("the room ended meanwhile".to_owned())),
        }
    }

    /// Puts an entrant into the room's mailbox, opening the room if need be. Under
    /// the lock, so that a room cannot end with an entrant in its mailbox.
    fn deliver_entrant(self: &Arc<Self>, id: RoomId, entrant: Entrant) -> Mailbox<A> {
        let mut rooms = self.rooms();
        let entry = rooms.entry(id.clone()).or_insert(Entry { expires_at: 0, mailbox: None });
        let mailbox = entry.mailbox.get_or_insert_with(|| {
            let (mailbox, inbox) = room_task::mailbox();
            tokio::spawn(room_task::run(self.clone(), id, mailbox.clone(), inbox));
            mailbox
        });
        mailbox.send(Mail::Enter(entrant));
        mailbox.clone()
    }

    /// A room's task ends, whoever may want to enter.
    pub(crate) fn retire(&self, id: &RoomId, mailbox: &Mailbox<A>) {
        let mut rooms = self.rooms();
        let is_its = |entry: &Entry<A>| entry.mailbox.as_ref().is_some_and(|own| own.is_same(mailbox));
        if rooms.get(id).is_some_and(is_its) {
            rooms.remove(id);
        }
    }

    /// A room's task ends, unless somebody has just asked to enter.
    pub(crate) fn retire_if_unneeded(&self, id: &RoomId, inbox: &Inbox<A>, expires_at: u64) -> bool {
        let mut rooms = self.rooms();
        if !inbox.mails.is_empty() {
            return false;
        }
        match rooms.get_mut(id) {
            // A room that never was leaves no trace.
            Some(entry) if expires_at < u64::MAX => {
                entry.mailbox = None;
                entry.expires_at = expires_at;
            }
            _ => {
                rooms.remove(id);
            }
        }
        true
    }

    fn mailbox(&self, id: &RoomId) -> Option<Mailbox<A>> {
        self.rooms().get(id).and_then(|entry| entry.mailbox.clone())
    }

    fn tell_all(&self, mail: impl Fn() -> Mail<A>) {
        for mailbox in self.rooms().values().filter_map(|entry| entry.mailbox.as_ref()) {
            mailbox.send(mail());
        }
    }
}

/// Hears what the backend has to tell and passes it on to the rooms.
async fn hear<A: App>(shared: Arc<Shared<A>>) {
    let mut notices = shared.backend.notices();
    while let Some(notice) = notices.next().await {
        match notice {
            Notice::Published { room, epoch, first, events, stamp } => {
                if let Some(mailbox) = shared.mailbox(&room) {
                    mailbox.publish(Published { epoch, first, events, stamp });
                }
            }
            Notice::Resync(Some(room)) => {
                if let Some(mailbox) = shared.mailbox(&room) {
                    mailbox.send(Mail::Resync);
                }
            }
            Notice::Resync(None) => shared.tell_all(|| Mail::Resync),
            Notice::Health(health) => {
                {
                    let mut nodes = shared.nodes();
                    if nodes.health == health {
                        continue;
                    }
                    nodes.health = health.clone();
                    nodes.steady_since = Instant::now();
                    nodes.live = None;
                }
                if health == Health::Up {
                    renew(&shared).await;
                }
                shared.tell_all(|| Mail::Health(health.clone()));
            }
        }
    }
}

/// Renews the node's lease for as long as the hub lives, and tells the rooms when
/// another node is gone.
async fn keep_lease<A: App>(shared: Arc<Shared<A>>) {
    let mut interval = tokio::time::interval(shared.config.node_lease / 4);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        if shared.is_draining() {
            return;
        }
        renew(&shared).await;
    }
}

async fn renew<A: App>(shared: &Arc<Shared<A>>) {
    let asked = Instant::now();
    let lease = shared.config.node_lease;
    let mut live: HashSet<NodeId> = match shared.backend.renew(&shared.node, lease).await {
        Ok(live) => live.into_iter().collect(),
        Err(error) => {
            tracing::debug!(%error, "the node's lease was not renewed");
            let mut nodes = shared.nodes();
            nodes.steady_since = Instant::now();
            nodes.live = None;
            return;
        }
    };
    live.insert(shared.node.clone());
    let live = Arc::new(live);
    {
        let mut nodes = shared.nodes();
        if asked < nodes.steady_since + lease || nodes.live.as_ref() == Some(&live) {
            return;
        }
        nodes.live = Some(live.clone());
    }
    shared.tell_all(|| Mail::Live(live.clone()));
}

fn random_node_id() -> NodeId {
    // Not a secret, only unlike all others.
    let id = format!("{:016x}", fastrand::u64(..)).parse();
    id.unwrap_or_else(|_| unreachable!("16 hex digits are an id"))
}
