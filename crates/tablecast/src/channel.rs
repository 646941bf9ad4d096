//! The connections of one room and the fan-out to them. It knows nothing of a room's state,
//! and can be used alone: for a chat, a relay, a news ticker.
//!
//! Its guarantees hold without any action of its user:
//! - joining and leaving at the same time neither lose nor double a connection;
//! - leaving twice, or leaving a channel that has already removed the connection, is fine;
//! - a broken or stalled connection neither fails nor delays a broadcast: it is removed and
//!   closed;
//! - all get the broadcasts in the same order, and a broadcast reaches exactly those who
//!   joined before it and have not left.
//!
//! A [`broadcast`](Channel::broadcast) is written at the end of the runtime's turn,
//! together with all others of that turn. So messages of several members reach each socket
//! in one write, and the write is most of the cost of a delivery. A frame for one
//! [`Outbox`], or its close, still comes after earlier broadcasts. A large channel is
//! written in pieces, by several workers, and other tasks run in between.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tablecast_core::CloseReason;
use tokio::runtime::Handle;

use crate::codec::{Frame, Frames};
use crate::outbox::{Outbox, Upstream};
use crate::sync::{AtomicBool, Mutex, MutexGuard, Ordering};

/// Another lane is opened when each lane has this many connections: with fewer, waking a
/// second worker costs more than the writes.
const LANE: usize = 512;

/// How many connections are written to before other tasks run: about 300 µs of work.
const PIECE: usize = 128;

/// Beyond this many waiting bytes the broadcaster writes them itself, and so is slowed down
/// to the speed of the sockets. A larger limit would save almost nothing: such a write
/// costs mostly by its bytes.
const WAITING_BYTES: usize = 16 * 1024;

/// A registry of connections, and the fan-out to them.
#[derive(Debug, Default)]
pub struct Channel {
    /// Held while a broadcast is put into all lanes, so that all lanes have the same order.
    /// Empty until somebody joins; at most one for each worker; never removed.
    lanes: Mutex<Vec<Arc<Lane>>>,
}

/// A connection's membership in a channel. Dropping it leaves the channel.
#[derive(Debug)]
#[must_use = "dropping this leaves the channel"]
pub struct Subscription {
    lane: Arc<Lane>,
    id: u64,
    /// A channel lives as long as somebody is in it.
    _channel: Arc<Channel>,
}

/// When a broadcast is written.
#[derive(Debug, Clone, Copy)]
enum When {
    WithTheNext,
    AtTheEndOfTheTurn,
    Now,
}

impl Channel {
    /// An empty channel.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Adds a connection; it gets every broadcast from now on.
    pub fn join(self: &Arc<Self>, outbox: Arc<Outbox>) -> Subscription {
        let lane = shortest(&mut self.lanes.lock());
        Subscription {
            id: lane.join(outbox),
            lane,
            _channel: self.clone(),
        }
    }

    /// Sends to all at the end of the runtime's turn, and returns their number. Without a
    /// runtime it sends at once.
    pub fn broadcast(&self, frame: Frame) -> usize {
        self.send(frame, When::AtTheEndOfTheTurn)
    }

    /// Adds a frame to the next broadcast, and returns how many connections get it.
    pub fn stage(&self, frame: Frame) -> usize {
        self.send(frame, When::WithTheNext)
    }

    /// Sends to all without waiting for the end of the turn, in one write with waiting
    /// frames, and returns their number. In a large channel it writes only the first piece
    /// at once.
    pub fn broadcast_now(&self, frame: Frame) -> usize {
        self.send(frame, When::Now)
    }

    fn send(&self, frame: Frame, when: When) -> usize {
        let lanes = self.lanes.lock();
        let Some((last, others)) = lanes.split_last() else {
            return 0;
        };
        let others = others.iter().map(|lane| lane.send(frame.clone(), when));
        others.sum::<usize>() + last.send(frame, when)
    }

    /// How many connections are in it.
    pub fn len(&self) -> usize {
        self.lanes.lock().iter().map(|lane| lane.len()).sum()
    }

