//! Writes what an outbox holds, each kind of stream in its own way: ready when all
//! is written, pending when the stream takes no more for now.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;
use tokio::net::TcpStream;

use super::Stream;
use crate::outbox::Outbox;

pub(super) fn tcp(
    stream: &TcpStream,
    outbox: &Outbox,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    loop {
        ready!(stream.poll_write_ready(cx))?;
        // A full socket clears the readiness, so the next turn waits for it.
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

pub(super) fn stream(
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
