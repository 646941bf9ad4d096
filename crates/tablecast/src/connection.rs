//! One socket: read, heartbeat, flush, and the closing handshake.

mod io;
mod waiting;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tablecast_core::CloseReason;
use tablecast_core::limits::{Bucket, Rate};
use tokio::io::ReadBuf;
use tokio::net::TcpStream;
use tokio::task::coop;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::codec::{Decoder, Frame, Received};
use crate::config::ConnectionConfig;
use crate::outbox::Outbox;

use io::Io;

pub use crate::codec::Message;
pub use io::Stream;

/// How much is read at once. One buffer for each thread, not for each connection.
const READ_BYTES: usize = 16 * 1024;

/// The code for a close frame without a code (RFC 6455, 7.1.5).
const NO_STATUS: u16 = 1005;

/// How often a client may ping. Browsers do not ping; tools ping once a second.
const PING_RATE: Rate = Rate {
    per_second: 10.0,
    burst: 100,
};

/// How many pings of one read are answered, in one write. RFC 6455 (5.5.3) requires only
/// the newest, but a client may rely on a few.
const PONGS: usize = 16;

thread_local! {
    static READ_BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into());
}

/// An open WebSocket connection, as its owner sees it. While [`recv`](Connection::recv) is
/// awaited, it writes what its [`Outbox`] could not write, answers pings and checks for
/// signs of life.
///
/// Dropping it closes it: waiting frames are still written, and the closing handshake runs
/// in the background, for as long as the configuration allows.
#[derive(Debug)]
pub struct Connection {
    /// `None` only while it is dropped.
    line: Option<Box<Line>>,
    outbox: Arc<Outbox>,
}

struct Line {
    io: Io,
    outbox: Arc<Outbox>,
    clock: Arc<Clock>,
    config: ConnectionConfig,
    decoder: Decoder,
    /// Messages that were read but not received yet.
    messages: VecDeque<Message>,
    /// Why the client's stream ends, after the messages before that.
    ended: Option<CloseReason>,
    /// The client's close frame, or the end of its stream, has come.
    client_closed: bool,
    client_code: Option<u16>,
    /// The stream holds back some of what was written.
    unflushed: bool,
    /// Our side of the stream is closed.
    shut: bool,
    /// Something has come since the last look at the clock.
    heard: bool,
    pinged_at: Option<Instant>,
    /// Of a connection by which the client only hears: when it was last pinged.
    hears_since: Option<Instant>,
    unfinished_since: Option<Instant>,
    pings: Bucket,
    born: Instant,
    next_look: Instant,
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line")
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// Takes over a TCP stream after the handshake. `early` are bytes that the
    /// client sent before it saw the answer.
    pub fn tcp(
        stream: TcpStream,
        early: &[u8],
        outbox: Arc<Outbox>,
        config: ConnectionConfig,
    ) -> Self {
        // Without it each small frame could wait for the last one's acknowledgement.
        let _ = stream.set_nodelay(true);
        let (read, write) = stream.into_split();
        outbox.attach_tcp(write);
        Self::new(Io::Tcp(read), early, outbox, config)
    }

    /// Takes over any other stream. Everything sent goes through the queue and this
    /// connection's task.
    pub fn stream(
        stream: impl Stream,
        early: &[u8],
        outbox: Arc<Outbox>,
        config: ConnectionConfig,
    ) -> Self {
        Self::new(Io::Other(Box::new(stream)), early, outbox, config)
    }

    /// Takes over a stream by which the client only hears. Its signs of life come by
    /// [`Outbox::heard`], and may come some time after a ping; the stream is never silent for
    /// longer than the ping interval.
    pub(crate) fn one_way(
        stream: impl Stream,
        outbox: Arc<Outbox>,
        mut config: ConnectionConfig,
    ) -> Self {
        config.pong_timeout += config.ping_interval;
        let mut connection = Self::stream(stream, &[], outbox, config);
        if let Some(line) = &mut connection.line {
            line.hears_since = Some(line.born);
        }
        connection
    }

    fn new(io: Io, early: &[u8], outbox: Arc<Outbox>, config: ConnectionConfig) -> Self {
        let now = Instant::now();
        let next_look = now + config.ping_interval / 2;
        let clock = Clock::current();
        clock.remind(&outbox, next_look);
        let mut line = Line {
            io,
            outbox: outbox.clone(),
            clock,
            config,
            decoder: Decoder::new(config.message_bytes, config.message_fragments),
            messages: VecDeque::new(),
            ended: None,
            client_closed: false,
            client_code: None,
            unflushed: false,
            shut: false,
            heard: false,
            pinged_at: None,
            hears_since: None,
            unfinished_since: None,
            pings: Bucket::full(),
            born: now,
            next_look,
        };
        if !early.is_empty()
            && let Some(first) = line.feed(&mut early.to_vec())
        {
            line.messages.push_front(first);
        }
        Connection {
            line: Some(Box::new(line)),
            outbox,
        }
    }

