//! The load generator. It is one thread with epoll, so that it needs less CPU time than any server,
//! and it checks every delivery to every member.

mod connection;
mod dialect;
mod join;
mod outcome;
mod room;
mod traffic;

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde::Deserialize;

use self::connection::{Connection, Stage};
pub(crate) use self::dialect::most_bytes;
use self::dialect::{Dialect, Heard};
use self::outcome::Traffic;
pub use self::outcome::{Latency, Outcome, Pace, Until};
use self::room::Room;
use crate::peers::Protocol;
use crate::poll::Poll;
use crate::wire;

/// Bytes that are read from one socket at once; more than any message has.
const BUFFER: usize = 256 << 10;

/// How many to connect, and where to.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Where the servers listen. The members of a room take turns among them.
    #[serde(skip)]
    pub to: Vec<SocketAddr>,
    /// What it speaks.
    #[serde(skip)]
    pub protocol: Protocol,
    /// How many rooms.
    pub rooms: usize,
    /// Members of each room.
    pub members: usize,
    /// Bytes of a message.
    pub payload: usize,
    /// Members of each room who do not read once all have joined.
    pub slow: usize,
    /// Number of the first room, so that a second load has other rooms.
    pub first_room: usize,
    /// Accept what the code does that this project started from: it sends no menu on joining, sends each
    /// menu several times, and loses changes unless one member makes all of them.
    pub lenient: bool,
    /// Handshakes that are under way at the same time: fewer than the queue of any server has room for.
    pub handshakes: usize,
    /// If nothing is delivered for this long, a delivery is missing.
    #[serde(skip)]
    pub patience: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            to: Vec::new(),
            protocol: Protocol::Text,
            rooms: 1,
            members: 10,
            payload: 32,
            slow: 0,
            first_room: 0,
            lenient: false,
            handshakes: 64,
            patience: Duration::from_secs(20),
        }
    }
}

impl Options {
    /// Members of all rooms.
    pub fn connections(&self) -> usize {
        self.rooms * self.members
    }
}

/// Connections to a server.
#[allow(missing_debug_implementations, reason = "thousands of sockets")]
pub struct Load {
    options: Options,
    clock: Instant,
    poll: Poll,
    /// Paths of the rooms.
    paths: Vec<String>,
    rooms: Vec<Room>,
    /// Sorted by room.
    connections: Vec<Connection>,
    dialect: Dialect,
    buffer: Vec<u8>,
    traffic: Traffic,
    /// Connections that are members.
    joined: usize,
}

impl Load {
    /// Makes the rooms. Nobody is connected yet.
    ///
    /// # Errors
    ///
    /// The options contradict each other, or the server makes no room.
    pub fn new(options: Options) -> anyhow::Result<Self> {
        ensure!(
            options.rooms > 0 && options.members > options.slow && options.handshakes > 0,
            "rooms, handshakes and members who are not slow must be at least 1 each"
        );
        let rooms = options.first_room..options.first_room + options.rooms;
        let paths = rooms.map(|room| Load::room_path(&options, room));
        Ok(Load {
            dialect: Dialect::new(options.protocol, options.payload, options.lenient)?,
            clock: Instant::now(),
            poll: Poll::new()?,
            paths: paths.collect::<anyhow::Result<_>>()?,
            rooms: (0..options.rooms as u32).map(Room::new).collect(),
            connections: Vec::new(),
            buffer: vec![0; BUFFER],
            traffic: Traffic::default(),
            joined: 0,
            options,
        })
    }

    /// As they were given.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Nanoseconds since the start.
    fn now(&self) -> u64 {
        self.clock.elapsed().as_nanos() as u64
    }

    /// Waits at most this long for sockets, and reads from them. Returns from how many.
    fn turn(&mut self, timeout: Option<Duration>) -> anyhow::Result<usize> {
        let ready = self.poll.wait(timeout)?;
        for at in 0..ready {
            let index = self.poll.token(at);
            let mut buffer = std::mem::take(&mut self.buffer);
            let read = self.read(index, &mut buffer);
            self.buffer = buffer;
            read.with_context(|| self.who(index))?;
        }
        Ok(ready)
    }

    fn read(&mut self, index: usize, buffer: &mut [u8]) -> anyhow::Result<()> {
        let Connection { socket, carry, .. } = &mut self.connections[index];
        let read = carry.read(&*socket, buffer);
        let filled = read.map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => anyhow::anyhow!("the server closed the connection"),
            _ => error.into(),
        })?;
        let now = self.now();
        let mut used = 0;
        if self.connections[index].stage == Stage::Upgrading {
            let Some(head) = wire::head_end(&buffer[..filled]) else {
                self.connections[index].carry.keep(&buffer[..filled]);
                return Ok(());
            };
            self.upgraded(index, &buffer[..head])?;
            used = head;
        }
        while let Some(frame) = wire::first_frame(&buffer[used..filled])? {
            let payload = &buffer[used..][frame.payload.clone()];
            match frame.opcode {
                wire::TEXT => self.hear(index, payload, now)?,
                wire::PING => {
                    let pong = dialect::client_frame(wire::PONG, payload);
                    self.connections[index].send(&pong)?;
                }
                wire::PONG => {}
                wire::CLOSE => {
                    let (code, reason) = payload.split_first_chunk().unwrap_or((&[0; 2], b""));
                    let (code, reason) =
                        (u16::from_be_bytes(*code), String::from_utf8_lossy(reason));
                    bail!("the server closed the connection: {code} {reason}");
                }
                opcode => bail!("received a frame of type {opcode}"),
            }
            used += frame.payload.end;
        }
        self.connections[index].carry.keep(&buffer[used..filled]);
        Ok(())
    }

    fn hear(&mut self, index: usize, text: &[u8], now: u64) -> anyhow::Result<()> {
        let number = index / self.options.members;
        let (room, connection) = (&mut self.rooms[number], &mut self.connections[index]);
        let heard = match connection.stage {
            Stage::Joined => {
                let tally = &mut connection.tally;
                self.dialect.hear(text, room, tally)?
            }
            _ => self.dialect.welcome(text)?,
        };
        match heard {
            Heard::Joined => self.joined(index),
            Heard::Delivery(delivery) => self.delivered(index, number, delivery, now)?,
            Heard::Question(answer) => connection.say(answer)?,
            Heard::Nothing => {}
        }
        Ok(())
    }

    /// Names a member in an error.
    fn who(&self, index: usize) -> String {
        let members = self.options.members;
        format!("room {}, member {}", index / members, index % members)
    }
}
