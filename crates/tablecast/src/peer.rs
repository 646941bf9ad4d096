//! Who is at the other end of a connection: what operators are told of it.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tablecast_core::MemberId;
use tablecast_core::text::is_forbidden;
use tokio::time::Instant;

use crate::dialect::Dialect;

/// What carries the frames of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Transport {
    /// A WebSocket.
    WebSocket,
    /// A stream of events, beside which the client posts.
    Sse,
}

impl Transport {
    /// Its name in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Transport::WebSocket => "websocket",
            Transport::Sse => "sse",
        }
    }
}

/// The most characters of a room's id that are kept: ids are that short, but what somebody takes
/// for one may be long.
const ROOM_CHARS: usize = 64;

/// The close codes of a client that does not come back: a normal closure, or a close frame
/// without a code. A browser that leaves the page or sleeps sends 1001, or nothing.
const GOODBYES: [u16; 2] = [1000, 1005];

/// Who has entered a room by a connection.
#[derive(Debug, Clone)]
pub(crate) struct Guest {
    /// `None`: somebody who watches.
    pub(crate) member: Option<MemberId>,
    /// The member's name as it is now.
    pub(crate) name: Option<Arc<str>>,
}

/// The other end of one connection. It is part of the outbox, which all who deal with the
/// connection have.
#[derive(Debug)]
pub(crate) struct Peer {
    /// The room that was asked for; empty outside rooms.
    pub(crate) room: Arc<str>,
    pub(crate) address: Option<IpAddr>,
    pub(crate) dialect: Option<Dialect>,
    pub(crate) transport: Transport,
    pub(crate) since: Instant,
    /// In microseconds; 0 until it was measured.
    round_trip: AtomicU32,
    /// The code of the client's close frame; 0 until one has come.
    closed_with: AtomicU16,
    /// `None` until it has entered.
    guest: Mutex<Option<Guest>>,
}

impl Peer {
    /// A client that asks for this room.
    pub(crate) fn new(
        room: &str,
        address: Option<IpAddr>,
        dialect: Option<Dialect>,
        transport: Transport,
    ) -> Self {
        Peer {
            room: kept(room),
            address,
            dialect,
            transport,
            since: Instant::now(),
            round_trip: AtomicU32::new(0),
            closed_with: AtomicU16::new(0),
            guest: Mutex::new(None),
        }
    }

    /// A client of whom nothing is known.
    pub(crate) fn unknown() -> Self {
        Peer::new("", None, None, Transport::WebSocket)
    }

    /// It has answered a sign of life after this time.
    pub(crate) fn heard_back(&self, after: Duration) {
        let micros = u32::try_from(after.as_micros()).unwrap_or(u32::MAX);
        self.round_trip.store(micros.max(1), Ordering::Relaxed);
    }

    /// How long its last answer to a sign of life took.
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        match self.round_trip.load(Ordering::Relaxed) {
            0 => None,
            micros => Some(Duration::from_micros(micros.into())),
        }
    }

    /// It has closed the connection with this code.
    pub(crate) fn closed_with(&self, code: u16) {
        self.closed_with.store(code, Ordering::Relaxed);
    }

    /// The code of its close frame, if one has come.
    pub(crate) fn close_code(&self) -> Option<u16> {
        let code = self.closed_with.load(Ordering::Relaxed);
        (code > 0).then_some(code)
    }

    /// Whether it has said that it does not come back.
    pub(crate) fn said_goodbye(&self) -> bool {
        self.close_code()
            .is_some_and(|code| GOODBYES.contains(&code))
    }

    /// It is in the room now, as this guest.
    pub(crate) fn entered(&self, guest: Guest) {
        *self.guest.lock() = Some(guest);
    }

    /// Who has entered by it.
    pub(crate) fn guest(&self) -> Option<Guest> {
        self.guest.lock().clone()
    }
}

/// What is kept of the text that somebody takes for a room's id: its beginning, without what the
/// terminal of an operator would obey.
pub(crate) fn kept(room: &str) -> Arc<str> {
    if room.len() <= ROOM_CHARS && !room.contains(is_forbidden) {
        return room.into();
    }
    let begin: String = room.chars().take(ROOM_CHARS).collect();
    let shown = begin.replace(is_forbidden, "\u{FFFD}");
    shown.into()
}
