//! The whole way over loopback sockets: the server's part of it, from a client's bytes to what all
//! clients have received.
//!
//! Server and clients share one thread: a client writes, the runtime is given turns until all have
//! what they wait for, and only these turns are counted. So nothing depends on which thread is
//! faster, and the clients' own work is left out.

use std::cell::Cell;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

use tablecast::channel::Channel;
use tablecast::codec::Frame;
use tablecast::connection::{Connection, Message};
use tablecast::outbox::Outbox;
use tablecast::{ConnectionConfig, HubConfig, MemoryBackend};
use tablecast_core::limits::Rate;
use tablecast_lunch::{MasterSecret, Menu};
use tablecast_lunch_hub::LunchHub;
use tablecast_server::Server;
use tablecast_server::config::Config;
use tokio::runtime::{Builder, Runtime};

use crate::fan_out::{TEXT, masked};
use crate::measured;

const MEMBERS: usize = 10;

/// Busy at the same time, so that what a turn of the runtime costs by itself is shared, as on a busy
/// server: with a single room it is half of a relayed message, and hides what becomes of the rest.
const ROOMS: usize = 10;

/// Nothing takes so many turns of the runtime unless it hangs.
const TURNS: usize = 100_000;

struct Client {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Client {
    fn connect(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_nonblocking(true).unwrap();
        Client {
            stream,
            unread: Vec::new(),
        }
    }

    /// Connects, and asks for a WebSocket.
    fn knock(address: SocketAddr, room: &str, more: &str) -> Client {
        let mut client = Client::connect(address);
        let request = format!(
            "GET /ws/{room} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
        );
        client.stream.write_all(request.as_bytes()).unwrap();
        client
    }

    fn say(&mut self, text: &str) {
        self.stream.write_all(&masked(text)).unwrap();
    }

    fn read(&mut self) {
        let mut buffer = [0; 4096];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => panic!("the server closed the connection"),
                Ok(count) => self.unread.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Whether the answer to the handshake has come; takes it.
    fn is_let_in(&mut self) -> bool {
        self.read();
        let end = self.unread.windows(4).position(|four| four == b"\r\n\r\n");
        let Some(end) = end else { return false };
        let head = String::from_utf8(self.unread.drain(..end + 4).collect()).unwrap();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        true
    }

    /// Whether a whole frame has come; takes it.
    fn has_message(&mut self) -> bool {
        self.read();
        let (head, length) = match *self.unread {
            [0x81, length @ ..=125, ..] => (2, usize::from(length)),
            [0x81, 126, high, low, ..] => (4, usize::from(u16::from_be_bytes([high, low]))),
            [] | [0x81] | [0x81, 126, ..] => return false,
            _ => panic!("no text: {:?}", self.unread),
        };
        let is_whole = self.unread.len() >= head + length;
        if is_whole {
            self.unread.drain(..head + length);
        }
        is_whole
    }
}

/// A runtime whose turns are taken one by one.
struct Turns {
    runtime: Runtime,
    /// Not while it warms up.
    are_counted: Cell<bool>,
}

impl Turns {
    fn new() -> Turns {
        Turns {
            runtime: Builder::new_current_thread().enable_all().build().unwrap(),
            are_counted: Cell::new(false),
        }
    }

    /// Every task that is ready runs, then the sockets are looked at.
    fn take(&self) {
        self.runtime.block_on(tokio::task::yield_now());
    }

