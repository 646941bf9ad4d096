//! The rooms that are open on this node, and the way into one.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tablecast_core::App;
use tablecast_core::backend::{Backend, BackendError, Loaded, Stamp};
use tablecast_core::id::unique;
use tablecast_core::limits::Rate;
use tablecast_core::membership::Op;
use tablecast_core::room::Room;
use tablecast_core::{ConnectionId, Forms, PersonId, RoomId, SeatToken};
use tablecast_protocol::client::First;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use crate::config::HubConfig;
use crate::dialect::Dialect;
use crate::error::{CommandError, CreateError, RoomError, Unavailable};
use crate::hub::posters::Posters;
use crate::hub::vital::Vital;
use crate::identity::Identity;
use crate::node::Node;
use crate::outbox::Outbox;
use crate::peer::Transport;
use crate::room_task::{
    self, Entered, Heard, Inbox, JoinRequest, Keep, Mail, Mailbox, Order, OrderRequest, Replica,
    RoomTask, SeatGuard, Waits,
};

/// The rooms of this node. All handles of a hub share it.
pub(crate) struct LocalRooms<A: App> {
    pub(crate) node: Arc<Node>,
    pub(super) vital: Vital,
    /// By id, so that a part of them is found without looking at all.
    entries: Mutex<BTreeMap<RoomId, Entry<A>>>,
    draining: AtomicBool,
    released: AtomicBool,
    pub(crate) posters: Posters,
}

/// A room that was made or opened here.
struct Entry<A: App> {
    /// The expiry, as known on this node (backend clock, ms).
    expires_at: u64,
    /// Present while its task runs.
    mailbox: Option<Mailbox<A>>,
}

impl<A: App> Entry<A> {
    /// One whose task does not run yet.
    fn with_expiry(expires_at: u64) -> Self {
        Entry {
            expires_at,
            mailbox: None,
        }
    }
}

/// The expiry of a room that is being made.
const BEING_MADE: u64 = u64::MAX;

/// Reserves a place among this node's rooms for one that is being made. Dropping it gives
/// up the place, unless the room was made or somebody is in it.
pub(super) struct Reservation<'a, A: App> {
    rooms: &'a LocalRooms<A>,
    id: RoomId,
}

impl<A: App> Reservation<'_, A> {
    /// The room was made: it counts until it expires.
    pub(super) fn keep(&self, stamp: Stamp) {
        self.rooms.node.heard_clock(stamp.now);
        let mut entries = self.rooms.entries.lock();
        // Somebody who has tried to make the same room, or its old expiry, may have taken the place away.
        let entry = entries
            .entry(self.id.clone())
            .or_insert(Entry::with_expiry(0));
        entry.expires_at = stamp.expires_at;
    }
}

impl<A: App> Drop for Reservation<'_, A> {
    fn drop(&mut self) {
        let mut entries = self.rooms.entries.lock();
        let unused = |entry: &Entry<A>| entry.expires_at == BEING_MADE && entry.mailbox.is_none();
        if entries.get(&self.id).is_some_and(unused) {
            entries.remove(&self.id);
        }
    }
}

impl<A: App> LocalRooms<A> {
    pub(super) fn new(backend: Arc<dyn Backend>, config: HubConfig) -> Self {
        LocalRooms {
            node: Arc::new(Node::new(backend, config, Forms::of::<A>())),
            vital: Vital::new(),
            entries: Mutex::default(),
            draining: AtomicBool::new(false),
            released: AtomicBool::new(false),
            posters: Posters::new(),
        }
    }

    /// From now on the node's lease is not renewed.
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

