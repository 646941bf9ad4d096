//! The port to the store of rooms. The implementations are elsewhere: a backend stores and
//! orders opaque bytes, and knows neither members nor menus.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use tablecast_protocol::position::{Epoch, Position};

use crate::forms::Forms;
use crate::id::{NodeId, RoomId};
use crate::stored::{Record, StoredError};

/// The answer of a backend: a future. A store in the same process has the answer at once;
/// then it is neither boxed nor waited for.
pub struct BackendFuture<'a, T>(Answer<'a, T>);

enum Answer<'a, T> {
    /// `None` after the answer was taken.
    Now(Option<Result<T, BackendError>>),
    Later(Pin<Box<dyn Future<Output = Result<T, BackendError>> + Send + 'a>>),
}

impl<'a, T> BackendFuture<'a, T> {
    /// The answer is there.
    pub fn now(answer: Result<T, BackendError>) -> Self {
        BackendFuture(Answer::Now(Some(answer)))
    }

    /// The answer must be waited for. The store is asked at the first poll, not before, so
    /// the caller can note the time before it polls.
    pub fn later(answer: impl Future<Output = Result<T, BackendError>> + Send + 'a) -> Self {
        BackendFuture(Answer::Later(Box::pin(answer)))
    }

    /// The answer, if it is there.
    ///
    /// # Errors
    /// The answer must be waited for: returns the future.
    pub fn at_once(self) -> Result<Result<T, BackendError>, Self> {
        match self.0 {
            Answer::Now(Some(answer)) => Ok(answer),
            later => Err(BackendFuture(later)),
        }
    }
}

// Nothing points into an answer, and the future is pinned in its box.
impl<T> Unpin for BackendFuture<'_, T> {}

impl<T> Future for BackendFuture<'_, T> {
    type Output = Result<T, BackendError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Answer::Now(answer) => answer.take().map_or(Poll::Pending, Poll::Ready),
            Answer::Later(answer) => answer.as_mut().poll(cx),
        }
    }
}

impl<T> fmt::Debug for BackendFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackendFuture").finish_non_exhaustive()
    }
}

/// The changes of a backend's health. A stream needs no runtime, so the core does not
/// depend on one.
pub type HealthChanges = Pin<Box<dyn Stream<Item = Health> + Send>>;

/// Events kept for a room in its log, at least. They serve members who
/// reconnect, nodes that catch up, and the recognition of a command that
/// arrives a second time.
pub const LOG_EVENTS: usize = 256;

/// Why a backend could not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BackendError {
    /// It could not be reached: the request has not happened and will not happen.
    #[error("the store cannot be reached: {0}")]
    Unavailable(String),
    /// It was reached but takes no changes at the moment, for this reason, in words that
    /// anybody may read: the request has not happened and will not happen.
    #[error("the store takes no changes at the moment: {0}")]
    Refused(String),
    /// It did not answer in time or the connection broke: the request may have happened, or
    /// may still happen. Ask again by position to find out.
    #[error("the store did not answer, the outcome is unknown: {0}")]
    Unknown(String),
    /// It answered with something that cannot be understood.
    #[error("the store answered what cannot be understood: {0}")]
    Corrupt(String),
    /// The application's state or event cannot be serialised; nothing has happened.
    #[error("what was to be stored cannot be written: {0}")]
    Unwritable(String),
}

impl From<StoredError> for BackendError {
    fn from(error: StoredError) -> Self {
        BackendError::Unwritable(error.to_string())
    }
}

/// The time by the backend's clock, the only one that decides expiry, in
/// milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The time of the answer.
    pub now: u64,
    /// When the room expires, if nothing extends it.
    pub expires_at: u64,
}

/// A room to be made.
#[derive(Debug, Clone)]
pub struct NewRoom {
    /// Its state at seq 0.
    pub snapshot: Bytes,
    /// How long it lives unless extended.
    pub ttl: Duration,
    /// How long it lives at most, however often it is extended.
    pub max_age: Duration,
    /// Its alarm (backend clock, ms). With one, the room lives `ttl` beyond it. See
    /// [`Commit::alarm`].
    pub alarm: Option<u64>,
}

/// The result of making a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// It exists now, at this position (seq 0).
    New(Position, Stamp),
    /// A room with this id exists already; nothing was changed.
    Exists,
}

/// A state, and the seq of the last event in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The last event that is part of it.
    pub seq: u64,
    /// The state, as it was committed.
    pub state: Bytes,
}

/// One event as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its place in the room's history.
    pub seq: u64,
    /// The event, as it was committed.
    pub event: Bytes,
}

