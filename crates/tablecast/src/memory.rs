//! Rooms in this process' memory: the backend of one server without a store.
//!
//! Nothing here waits: one lock is held for each step, and every answer is ready at once.

mod keepsakes;
mod room;

use std::cmp::Reverse;
use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, BinaryHeap, HashMap};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use futures_util::stream;
use parking_lot::{Mutex, MutexGuard};
use tablecast_core::backend::{
    AlarmHint, Backend, BackendError, BackendFuture, Commit, Committed, Created, DueAlarms,
    HealthChanges, Keepsake, LOG_EVENTS, Listener, LiveNode, Loaded, NewRoom, Publication, Watch,
};
use tablecast_core::stored::Record;
use tablecast_core::{Forms, NodeId, Position, RoomId};

use self::keepsakes::Keepsakes;
use self::room::{Room, millis};

/// Half the log, so that all events after a snapshot are in the log, with some to spare.
const SNAPSHOT_INTERVAL: usize = LOG_EVENTS / 2;

/// How many expired rooms one step deletes at most. More than one, so that deleting is
/// faster than creating.
const SWEPT_BY_A_STEP: usize = 4;

/// How many expired rooms, and as many results, one renewal of a lease deletes at most. Renewals
/// come every few seconds, even if nobody makes or changes a room.
const SWEPT_BY_A_RENEWAL: usize = 4096;

/// Rooms in this process' memory. One value is one node's access to them; nodes
/// within one process share rooms by [`MemoryBackend::another_node`].
///
/// A node gets the publications of the others, not its own. Committed values are stored as
/// they are, and become bytes when somebody loads the room or another node watches it. In
/// debug builds they become bytes at once, so that types that cannot be serialised fail in
/// the first test.
pub struct MemoryBackend {
    store: Arc<Store>,
    /// Distinguishes this node's watchers from those of others.
    node: u64,
}

impl MemoryBackend {
    /// No rooms yet. The clock starts with the system's time and then counts the elapsed
    /// time: setting the system's clock expires nothing.
    pub fn new() -> Self {
        let begin = Instant::now();
        let since_1970 = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let since_1970 = millis(since_1970);
        Self::with_clock(move || since_1970.saturating_add(millis(begin.elapsed())))
    }

    /// No rooms yet, with this clock: milliseconds since 1970, never going back. It is read
    /// once in every step, under the lock.
    pub fn with_clock(clock: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        MemoryBackend {
            store: Arc::new(Store {
                clock: Box::new(clock),
                state: Mutex::default(),
                ids: AtomicU64::new(1),
            }),
            node: 0,
        }
    }

    /// The same rooms, clock and leases, for another node in this process.
    pub fn another_node(&self) -> Self {
        MemoryBackend {
            store: Arc::clone(&self.store),
            node: self.store.new_id(),
        }
    }

    fn commit_now(&self, id: &RoomId, mut commit: Commit) -> Result<Committed, BackendError> {
        let (mut state, now) = self.store.lock();
        state.sweep(now, SWEPT_BY_A_STEP);
        let state = &mut *state;
        let Some(topic) = state.topics.get_mut(id) else {
            return Ok(Committed::Gone);
        };
        let is_other = |watcher: &&Watcher| watcher.node != self.node;
        let others = topic.watchers.iter().any(|watcher| is_other(&watcher));
        let Some(room) = topic.room(now) else {
            return Ok(Committed::Gone);
        };
        let expected = commit.expected;
        let events = if others || cfg!(debug_assertions) {
            commit
                .events
                .iter()
                .map(Record::encode)
                .collect::<Result<_, _>>()?
        } else {
            Vec::new()
        };
        let alarm = commit.alarm;
        let keepsake = commit.keepsake.take();
        let keepsake = keepsake
            .map(|new| keepsakes::written(&new, now, now.saturating_add(millis(new.ttl))))
            .transpose()?;
        let committed = room.commit(commit, now)?;
        if let (Some(keepsake), Committed::Accepted(_)) = (keepsake, &committed) {
            state.keepsakes.keep(id, keepsake);
        }
        if let (Some(at), Committed::Accepted(_)) = (alarm, &committed) {
            let (room, seq) = (id.clone(), expected.seq + 1);
            note(&mut state.alarms, AlarmHint { at, room, seq });
        }
        if let (true, Committed::Accepted(stamp)) = (others, &committed) {
            let publication = Publication {
                epoch: expected.epoch,
                first: expected.seq + 1,
                events,
                stamp: *stamp,
            };
            // Under the lock, so that they get it in the order of the steps.
            for watcher in topic.watchers.iter().filter(is_other) {
                watcher.listener.published(publication.clone());
            }
        }
        Ok(committed)
    }
}

