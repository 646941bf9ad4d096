//! One member's socket.

use std::io::{self, ErrorKind, Write};
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use super::dialect::client_frame;
use super::room::Tally;
use crate::wire::{self, Carry};

/// Bytes that the kernel keeps for a member who does not read: few, so that the server notices soon.
const SLOW_READER_BUFFER: usize = 4096;

/// A slow reader reads again at the end. If nothing comes for this long, it was not cut off.
const SILENCE: Duration = Duration::from_secs(2);

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The request is sent, and not answered.
    Upgrading,
    /// The handshake is done, but the server has not yet said that the member is in the room.
    Entering,
    /// A member.
    Joined,
}

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) socket: Socket,
    pub(super) stage: Stage,
    pub(super) tally: Tally,
    pub(super) carry: Carry,
}

impl Connection {
    /// Connects. The kernel does it alone while the server's queue of connections has room.
    pub(super) fn open(to: SocketAddr, is_slow: bool) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
        // Closing resets the connection: its port is free at once for the next run.
        socket.set_linger(Some(Duration::ZERO))?;
        if is_slow {
            socket.set_recv_buffer_size(SLOW_READER_BUFFER)?;
        }
        socket.connect(&to.into())?;
        socket.set_tcp_nodelay(true)?;
        socket.set_nonblocking(true)?;
        Ok(Connection {
            socket,
            stage: Stage::Upgrading,
            tally: Tally::default(),
            carry: Carry::default(),
        })
    }

    /// Sends all of it at once. If the kernel has no room for it, the server does not read.
    pub(super) fn send(&self, bytes: &[u8]) -> io::Result<()> {
        match (&self.socket).write(bytes) {
            Ok(sent) if sent == bytes.len() => Ok(()),
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Err(io::Error::other("the server does not read what it is sent")),
        }
    }

    /// Sends a text.
    pub(super) fn say(&self, text: &[u8]) -> io::Result<()> {
        self.send(&client_frame(wire::TEXT, text))
    }

    /// Whether the server has cut off this reader. It reads first what was sent before, which comes little by
    /// little.
    pub(super) fn was_cut_off(&self) -> bool {
        let blocking = self.socket.set_nonblocking(false);
        let patient = blocking.and_then(|()| self.socket.set_read_timeout(Some(SILENCE)));
        let all = patient.and_then(|()| io::copy(&mut &self.socket, &mut io::sink()));
        all.map_err(|error| error.kind()) != Err(ErrorKind::WouldBlock)
    }
}
