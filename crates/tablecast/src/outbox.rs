//! The frames that wait to be written to one connection.
//!
//! A fan-out writes to the socket directly: no channel, no wake-up, no task switch. Only
//! frames that a full socket does not take are queued (as shared bytes, not a copy) and
//! written later by the connection's own task. The queue is limited in bytes and in time;
//! at the limit the connection is closed with [`CloseReason::TooSlow`]. No frame is ever
//! dropped silently.

mod sink;

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::task::{Context, Waker};

use bytes::{Buf, Bytes};
use tablecast_core::CloseReason;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::time::Instant;

use crate::codec::Frame;
use crate::config::OutboxLimits;
use crate::inspect::Waiting;
use crate::peer::Peer;
use crate::sync::{Mutex, MutexGuard};
use sink::Sink;

pub use sink::Socket;

/// The most slices in one write; IOV_MAX is 1,024, but a write rarely takes more than this.
const SLICES: usize = 64;

/// Something that writes to an outbox a little later, such as a channel. Before any other
/// write it is asked to write now, so that the order is kept.
pub(crate) trait Upstream: Send + Sync {
    /// Whether frames wait that some followers have not got yet. It takes no lock, so an
    /// outbox may ask under its own.
    fn waits(&self) -> bool;

    /// Sends the waiting frames of the follower with this id.
    fn settle(&self, id: u64);
}

/// The writing side of one connection, shared by everybody who sends to it.
pub struct Outbox {
    limits: OutboxLimits,
    peer: Peer,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The socket, if it can be written to directly.
    socket: Option<Sink>,
    queue: VecDeque<Queued>,
    queued_bytes: usize,
    /// The socket was full: until it has space, only the connection's task writes.
    blocked: bool,
    /// Part of the first queued frame is written already.
    begun: bool,
    /// The client has given a sign of life elsewhere, since the connection's task last asked.
    heard: bool,
    /// The clock has sent a reminder since the connection's task last asked.
    reminded: bool,
    end: End,
    waker: Option<Waker>,
    upstreams: Vec<(u64, Arc<dyn Upstream>)>,
}

struct Queued {
    bytes: Bytes,
    since: Instant,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum End {
    #[default]
    Open,
    /// The close frame is in the queue or written.
    Closing(CloseReason),
    /// Nothing is written any more.
    Over(CloseReason),
}

impl End {
    fn reason(self) -> Option<CloseReason> {
        match self {
            End::Open => None,
            End::Closing(reason) | End::Over(reason) => Some(reason),
        }
    }
}

/// The duties of the connection's task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Duty {
    /// When the oldest waiting frame, if there is one, will have waited too long.
    pub(crate) overdue_at: Option<Instant>,
    /// It is time to check the clock.
    pub(crate) reminded: bool,
    /// Why the connection must end, if it must.
    pub(crate) closing: Option<CloseReason>,
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.lock();
        f.debug_struct("Outbox")
            .field("queued_bytes", &state.queued_bytes)
            .field("end", &state.end)
            .finish_non_exhaustive()
    }
}

impl Outbox {
    /// An outbox without a socket yet: sent frames wait.
    pub fn new(limits: OutboxLimits) -> Self {
        Outbox::to(Peer::unknown(), limits)
    }

    /// As [`Outbox::new`], for frames to this peer.
    pub(crate) fn to(peer: Peer, limits: OutboxLimits) -> Self {
        Outbox {
            limits,
            peer,
            state: Mutex::new(State::default()),
        }
    }

    /// Who is at the other end.
    pub(crate) fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Attaches the socket and writes waiting frames.
    pub fn attach(&self, socket: Box<dyn Socket>) {
        self.attach_sink(Sink::Own(socket));
    }

    pub(crate) fn attach_tcp(&self, stream: OwnedWriteHalf) {
        self.attach_sink(Sink::Tcp(stream));
    }

    fn attach_sink(&self, socket: Sink) {
        let mut state = self.state.lock();
        if matches!(state.end, End::Over(_)) {
            return;
        }
        state.socket = Some(socket);
        state.write_through();
    }

    /// Sends one or more frames, after all earlier ones.
    ///
    /// # Errors
    /// The connection ends, or has just reached its limit and ends now, for this reason.
    pub fn send(&self, frame: &Frame) -> Result<(), CloseReason> {
        self.deliver_locked(self.lock_settled(), frame)
    }

    /// As [`Outbox::send`], for an upstream.
    pub(crate) fn deliver(&self, frame: &Frame) -> Result<(), CloseReason> {
        self.deliver_locked(self.state.lock(), frame)
    }