impl Default for MemoryBackend {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBackend").finish_non_exhaustive()
    }
}

impl Backend for MemoryBackend {
    fn create<'a>(&'a self, room: &'a RoomId, new: NewRoom) -> BackendFuture<'a, Created> {
        let (mut state, now) = self.store.lock();
        state.sweep(now, SWEPT_BY_A_STEP);
        let topic = state.topics.entry(room.clone()).or_default();
        if topic.room(now).is_some() {
            return BackendFuture::now(Ok(Created::Exists));
        }
        let alarm = new.alarm;
        let made = Room::new(new, now);
        let created = Created::New(made.position, made.stamp(now));
        let expiry = Expiry {
            at: made.expires_at,
            epoch: made.position.epoch.0,
            room: room.clone(),
        };
        topic.room = Some(made);
        state.expiries.push(Reverse(expiry));
        state.keepsakes.forget(room);
        if let Some(at) = alarm {
            let (room, seq) = (room.clone(), 0);
            note(&mut state.alarms, AlarmHint { at, room, seq });
        }
        BackendFuture::now(Ok(created))
    }

    fn load<'a>(
        &'a self,
        room: &'a RoomId,
        known: Option<Position>,
    ) -> BackendFuture<'a, Option<Loaded>> {
        let (mut state, now) = self.store.lock();
        let topic = state.topics.get_mut(room);
        let room = topic.and_then(|topic| topic.room(now));
        let loaded = room.map(|room| room.missing_since(known, now));
        BackendFuture::now(loaded.transpose())
    }

    fn commit<'a>(&'a self, room: &'a RoomId, commit: Commit) -> BackendFuture<'a, Committed> {
        BackendFuture::now(self.commit_now(room, commit))
    }

    fn keepsake<'a>(&'a self, room: &'a RoomId) -> BackendFuture<'a, Option<Keepsake>> {
        let (state, now) = self.store.lock();
        BackendFuture::now(Ok(state.keepsakes.get(room, now)))
    }

    fn due_alarms(&self, limit: usize) -> BackendFuture<'_, DueAlarms> {
        let (state, now) = self.store.lock();
        let due = state.alarms.iter().take_while(|hint| hint.at <= now);
        let hints = due.take(limit).cloned().collect();
        BackendFuture::now(Ok(DueAlarms { now, hints }))
    }

    fn forget_alarm<'a>(&'a self, hint: &'a AlarmHint) -> BackendFuture<'a, ()> {
        let (mut state, _) = self.store.lock();
        state.alarms.remove(hint);
        BackendFuture::now(Ok(()))
    }

    fn watch<'a>(
        &'a self,
        room: &'a RoomId,
        listener: Arc<dyn Listener>,
    ) -> (Watch, BackendFuture<'a, ()>) {
        let id = self.store.new_id();
        let (mut state, _) = self.store.lock();
        let topic = state.topics.entry(room.clone()).or_default();
        topic.watchers.push(Watcher {
            id,
            node: self.node,
            listener,
        });
        let (store, room) = (Arc::clone(&self.store), room.clone());
        let watch = Watch::new(move || store.unwatch(&room, id));
        (watch, BackendFuture::now(Ok(())))
    }

    fn signal<'a>(&'a self, room: &'a RoomId, signal: Bytes) -> BackendFuture<'a, ()> {
        let (state, _) = self.store.lock();
        let watchers = state.topics.get(room).map(|topic| &topic.watchers);
        for watcher in watchers.into_iter().flatten() {
            if watcher.node != self.node {
                watcher.listener.signalled(signal.clone());
            }
        }
        BackendFuture::now(Ok(()))
    }

    fn health(&self) -> HealthChanges {
        // It is always up.
        Box::pin(stream::pending())
    }

    fn renew<'a>(
        &'a self,
        node: &'a NodeId,
        forms: Forms,
        lease: Duration,
    ) -> BackendFuture<'a, Vec<LiveNode>> {
        let (mut state, now) = self.store.lock();
        state.sweep(now, SWEPT_BY_A_RENEWAL);
        state.keepsakes.sweep(now, SWEPT_BY_A_RENEWAL);
        state.leases.retain(|_, (_, end)| *end > now);
        let end = now.saturating_add(millis(lease));
        state.leases.insert(node.clone(), (forms, end));
        let live = state.leases.iter().map(|(id, (forms, _))| LiveNode {
            id: id.clone(),
            forms: *forms,
        });
        BackendFuture::now(Ok(live.collect()))
    }

    fn release<'a>(&'a self, node: &'a NodeId) -> BackendFuture<'a, ()> {
        let (mut state, _) = self.store.lock();
        state.leases.remove(node);
        BackendFuture::now(Ok(()))
    }

    fn snapshot_interval(&self) -> usize {
        SNAPSHOT_INTERVAL
    }

    fn resync_interval(&self) -> Option<Duration> {
        None
    }
}