    /// Reserves a place for a room that is about to be made, so that simultaneous requests
    /// do not exceed the limit.
    pub(super) fn reserve(&self, id: &RoomId) -> Result<Reservation<'_, A>, CreateError> {
        let max = self.node.config.max_rooms;
        let mut entries = self.entries.lock();
        if entries.len() >= max {
            self.forget_expired(&mut entries);
        }
        if self.is_full(&entries) {
            let now = self.node.backend_now().unwrap_or(0);
            let next = entries.values().map(|entry| entry.expires_at).min();
            let wait = Duration::from_millis(next.unwrap_or(now).saturating_sub(now));
            // At least a second, and at most the usual lifetime of a new room: a room that
            // is just being made has no expiry yet.
            let retry_after = wait
                .min(self.node.config.room_ttl)
                .max(Duration::from_secs(1));
            return Err(CreateError::TooManyRooms { max, retry_after });
        }
        entries
            .entry(id.clone())
            .or_insert(Entry::with_expiry(BEING_MADE));
        Ok(Reservation {
            rooms: self,
            id: id.clone(),
        })
    }

    /// Whether no more rooms may be made.
    fn is_full(&self, entries: &BTreeMap<RoomId, Entry<A>>) -> bool {
        let max = self.node.config.max_rooms;
        let Some(stored) = self.node.backend.stored_rooms() else {
            return entries.len() >= max;
        };
        let is_being_made = |entry: &&Entry<A>| entry.expires_at == BEING_MADE;
        // Looks at each of them only near the limit.
        stored + entries.len() >= max
            && stored + entries.values().filter(is_being_made).count() >= max
    }

    /// How many places for rooms are taken, and how many there are.
    pub(super) fn places(&self) -> (usize, usize) {
        let mut entries = self.entries.lock();
        self.forget_expired(&mut entries);
        let is_being_made = |entry: &&Entry<A>| entry.expires_at == BEING_MADE;
        let taken = match self.node.backend.stored_rooms() {
            Some(stored) => stored + entries.values().filter(is_being_made).count(),
            None => entries.len(),
        };
        (taken, self.node.config.max_rooms)
    }

    fn forget_expired(&self, entries: &mut BTreeMap<RoomId, Entry<A>>) {
        let Some(now) = self.node.backend_now() else {
            return;
        };
        entries.retain(|_, entry| {
            let open = entry.mailbox.as_ref().is_some_and(|open| !open.is_closed());
            open || entry.expires_at > now
        });
    }

    /// Gets a seat for a connection, or lets it watch. In any case, dropping the guard (or this future) gives
    /// the seat up, or keeps an earlier seat for a while.
    pub(crate) async fn enter(
        self: &Arc<Self>,
        room: &str,
        dialect: Dialect,
        outbox: &Arc<Outbox>,
        first: First,
        identity: Option<Arc<Identity>>,
    ) -> Result<(SeatGuard<A>, Entered), RoomError> {
        let (token, random) = secrets()?;
        let transport = outbox.peer().transport;
        let connection = match transport {
            Transport::WebSocket => ConnectionId::two_way(random, first.client()),
            Transport::Sse => ConnectionId::one_way(random, first.client()),
        };
        let id: RoomId = room.parse().map_err(|_| RoomError::NotFound)?;
        let (reply, answer) = oneshot::channel();
        let deadline = Instant::now() + self.node.config.command_deadline;
        let outbox = outbox.clone();
        // Of somebody whom who embeds the hub knows, what they say of themselves counts for nothing.
        let person = match &identity {
            Some(identity) => Some(identity.person_in(&id)),
            None => first.person().map(|key| PersonId::new(key, &id)),
        };
        // Whoever has a secret of their own may come back although they got no answer; and they may have had a seat
        // before.
        let is_known = matches!(first, First::Resume(_)) || person.is_some();
        let keep = match (dialect, transport) {
            (Dialect::Text, _) => Keep::No,
            (Dialect::Json, _) if is_known => Keep::Yes,
            (Dialect::Json, Transport::WebSocket) => Keep::IfTold,
            // What it was told may not have been read: nothing is written before the room's answer is heard.
            (Dialect::Json, Transport::Sse) => Keep::No,
        };
        let request = Box::new(JoinRequest {
            connection,
            dialect,
            outbox: outbox.clone(),
            first,
            person,
            identity,
            token,
            keep_seat: keep == Keep::Yes,
            may_be_seated: None,
            waits: Waits::ForAnswer { deadline, reply },
        });
        let guard = SeatGuard {
            mailbox: self.deliver(id, |_| Ok(Mail::Join(request)))?,
            connection,
            outbox,
            keep,
        };
        match answer.await {
            Ok(entered) => entered.map(|entered| (guard, entered)),
            Err(_) => Err(Unavailable::Store("the room ended meanwhile".to_owned()).into()),
        }
    }

    /// Has the room's task decide what the server wants, and returns its answer: the seq of
    /// the last event.
    pub(super) async fn order(
        self: &Arc<Self>,
        room: &str,
        order: impl FnOnce(&RoomId) -> Order<A::Command>,
    ) -> Result<u64, CommandError> {
        let id: RoomId = room.parse().map_err(|_| CommandError::NotFound)?;
        let order = order(&id);
        let (reply, answer) = oneshot::channel();
        let deadline = Instant::now() + self.node.config.command_deadline;
        self.deliver(id, |mailbox| {
            let place = mailbox.commands().clone().try_acquire_owned();
            let full = |_| Unavailable::Store("too many commands wait in this room".to_owned());
            Ok(Mail::Order(Box::new(OrderRequest {
                order,
                op: Op {
                    number: unique(),
                    digest: 0,
                },
                deadline,
                may_be_done: None,
                reply,
                _permit: place.map_err(full)?,
            })))
        })?;
        let ended = |_| Err(CommandError::Unknown("the room ended meanwhile".to_owned()));
        answer.await.unwrap_or_else(ended)
    }

    /// Puts a request into the room's mailbox, and opens the room if needed. It holds the
    /// lock, so that a room cannot end with such a request in its mailbox. And a drain,
    /// which begins before it takes the lock, misses no room.
    pub(crate) fn deliver(
        self: &Arc<Self>,
        id: RoomId,
        request: impl FnOnce(&Mailbox<A>) -> Result<Mail<A>, Unavailable>,
    ) -> Result<Mailbox<A>, Unavailable> {
        let mut entries = self.entries.lock();
        if self.is_draining() {
            return Err(Unavailable::Draining);
        }
        let entry = entries.entry(id.clone()).or_insert(Entry::with_expiry(0));
        // Its task has panicked, in the application's logic.
        entry.mailbox.take_if(|mailbox| mailbox.is_closed());
        let mailbox = entry.mailbox.get_or_insert_with(|| {
            let (mailbox, inbox) = room_task::mailbox();
            tokio::spawn(self.clone().run_room(id, mailbox.clone(), inbox));
            mailbox
        });
        mailbox.send(request(mailbox)?);
        Ok(mailbox.clone())
    }

    /// Somebody who watches has spoken by POST: they hear here, or perhaps on another node.
    pub(crate) async fn hear(&self, room: &RoomId, heard: Heard) {
        let (here, is_here) = oneshot::channel();
        match self.mailbox(room) {
            Some(mailbox) => mailbox.hear(heard, here),
            None => drop(here),
        }
        if is_here.await.is_err() {
            self.signal(room, heard);
        }
    }

    /// Tells the other nodes, if there are any, that somebody has spoken by POST; not each time,
    /// since one sign of life in half a ping interval is enough. If it is lost, the stream ends and
    /// the client comes back.
    pub(crate) fn signal(&self, room: &RoomId, heard: Heard) {
        if self.node.is_alone() {
            return;
        }
        let every = self.node.config.connection.ping_interval / 2;
        let rate = Rate {
            per_second: 1.0 / every.as_secs_f64().max(0.001),
            burst: 1,
        };
        if self.posters.may_signal(heard, rate) {
            let (backend, room) = (self.node.backend.clone(), room.clone());
            tokio::spawn(async move {
                let sent = backend.signal(&room, heard.to_signal()).await;
                if let Err(error) = sent {
                    tracing::debug!(%room, %error, "a sign of life was not passed on");
                }
            });
        }
    }

    /// The room as it is stored.
    pub(super) async fn load(&self, id: &RoomId) -> Result<Option<(Room<A>, Stamp)>, BackendError> {
        let loaded = self.node.backend.load(id, None).await?;
        let read = |loaded: Loaded| Ok((Replica::<A>::of(&loaded)?.room, loaded.stamp));
        loaded.map(read).transpose()
    }

    /// The room as it is stored, after an alarm that is due was decided, if that is possible now.
    pub(super) async fn load_rung(
        self: &Arc<Self>,
        id: &RoomId,
    ) -> Result<Option<(Room<A>, Stamp)>, BackendError> {
        let loaded = self.load(id).await?;
        let is_due =
            |(room, stamp): &(Room<A>, Stamp)| room.logic.alarm().is_some_and(|at| at <= stamp.now);
        if !loaded.as_ref().is_some_and(is_due) {
            return Ok(loaded);
        }
        self.ring(id).await;
        self.load(id).await
    }

    /// Has a room decide an alarm that is due, and waits for that.
    pub(super) async fn ring(self: &Arc<Self>, id: &RoomId) {
        let (answer, decided) = oneshot::channel();
        if self.deliver(id.clone(), |_| Ok(Mail::Ring(answer))).is_ok() {
            // Answered or not, whoever waits looks at the room.
            let _ = timeout(self.node.config.command_deadline, decided).await;
        }
    }

    /// Runs a room's task until nobody on this node needs it.
    async fn run_room(self: Arc<Self>, id: RoomId, mailbox: Mailbox<A>, inbox: Inbox<A>) {
        let open = OpenRoom::new(&self, &id, &mailbox);
        let mut task = RoomTask::new(&self.node, &id, &mailbox);
        while let Some(expires_at) = task.run_until_idle(&inbox).await {
            if self.retire_if_unneeded(&id, &inbox, expires_at) {
                return;
            }
        }
        open.retire();
        task.turn_away(&inbox);
    }

    /// Ends a room's task, unless somebody has just asked to join.
    fn retire_if_unneeded(&self, id: &RoomId, inbox: &Inbox<A>, expires_at: u64) -> bool {
        let mut entries = self.entries.lock();
        if !inbox.is_empty() {
            return false;
        }
        match entries.get_mut(id) {
            // A room that did not exist leaves no entry.
            Some(entry) if expires_at < u64::MAX => {
                entry.mailbox = None;
                entry.expires_at = expires_at;
            }
            _ => {
                entries.remove(id);
            }
        }
        true
    }

    /// The first ids, at most so many, of rooms that are open here and meet the condition, from
    /// behind this one on, sorted.
    pub(super) fn open_after(
        &self,
        after: &str,
        most: usize,
        is_asked: impl Fn(&RoomId) -> bool,
    ) -> Vec<RoomId> {
        let behind = (Bound::Excluded(after), Bound::Unbounded);
        let entries = self.entries.lock();
        let open = entries.range::<str, _>(behind);
        open.filter(|(id, entry)| entry.mailbox.is_some() && is_asked(id))
            .map(|(id, _)| id.clone())
            .take(most)
            .collect()
    }

    /// The mailbox of a room, if it is open here.
    pub(super) fn mailbox(&self, id: &RoomId) -> Option<Mailbox<A>> {
        self.entries.lock().get(id)?.mailbox.clone()
    }

    /// The mailboxes of all rooms that are open here.
    pub(super) fn mailboxes(&self) -> Vec<Mailbox<A>> {
        self.entries
            .lock()
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

/// A room that is open here. It is counted as long as its task runs, and marked as ended
/// with the task, even if the application's logic panics.
struct OpenRoom<'a, A: App> {
    rooms: &'a LocalRooms<A>,
    id: &'a RoomId,
    mailbox: &'a Mailbox<A>,
}

