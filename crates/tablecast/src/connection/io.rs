//! The bytes of a connection: a plain TCP stream, or any other, such as TLS.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;

use crate::outbox::Outbox;

/// A byte stream other than plain TCP, such as TLS.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Stream for T {}

pub(super) enum Io {
    /// The outbox has the writing half.
    Tcp(OwnedReadHalf),
    Other(Box<dyn Stream>),
}

impl Io {
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        read: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self {
            Io::Tcp(stream) => Pin::new(stream).poll_read(cx, read),
            Io::Other(stream) => Pin::new(stream).poll_read(cx, read),
        }
    }

    /// Closes our side of the stream, as well as that can be. Of plain TCP dropping the halves does
    /// it.
    pub(super) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Io::Tcp(_) => Poll::Ready(()),
            Io::Other(stream) => Pin::new(stream).poll_shutdown(cx).map(drop),
        }
    }

    /// Writes the frames of an outbox: ready when all are written, pending when the stream
    /// takes no more for now.
    pub(super) fn poll_flush(
        &mut self,
        outbox: &Outbox,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        match self {
            Io::Tcp(read) => flush_tcp(read.as_ref(), outbox, cx),
            Io::Other(stream) => flush_stream(&mut **stream, outbox, cx),
        }
    }
}

fn flush_tcp(stream: &TcpStream, outbox: &Outbox, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
    loop {
        ready!(stream.poll_write_ready(cx))?;
        // A full socket clears the readiness, so the next attempt waits for it.
        let mut full = false;
        outbox.flush_with(|slices| {
            let written = stream.try_write_vectored(slices);
            full = matches!(&written, Err(error) if error.kind() == io::ErrorKind::WouldBlock);
            written
        })?;
        if !full {
            return Poll::Ready(Ok(()));
        }
    }
}

fn flush_stream(
    mut stream: &mut dyn Stream,
    outbox: &Outbox,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    let mut full = false;
    outbox.flush_with(
        |slices| match Pin::new(&mut stream).poll_write_vectored(cx, slices) {
            Poll::Ready(written) => written,
            Poll::Pending => {
                full = true;
                Err(io::ErrorKind::WouldBlock.into())
            }
        },
    )?;
    // A TLS stream has a buffer of its own; what it holds must go out too.
    ready!(Pin::new(&mut stream).poll_flush(cx))?;
    if full {
        Poll::Pending
    } else {
        Poll::Ready(Ok(()))
    }
}