    /// Whether no connection is in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The lane for the next connection.
fn shortest(lanes: &mut Vec<Arc<Lane>>) -> Arc<Lane> {
    match lanes.iter().min_by_key(|lane| lane.len()) {
        Some(lane) if lane.len() < LANE || lanes.len() >= workers() => lane.clone(),
        _ => {
            let lane = Arc::<Lane>::default();
            lanes.push(lane.clone());
            lane
        }
    }
}

/// How many tasks can run at the same time.
fn workers() -> usize {
    Handle::try_current().map_or(1, |runtime| runtime.metrics().num_workers())
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.lane.leave(self.id);
    }
}

/// A part of a channel's connections, written to by one task at a time.
#[derive(Debug, Default)]
struct Lane {
    state: Mutex<State>,
    /// Whether frames wait. It changes only under the lock, and is read without it.
    waits: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    /// In order of joining, so sorted by id.
    peers: Vec<Peer>,
    /// The next peer's id.
    next_id: u64,
    /// The number of the first frame in `frames`.
    first: u64,
    /// Frames that some connections have not got yet.
    frames: Vec<Frame>,
    bytes: usize,
    /// The batch being written: the first of the frames.
    batch: Option<Batch>,
    /// The task that writes at the end of a turn, once it has run.
    flusher: Option<Waker>,
    /// The task will run, so it need not be woken.
    is_due: bool,
}

#[derive(Debug)]
struct Batch {
    count: usize,
    /// All its frames joined, if there are several.
    joined: Option<Frame>,
    /// The id of the first peer that has not got it.
    from: u64,
}

#[derive(Debug)]
struct Peer {
    id: u64,
    /// The number of the next frame that it gets.
    next: u64,
    outbox: Arc<Outbox>,
}

impl Lane {
    /// Returns the connection's id.
    fn join(self: &Arc<Self>, outbox: Arc<Outbox>) -> u64 {
        let mut state = self.state.lock();
        let (id, next) = (state.next_id, state.end());
        state.next_id += 1;
        outbox.follow(id, self.clone());
        state.peers.push(Peer { id, next, outbox });
        id
    }

    /// Removes a connection, after it has got all earlier broadcasts.
    fn leave(self: &Arc<Self>, id: u64) {
        let mut state = self.state.lock();
        state.settle(id);
        if let Some(peer) = state.remove(id) {
            let lane: Arc<dyn Upstream> = self.clone();
            peer.outbox.unfollow(id, &lane);
        }
        if state.peers.is_empty()
            && !state.is_due
            && let Some(flusher) = &state.flusher
        {
            flusher.wake_by_ref();
            state.is_due = true;
        }
    }

    fn len(&self) -> usize {
        self.state.lock().peers.len()
    }

    /// Returns how many connections get the frame.
    fn send(self: &Arc<Self>, frame: Frame, when: When) -> usize {
        let mut state = self.state.lock();
        if state.peers.is_empty() {
            return 0;
        }
        state.bytes += frame.len();
        state.frames.push(frame);
        self.waits.store(true, Ordering::Relaxed);
        while state.bytes > WAITING_BYTES && self.write_piece(&mut state) {}
        let reached = state.peers.len();
        let is_left = match when {
            When::WithTheNext => false,
            When::AtTheEndOfTheTurn => !state.frames.is_empty(),
            When::Now => self.write_piece(&mut state),
        };
        if is_left {
            self.write_later(state);
        }
        reached
    }

    fn write_later(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        if state.is_due {
            return;
        }
        state.is_due = true;
        if let Some(flusher) = &state.flusher {
            return at_end_of_turn(flusher);
        }
        match Handle::try_current() {
            Ok(runtime) => {
                // A runtime that is shutting down drops the task at once, and that takes the lock.
                drop(state);
                runtime.spawn(Flush(Some(self.clone())));
            }
            Err(_) => {
                state.is_due = false;
                while self.write_piece(&mut state) {}
            }
        }
    }

