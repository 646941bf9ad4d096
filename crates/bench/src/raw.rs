//! The bare limit of one write a delivery: one thread, epoll, and a frame that is encoded
//! once. It has no library, no queue and no checks, so no real server can be expected to
//! need less.
//!
//! It does only what every fan-out must do. A member who does not read is cut off at the
//! first write that the socket does not take completely.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Write};
use std::net::{TcpListener, TcpStream};

use slab::Slab;

use crate::poll::Poll;
use crate::wire::{self, Carry};

/// Bytes that are read from one socket at once: several of the largest messages.
const BUFFER: usize = 256 << 10;

const LISTENER: usize = usize::MAX;

struct Member {
    stream: TcpStream,
    /// `None` before the handshake.
    room: Option<usize>,
    carry: Carry,
}

struct Raw {
    poll: Poll,
    listener: TcpListener,
    members: Slab<Member>,
    rooms: Vec<Vec<usize>>,
    names: HashMap<String, usize>,
    buffer: Vec<u8>,
    frame: Vec<u8>,
}

/// Serves until the process ends.
///
/// # Errors
///
/// The listener or epoll fails.
pub fn serve(listener: TcpListener) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let poll = Poll::new()?;
    poll.add(&listener, LISTENER)?;
    let mut raw = Raw {
        poll,
        listener,
        members: Slab::new(),
        rooms: Vec::new(),
        names: HashMap::new(),
        buffer: vec![0; BUFFER],
        frame: Vec::new(),
    };
    loop {
        let ready = raw.poll.wait(None)?;
        for at in 0..ready {
            match raw.poll.token(at) {
                LISTENER => raw.accept()?,
                member => raw.hear(member),
            }
        }
    }
}

impl Raw {
    fn accept(&mut self) -> io::Result<()> {
        loop {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
            let at = self.members.vacant_key();
            self.poll.add(&stream, at)?;
            self.members.insert(Member {
                stream,
                room: None,
                carry: Carry::default(),
            });
        }
    }

    fn hear(&mut self, at: usize) {
        // It may have been cut off earlier in this turn of the loop.
        let Some(member) = self.members.get_mut(at) else {
            return;
        };
        let Ok(filled) = member.carry.read(&member.stream, &mut self.buffer) else {
            return self.cut(at);
        };
        let used = match member.room {
            Some(room) => self.relay(room, filled),
            None => self.join(at, filled),
        };
        let (Some(used), Some(member)) = (used, self.members.get_mut(at)) else {
            return self.cut(at);
        };
        member.carry.keep(&self.buffer[used..filled]);
    }

    /// Answers a request for `/ws/{room}`. A client sends nothing before it has the answer, so
    /// nothing follows the head. `None` for any other request.
    fn join(&mut self, at: usize, filled: usize) -> Option<usize> {
        let Some(end) = wire::head_end(&self.buffer[..filled]) else {
            return Some(0);
        };
        let head = std::str::from_utf8(&self.buffer[..end]).ok()?;
        let path = head.strip_prefix("GET /ws/")?;
        let name = path.split([' ', '/']).next()?;
        let next = self.rooms.len();
        let room = *self.names.entry(name.to_owned()).or_insert(next);
        if room == next {
            self.rooms.push(Vec::new());
        }
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Accept: {}\r\n\r\n",
            wire::ACCEPT
        );
        let member = self.members.get_mut(at)?;
        member.stream.write_all(answer.as_bytes()).ok()?;
        member.room = Some(room);
        self.rooms[room].push(at);
        Some(end)
    }

    /// Sends each text in the buffer to everybody in the room. Returns how much of the
    /// buffer it has used, or `None` if the connection is to be closed.
    fn relay(&mut self, room: usize, filled: usize) -> Option<usize> {
        let mut used = 0;
        while let Some(frame) = wire::first_frame(&self.buffer[used..filled]).ok()? {
            let payload = &mut self.buffer[used..filled][frame.payload.clone()];
            used += frame.payload.end;
            match frame.opcode {
                wire::TEXT => {}
                wire::PONG => continue,
                _ => return None,
            }
            wire::apply_mask(payload, frame.mask?);
            self.frame.clear();
            wire::put_header(&mut self.frame, wire::TEXT, payload.len(), None);
            self.frame.extend_from_slice(payload);
            let mut at = 0;
            while let Some(&member) = self.rooms[room].get(at) {
                let stream = self.members.get_mut(member).map(|m| &mut m.stream);
                match stream.map(|stream| stream.write(&self.frame)) {
                    Some(Ok(written)) if written == self.frame.len() => at += 1,
                    // This takes the member out of the room, so the next one is at the same place.
                    _ => self.cut(member),
                }
            }
        }
        Some(used)
    }

    fn cut(&mut self, at: usize) {
        let Some(member) = self.members.try_remove(at) else {
            return;
        };
        if let Some(room) = member.room {
            self.rooms[room].retain(|&other| other != at);
        }
    }
}
