//! What the hub and its room tasks share, and which rooms there are.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tablecast_core::backend::{Backend, Health, Stamp};
use tablecast_core::{ConnectionId, MemberId, NodeId, RoomId};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::app::App;
use crate::config::HubConfig;
use crate::dialect::Dialect;
use crate::hub::view::{CreateError, RoomError};
use crate::hub::vital::Vital;
use crate::metrics::Metrics;
use crate::outbox::Outbox;
use crate::room_task::{self, Entrant, Inbox, Mail, Mailbox, Wish};
use crate::session::Place;

/// What the hub and its room tasks share.
pub(crate) struct Shared<A: App> {
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) config: HubConfig,
    pub(crate) node: NodeId,
    pub(crate) metrics: Arc<Metrics>,
    pub(super) vital: Vital,
    rooms: Mutex<HashMap<RoomId, Entry<A>>>,
    nodes: Mutex<Nodes>,
    draining: AtomicBool,
    released: AtomicBool,
}

/// A room that was made or opened here.
struct Entry<A: App> {
    /// As far as is known here (backend clock, ms).
    expires_at: u64,
    /// Present while its task runs.
    mailbox: Option<Mailbox<A>>,
}

/// Stands for the expiry of a room that is being made.
const BEING_MADE: u64 = u64::MAX;

/// A place among the rooms of this node, for one that is being made. Dropping it
/// gives the place up, unless the room was made or somebody is in it.
pub(super) struct Reservation<'a, A: App> {
    shared: &'a Shared<A>,
    id: RoomId,
}

impl<A: App> Reservation<'_, A> {
    /// The room was made: it counts until it expires.
    pub(super) fn keep(&self, stamp: Stamp) {
        self.shared.nodes().clock = Some((Instant::now(), stamp.now));
        if let Some(entry) = self.shared.rooms().get_mut(&self.id) {
            entry.expires_at = stamp.expires_at;
        }
    }
}

impl<A: App> Drop for Reservation<'_, A> {
    fn drop(&mut self) {
        let mut rooms = self.shared.rooms();
        let unused = |entry: &Entry<A>| entry.expires_at == BEING_MADE && entry.mailbox.is_none();
        if rooms.get(&self.id).is_some_and(unused) {
            rooms.remove(&self.id);
        }
    }
}

/// The nodes that live.
#[derive(Clone)]
pub(crate) struct Live {
    /// When the store was asked. Whoever is not among them may have come since.
    pub(crate) asked: Instant,
    pub(crate) nodes: Arc<HashSet<NodeId>>,
}

/// What is known of the store and of the other nodes.
pub(super) struct Nodes {
    pub(super) health: Health,
    /// Since when leases can be believed: after an outage of the store, living
    /// nodes must first have had the time to renew theirs.
    pub(super) steady_since: Instant,
    pub(super) live: Option<Live>,
    /// The backend's clock when it was last heard, and when that was.
    clock: Option<(Instant, u64)>,
}

impl<A: App> Shared<A> {
    pub(super) fn new(backend: Arc<dyn Backend>, config: HubConfig) -> Self {
        Shared {
            backend,
            config,
            node: random_node_id(),
            metrics: Arc::default(),
            vital: Vital::new(),
            rooms: Mutex::default(),
            nodes: Mutex::new(Nodes {
                health: Health::Up,
                steady_since: Instant::now(),
                live: None,
                clock: None,
            }),
            draining: AtomicBool::new(false),
            released: AtomicBool::new(false),
        }
    }

    fn rooms(&self) -> MutexGuard<'_, HashMap<RoomId, Entry<A>>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn nodes(&self) -> MutexGuard<'_, Nodes> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn health(&self) -> Health {
        self.nodes().health.clone()
    }

    pub(crate) fn is_up(&self) -> bool {
        self.nodes().health.is_up()
    }

    /// What somebody is told whose request the store has not settled in time.
    pub(crate) fn unsettled(&self) -> RoomError {
        match &self.nodes().health {
            Health::Up | Health::Down(_) => {
                RoomError::Unavailable("the store did not answer in time".to_owned())
            }
            Health::Refusing { why, .. } => RoomError::Refusing(why.clone()),
        }
    }