    /// The writing side, to be shared with channels.
    pub fn outbox(&self) -> &Arc<Outbox> {
        &self.outbox
    }

    /// Sends a text only to this client.
    ///
    /// # Errors
    /// The connection ends, for this reason.
    pub fn send(&self, text: &str) -> Result<(), CloseReason> {
        self.outbox.send(&Frame::text(text))
    }

    /// The next message; `None` when the connection ends, for the reason in
    /// [`Outbox::close_reason`]. The future may be dropped and called again: no message is
    /// lost.
    pub fn recv(&mut self) -> impl Future<Output = Option<Message>> {
        poll_fn(|cx| match &mut self.line {
            Some(line) => line.poll_recv(cx),
            None => Poll::Ready(None),
        })
    }

    /// The code of the client's close frame, if it sent one: 1005 for one without
    /// a code.
    pub fn client_code(&self) -> Option<u16> {
        self.line.as_ref().and_then(|line| line.client_code)
    }

    /// Closes it. Earlier frames are still sent.
    pub fn close(&self, reason: CloseReason) {
        self.outbox.close(reason);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.outbox.close(CloseReason::Left);
        if let (Some(line), Ok(runtime)) = (self.line.take(), tokio::runtime::Handle::try_current())
        {
            runtime.spawn(line.finish());
        }
    }
}