/// A room, or the part of it that the caller does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The room's position.
    pub position: Position,
    /// The backend's clock, and when the room expires.
    pub stamp: Stamp,
    /// No extension lets the room live longer than this (backend clock, ms).
    pub dies_at: u64,
    /// Absent if the given position is in the same epoch and `events` reach back to it.
    pub snapshot: Option<Snapshot>,
    /// Contiguous; the last one has seq `position.seq`. Without a snapshot: exactly the
    /// events after the given position (none, if it is the newest). With one: the whole
    /// log, which may begin before the snapshot's seq and always covers what follows it.
    pub events: Vec<StoredEvent>,
}

/// One atomic step: all of it happens, or nothing.
#[derive(Debug, Clone)]
pub struct Commit {
    /// The position that the room must have; otherwise it is a conflict.
    pub expected: Position,
    /// What happened; the first gets seq `expected.seq + 1`. Never empty.
    pub events: Vec<Record>,
    /// The state after the last event. A room adds one as often as
    /// [`Backend::snapshot_interval`] asks for.
    pub snapshot: Option<Record>,
    /// Lets the room live this much longer from now (never less than it would,
    /// never beyond its maximum age). `None` leaves the expiry as it is.
    pub extend: Option<Duration>,
    /// The room's new result, which replaces the earlier one and is kept beyond the room's
    /// life. `None` keeps the earlier one.
    pub keepsake: Option<NewKeepsake>,
    /// The room's new alarm (backend clock, ms), of which the store keeps a hint: see
    /// [`Backend::due_alarms`]. `None` if the events set none; hints of earlier alarms stay.
    pub alarm: Option<u64>,
}

/// A result of a room, to be kept beyond the room's life.
#[derive(Debug, Clone)]
pub struct NewKeepsake {
    /// The content.
    pub what: Record,
    /// How long it is kept after the commit, whether the room lives or not.
    pub ttl: Duration,
}

/// The result of a room, which outlives the room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keepsake {
    /// The content, as it was committed.
    pub what: Bytes,
    /// When it was committed (backend clock, ms).
    pub kept_at: u64,
    /// Until when it is kept (backend clock, ms).
    pub kept_until: u64,
}

/// What a store notes of an alarm, no later than the commit that sets it. Only a hint: the
/// commit may have been refused, and the room may have another alarm since. Of one room and time
/// the newest hint takes the place of the others: each opening of a room notes its alarm again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlarmHint {
    /// When the alarm is due (backend clock, ms).
    pub at: u64,
    /// The room.
    pub room: RoomId,
    /// The seq of the first event of the commit; 0 for a new room. A room that has come so far
    /// has taken the commit or never will.
    pub seq: u64,
}

/// Hints of alarms that are due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueAlarms {
    /// The backend's clock (ms since 1970).
    pub now: u64,
    /// The earliest first.
    pub hints: Vec<AlarmHint>,
}

/// The outcome of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Committed {
    /// Ordered and stored. The room is at `expected.after(events.len())`.
    Accepted(Stamp),
    /// Nothing was changed, because the room is at another position: here is what is
    /// missing, as from [`Backend::load`].
    Conflict(Loaded),
    /// The room does not exist (any more).
    Gone,
}

/// Committed events on their way to another node. Only a hint: it may come late, twice, out
/// of order or never, so it is checked by position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// The history that they belong to.
    pub epoch: Epoch,
    /// The seq of the first of the events.
    pub first: u64,
    /// The events, as they were committed.
    pub events: Vec<Bytes>,
    /// The clock at the commit, and the new expiry.
    pub stamp: Stamp,
}

/// A watcher of a room.
///
/// A backend may hold a lock while it calls these methods: they must not block or call the
/// backend.
pub trait Listener: Send + Sync + 'static {
    /// Events were committed on another node. Some backends also report those of this node.
    fn published(&self, publication: Publication);

    /// Something may have been missed: load the room by its position.
    fn missed(&self);

    /// Another node has sent a [signal](Backend::signal). Whoever knows none passes over it.
    fn signalled(&self, signal: Bytes) {
        let _ = signal;
    }
}

/// The guard of a watched room. Dropping it ends the watch without waiting.
pub struct Watch(Option<Box<dyn FnOnce() + Send>>);

impl Watch {
    /// A guard that calls `end` when it is dropped.
    pub fn new(end: impl FnOnce() + Send + 'static) -> Self {
        Watch(Some(Box::new(end)))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(end) = self.0.take() {
            end();
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}

/// Whether a backend is usable: only if changes pass. An answer is not enough, because a
/// store may answer and still refuse every change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It takes changes.
    Up,
    /// It cannot be reached, for this reason.
    Down(String),
    /// It can be reached but takes no changes.
    Refusing {
        /// Why, in words that anybody may read.
        why: String,
        /// The store's own words, for operators.
        words: String,
    },
}

impl Health {
    /// Whether changes pass.
    pub fn is_up(&self) -> bool {
        match self {
            Health::Up => true,
            Health::Down(_) | Health::Refusing { .. } => false,
        }
    }
}

/// A node that lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveNode {
    /// Its id.
    pub id: NodeId,
    /// The newest forms that it reads; [`Forms::FIRST`] if it does not say any.
    pub forms: Forms,
}

