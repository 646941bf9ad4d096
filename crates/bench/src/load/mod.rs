//! The load generator: one thread and epoll, so that it needs less than any server
//! it loads, and checks of every delivery to every member.
//!
//! It is a process of its own ([`serve`]), because its CPU time must not mix with
//! the server's; tests use [`Load`] directly.

mod connection;
pub mod control;
mod dialect;
mod join;
mod room;
mod traffic;
mod under_way;

use std::io::{self, BufRead, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use clap::Args;

use self::connection::{Connection, Stage};
use self::control::{Reply, Request};
use self::dialect::{Dialect, Heard};
use self::room::Room;
use self::under_way::Traffic;
use crate::peers::Protocol;
use crate::poll::{Flags, Poll};
use crate::wire;

/// Read from one socket at once; larger than any message.
const BUFFER: usize = 256 << 10;

/// The token of standard input; all others are indices of connections.
const STDIN: u64 = u64::MAX;

/// Whom to connect, and where to.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Where the server listens; of several, a room's members take turns
    #[arg(
        long,
        value_name = "ADDRESS:PORT",
        value_delimiter = ',',
        required = true
    )]
    pub to: Vec<SocketAddr>,

    /// What it speaks
    #[arg(long, value_enum, default_value_t = Protocol::Text)]
    pub protocol: Protocol,

    /// Rooms
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    pub rooms: usize,

    /// Members of each room
    #[arg(long, value_name = "NUMBER", default_value_t = 10)]
    pub members: usize,

    /// Bytes of a message
    #[arg(long, value_name = "BYTES", default_value_t = 32)]
    pub payload: usize,

    /// Members of each room who never read, once all have joined
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub slow: usize,

    /// Number of the first room, for a second load beside this one
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub first_room: usize,

    /// Bear with what the code this project started from does: no menu on joining, each
    /// menu several times, and changes that are lost unless one member makes them all
    #[arg(long)]
    pub lenient: bool,

    /// Handshakes that are under way at the same time; fewer than any server's queue
    /// of connections to accept
    #[arg(long, value_name = "NUMBER", default_value_t = 64)]
    pub handshakes: usize,

    /// Without any delivery for so many seconds, one is missing
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0)]
    pub patience: f64,
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
    /// A room's members are neighbours.
    connections: Vec<Connection>,
    dialect: Dialect,
    buffer: Vec<u8>,
    traffic: Option<Traffic>,
    /// Connections that are members.
    joined: usize,
    /// There is something on stdin, or it was closed: no run goes on beyond that.
    has_request: bool,
    /// Slow readers have stopped reading.
    is_silenced: bool,
}

/// Answers requests from stdin on stdout until there are no more.
///
/// # Errors
///
/// A request cannot be read, or something is not as it should be; the last answer
/// has said so too.
pub fn serve(options: Options) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    let mut answer = |reply: &Reply| -> anyhow::Result<()> {
        serde_json::to_writer(&mut out, reply)?;
        writeln!(out)?;
        Ok(out.flush()?)
    };
    let attend = || -> anyhow::Result<()> {
        let mut line = String::new();
        let mut load = Load::new(options)?;
        load.poll.add(io::stdin(), STDIN, Flags::IN)?;
        loop {
            load.idle()?;
            line.clear();
            if io::stdin().lock().read_line(&mut line)? == 0 {
                break;
            }
            load.has_request = false;
            let request = serde_json::from_str(&line);
            let request = request.with_context(|| format!("no request: {}", line.trim_end()))?;
            let reply = load.answer(request)?;
            answer(&reply)?;
        }
        Ok(())
    };
    let result = attend();
    if let Err(error) = &result {
        answer(&Reply::Failed(format!("{error:#}")))?;
    }
    result
}

impl Load {
    /// Nothing is connected yet.
    ///
    /// # Errors
    ///
    /// The options do not go together.
    pub fn new(options: Options) -> anyhow::Result<Self> {
        ensure!(
            options.rooms > 0 && options.members > options.slow && options.handshakes > 0,
            "--rooms, --handshakes and --members without --slow must be at least 1"
        );
        Ok(Load {
            dialect: Dialect::new(options.protocol, options.payload, options.lenient)?,
            clock: Instant::now(),
            poll: Poll::new()?,
            paths: Vec::new(),
            rooms: Vec::new(),
            connections: Vec::new(),
            buffer: vec![0; BUFFER],
            traffic: None,
            joined: 0,
            has_request: false,
            is_silenced: false,
            options,
        })
    }

