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
