//! From the frames of an outbox to the text of a stream of events, which an HTTP body carries.
//!
//! Whoever sends writes here directly, as to a socket; what is here goes out with the next piece of
//! the body. When the body is slower than the frames, they wait in the outbox, with its limits.

use std::convert::Infallible;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_util::Stream;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::codec::{Part, parts};
use crate::outbox::Socket;

/// When so many bytes wait for the body, further frames wait in the outbox.
const WAITING_BYTES: usize = 16 * 1024;

/// How long an `EventSource` waits before it comes back: it gets another seat each time.
const RETRY: &str = "retry: 10000\n\n";

struct Pipe(Mutex<State>);

struct State {
    text: Vec<u8>,
    /// Nothing follows the text.
    is_over: bool,
    /// Nobody reads any more.
    is_gone: bool,
    /// Whoever reads, while there is nothing.
    reader: Option<Waker>,
    /// The connection's task, while it waits for space or for the end.
    connection: Option<Waker>,
}

/// Both ends of a new pipe.
pub(super) fn pipe() -> (Inlet, Outlet) {
    let pipe = Arc::new(Pipe(Mutex::new(State {
        text: RETRY.into(),
        is_over: false,
        is_gone: false,
        reader: None,
        connection: None,
    })));
    (Inlet(pipe.clone()), Outlet(pipe))
}

