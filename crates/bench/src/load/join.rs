//! How members join: rooms, handshakes, and the check that everybody is in.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::Value;

use super::connection::{Connection, Stage};
use super::{Load, Options};
use crate::peers::Protocol;
use crate::wire;

/// If a probe has not reached everybody by then, another one follows, which has twice as long.
const PROBE: Duration = Duration::from_millis(200);

impl Load {
    /// The path of a room. A room of the lunch server is made first.
    pub(super) fn room_path(options: &Options, number: usize) -> anyhow::Result<String> {
        Ok(match options.protocol {
            Protocol::Text => format!("/ws/{number}"),
            Protocol::SocketIo => format!("/socket.io/?EIO=4&transport=websocket&room={number}"),
            Protocol::Lunch => {
                let answer = wire::ask(options.to[0], "POST /session/")?;
                let made: Value = serde_json::from_str(&answer).unwrap_or_default();
                let url = made["url"].as_str().map(str::to_owned);
                url.with_context(|| format!("no room: {answer}"))?
            }
        })
    }

    /// Opens all connections, with [`Options::handshakes`] at a time. Returns how many seconds it took.
    ///
    /// # Errors
    ///
    /// The server refuses somebody, or lets somebody wait too long.
    pub fn connect(&mut self) -> anyhow::Result<f64> {
        let all = self.options.connections();
        let began = Instant::now();
        while self.joined < all {
            while self.connections.len() < all.min(self.joined + self.options.handshakes) {
                let opened = self.open();
                opened.with_context(|| self.who(self.connections.len()))?;
            }
            ensure!(
                self.turn(Some(self.options.patience))? > 0,
                "{} of {all} joined, and nobody else within {:?}",
                self.joined,
                self.options.patience
            );
        }
        Ok(began.elapsed().as_secs_f64())
    }

    /// Connects one more member, and sends the request for the room.
    fn open(&mut self) -> anyhow::Result<()> {
        let index = self.connections.len();
        let member = index % self.options.members;
        let to = self.options.to[member % self.options.to.len()];
        let is_slow = member >= self.options.members - self.options.slow;
        let connection = Connection::open(to, is_slow).context("cannot connect")?;
        self.poll.add(&connection.socket, index)?;
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: {to}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {}\r\n\r\n",
            self.paths[index / self.options.members],
            wire::KEY
        );
        connection.send(request.as_bytes())?;
        self.connections.push(connection);
        Ok(())
    }

    /// The head of the answer has come.
    pub(super) fn upgraded(&mut self, index: usize, head: &[u8]) -> anyhow::Result<()> {
        let head = String::from_utf8_lossy(head);
        ensure!(
            head.starts_with("HTTP/1.1 101 ") && head.contains(wire::ACCEPT),
            "the server refused: {}",
            head.lines().next().unwrap_or_default()
        );
        self.connections[index].stage = Stage::Entering;
        if self.options.protocol == Protocol::Text || self.options.lenient {
            self.joined(index);
        }
        Ok(())
    }

    pub(super) fn joined(&mut self, index: usize) {
        self.connections[index].stage = Stage::Joined;
        self.joined += 1;
    }

    /// Waits until everybody gets what is sent. From then on slow readers do not read.
    ///
    /// A server may put a member into the room a little after it has answered the
    /// handshake. So each room is sent probes until one of them has reached everybody.
    ///
    /// # Errors
    ///
    /// No probe reaches everybody.
    pub fn settle(&mut self) -> anyhow::Result<()> {
        if self.dialect.needs_probes() {
            self.probe()?;
        }
        for reader in self.slow_readers() {
            self.poll.remove(&reader.socket)?;
        }
        Ok(())
    }

    fn probe(&mut self) -> anyhow::Result<()> {
        let members = self.options.members;
        let mut missing: Vec<usize> = (0..self.rooms.len()).collect();
        let (mut attempt, mut wait) = (0, PROBE);
        while !missing.is_empty() {
            ensure!(
                wait < self.options.patience,
                "room {} and {} others: no message has reached everybody within {:?} of joining",
                missing[0],
                missing.len() - 1,
                self.options.patience
            );
            attempt += 1;
            for &room in &missing {
                let probe = self.dialect.probe(room as u32, attempt);
                self.connections[room * members].send(probe)?;
            }
            let next = Instant::now() + wait;
            wait *= 2;
            while !missing.is_empty() && Instant::now() < next {
                self.turn(Some(next.saturating_duration_since(Instant::now())))?;
                let connections = &self.connections;
                missing.retain(|&room| {
                    let mut members = connections[room * members..].iter().take(members);
                    members.any(|member| member.tally.probes < attempt)
                });
            }
        }
        Ok(())
    }
}