    /// Not a method of the state: then the limits would be copied for each frame, and a
    /// broadcast would take a sixth more instructions.
    #[inline]
    fn deliver_locked(
        &self,
        mut state: MutexGuard<'_, State>,
        frame: &Frame,
    ) -> Result<(), CloseReason> {
        let mut result = None;
        if state.end == End::Open
            && state.queue.is_empty()
            && !state.blocked
            && let Some(socket) = &state.socket
        {
            let written = socket.try_write_one(&frame.0);
            if written.as_ref().is_ok_and(|all| *all == frame.0.len()) {
                return Ok(());
            }
            result = Some(written);
        }
        state.not_delivered(frame, result, self.limits)
    }

    /// Sends several frames in one write, for an upstream.
    pub(crate) fn deliver_all(&self, frames: &[Frame]) -> Result<(), CloseReason> {
        let mut state = self.state.lock();
        state.open()?;
        state.send(frames, self.limits)
    }

    /// From now on this upstream must [settle](Upstream::settle) before other writes.
    pub(crate) fn follow(&self, id: u64, upstream: Arc<dyn Upstream>) {
        let upstreams = &mut self.state.lock().upstreams;
        // Nearly all connections follow only one.
        upstreams.reserve_exact(1);
        upstreams.push((id, upstream));
    }

    /// Undoes [`Outbox::follow`].
    pub(crate) fn unfollow(&self, id: u64, upstream: &Arc<dyn Upstream>) {
        let upstreams = &mut self.state.lock().upstreams;
        upstreams.retain(|(other, one)| *other != id || !Arc::ptr_eq(one, upstream));
    }

    /// Locks the state, after everything that upstreams got before this call has come in.
    fn lock_settled(&self) -> MutexGuard<'_, State> {
        let state = self.state.lock();
        if !state.upstreams.iter().any(|(_, upstream)| upstream.waits()) {
            return state;
        }
        let upstreams = state.upstreams.clone();
        // Not under the lock: an upstream holds its own while it writes here.
        drop(state);
        for (id, upstream) in upstreams {
            upstream.settle(id);
        }
        self.state.lock()
    }

    /// Adds a frame that goes out with the next [`Outbox::send`] or
    /// [`Outbox::flush`], in one write with it.
    ///
    /// # Errors
    /// As [`Outbox::send`].
    pub fn stage(&self, frame: &Frame) -> Result<(), CloseReason> {
        let mut state = self.lock_settled();
        state.open()?;
        state.push(frame.0.clone());
        state.within(self.limits)
    }

    /// Writes what is staged.
    pub fn flush(&self) {
        self.state.lock().write_through();
    }

    /// Writes waiting frames after a full socket has space again. Needed only for your own
    /// [`Socket`]; a [`Connection`](crate::connection::Connection) does it by itself.
    pub fn writable(&self) {
        let mut state = self.state.lock();
        state.blocked = false;
        state.write_through();
    }

    /// Ends the connection: nothing more is accepted, and the close frame follows waiting
    /// frames. A connection that reads too slowly gets only the rest of a begun frame and
    /// the close frame. The first reason counts.
    pub fn close(&self, reason: CloseReason) {
        self.lock_settled().close(reason);
    }

    /// Why the connection ends or has ended.
    pub fn close_reason(&self) -> Option<CloseReason> {
        self.state.lock().end.reason()
    }

    /// What waits.
    pub(crate) fn waiting(&self) -> Waiting {
        let state = self.state.lock();
        Waiting {
            frames: state.queue.len(),
            bytes: state.queued_bytes,
            oldest: state.queue.front().map(|oldest| oldest.since.elapsed()),
        }
    }

    /// How many bytes wait.
    pub fn queued_bytes(&self) -> usize {
        self.state.lock().queued_bytes
    }

    /// The connection is gone: drops waiting frames and the socket.
    pub(crate) fn end(&self, reason: CloseReason) {
        self.state.lock().over(reason);
    }

    /// Tells the connection's task to check the clock.
    pub(crate) fn remind(&self) {
        let mut state = self.state.lock();
        state.reminded = true;
        state.wake();
    }

    /// The client has given a sign of life elsewhere than by this connection.
    pub(crate) fn heard(&self) {
        self.state.lock().heard = true;
    }

    /// Whether there was a sign of life since this was last asked.
    pub(crate) fn take_heard(&self) -> bool {
        std::mem::take(&mut self.state.lock().heard)
    }

    /// Takes out the frames that wait, of an outbox that has no connection.
    pub(crate) fn take(&self) -> Vec<Frame> {
        let mut state = self.state.lock();
        state.queued_bytes = 0;
        let queue = std::mem::take(&mut state.queue);
        queue
            .into_iter()
            .map(|queued| Frame(queued.bytes))
            .collect()
    }

    /// The duties of the connection's task. The task is woken when they change.
    pub(crate) fn duty(&self, cx: &Context<'_>) -> Duty {
        let mut state = self.state.lock();
        match &mut state.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Duty {
            overdue_at: state.queue.front().map(|at| at.since + self.limits.time),
            reminded: std::mem::take(&mut state.reminded),
            closing: state.end.reason(),
        }
    }

    /// Writes waiting frames with the given function, until all are written or nothing
    /// fits.
    pub(crate) fn flush_with(
        &self,
        mut write: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>,
    ) -> io::Result<()> {
        let mut state = self.state.lock();
        state.blocked = false;
        state.write_out(&mut write)
    }
}