impl Pipe {
    /// Takes frames as long as there is space. Each of the slices holds whole frames, because
    /// none is ever taken in part.
    fn write(&self, slices: &[IoSlice<'_>], waits: Option<&Context<'_>>) -> io::Result<usize> {
        let mut state = self.0.lock();
        if state.is_gone {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let mut written = 0;
        for frames in slices {
            if state.text.len() >= WAITING_BYTES {
                break;
            }
            state.say(frames);
            written += frames.len();
        }
        let reader = state.reader.take();
        if written == 0 {
            state.connection = waits
                .map(|cx| cx.waker().clone())
                .or(state.connection.take());
            return Err(io::ErrorKind::WouldBlock.into());
        }
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
        Ok(written)
    }
}

impl State {
    fn say(&mut self, frames: &[u8]) {
        for part in parts(frames) {
            match part {
                Part::Text(payload) => {
                    // JSON may have line ends between its values, though none of ours has.
                    for line in payload.split(|byte| matches!(byte, b'\n' | b'\r')) {
                        self.text.extend_from_slice(b"data: ");
                        self.text.extend_from_slice(line);
                        self.text.push(b'\n');
                    }
                    self.text.push(b'\n');
                }
                Part::Ping => self.text.extend_from_slice(b": ping\n\n"),
                Part::Close(code, text) => {
                    let close = serde_json::json!({ "code": code, "reason": text });
                    let event = format!("event: close\ndata: {close}\n\n");
                    self.text.extend_from_slice(event.as_bytes());
                    self.is_over = true;
                }
                // Rooms send neither.
                Part::Other => {}
            }
        }
    }
}

/// The end that the connection has.
pub(super) struct Inlet(Arc<Pipe>);

impl Inlet {
    /// For the outbox, which writes past the connection's task.
    pub(super) fn socket(&self) -> Box<dyn Socket> {
        Box::new(Direct(self.0.clone()))
    }
}

impl Drop for Inlet {
    fn drop(&mut self) {
        let mut state = self.0.0.lock();
        state.is_over = true;
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

struct Direct(Arc<Pipe>);

impl Socket for Direct {
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.write(slices, None)
    }
}

/// Nothing is ever read, up to the end.
impl AsyncRead for Inlet {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut state = self.0.0.lock();
        if state.is_gone || state.is_over {
            return Poll::Ready(Ok(()));
        }
        state.connection = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl AsyncWrite for Inlet {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.0.write(slices, Some(cx)) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            written => Poll::Ready(written),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// The end that the body has. Dropping it ends the connection.
pub(super) struct Outlet(Arc<Pipe>);

impl Stream for Outlet {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut state = self.0.0.lock();
        if state.text.is_empty() {
            if state.is_over {
                return Poll::Ready(None);
            }
            state.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let text = std::mem::take(&mut state.text);
        let connection = state.connection.take();
        drop(state);
        if let Some(connection) = connection {
            connection.wake();
        }
        Poll::Ready(Some(Ok(text.into())))
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        let mut state = self.0.0.lock();
        state.is_gone = true;
        let connection = state.connection.take();
        drop(state);
        if let Some(connection) = connection {
            connection.wake();
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use futures_util::{FutureExt, StreamExt};
    use tablecast_core::CloseReason;
    use tokio::time::sleep;

    use super::*;
    use crate::codec::Frame;
    use crate::config::{ConnectionConfig, OutboxLimits};
    use crate::connection::Connection;
    use crate::outbox::Outbox;

    /// A stream whose conversation runs, and its body.
    fn stream(config: ConnectionConfig) -> (Arc<Outbox>, Outlet) {
        let outbox = Arc::new(Outbox::new(config.outbox));
        let (inlet, outlet) = pipe();
        outbox.attach(inlet.socket());
        let mut connection = Connection::one_way(inlet, outbox.clone(), config);
        tokio::spawn(async move { while connection.recv().await.is_some() {} });
        (outbox, outlet)
    }

    fn text(outlet: &mut Outlet) -> String {
        let mut text = String::new();
        while let Some(Some(Ok(piece))) = outlet.next().now_or_never() {
            text.push_str(std::str::from_utf8(&piece).unwrap());
        }
        text
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_is_heard_elsewhere_and_the_stream_is_never_silent_for_long() {
        let config = ConnectionConfig::default();
        let (outbox, mut outlet) = stream(config);
        assert_eq!(text(&mut outlet), RETRY);
        // sleep: time passes by itself
        for _ in 0..10 {
            sleep(config.ping_interval * 3 / 2).await;
            outbox.heard();
            let _ = outbox.send(&Frame::text("[]"));
            let text = text(&mut outlet);
            assert!(
                text.contains(": ping\n\n") && text.ends_with("data: []\n\n"),
                "{text}"
            );
        }
        // Whoever says much is pinged too, or a proxy would cut the silent stream.
        for _ in 0..100 {
            sleep(config.ping_interval / 10).await;
            outbox.heard();
        }
        let pings = text(&mut outlet).matches(": ping").count();
        assert!((8..=11).contains(&pings), "{pings}");
        assert_eq!(outbox.close_reason(), None);
        sleep(config.ping_interval * 2 + config.pong_timeout + Duration::from_secs(1)).await;
        assert_eq!(outbox.close_reason(), Some(CloseReason::NoPong));
        let end = "event: close\ndata: {\"code\":4408,\"reason\":\"no sign of life\"}\n\n";
        assert!(text(&mut outlet).ends_with(end));
        assert_eq!(outlet.next().await, None, "it ends");
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_body_does_not_take_waits_in_the_outbox() {
        let config = ConnectionConfig {
            outbox: OutboxLimits {
                bytes: 64 * 1024,
                time: Duration::from_secs(5),
            },
            ..ConnectionConfig::default()
        };
        let (outbox, mut outlet) = stream(config);
        let frame = Frame::text(&"x".repeat(1000));
        for _ in 0..50 {
            outbox.send(&frame).unwrap();
        }
        assert!(outbox.queued_bytes() > 30_000, "the pipe holds little");
        let mut taken = String::new();
        for _ in 0..50 {
            // sleep: the conversation runs
            sleep(Duration::from_millis(10)).await;
            taken += &text(&mut outlet);
        }
        assert_eq!(taken.matches("data: xxx").count(), 50);
        assert_eq!(outbox.queued_bytes(), 0);

        let sent = (0..200).map(|_| outbox.send(&frame)).find_map(Result::err);
        assert_eq!(sent, Some(CloseReason::TooSlow));
        sleep(Duration::from_millis(10)).await;
        let mut end = String::new();
        while let Some(piece) = outlet.next().await {
            end.push_str(std::str::from_utf8(&piece.unwrap()).unwrap());
        }
        assert!(end.ends_with("{\"code\":4413,\"reason\":\"reading too slowly\"}\n\n"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_text_of_several_lines_is_one_event() {
        let (outbox, mut outlet) = stream(ConnectionConfig::default());
        outbox.send(&Frame::text("{\n\"a\":1}")).unwrap();
        assert_eq!(
            text(&mut outlet),
            format!("{RETRY}data: {{\ndata: \"a\":1}}\n\n")
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_is_dropped_ends_the_connection() {
        let (outbox, outlet) = stream(ConnectionConfig::default());
        drop(outlet);
        // sleep: the conversation runs
        sleep(Duration::from_millis(10)).await;
        assert_eq!(outbox.close_reason(), Some(CloseReason::Left));
    }
}
