//! One member's socket.

use std::io::{self, ErrorKind, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use super::room::Tally;
use crate::poll::{Flags, Poll};
use crate::wire::Carry;

/// So many connections come from one source address, before the next one is taken:
/// one address has about 28,000 ports.
const FROM_ONE_ADDRESS: usize = 10_000;

/// What the kernel keeps for a member who does not read, so that the server feels it
/// soon.
const SLOW_READER_BUFFER: usize = 4096;

/// A slow reader that reads again and hears nothing for so long was not cut off.
const SILENCE: Duration = Duration::from_secs(2);

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The kernel is connecting.
    Connecting,
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
    socket: Socket,
    pub(super) stage: Stage,
    pub(super) tally: Tally,
    /// Probes seen.
    pub(super) probes: u32,
    carry: Carry,
    /// What the socket did not take.
    unsent: Vec<u8>,
}

impl Connection {
    /// Begins to connect; the socket becomes writable when it is done.
    pub(super) fn open(to: SocketAddr, index: usize, is_slow: bool) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        // Closing resets the connection: its port is free at once for the next run.
        socket.set_linger(Some(Duration::ZERO))?;
        if is_slow {
            socket.set_recv_buffer_size(SLOW_READER_BUFFER)?;
        }
        let address = index / FROM_ONE_ADDRESS;
        if to.ip() == IpAddr::from(Ipv4Addr::LOCALHOST) && address > 0 {
            let source = Ipv4Addr::new(127, 0, 0, 1 + address as u8);
            socket.bind(&SocketAddr::from((source, 0)).into())?;
        }
        let connecting = Some(rustix::io::Errno::INPROGRESS.raw_os_error());
        match socket.connect(&to.into()) {
            Err(error) if error.raw_os_error() != connecting => return Err(error),
            _ => {}
        }
        Ok(Connection {
            socket,
            stage: Stage::Connecting,
            tally: Tally::default(),
            probes: 0,
            carry: Carry::default(),
            unsent: Vec::new(),
        })
    }

    /// The error that connecting ended with.
    pub(super) fn connected(&self) -> io::Result<()> {
        self.socket.take_error()?.map_or(Ok(()), Err)
    }

    pub(super) fn watch(&self, poll: &Poll, token: usize) -> io::Result<()> {
        poll.add(&self.socket, token, Flags::OUT)
    }

    pub(super) fn watch_reading(&self, poll: &Poll, token: usize) -> io::Result<()> {
        poll.modify(&self.socket, token, Flags::IN)
    }

    /// From now on the member does not read.
    pub(super) fn unwatch(&self, poll: &Poll) -> io::Result<()> {
        poll.remove(&self.socket)
    }

    /// Sends, or keeps what the socket does not take and sends it when it can.
    pub(super) fn send(&mut self, bytes: &[u8], poll: &Poll, token: usize) -> io::Result<()> {
        let mut sent = 0;
        if self.unsent.is_empty() {
            sent = match (&self.socket).write(bytes) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
                sent => sent?,
            };
        }
        if sent < bytes.len() {
            self.unsent.extend_from_slice(&bytes[sent..]);
            poll.modify(&self.socket, token, Flags::IN | Flags::OUT)?;
        }
        Ok(())
    }

    /// Sends what waits.
    pub(super) fn flush(&mut self, poll: &Poll, token: usize) -> io::Result<()> {
        let waiting = std::mem::take(&mut self.unsent);
        poll.modify(&self.socket, token, Flags::IN)?;
        self.send(&waiting, poll, token)
    }

    /// As [`Carry::read`].
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.carry.read(&self.socket, buffer)
    }

    /// As [`Carry::keep`].
    pub(super) fn keep(&mut self, rest: &[u8]) {
        self.carry.keep(rest);
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