    /// From here on the node's lease is not renewed.
    pub(super) fn begin_release(&self) {
        self.released.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_released(&self) -> bool {
        self.released.load(Ordering::Relaxed)
    }

    pub(super) fn begin_draining(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// The nodes that live, once this can be believed.
    pub(crate) fn live(&self) -> Option<Live> {
        self.nodes().live.clone()
    }

    /// Takes a place for a room that is about to be made, so that many at once do
    /// not become more than allowed.
    pub(super) fn reserve(&self, id: &RoomId) -> Result<Reservation<'_, A>, CreateError> {
        let max = self.config.max_rooms;
        let mut rooms = self.rooms();
        if rooms.len() >= max {
            self.forget_expired(&mut rooms);
        }
        if rooms.len() >= max {
            let now = self.backend_now().unwrap_or(0);
            let next = rooms.values().map(|entry| entry.expires_at).min();
            let wait = Duration::from_millis(next.unwrap_or(now).saturating_sub(now));
            // At least a second, and no longer than most rooms live at first: what is
            // being made just now has no expiry yet.
            let retry_after = wait.min(self.config.room_ttl).max(Duration::from_secs(1));
            return Err(CreateError::TooManyRooms { max, retry_after });
        }
        rooms.entry(id.clone()).or_insert(Entry {
            expires_at: BEING_MADE,
            mailbox: None,
        });
        Ok(Reservation {
            shared: self,
            id: id.clone(),
        })
    }

    fn forget_expired(&self, rooms: &mut HashMap<RoomId, Entry<A>>) {
        let Some(now) = self.backend_now() else {
            return;
        };
        rooms.retain(|_, entry| {
            let open = entry.mailbox.as_ref().is_some_and(|open| !open.is_closed());
            open || entry.expires_at > now
        });
    }

    fn backend_now(&self) -> Option<u64> {
        let clock = self.nodes().clock;
        clock.map(|(at, ms)| ms + at.elapsed().as_millis() as u64)
    }

    /// Gets somebody a seat. Whatever becomes of it, dropping the place (or this
    /// future) gives the seat up, or keeps one that they had before for a while.
    pub(crate) async fn enter(
        self: &Arc<Self>,
        room: &str,
        dialect: Dialect,
        outbox: &Arc<Outbox>,
        wish: Wish,
    ) -> Result<(Place<A>, MemberId), RoomError> {
        let id: RoomId = room.parse().map_err(|_| RoomError::NotFound)?;
        let connection = ConnectionId(fastrand::u64(..));
        let (reply, answer) = oneshot::channel();
        let deadline = Instant::now() + self.config.command_deadline;
        let outbox = outbox.clone();
        let entrant = Box::new(Entrant {
            connection,
            dialect,
            outbox,
            wish,
            deadline,
            reply,
        });
        // Whoever comes back and gets no answer in time may come back once more.
        let keep_seat = matches!(entrant.wish, Wish::Again { .. });
        let place = Place::new(self.deliver_entrant(id, entrant)?, connection, keep_seat);
        match answer.await {
            Ok(seated) => seated.map(|member| (place, member)),
            Err(_) => Err(RoomError::Unavailable(
                "the room ended meanwhile".to_owned(),
            )),
        }
    }

    /// Puts an entrant into the room's mailbox, opening the room if need be. Under
    /// the lock, so that a room cannot end with an entrant in its mailbox.
    /// And a drain, which begins before it takes the lock, misses no room.
    fn deliver_entrant(
        self: &Arc<Self>,
        id: RoomId,
        entrant: Box<Entrant>,
    ) -> Result<Mailbox<A>, RoomError> {
        let mut rooms = self.rooms();
        if self.is_draining() {
            return Err(RoomError::Draining);
        }
        let entry = rooms.entry(id.clone()).or_insert(Entry {
            expires_at: 0,
            mailbox: None,
        });
        // Its task has panicked, in the application's logic.
        entry.mailbox.take_if(|mailbox| mailbox.is_closed());
        let mailbox = entry.mailbox.get_or_insert_with(|| {
            let (mailbox, inbox) = room_task::mailbox();
            tokio::spawn(room_task::run(self.clone(), id, mailbox.clone(), inbox));
            mailbox
        });
        mailbox.send(Mail::Enter(entrant));
        Ok(mailbox.clone())
    }

    /// A room's task ends, whoever may want to enter.
    pub(crate) fn retire(&self, id: &RoomId, mailbox: &Mailbox<A>) {
        let mut rooms = self.rooms();
        let is_its = |entry: &Entry<A>| {
            entry
                .mailbox
                .as_ref()
                .is_some_and(|own| own.is_same(mailbox))
        };
        if rooms.get(id).is_some_and(is_its) {
            rooms.remove(id);
        }
    }

    /// A room's task ends, unless somebody has just asked to enter.
    pub(crate) fn retire_if_unneeded(
        &self,
        id: &RoomId,
        inbox: &Inbox<A>,
        expires_at: u64,
    ) -> bool {
        let mut rooms = self.rooms();
        if !inbox.is_empty() {
            return false;
        }
        match rooms.get_mut(id) {
            // A room that did not exist leaves no entry.
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

    /// The mailboxes of all rooms that are open here.
    pub(super) fn mailboxes(&self) -> Vec<Mailbox<A>> {
        self.rooms()
            .values()
            .filter_map(|entry| entry.mailbox.clone())
            .collect()
    }

    pub(super) fn tell_all(&self, mail: impl Fn() -> Mail<A>) {
        for mailbox in self.mailboxes() {
            mailbox.send(mail());
        }
    }
}

fn random_node_id() -> NodeId {
    // It need not be secret, only unique.
    let id = format!("{:016x}", fastrand::u64(..)).parse();
    id.unwrap_or_else(|_| unreachable!("16 hex digits are an id"))
}