    fn until(&self, what: &str, mut is_done: impl FnMut() -> bool) {
        let took = (0..TURNS).find(|_| {
            if self.are_counted.get() {
                measured(&mut || self.take());
            } else {
                self.take();
            }
            is_done()
        });
        assert!(took.is_some(), "not within {TURNS} turns: {what}");
    }
}

/// In each room at once, one member after the other says something, until all have heard it; the
/// first round is not counted.
fn rounds(turns: &Turns, rooms: &mut [Vec<Client>], words: [&str; 2]) -> usize {
    const ROUNDS: usize = 2;
    for round in 0..=ROUNDS {
        turns.are_counted.set(round > 0);
        for speaker in 0..MEMBERS {
            for word in words {
                rooms.iter_mut().for_each(|room| room[speaker].say(word));
                let mut waiting: Vec<&mut Client> = rooms.iter_mut().flatten().collect();
                turns.until("all hear it", || {
                    waiting.retain_mut(|client| !client.has_message());
                    waiting.is_empty()
                });
            }
        }
    }
    ROUNDS * MEMBERS * words.len() * rooms.len()
}

/// The fan-out alone, as in `examples/relay.rs`.
pub(crate) fn relay() -> usize {
    let turns = Turns::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let enter = |channel: &Arc<Channel>| {
        let client = Client::connect(address);
        let (stream, _) = listener.accept().unwrap();
        stream.set_nonblocking(true).unwrap();
        let channel = channel.clone();
        turns.runtime.spawn(async move {
            let stream = tokio::net::TcpStream::from_std(stream).unwrap();
            let config = ConnectionConfig::default();
            let outbox = Arc::new(Outbox::new(config.outbox));
            let _seat = channel.join(outbox.clone());
            let mut connection = Connection::tcp(stream, &[], outbox, config);
            while let Some(Message::Text(text)) = connection.recv().await {
                channel.broadcast(Frame::text(&text));
            }
        });
        client
    };
    let channels: Vec<_> = (0..ROOMS).map(|_| Channel::new()).collect();
    let fill = |channel| (0..MEMBERS).map(|_| enter(channel)).collect();
    let mut rooms: Vec<Vec<Client>> = channels.iter().map(fill).collect();
    turns.until("all are in", || {
        channels.iter().all(|channel| channel.len() == MEMBERS)
    });
    rounds(&turns, &mut rooms, [TEXT, TEXT])
}

/// The lunch server with its rooms in memory.
struct Lunch {
    turns: Turns,
    address: SocketAddr,
    hub: LunchHub,
}

impl Lunch {
    fn serve() -> Lunch {
        let turns = Turns::new();
        let hub = HubConfig {
            command_rate: Rate::OFF,
            ..HubConfig::default()
        };
        let config = Config {
            join_rate: Rate::OFF,
            hub,
            ..Config::default()
        };
        let (address, hub) = turns.runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let server = Server::new(config, Arc::new(MemoryBackend::new()));
            let hub = server.hub().clone();
            tokio::spawn(server.run(listener, std::future::pending()));
            (address, hub)
        });
        Lunch {
            turns,
            address,
            hub,
        }
    }

    fn make(&self, room: &str) {
        let made = self.hub.create(
            room.parse().unwrap(),
            Menu::new(100, MasterSecret::new([7; 32])),
        );
        self.turns.runtime.block_on(made).unwrap();
    }

    fn enter_text(&self, room: &str) -> Client {
        let mut client = Client::knock(self.address, room, "");
        self.turns.until("it is let in", || client.is_let_in());
        self.turns.until("it is greeted", || client.has_message());
        client
    }
}

/// The whole lunch server: one command, and the menu that follows from it at all ten.
pub(crate) fn command() -> usize {
    let lunch = Lunch::serve();
    let fill = |number| {
        let room = format!("room-{number}");
        lunch.make(&room);
        (0..MEMBERS).map(|_| lunch.enter_text(&room)).collect()
    };
    let mut rooms: Vec<Vec<Client>> = (0..ROOMS).map(fill).collect();
    rounds(
        &lunch.turns,
        &mut rooms,
        ["add:김치찌개", "remove:김치찌개"],
    )
}

/// Rooms fill up, one member after the other; the first room is not counted.
fn join(enter: impl Fn(&Lunch, &str) -> Client) -> usize {
    const COUNTED: usize = 3;
    let lunch = Lunch::serve();
    let mut clients = Vec::new();
    for number in 0..=COUNTED {
        let room = format!("room-{number}");
        lunch.make(&room);
        lunch.turns.are_counted.set(number > 0);
        clients.extend((0..MEMBERS).map(|_| enter(&lunch, &room)));
    }
    COUNTED * MEMBERS
}

pub(crate) fn join_text() -> usize {
    join(Lunch::enter_text)
}

pub(crate) fn join_json() -> usize {
    join(|lunch, room| {
        let protocol = "Sec-WebSocket-Protocol: tablecast.v1\r\n";
        let mut client = Client::knock(lunch.address, room, protocol);
        lunch.turns.until("it is let in", || client.is_let_in());
        client.say(r#"{"join":{"name":"Mina"}}"#);
        lunch.turns.until("it is greeted", || client.has_message());
        client
    })
}