/// What the nodes share.
struct Store {
    clock: Box<dyn Fn() -> u64 + Send + Sync>,
    state: Mutex<State>,
    /// The next for a node or a watcher.
    ids: AtomicU64,
}

impl Store {
    /// The state, and the time. The time is read under the lock, so that it grows in the
    /// order of the steps.
    fn lock(&self) -> (MutexGuard<'_, State>, u64) {
        let state = self.state.lock();
        let now = (self.clock)();
        (state, now)
    }

    fn new_id(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }

    fn unwatch(&self, room: &RoomId, id: u64) {
        let (mut state, now) = self.lock();
        let Some(topic) = state.topics.get_mut(room) else {
            return;
        };
        let at = topic.watchers.iter().position(|watcher| watcher.id == id);
        let gone = at.map(|at| topic.watchers.remove(at));
        if topic.room(now).is_none() && topic.watchers.is_empty() {
            state.topics.remove(room);
        }
        drop(state);
        // Dropping its listener may call the store, so not under the lock.
        drop(gone);
    }
}

#[derive(Default)]
struct State {
    /// Looked up with each commit, so the hash function costs a fifth of the standard
    /// library's. It is weaker against chosen keys, but servers name the rooms, and only
    /// existing rooms have a topic.
    topics: HashMap<RoomId, Topic, foldhash::fast::RandomState>,
    /// One entry for each room, due at its expiry or earlier.
    expiries: BinaryHeap<Reverse<Expiry>>,
    /// What forms each node reads, and when its lease ends.
    leases: HashMap<NodeId, (Forms, u64)>,
    keepsakes: Keepsakes,
    alarms: BTreeSet<AlarmHint>,
}

impl State {
    /// Deletes expired rooms; checks at most `at_most` entries.
    fn sweep(&mut self, now: u64, at_most: usize) {
        for _ in 0..at_most {
            if self.expiries.peek().is_none_or(|next| next.0.at > now) {
                return;
            }
            let Some(Reverse(due)) = self.expiries.pop() else {
                return;
            };
            let Entry::Occupied(mut topic) = self.topics.entry(due.room.clone()) else {
                continue;
            };
            match topic.get_mut().room(now) {
                // It was extended since.
                Some(room) if room.position.epoch.0 == due.epoch => {
                    let at = room.expires_at;
                    self.expiries.push(Reverse(Expiry { at, ..due }));
                }
                // A later room of this name has its own entry.
                Some(_) => {}
                None => {
                    if topic.get().watchers.is_empty() {
                        topic.remove();
                    }
                }
            }
        }
    }
}

/// Notes a hint in place of the one of the same room and time.
fn note(alarms: &mut BTreeSet<AlarmHint>, hint: AlarmHint) {
    let first = AlarmHint {
        seq: 0,
        ..hint.clone()
    };
    let is_its = |one: &&AlarmHint| (one.at, &one.room) == (hint.at, &hint.room);
    let before = alarms.range(first..).next().filter(is_its).cloned();
    if let Some(before) = before {
        alarms.remove(&before);
    }
    alarms.insert(hint);
}

/// When to check whether a room has expired, ordered by time.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Expiry {
    at: u64,
    epoch: u64,
    room: RoomId,
}

/// Everything under one id. It may be watched before and after a room exists.
#[derive(Default)]
struct Topic {
    room: Option<Room>,
    watchers: Vec<Watcher>,
}

struct Watcher {
    id: u64,
    /// The watcher's node, which does not get its own publications.
    node: u64,
    listener: Arc<dyn Listener>,
}

impl Topic {
    /// The room; if it has expired, it is deleted.
    fn room(&mut self, now: u64) -> Option<&mut Room> {
        if self
            .room
            .as_ref()
            .is_some_and(|room| room.expires_at <= now)
        {
            self.room = None;
        }
        self.room.as_mut()
    }
}

#[cfg(test)]
mod tests;
