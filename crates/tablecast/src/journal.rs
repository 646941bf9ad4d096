//! What became of the last connections of a node, for operators.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use tablecast_core::{CloseReason, MemberId};

use crate::dialect::Dialect;
use crate::peer::{Peer, Transport, kept};

/// How many joins and closes a node remembers, and how many refusals beside them.
pub const VISITS: usize = 10_000;

/// The code of a connection that broke off without a close frame (RFC 6455, 7.1.5).
const BROKEN: u16 = 1006;

/// The last [`VISITS`] joins and closes of a node and the last [`VISITS`] refusals, in its memory:
/// they end with the process. Refusals are apart, since anybody can cause a flood of them, and
/// nobody who was in a room is forgotten for that. Each takes less than 150 bytes besides its texts,
/// which are the room's id (at most 64 characters, shared by all that is told of a connection) and
/// the member's name. That is 2 MB as a rule, 4 MB after a flood of refusals, and 15 MB if every
/// text is as long as it may be.
#[derive(Debug)]
pub struct Journal(Mutex<Rings>);

#[derive(Debug)]
struct Rings {
    /// How many visits there were, which numbers them.
    count: u64,
    seated: VecDeque<(u64, Visit)>,
    refused: VecDeque<(u64, Visit)>,
}

/// One thing that happened to a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    /// When (this machine's clock, ms since 1970).
    pub at: u64,
    /// What.
    pub what: What,
    /// The room's id as it was asked for; of what is no id at most 64 characters, with U+FFFD for
    /// those that a terminal would obey.
    pub room: Arc<str>,
    /// The member; `None` if they had no seat.
    pub member: Option<MemberId>,
    /// The member's name at that time.
    pub name: Option<Arc<str>>,
    /// The client's address, if the server said it.
    pub address: Option<IpAddr>,
    /// `None` if it was refused before that was known.
    pub dialect: Option<Dialect>,
    /// What carried the frames.
    pub transport: Transport,
    /// How long the connection had lasted, counted from the request for it.
    pub lasted: Option<Duration>,
}

/// What happened to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// It got a seat, as a new member.
    Joined,
    /// It got a seat, as a member who had been there before.
    Resumed,
    /// It watches, without a seat.
    Watching,
    /// It did not get into the room.
    Refused {
        /// For programs: as the metrics of handshakes have it.
        code: &'static str,
        /// For people.
        reason: &'static str,
    },
    /// It is over.
    Closed {
        /// The server's close code, or the client's if the client closed it; 1006: it broke off.
        code: u16,
        /// For people.
        reason: &'static str,
    },
}

impl What {
    /// Why a connection is over that was closed for this reason; `client`: the code of the
    /// client's own close frame.
    fn closed(reason: CloseReason, client: Option<u16>) -> Self {
        let (code, reason) = match (reason, client) {
            (CloseReason::Left, Some(code)) => (code, "the client closed it"),
            (CloseReason::Left, None) => (BROKEN, "the connection broke off"),
            (reason, _) => (reason.code(), reason.text()),
        };
        What::Closed { code, reason }
    }
}

impl Journal {
    pub(crate) fn new() -> Self {
        // Of memory that was not written yet the process has nothing.
        let ring = || VecDeque::with_capacity(VISITS);
        Journal(Mutex::new(Rings {
            count: 0,
            seated: ring(),
            refused: ring(),
        }))
    }

    /// The visits that are remembered, the newest first.
    pub fn visits(&self) -> Vec<Visit> {
        let rings = self.0.lock();
        let all = rings.seated.iter().chain(&rings.refused);
        let mut all: Vec<(u64, Visit)> = all.cloned().collect();
        drop(rings);
        all.sort_unstable_by_key(|(number, _)| Reverse(*number));
        all.into_iter().map(|(_, visit)| visit).collect()
    }

    /// The server has refused a client before the hub was asked. `code` is for programs, `reason`
    /// for people.
    pub fn refused(
        &self,
        room: &str,
        address: IpAddr,
        transport: Transport,
        code: &'static str,
        reason: &'static str,
    ) {
        self.push(Visit {
            at: now(),
            what: What::Refused { code, reason },
            room: kept(room),
            member: None,
            name: None,
            address: Some(address),
            dialect: None,
            transport,
            lasted: None,
        });
    }

