//! The port to where rooms live. There is no code behind it here: a backend
//! stores and orders opaque bytes and knows neither members nor menus.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use tablecast_protocol::position::{Epoch, Position};

use crate::id::{NodeId, RoomId};
use crate::stored::{Record, StoredError};

/// What a backend answers: a future. A store in the same process has the answer at
/// once, and whoever asked need neither box it nor wait for it.
pub struct BackendFuture<'a, T>(Answer<'a, T>);

enum Answer<'a, T> {
    /// `None` once it was taken.
    Now(Option<Result<T, BackendError>>),
    Later(Pin<Box<dyn Future<Output = Result<T, BackendError>> + Send + 'a>>),
}

impl<'a, T> BackendFuture<'a, T> {
    /// The answer is there.
    pub fn now(answer: Result<T, BackendError>) -> Self {
        BackendFuture(Answer::Now(Some(answer)))
    }

    /// The answer has to be waited for. The store is asked when this is polled for the first
    /// time, not before: whoever asks takes the time in between.
    pub fn later(answer: impl Future<Output = Result<T, BackendError>> + Send + 'a) -> Self {
        BackendFuture(Answer::Later(Box::pin(answer)))
    }

    /// The answer, if it is there.
    ///
    /// # Errors
    /// It has to be waited for: the future again.
    pub fn at_once(self) -> Result<Result<T, BackendError>, Self> {
        match self.0 {
            Answer::Now(Some(answer)) => Ok(answer),
            later => Err(BackendFuture(later)),
        }
    }
}

// Nothing points into an answer, and what is to come is pinned in its box.
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

/// How a backend's health goes on: a stream, which needs no runtime, so that the core
/// knows none.
pub type HealthChanges = Pin<Box<dyn Stream<Item = Health> + Send>>;

/// Events kept for a room in its log, at least. They serve members who
/// reconnect, nodes that catch up, and the recognition of a command that
/// arrives a second time.
pub const LOG_EVENTS: usize = 256;

/// Why a backend could not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BackendError {
    /// It could not be reached: what was asked has not happened and will not.
    #[error("the store cannot be reached: {0}")]
    Unavailable(String),
    /// It was reached and takes no changes at the moment, for this reason, in words
    /// that anybody may read: what was asked has not happened and will not.
    #[error("the store takes no changes at the moment: {0}")]
    Refused(String),
    /// It did not answer in time or the connection broke: what was asked may
    /// have happened, or may still. Ask again by position to find out.
    #[error("the store did not answer, the outcome is unknown: {0}")]
    Unknown(String),
    /// It answered with something that cannot be understood.
    #[error("the store answered what cannot be understood: {0}")]
    Corrupt(String),
    /// The application's state or event has no stored form; nothing has happened.
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
    /// When the answer was made.
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
    /// How long it lives however often it is extended.
    pub max_age: Duration,
}

/// What became of a room to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// It is there now, at this position (seq 0).
    New(Position, Stamp),
    /// There was one with this id; nothing was changed.
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

/// A room, or what is missing of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// Where the room stands.
    pub position: Position,
    /// The backend's clock, and when the room expires.
    pub stamp: Stamp,
    /// Present unless the position that was asked about is in the same epoch
    /// and `events` reach back to it.
    pub snapshot: Option<Snapshot>,
    /// Contiguous, and the last one has seq `position.seq`. Without a snapshot:
    /// exactly what follows the position that was asked about (nothing, if it is
    /// the newest). With one: all that is kept of the log, which may begin
    /// before the snapshot's seq and always covers what follows it.
    pub events: Vec<StoredEvent>,
}

/// One atomic step: all of it happens, or nothing.
#[derive(Debug, Clone)]
pub struct Commit {
    /// Where the room must stand, or else it is a conflict.
    pub expected: Position,
    /// What happened; the first gets seq `expected.seq + 1`. Never empty.
    pub events: Vec<Record>,
    /// The state after the last event. A room hands one over as often as
    /// [`Backend::snapshot_interval`] asks for.
    pub snapshot: Option<Record>,
    /// Lets the room live this much longer from now (never less than it would,
    /// never beyond its maximum age). `None` leaves the expiry as it is.
    pub extend: Option<Duration>,
    /// What is to be kept beyond the room's life from here on, in place of what was
    /// kept before. `None` leaves that as it is.
    pub keepsake: Option<NewKeepsake>,
}

/// Something to be kept beyond the life of the room that leaves it.
#[derive(Debug, Clone)]
pub struct NewKeepsake {
    /// What it is.
    pub what: Record,
    /// How long it is kept from the commit on, whatever becomes of the room.
    pub ttl: Duration,
}

/// What a room left, or leaves when it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keepsake {
    /// What it is, as it was committed.
    pub what: Bytes,
    /// When it was committed (backend clock, ms).
    pub kept_at: u64,
    /// Until when it is kept (backend clock, ms).
    pub kept_until: u64,
}