    /// Writes to the next [`PIECE`] connections; returns whether something is left.
    fn write_piece(&self, state: &mut State) -> bool {
        let mut left = PIECE;
        while let Some(mut batch) = state.batch.take().or_else(|| state.next_batch()) {
            let end = state.first + batch.count as u64;
            let frame = batch.joined.as_ref().unwrap_or(&state.frames[0]);
            let start = match batch.from {
                0 => 0,
                from => state.peers.partition_point(|peer| peer.id < from),
            };
            let stop = state.peers.len().min(start + left);
            let mut gone = Vec::new();
            for peer in &mut state.peers[start..stop] {
                let sent = if peer.next == state.first {
                    peer.next = end;
                    peer.outbox.deliver(frame)
                } else {
                    peer.catch_up(&state.frames, state.first, end)
                };
                // `deliver` has closed the connection; here it is only removed.
                if sent.is_err() {
                    gone.push(peer.id);
                }
            }
            left -= stop - start;
            let unreached = state.peers.get(stop).map(|peer| peer.id);
            for id in gone {
                state.remove(id);
            }
            if let Some(id) = unreached {
                batch.from = id;
                state.batch = Some(batch);
                return true;
            }
            state.first = end;
            for frame in state.frames.drain(..batch.count) {
                state.bytes -= frame.len();
            }
            self.waits
                .store(!state.frames.is_empty(), Ordering::Relaxed);
        }
        false
    }
}

impl Upstream for Lane {
    fn waits(&self) -> bool {
        self.waits.load(Ordering::Relaxed)
    }

    fn settle(&self, id: u64) {
        self.state.lock().settle(id);
    }
}

impl State {
    /// The number of the next frame.
    fn end(&self) -> u64 {
        self.first + self.frames.len() as u64
    }

    fn find(&self, id: u64) -> Option<usize> {
        self.peers.binary_search_by_key(&id, |peer| peer.id).ok()
    }

    fn remove(&mut self, id: u64) -> Option<Peer> {
        self.find(id).map(|at| self.peers.remove(at))
    }

    /// Brings one connection up to date before the others.
    fn settle(&mut self, id: u64) {
        if self.frames.is_empty() {
            return;
        }
        if let Some(at) = self.find(id) {
            let end = self.end();
            // `send` closes a connection for which it fails; the next write removes it.
            let _ = self.peers[at].catch_up(&self.frames, self.first, end);
        }
    }

    /// All waiting frames.
    fn next_batch(&self) -> Option<Batch> {
        let count = self.frames.len();
        let joined = match count {
            0 => return None,
            1 => None,
            _ => {
                let mut all = Frames::with_capacity(self.bytes);
                for frame in &self.frames {
                    all.append(frame);
                }
                Some(all.finish())
            }
        };
        Some(Batch {
            count,
            joined,
            from: 0,
        })
    }
}

impl Peer {
    /// Sends those of the frames up to `end` that it has not got, in one write.
    fn catch_up(&mut self, frames: &[Frame], first: u64, end: u64) -> Result<(), CloseReason> {
        if self.next >= end {
            return Ok(());
        }
        let missed = (self.next - first) as usize..(end - first) as usize;
        self.next = end;
        self.outbox.deliver_all(&frames[missed])
    }
}

/// The task that writes at the end of a turn, as long as somebody is in the lane. `None`
/// when it has ended.
struct Flush(Option<Arc<Lane>>);

impl Future for Flush {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(lane) = &self.0 else {
            return Poll::Ready(());
        };
        let mut state = lane.state.lock();
        state.is_due = lane.write_piece(&mut state);
        if state.is_due {
            at_end_of_turn(cx.waker());
        }
        if state.peers.is_empty() {
            state.flusher = None;
            drop(state);
            self.0 = None;
            return Poll::Ready(());
        }
        match &mut state.flusher {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Poll::Pending
    }
}

/// If the runtime ends before the lane, waiting frames are still sent.
impl Drop for Flush {
    fn drop(&mut self) {
        if let Some(lane) = &self.0 {
            let mut state = lane.state.lock();
            (state.flusher, state.is_due) = (None, false);
            while lane.write_piece(&mut state) {}
        }
    }
}

/// Wakes a task after this worker has run all ready tasks and looked for new input, as
/// tokio does for a task that yields.
fn at_end_of_turn(waker: &Waker) {
    let _ = pin!(tokio::task::yield_now()).poll(&mut Context::from_waker(waker));
}
