//! A part of a channel's connections, written to by one task at a time. A small channel has
//! one lane; a large one has as many as there are workers.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};

use tablecast_core::CloseReason;

use crate::codec::{Frame, Frames};
use crate::outbox::{Outbox, Upstream};
use crate::sync::{Mutex, MutexGuard};

/// How many connections are written to before other tasks run: about 300 µs of work.
const PIECE: usize = 128;

/// Beyond this many staged bytes the broadcaster writes them itself, and so is slowed down
/// to the speed of the sockets. A larger limit would save almost nothing: such a write
/// costs mostly by its bytes.
const STAGED_BYTES: usize = 16 * 1024;

#[derive(Debug, Default)]
pub(super) struct Lane(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// In order of joining, so sorted by id.
    peers: Vec<Peer>,
    /// The number of the first frame in `frames`.
    first: u64,
    /// Frames that some connections have not got yet.
    frames: Vec<Frame>,
    bytes: usize,
    /// The batch being written: the first of the frames.
    batch: Option<Batch>,
    flusher: Flusher,
    /// The task's waker, once it has run.
    waker: Option<Waker>,
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

/// The task that writes at the end of a turn.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Flusher {
    /// There is no task: it was not needed yet, or its runtime is gone.
    #[default]
    None,
    /// It will run, so it need not be woken.
    Due,
    /// It waits to be woken.
    Idle,
    /// The channel is gone, and the task must end.
    Over,
}

impl Lane {
    pub(super) fn join(self: &Arc<Self>, id: u64, outbox: Arc<Outbox>) {
        let lane: Weak<Lane> = Arc::downgrade(self);
        outbox.follow(id, lane);
        let mut state = self.0.lock();
        let next = state.end();
        state.peers.push(Peer { id, next, outbox });
    }

    /// Removes a connection, after it has got all earlier broadcasts.
    pub(super) fn leave(self: &Arc<Self>, id: u64) {
        let mut state = self.0.lock();
        state.settle(id);
        if let Some(peer) = state.remove(id) {
            let lane: Weak<Lane> = Arc::downgrade(self);
            peer.outbox.unfollow(id, &(lane as Weak<dyn Upstream>));
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.lock().peers.len()
    }

    /// Adds a frame to the next write, and returns how many connections get it.
    pub(super) fn stage(&self, frame: Frame) -> usize {
        self.0.lock().stage(frame)
    }

    /// As [`Lane::stage`], and schedules the write for the end of this turn.
    pub(super) fn broadcast(self: &Arc<Self>, frame: Frame) -> usize {
        let mut state = self.0.lock();
        let reached = state.stage(frame);
        if !state.frames.is_empty() {
            self.write_later(state);
        }
        reached
    }

    /// As [`Lane::stage`], writes one piece of the waiting frames, and schedules the rest.
    pub(super) fn broadcast_now(self: &Arc<Self>, frame: Frame) -> usize {
        let mut state = self.0.lock();
        let reached = state.stage(frame);
        if state.write_piece() {
            self.write_later(state);
        }
        reached
    }

    fn write_later(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        match (state.flusher, &state.waker) {
            (Flusher::Idle, Some(waker)) => {
                at_end_of_turn(waker);
                state.flusher = Flusher::Due;
            }
            (Flusher::None, _) => match tokio::runtime::Handle::try_current() {
                Ok(runtime) => {
                    state.flusher = Flusher::Due;
                    // A runtime that is shutting down drops the task at once, and that takes the lock.
                    drop(state);
                    runtime.spawn(flush(Flushing(self.clone())));
                }
                Err(_) => while state.write_piece() {},
            },
            _ => {}
        }
    }

    /// The channel and all its connections are gone.
    pub(super) fn close(&self) {
        let mut state = self.0.lock();
        state.flusher = Flusher::Over;
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }

    fn poll_flush(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.0.lock();
        if state.flusher == Flusher::Over {
            return Poll::Ready(());
        }
        match &mut state.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        state.flusher = if state.write_piece() {
            at_end_of_turn(cx.waker());
            Flusher::Due
        } else {
            Flusher::Idle
        };
        Poll::Pending
    }
}

impl Upstream for Lane {
    fn settle(&self, id: u64) {
        self.0.lock().settle(id);
    }
}

async fn flush(flushing: Flushing) {
    poll_fn(|cx| flushing.0.poll_flush(cx)).await;
}

/// Dropped with the task: if the runtime ends before the lane, waiting frames are still
/// sent.
struct Flushing(Arc<Lane>);

impl Drop for Flushing {
    fn drop(&mut self) {
        let mut state = self.0.0.lock();
        if state.flusher != Flusher::Over {
            state.flusher = Flusher::None;
            state.waker = None;
            while state.write_piece() {}
        }
    }
}

/// Wakes a task after this worker has run all ready tasks and looked for new input, as
/// tokio does for a task that yields.
fn at_end_of_turn(waker: &Waker) {
    let _ = pin!(tokio::task::yield_now()).poll(&mut Context::from_waker(waker));
}

impl State {
    fn stage(&mut self, frame: Frame) -> usize {
        if self.peers.is_empty() {
            return 0;
        }
        self.bytes += frame.len();
        self.frames.push(frame);
        while self.bytes > STAGED_BYTES && self.write_piece() {}
        self.peers.len()
    }

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

    /// Writes to the next [`PIECE`] connections; returns whether something is left.
    fn write_piece(&mut self) -> bool {
        let mut left = PIECE;
        while let Some(mut batch) = self.batch.take().or_else(|| self.next_batch()) {
            let end = self.first + batch.count as u64;
            let frame = batch.joined.as_ref().unwrap_or(&self.frames[0]);
            let start = match batch.from {
                0 => 0,
                from => self.peers.partition_point(|peer| peer.id < from),
            };
            let stop = self.peers.len().min(start + left);
            let mut gone = Vec::new();
            for peer in &mut self.peers[start..stop] {
                let sent = if peer.next == self.first {
                    peer.next = end;
                    peer.outbox.deliver(frame)
                } else {
                    peer.catch_up(&self.frames, self.first, end)
                };
                // `deliver` has closed the connection; here it is only removed.
                if sent.is_err() {
                    gone.push(peer.id);
                }
            }
            left -= stop - start;
            let unreached = self.peers.get(stop).map(|peer| peer.id);
            for id in gone {
                self.remove(id);
            }
            if let Some(id) = unreached {
                batch.from = id;
                self.batch = Some(batch);
                return true;
            }
            self.first = end;
            for frame in self.frames.drain(..batch.count) {
                self.bytes -= frame.len();
            }
        }
        false
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
