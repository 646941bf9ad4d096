//! One member's socket.

use std::io::{self, ErrorKind, Write};
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use super::dialect::client_frame;
use super::room::Tally;
use crate::wire::{self, Carry};

/// What the kernel keeps for a member who does not read, so that the server feels it
/// soon.
const SLOW_READER_BUFFER: usize = 4096;

/// A slow reader that reads again and hears nothing for so long was not cut off.
const SILENCE: Duration = Duration::from_secs(2);

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The request is sent.
    Upgrading,
    /// The handshake is done, and what the protocol says before one is in the room
    /// has not come yet.
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
    /// Connects, which the kernel does alone while the server has room for more.
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

    /// Sends what the system has room for, unless the server has not read for long.
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

    /// Whether the server has cut off this reader, who reads what was sent before: the system
    /// sends it little by little, since there was no room for it.
    pub(super) fn was_cut_off(&self) -> bool {
        let blocking = self.socket.set_nonblocking(false);
        let patient = blocking.and_then(|()| self.socket.set_read_timeout(Some(SILENCE)));
        let all = patient.and_then(|()| io::copy(&mut &self.socket, &mut io::sink()));
        all.map_err(|error| error.kind()) != Err(ErrorKind::WouldBlock)
    }
}