/// Where rooms live.
///
/// Every implementation passes the contract suite of `tablecast-testing`. All methods may
/// be called from any task at any time. If a future is dropped, the outcome is unknown, but
/// the step is never half done. A call that cannot be answered ends with an error: by
/// default within about one second.
pub trait Backend: Send + Sync + 'static {
    /// Makes a room, unless there is one with this id. The same step deletes the result of
    /// an earlier room of this id: the result under an id is always that of the newest
    /// room.
    fn create<'a>(&'a self, room: &'a RoomId, new: NewRoom) -> BackendFuture<'a, Created>;

    /// The room's position and what is missing since `known`; everything, if `known` is
    /// `None`. The answer is `None` if the room does not exist.
    fn load<'a>(
        &'a self,
        room: &'a RoomId,
        known: Option<Position>,
    ) -> BackendFuture<'a, Option<Loaded>>;

    /// Takes one step, if the room is at the expected position.
    fn commit<'a>(&'a self, room: &'a RoomId, commit: Commit) -> BackendFuture<'a, Committed>;

    /// The room's result, whether the room still lives or not. `None` if there was no
    /// result, or its time is over. A backend that keeps a limited number of results
    /// forgets the oldest first.
    fn keepsake<'a>(&'a self, room: &'a RoomId) -> BackendFuture<'a, Option<Keepsake>>;

    /// The hints of alarms that are due, at most `limit` of them. Each hint stays until it is
    /// [forgotten](Backend::forget_alarm), whatever became of its room.
    fn due_alarms(&self, limit: usize) -> BackendFuture<'_, DueAlarms>;

    /// Forgets a hint. To be called only when the alarm was decided, or can never come: an alarm
    /// without a hint rings only where its room is open.
    fn forget_alarm<'a>(&'a self, hint: &'a AlarmHint) -> BackendFuture<'a, ()>;

    /// Passes this room's publications by other nodes, and possibly by this node, to
    /// `listener` for as long as the [`Watch`] is kept. Once the future is `Ok`, no later
    /// commit of another node goes unnoticed: it is published, or the listener is told that
    /// it [missed](Listener::missed) something. If the backend cannot be reached, or the
    /// future is dropped, the room is still watched as soon as possible, and then the
    /// listener is told that it missed something. Several listeners may watch a room; each
    /// has its own watch.
    fn watch<'a>(
        &'a self,
        room: &'a RoomId,
        listener: Arc<dyn Listener>,
    ) -> (Watch, BackendFuture<'a, ()>);

    /// Passes a few bytes to who watches the room on other nodes. It is stored nowhere, has no
    /// place among the publications, and may be lost. A store that has no other nodes does nothing.
    fn signal<'a>(&'a self, room: &'a RoomId, signal: Bytes) -> BackendFuture<'a, ()> {
        let _ = (room, signal);
        BackendFuture::now(Ok(()))
    }

    /// The health now, and after each change. A slow reader gets the newest value and may
    /// miss those in between. Before the first value the backend counts as up. The stream
    /// ends when the backend has died.
    fn health(&self) -> HealthChanges;

    /// Claims that `node` lives for `lease` from now and reads these forms, and returns all
    /// nodes that live by the backend's clock (with `node` among them).
    fn renew<'a>(
        &'a self,
        node: &'a NodeId,
        forms: Forms,
        lease: Duration,
    ) -> BackendFuture<'a, Vec<LiveNode>>;

    /// Gives up a node's claim.
    fn release<'a>(&'a self, node: &'a NodeId) -> BackendFuture<'a, ()>;

    /// A room adds a snapshot to each commit that reaches or passes a multiple of this many
    /// events: 1 means to each commit. At least 1, at most [`LOG_EVENTS`].
    fn snapshot_interval(&self) -> usize;

    /// How often a quiet room is compared with the store, in case a publication was lost.
    /// `None` if none can be lost.
    fn resync_interval(&self) -> Option<Duration>;

    /// How many rooms are stored, where they are all of this process or of one before it:
    /// then the limit of rooms counts these. `None` where others make rooms as well, or
    /// none is older than the process.
    fn stored_rooms(&self) -> Option<usize> {
        None
    }

    /// Whether this node is the only one that uses the store. Then a seat that another node
    /// holds was held by a process that has ended.
    fn is_exclusive(&self) -> bool {
        false
    }
}