impl<'a, A: App> OpenRoom<'a, A> {
    fn new(rooms: &'a LocalRooms<A>, id: &'a RoomId, mailbox: &'a Mailbox<A>) -> Self {
        rooms.node.metrics.rooms.add(1);
        OpenRoom { rooms, id, mailbox }
    }

    /// Ends the task, even if somebody wants to join.
    fn retire(&self) {
        let mut entries = self.rooms.entries.lock();
        let is_its = |entry: &Entry<A>| {
            let own = entry.mailbox.as_ref();
            own.is_some_and(|own| own.is_same(self.mailbox))
        };
        if entries.get(self.id).is_some_and(is_its) {
            entries.remove(self.id);
        }
    }
}

impl<A: App> Drop for OpenRoom<'_, A> {
    fn drop(&mut self) {
        self.retire();
        self.rooms.node.metrics.rooms.add(-1);
    }
}

/// New secrets from the system's randomness: for a seat, and for a connection, by which somebody who
/// watches may say that they are there.
fn secrets() -> Result<(SeatToken, u64), Unavailable> {
    let (mut seat, mut connection) = ([0; 16], [0; 8]);
    getrandom::fill(&mut seat)
        .and_then(|()| getrandom::fill(&mut connection))
        .map_err(|error| Unavailable::Store(format!("no randomness: {error}")))?;
    let seat = SeatToken(u128::from_ne_bytes(seat));
    Ok((seat, u64::from_ne_bytes(connection)))
}

#[cfg(test)]
mod tests;