impl Line {
    fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        loop {
            if self.poll_duties(cx).is_ready() {
                return Poll::Ready(None);
            }
            if !self.messages.is_empty() {
                // One read may hold thousands of messages; other tasks run in between.
                ready!(coop::poll_proceed(cx)).made_progress();
                let next = self.messages.pop_front();
                if self.messages.is_empty() {
                    // An idle connection keeps no buffer.
                    self.messages = VecDeque::new();
                }
                return Poll::Ready(next);
            }
            if let Some(reason) = self.ended.take() {
                self.outbox.close(reason);
                continue;
            }
            if let Some(first) = ready!(self.poll_read(cx)) {
                return Poll::Ready(Some(first));
            }
        }
    }

    /// Writes waiting frames, and checks the clock when it is time. Ready when the
    /// connection must end.
    fn poll_duties(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let duty = self.outbox.duty(cx);
            if duty.closing.is_some() {
                return Poll::Ready(());
            }
            if duty.reminded {
                self.look(duty.overdue_at);
                continue;
            }
            if let Some(at) = duty.overdue_at {
                self.look_at(at);
                if self.poll_flush(cx).is_ready() {
                    continue;
                }
            } else if self.unflushed {
                let _ = self.poll_flush(cx);
            }
            return Poll::Pending;
        }
    }

    /// Writes until nothing waits (ready) or the socket is full. Errors end the
    /// connection through its outbox.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let result = self.io.poll_flush(&self.outbox, cx);
        self.unflushed = result.is_pending();
        match result {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(_)) => self.outbox.end(CloseReason::Left),
        }
        Poll::Ready(())
    }

    /// Reads once, and returns the first message. Further ones wait in `messages`, which is
    /// empty before.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        READ_BUFFER.with_borrow_mut(|buffer| {
            let mut read = ReadBuf::new(buffer);
            Poll::Ready(match ready!(self.io.poll_read(cx, &mut read)) {
                Ok(()) if !read.filled().is_empty() => self.feed(read.filled_mut()),
                Ok(()) | Err(_) => {
                    self.client_closed = true;
                    self.ended = Some(CloseReason::Left);
                    None
                }
            })
        })
    }

    /// Decodes received bytes; returns as [`Line::poll_read`].
    fn feed(&mut self, bytes: &mut [u8]) -> Option<Message> {
        self.heard = true;
        let mut first = None;
        let mut pings = 0;
        let mut pongs = None::<VecDeque<Bytes>>;
        let (messages, ended) = (&mut self.messages, &mut self.ended);
        let (client_closed, client_code) = (&mut self.client_closed, &mut self.client_code);
        let (pinged_at, peer) = (&mut self.pinged_at, self.outbox.peer());
        let mut keep = |message| match first {
            None => first = Some(message),
            Some(_) => messages.push_back(message),
        };
        let fault = self.decoder.feed(bytes, |received| {
            if ended.is_some() {
                return;
            }
            match received {
                Received::Message(message) => keep(message),
                Received::Ping(payload) => {
                    pings += 1;
                    let pongs = pongs.get_or_insert_default();
                    if pongs.len() == PONGS {
                        pongs.pop_front();
                    }
                    pongs.push_back(payload);
                }
                Received::Pong => {
                    if let Some(at) = pinged_at.take() {
                        peer.heard_back(at.elapsed());
                    }
                }
                Received::Close(code) => {
                    let code = code.unwrap_or(NO_STATUS);
                    *client_closed = true;
                    *client_code = Some(code);
                    peer.closed_with(code);
                    *ended = Some(CloseReason::Left);
                }
            }
        });
        if let Some(pongs) = pongs {
            let now = self.born.elapsed();
            let allowed = (0..pings).all(|_| self.pings.take(PING_RATE, now).is_ok());
            if allowed {
                // A failure shows in the outbox, which is checked next.
                let _ = self.outbox.send(&Frame::pongs(&pongs));
            } else {
                self.ended.get_or_insert(CloseReason::TooMany);
            }
        }
        if let Err(reason) = fault {
            self.ended.get_or_insert(reason);
        }
        if !self.decoder.is_unfinished() {
            self.unfinished_since = None;
        } else if first.is_some() || self.unfinished_since.is_none() {
            // A message that is unfinished after another one was completed began only now.
            let now = Instant::now();
            self.unfinished_since = Some(now);
            self.look_at(now + self.config.handshake * 2);
        }
        first
    }

    fn look_at(&mut self, at: Instant) {
        if at < self.next_look {
            self.next_look = at;
            self.clock.remind(&self.outbox, at);
        }
    }

    /// Checks all deadlines, and sets the time of the next check.
    fn look(&mut self, overdue_at: Option<Instant>) {
        let now = Instant::now();
        if now < self.next_look {
            // An earlier reminder has made this one unnecessary.
            return;
        }
        let unfinished_at = self
            .unfinished_since
            .map(|at| at + self.config.handshake * 2);
        if overdue_at.is_some_and(|at| at <= now) {
            self.outbox.close(CloseReason::TooSlow);
        }
        if unfinished_at.is_some_and(|at| at <= now) {
            self.outbox.close(CloseReason::NoPong);
        }
        let interval = self.config.ping_interval;
        let mut pings = self.hears_since.is_some_and(|at| at + interval <= now);
        if self.hears_since.is_some() {
            self.heard |= self.outbox.take_heard();
        }
        if std::mem::take(&mut self.heard) {
            self.pinged_at = None;
        } else {
            match self.pinged_at {
                None => {
                    self.pinged_at = Some(now);
                    pings = true;
                }
                Some(at) if at + self.config.pong_timeout <= now => {
                    self.outbox.close(CloseReason::NoPong);
                }
                Some(_) => {}
            }
        }
        if pings {
            self.hears_since = self.hears_since.map(|_| now);
            let _ = self.outbox.send(&Frame::ping());
        }
        let pong_at = self.pinged_at.map(|at| at + self.config.pong_timeout);
        let deadlines = [pong_at, overdue_at, unfinished_at];
        let next = deadlines.into_iter().flatten().filter(|at| *at > now);
        self.next_look = next.fold(now + self.config.ping_interval / 2, Instant::min);
        self.clock.remind(&self.outbox, self.next_look);
    }

    /// Writes waiting frames and the close frame, then waits for a limited time until the
    /// client has closed too.
    async fn finish(mut self: Box<Self>) {
        let limit = self.config.handshake;
        let closing = poll_fn(|cx| {
            ready!(self.poll_finish(cx));
            // TLS says goodbye too: without that the client takes it for an attack.
            self.io.poll_shutdown(cx)
        });
        // After the limit the socket is dropped, which cuts the connection.
        let _ = tokio::time::timeout(limit, closing).await;
        self.outbox.end(CloseReason::Left);
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let duty = self.outbox.duty(cx);
            let waits = duty.overdue_at.is_some() || self.unflushed;
            if waits && self.poll_flush(cx).is_pending() {
                // Reading meanwhile would not help: first the client must read.
                return Poll::Pending;
            }
            if self.client_closed {
                return Poll::Ready(());
            }
            if self.decoder.has_failed() && !std::mem::replace(&mut self.shut, true) {
                self.shut(cx);
            }
            // Data after our close frame is read and ignored, up to the client's own.
            let _ = ready!(self.poll_read(cx));
            self.messages.clear();
            self.client_closed |= self.ended.is_some();
        }
    }

    /// Closes only our side of the stream. After an error we cannot read the client's close
    /// frame, so this tells the client that we have finished; closing both sides would
    /// reset a client that is still sending.
    fn shut(&mut self, cx: &mut Context<'_>) {
        match &self.io {
            // Dropping the writing half does this.
            Io::Tcp(_) => self.outbox.end(CloseReason::Left),
            Io::Other(_) => {
                let _ = self.io.poll_shutdown(cx);
            }
        }
    }
}