    /// Does what is asked.
    ///
    /// # Errors
    ///
    /// What it waits for does not come, or something comes that it does not wait for.
    pub fn answer(&mut self, request: Request) -> anyhow::Result<Reply> {
        Ok(match request {
            Request::Prepare => {
                self.prepare()?;
                Reply::Prepared
            }
            Request::Connect => Reply::Joined(self.connect()?),
            Request::Settle => {
                self.settle()?;
                Reply::Settled
            }
            Request::Run(run) => Reply::Done(self.run(run)?),
        })
    }

    /// Keeps connections alive until there is something on stdin.
    fn idle(&mut self) -> anyhow::Result<()> {
        while !self.has_request {
            self.turn(None)?;
        }
        Ok(())
    }

    /// Nanoseconds since the start.
    fn now(&self) -> u64 {
        self.clock.elapsed().as_nanos() as u64
    }

    fn patience(&self) -> Duration {
        Duration::from_secs_f64(self.options.patience)
    }

    /// Waits at most this long for sockets, and deals with them.
    fn turn(&mut self, timeout: Option<Duration>) -> anyhow::Result<()> {
        for at in 0..self.poll.wait(timeout)? {
            let (token, flags) = self.poll.event(at);
            match token {
                STDIN => self.has_request = true,
                token => self.attend(token as usize, flags)?,
            }
        }
        Ok(())
    }

    /// Deals with one socket.
    fn attend(&mut self, index: usize, flags: Flags) -> anyhow::Result<()> {
        let result = if self.connections[index].stage == Stage::Connecting {
            self.request(index)
        } else if flags.contains(Flags::OUT) {
            let connection = &mut self.connections[index];
            let flushed = connection.flush(&self.poll, index as u64);
            flushed.map_err(anyhow::Error::from)
        } else {
            let mut buffer = std::mem::take(&mut self.buffer);
            let result = self.read(index, &mut buffer);
            self.buffer = buffer;
            result
        };
        result.with_context(|| self.who(index))
    }

    fn read(&mut self, index: usize, buffer: &mut [u8]) -> anyhow::Result<()> {
        let read = self.connections[index].read(buffer);
        let filled = read.map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => anyhow::anyhow!("the server closed the connection"),
            _ => error.into(),
        })?;
        let now = self.now();
        let mut used = 0;
        if self.connections[index].stage == Stage::Upgrading {
            let Some(head) = wire::head_end(&buffer[..filled]) else {
                self.connections[index].keep(&buffer[..filled]);
                return Ok(());
            };
            self.upgraded(index, &buffer[..head], now)?;
            used = head;
        }
        while let Some(frame) = wire::first_frame(&buffer[used..filled])? {
            let payload = &buffer[used..][frame.payload.clone()];
            match frame.opcode {
                wire::TEXT if self.connections[index].stage == Stage::Joined => {
                    self.hear(index, payload, now)?;
                }
                wire::TEXT => self.entering(index, payload, now)?,
                wire::PING => {
                    let pong = dialect::client_frame(wire::PONG, payload);
                    self.connections[index].send(&pong, &self.poll, index as u64)?;
                }
                wire::PONG => {}
                wire::CLOSE => bail!("the server closed the connection: {}", reason(payload)),
                opcode => bail!("received a frame of type {opcode}"),
            }
            used += frame.payload.end;
        }
        self.connections[index].keep(&buffer[used..filled]);
        Ok(())
    }

    /// A text to a member.
    fn hear(&mut self, index: usize, text: &[u8], now: u64) -> anyhow::Result<()> {
        let room = index / self.options.members;
        let connection = &mut self.connections[index];
        let tally = &mut connection.tally;
        let heard = self
            .dialect
            .hear(text, room as u32, &mut self.rooms[room], tally)?;
        match heard {
            Heard::Delivery(delivery) => self.delivered(index, room, delivery, now)?,
            Heard::Nothing => {}
            Heard::Probe(attempt) => connection.probes = connection.probes.max(attempt),
            Heard::Heartbeat => {
                let heartbeat = self.dialect.heartbeat();
                connection.send(heartbeat, &self.poll, index as u64)?;
            }
        }
        Ok(())
    }

    /// For errors.
    fn who(&self, index: usize) -> String {
        let members = self.options.members;
        format!("room {}, member {}", index / members, index % members)
    }
}

/// Code and text of a close frame.
fn reason(payload: &[u8]) -> String {
    match payload {
        [high, low, text @ ..] => format!(
            "{} {}",
            u16::from_be_bytes([*high, *low]),
            String::from_utf8_lossy(text)
        ),
        _ => "no reason given".to_owned(),
    }
}