impl State {
    fn open(&self) -> Result<(), CloseReason> {
        self.end.reason().map_or(Ok(()), Err)
    }

    /// The rest of the work when a frame was not written completely at once. It is a
    /// separate function, because saving its registers would cost as many instructions as a
    /// whole write.
    #[cold]
    fn not_delivered(
        &mut self,
        frame: &Frame,
        result: Option<io::Result<usize>>,
        limits: OutboxLimits,
    ) -> Result<(), CloseReason> {
        self.open()?;
        match result {
            None => return self.send(std::slice::from_ref(frame), limits),
            Some(Ok(written)) => {
                self.begun = true;
                self.push(frame.0.slice(written..));
            }
            Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                self.push(frame.0.clone());
            }
            Some(Err(_)) => return Err(self.over(CloseReason::Left)),
        }
        self.blocked = true;
        self.wake();
        self.within(limits)
    }

    fn push(&mut self, bytes: Bytes) {
        // An empty write would look like a full socket.
        if bytes.is_empty() {
            return;
        }
        self.queued_bytes += bytes.len();
        self.queue.push_back(Queued {
            bytes,
            since: Instant::now(),
        });
    }

    /// Adds frames after the waiting ones, and writes them together.
    fn send(&mut self, frames: &[Frame], limits: OutboxLimits) -> Result<(), CloseReason> {
        for frame in frames {
            self.push(frame.0.clone());
        }
        self.write_through();
        self.within(limits)
    }

    fn within(&mut self, limits: OutboxLimits) -> Result<(), CloseReason> {
        // Includes the queue's own memory; otherwise many tiny frames would count almost nothing.
        let held = self.queued_bytes + self.queue.len() * size_of::<Queued>();
        if held > limits.bytes {
            self.close(CloseReason::TooSlow);
        }
        self.open()
    }

    /// Writes directly, if that is possible now.
    fn write_through(&mut self) {
        if self.blocked || self.queue.is_empty() {
            return;
        }
        let Some(socket) = self.socket.take() else {
            // No socket to write to here: the connection's task writes, if there is one.
            self.wake();
            return;
        };
        let result = self.write_out(&mut |slices| socket.try_write(slices));
        if result.is_err() {
            self.over(CloseReason::Left);
            return;
        }
        self.socket = Some(socket);
        if self.blocked {
            self.wake();
        }
    }

    fn write_out(
        &mut self,
        write: &mut impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>,
    ) -> io::Result<()> {
        while !self.queue.is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let count = self.queue.len().min(SLICES);
            for (slice, queued) in slices.iter_mut().zip(&self.queue) {
                *slice = IoSlice::new(&queued.bytes);
            }
            match write(&slices[..count]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => self.wrote(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.blocked = true;
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn wrote(&mut self, mut written: usize) {
        self.queued_bytes -= written;
        while let Some(first) = self.queue.front_mut() {
            if written < first.bytes.len() {
                self.begun |= written > 0;
                first.bytes.advance(written);
                return;
            }
            written -= first.bytes.len();
            self.queue.pop_front();
            self.begun = false;
        }
        // An idle connection keeps no buffer.
        self.queue = VecDeque::new();
    }

    fn close(&mut self, reason: CloseReason) {
        if self.end != End::Open {
            return;
        }
        self.end = End::Closing(reason);
        if reason == CloseReason::TooSlow {
            let kept = usize::from(self.begun);
            self.queue.truncate(kept);
            self.queued_bytes = self.queue.iter().map(|queued| queued.bytes.len()).sum();
        }
        self.push(Frame::close(reason).0);
        self.write_through();
        self.wake();
    }

    fn over(&mut self, reason: CloseReason) -> CloseReason {
        let reason = match self.end {
            End::Open => reason,
            End::Closing(first) | End::Over(first) => first,
        };
        self.end = End::Over(reason);
        self.queue = VecDeque::new();
        self.queued_bytes = 0;
        self.socket = None;
        self.wake();
        reason
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}