/// What became of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Committed {
    /// Ordered and stored. The room stands at `expected.after(events.len())`.
    Accepted(Stamp),
    /// Nothing was changed, since the room stands elsewhere: here is what is
    /// missing, as from [`Backend::load`].
    Conflict(Loaded),
    /// The room does not exist (any more).
    Gone,
}

/// Events that were committed, on their way to another node. Only a hint: it may come
/// late, twice, out of order or never, and is checked by position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// In which history.
    pub epoch: Epoch,
    /// The seq of the first of the events.
    pub first: u64,
    /// The events, as they were committed.
    pub events: Vec<Bytes>,
    /// The clock at the commit, and the new expiry.
    pub stamp: Stamp,
}

/// Who watches a room.
///
/// A backend may hold a lock while it calls these: they never block, and do not call
/// the backend.
pub trait Listener: Send + Sync + 'static {
    /// Events were committed on another node, or, as some backends tell as well, here.
    fn published(&self, publication: Publication);

    /// Something may have been missed: load the room by its position.
    fn missed(&self);
}

/// That a room is watched. Dropping it ends the watching, and does not wait.
pub struct Watch(Option<Box<dyn FnOnce() + Send>>);

impl Watch {
    /// What is watched until `end` is called.
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

/// Whether a backend is of use: only if changes pass. That it answers is not
/// enough, for a store may answer and refuse every change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It takes changes.
    Up,
    /// It cannot be reached, for this reason.
    Down(String),
    /// It is reached and takes no changes.
    Refusing {
        /// Why, in words that anybody may read.
        why: String,
        /// What the store itself says of it, for those who run it.
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

/// Where rooms live.
///
/// Every implementation passes the contract suite of `tablecast-testing`. All
/// methods may be called from any task at any time, and a future that is
/// dropped leaves the outcome unknown, never half done. A call that cannot be
/// answered ends with an error within about one second.
pub trait Backend: Send + Sync + 'static {
    /// Makes a room, unless there is one with this id. What an earlier room of this
    /// id left is forgotten in the same step: what is kept under an id is always
    /// the newest room's.
    fn create<'a>(&'a self, room: &'a RoomId, new: NewRoom) -> BackendFuture<'a, Created>;

    /// Where the room stands and what is missing since `known`; everything, if
    /// `known` is `None`. The answer is `None` if the room does not exist.
    fn load<'a>(
        &'a self,
        room: &'a RoomId,
        known: Option<Position>,
    ) -> BackendFuture<'a, Option<Loaded>>;

    /// Takes one step, if the room stands where the commit expects it.
    fn commit<'a>(&'a self, room: &'a RoomId, commit: Commit) -> BackendFuture<'a, Committed>;

    /// What the room keeps beyond its life, whether it still lives or not. `None` if
    /// nothing was committed to be kept, or its time is over. A backend that keeps
    /// a bounded number of them forgets the oldest first.
    fn keepsake<'a>(&'a self, room: &'a RoomId) -> BackendFuture<'a, Option<Keepsake>>;

    /// Begins to tell `listener` of this room's publications by other nodes, and possibly
    /// this node's own, for as long as the [`Watch`] is kept. Once the future is `Ok`, no
    /// later commit of another node goes unnoticed: it is published, or the listener hears
    /// that it [missed](Listener::missed) something. If the backend cannot be reached, or
    /// the future is dropped, the room is watched all the same as soon as that is
    /// possible, and then the listener hears that it missed something. A room may be
    /// watched by several listeners; each has its own watch.
    fn watch<'a>(
        &'a self,
        room: &'a RoomId,
        listener: Arc<dyn Listener>,
    ) -> (Watch, BackendFuture<'a, ()>);

    /// How the backend is, and each time that this changes. Whoever reads slowly is told
    /// the newest, and need not be told what was in between. Before the first it counts
    /// as up. The stream ends when the backend has died and will tell nothing any more.
    fn health(&self) -> HealthChanges;

    /// Claims that `node` lives for `lease` from now, and returns all nodes that
    /// live by the backend's clock (with `node` among them).
    fn renew<'a>(&'a self, node: &'a NodeId, lease: Duration) -> BackendFuture<'a, Vec<NodeId>>;

    /// Gives up a node's claim.
    fn release<'a>(&'a self, node: &'a NodeId) -> BackendFuture<'a, ()>;

    /// A room hands over a snapshot with each commit that reaches or passes a
    /// multiple of this many events: 1 means with each commit. At least 1, at
    /// most [`LOG_EVENTS`].
    fn snapshot_interval(&self) -> usize;

    /// How often a room on which nothing happens is to be compared with the
    /// store, in case a publication was lost. `None` where none can be lost.
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
