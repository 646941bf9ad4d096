//! From nothing to members: rooms, handshakes, and certainty that everybody is in.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde::Deserialize;

use super::connection::{Connection, Stage};
use super::room::Room;
use super::{Load, dialect};
use crate::peers::Protocol;
use crate::wire;

/// A probe that has not reached everybody by then is followed by another one, which is
/// given twice as long.
const PROBE: Duration = Duration::from_millis(200);

/// What `POST /session/` answers with, as far as it is needed.
#[derive(Deserialize)]
struct Session {
    url: String,
}

impl Load {
    /// Makes the rooms, where they must be made.
    ///
    /// # Errors
    ///
    /// The server makes none.
    pub fn prepare(&mut self) -> anyhow::Result<()> {
        for room in 0..self.options.rooms {
            let number = self.options.first_room + room;
            let path = match self.options.protocol {
                Protocol::Text => format!("/ws/{number}"),
                Protocol::SocketIo => {
                    format!("/socket.io/?EIO=4&transport=websocket&room={number}")
                }
                Protocol::Lunch => {
                    let answer = wire::ask(self.options.to[0], "POST /session/")?;
                    let session = serde_json::from_str::<Session>(&answer);
                    session.with_context(|| format!("no room: {answer}"))?.url
                }
            };
            self.paths.push(path);
            self.rooms.push(Room::default());
        }
        Ok(())
    }

    /// Opens all connections, so many handshakes at a time. Tells how many seconds it
    /// took.
    ///
    /// # Errors
    ///
    /// Somebody is refused, or does not get in.
    pub fn connect(&mut self) -> anyhow::Result<f64> {
        ensure!(!self.rooms.is_empty(), "rooms must be prepared first");
        let all = self.options.rooms * self.options.members;
        let began = Instant::now();
        while self.joined < all {
            while self.connections.len() < all.min(self.joined + self.options.handshakes) {
                let opened = self.open();
                opened.with_context(|| self.who(self.connections.len()))?;
            }
            ensure!(
                self.turn(Some(self.patience()))? > 0,
                "{} of {all} joined, and nobody else within {} s",
                self.joined,
                self.options.patience
            );
        }
        Ok(began.elapsed().as_secs_f64())
    }

    fn open(&mut self) -> anyhow::Result<()> {
        let index = self.connections.len();
        let member = index % self.options.members;
        let to = self.options.to[member % self.options.to.len()];
        let is_slow = member >= self.options.members - self.options.slow;
        let connection = Connection::open(to, index, is_slow)?;
        connection.watch(&self.poll, index)?;
        self.connections.push(connection);
        Ok(())
    }

    /// The socket is connected: asks for the room.
    pub(super) fn request(&mut self, index: usize) -> anyhow::Result<()> {
        let members = self.options.members;
        let host = self.options.to[index % members % self.options.to.len()];
        let path = &self.paths[index / members];
        let connection = &mut self.connections[index];
        connection.connected().context("cannot connect")?;
        connection.watch_reading(&self.poll, index)?;
        connection.stage = Stage::Upgrading;
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {}\r\n\r\n",
            wire::KEY
        );
        Ok(connection.send(request.as_bytes(), &self.poll, index)?)
    }

    /// The head of the answer is there.
    pub(super) fn upgraded(&mut self, index: usize, head: &[u8]) -> anyhow::Result<()> {
        let head = String::from_utf8_lossy(head);
        let is_ours = || head.contains(wire::ACCEPT);
        ensure!(
            head.starts_with("HTTP/1.1 101 ") && is_ours(),
            "the server refused: {}",
            head.lines().next().unwrap_or_default()
        );
        self.connections[index].stage = Stage::Entering;
        if self.options.protocol == Protocol::Text || self.options.lenient {
            self.joined(index);
        }
        Ok(())
    }

    /// A text between the handshake and being in the room.
    pub(super) fn entering(&mut self, index: usize, text: &[u8]) -> anyhow::Result<()> {
        match (self.options.protocol, text) {
            (Protocol::Lunch, b"[]") | (Protocol::SocketIo, [b'4', b'0', ..]) => {
                self.joined(index);
            }
            (Protocol::SocketIo, b"2") => {
                let heartbeat = self.dialect.heartbeat();
                self.connections[index].send(heartbeat, &self.poll, index)?;
            }
            (Protocol::SocketIo, [b'0', ..]) => {
                let connect = dialect::client_frame(wire::TEXT, b"40");
                self.connections[index].send(&connect, &self.poll, index)?;
            }
            _ => bail!(
                "received before it had joined: {}",
                String::from_utf8_lossy(text)
            ),
        }
        Ok(())
    }

    fn joined(&mut self, index: usize) {
        self.connections[index].stage = Stage::Joined;
        self.joined += 1;
    }

    /// Waits until everybody gets what is sent.
    ///
    /// A server may put a member into the room a little after it has answered the
    /// handshake. So each room is sent probes until one of them has reached everybody.
    ///
    /// # Errors
    ///
    /// None does.
    pub fn settle(&mut self) -> anyhow::Result<()> {
        if !self.dialect.needs_probes() {
            return Ok(());
        }
        let deadline = Instant::now() + self.patience();
        let mut missing: Vec<usize> = (0..self.rooms.len()).collect();
        let mut patience = PROBE;
        for attempt in 1.. {
            for &room in &missing {
                let sender = room * self.options.members;
                let probe = self.dialect.probe(room as u32, attempt);
                let connection = &mut self.connections[sender];
                connection.send(probe, &self.poll, sender)?;
            }
            let next = Instant::now() + patience;
            patience *= 2;
            while !missing.is_empty() && Instant::now() < next {
                self.turn(Some(next.saturating_duration_since(Instant::now())))?;
                let members = self.options.members;
                let connections = &self.connections;
                missing.retain(|&room| {
                    let mut members = connections[room * members..].iter().take(members);
                    members.any(|member| member.probes < attempt)
                });
            }
            if missing.is_empty() {
                break;
            }
            ensure!(
                Instant::now() < deadline,
                "room {} and {} others: no message has reached everybody within {} s of joining",
                missing[0],
                missing.len() - 1,
                self.options.patience
            );
        }
        Ok(())
    }
}