    /// Notes what has happened to the connection of this peer.
    pub(crate) fn note(&self, peer: &Peer, what: What) {
        let guest = peer.guest();
        let lasted = match what {
            What::Refused { .. } | What::Closed { .. } => Some(peer.since.elapsed()),
            What::Joined | What::Resumed | What::Watching => None,
        };
        self.push(Visit {
            at: now(),
            what,
            room: peer.room.clone(),
            member: guest.as_ref().and_then(|guest| guest.member),
            name: guest.and_then(|guest| guest.name),
            address: peer.address,
            dialect: peer.dialect,
            transport: peer.transport,
            lasted,
        });
    }

    /// Notes that the connection of this peer is over.
    pub(crate) fn closed(&self, peer: &Peer, reason: CloseReason) {
        self.note(peer, What::closed(reason, peer.close_code()));
    }

    fn push(&self, visit: Visit) {
        let mut rings = self.0.lock();
        let number = rings.count;
        rings.count += 1;
        let ring = match visit.what {
            What::Refused { .. } => &mut rings.refused,
            What::Joined | What::Resumed | What::Watching | What::Closed { .. } => {
                &mut rings.seated
            }
        };
        let oldest = (ring.len() == VISITS).then(|| ring.pop_front());
        ring.push_back((number, visit));
        drop(rings);
        // Freeing its texts is not for the others to wait for.
        drop(oldest);
    }
}

/// This machine's clock (ms since 1970), as the lines of the log have it.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refuse(journal: &Journal, room: &str) {
        let address = IpAddr::from([192, 0, 2, 1]);
        let why = ("room_full", "room full");
        journal.refused(room, address, Transport::WebSocket, why.0, why.1);
    }

    #[test]
    fn the_newest_visits_are_kept_and_no_more() {
        let journal = Journal::new();
        for number in 0..VISITS + 3 {
            refuse(&journal, &number.to_string());
        }
        let visits = journal.visits();
        assert_eq!(visits.len(), VISITS);
        let ends = [visits.first(), visits.last()].map(|visit| visit.map(|one| &*one.room));
        assert_eq!(ends, [Some("10002"), Some("3")], "the newest first");
    }

    #[test]
    fn a_flood_of_refusals_pushes_nobody_out_who_was_in_a_room() {
        let journal = Journal::new();
        let close = || {
            journal.push(Visit {
                at: now(),
                what: What::closed(CloseReason::TooSlow, None),
                room: kept("hers"),
                member: Some(MemberId(7)),
                name: None,
                address: None,
                dialect: None,
                transport: Transport::WebSocket,
                lasted: None,
            });
        };
        close();
        for number in 0..3 * VISITS {
            refuse(&journal, &number.to_string());
        }
        close();
        let visits = journal.visits();
        assert_eq!(visits.len(), VISITS + 2);
        let hers: Vec<usize> = (0..)
            .zip(&visits)
            .filter(|(_, one)| &*one.room == "hers")
            .map(|(at, _)| at)
            .collect();
        assert_eq!(hers, [0, VISITS + 1], "the newest first");
    }

    #[test]
    fn a_visit_takes_little_memory_whatever_somebody_takes_for_an_id() {
        assert!(size_of::<Visit>() <= 150, "{}", size_of::<Visit>());
        let journal = Journal::new();
        refuse(&journal, &"가".repeat(1_000_000));
        let visits = journal.visits();
        assert_eq!(
            visits.first().map(|visit| visit.room.chars().count()),
            Some(64)
        );
    }

    #[test]
    fn what_somebody_takes_for_an_id_gives_no_orders_to_a_terminal() {
        let journal = Journal::new();
        // JSON does not escape U+009B, with which an order may begin.
        refuse(&journal, "a\u{9b}31m\u{1b}b\u{202e}c");
        let visits = journal.visits();
        assert_eq!(
            visits.first().map(|visit| &*visit.room),
            Some("a\u{fffd}31m\u{fffd}b\u{fffd}c")
        );
    }
}
