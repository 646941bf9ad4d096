//! The socket of an outbox, written to without waiting.

use std::io::{self, IoSlice};

use rustix::net::{self, SendAncillaryBuffer, SendFlags};
use tokio::net::tcp::OwnedWriteHalf;

/// A socket that can be written to without waiting.
pub trait Socket: Send + Sync {
    /// Writes what fits, in order.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if nothing fits now; others end the
    /// connection.
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize>;
}

/// The socket of an outbox. TCP is not boxed and not called through a vtable.
pub(super) enum Sink {
    Tcp(OwnedWriteHalf),
    Own(Box<dyn Socket>),
}

impl Sink {
    pub(super) fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match (self, slices) {
            (_, [one]) => self.try_write_one(one),
            (Sink::Tcp(stream), _) => {
                let control = &mut SendAncillaryBuffer::default();
                Ok(net::sendmsg(stream.as_ref(), slices, control, FLAGS)?)
            }
            (Sink::Own(socket), _) => socket.try_write(slices),
        }
    }

    pub(super) fn try_write_one(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Sink::Tcp(stream) => Ok(net::send(stream.as_ref(), bytes, FLAGS)?),
            Sink::Own(socket) => socket.try_write(&[IoSlice::new(bytes)]),
        }
    }
}

/// The system calls are made directly. Otherwise half the cost of a write outside the
/// kernel would be tokio's readiness bookkeeping (which the connection's own task does when
/// it finds the socket full) and libc's handling of thread cancellation.
const FLAGS: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);
