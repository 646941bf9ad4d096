//! The connections of one room and the fan-out to them. Knows nothing of a
//! room's state, and can be used alone: a chat, a relay, a news ticker.
//!
//! Everything it promises holds without a word from its user:
//! - joining and leaving at the same time lose or double nobody;
//! - leaving twice, or leaving a channel that has already thrown the connection
//!   out, is fine;
//! - a broken or stalled connection neither fails a broadcast nor holds it up: it
//!   is thrown out and closed;
//! - all see the broadcasts in the same order, and a broadcast reaches exactly
//!   those who joined before it and had not left.
//!
//! The lock is held during a broadcast, which never waits: each write takes what
//! the socket's buffer has room for and leaves the rest to the outbox.

use std::sync::Arc;

use crate::codec::Frame;
use crate::outbox::Outbox;
use crate::sync::Mutex;

/// A registry of connections, and the fan-out to them.
#[derive(Debug, Default)]
pub struct Channel {
    peers: Mutex<Peers>,
}

#[derive(Debug, Default)]
struct Peers {
    /// In order of joining, so sorted by id.
    outboxes: Vec<(u64, Arc<Outbox>)>,
    next: u64,
}

/// A place in a channel. Dropping it is leaving.
#[derive(Debug)]
#[must_use = "dropping this leaves the channel"]
pub struct Subscription {
    channel: Arc<Channel>,
    id: u64,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut peers = self.channel.peers.lock();
        if let Ok(at) = peers.outboxes.binary_search_by_key(&self.id, |(id, _)| *id) {
            peers.outboxes.remove(at);
        }
    }
}

impl Channel {
    /// An empty channel.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Adds a connection; it gets every broadcast from now on.
    pub fn join(self: &Arc<Self>, outbox: Arc<Outbox>) -> Subscription {
        let mut peers = self.peers.lock();
        let id = peers.next;
        peers.next += 1;
        peers.outboxes.push((id, outbox));
        Subscription {
            channel: self.clone(),
            id,
        }
    }

    /// Sends to all, and returns how many took it.
    pub fn broadcast(&self, frame: &Frame) -> usize {
        let mut peers = self.peers.lock();
        // `send` closes what it fails for, so here it is only thrown out.
        peers
            .outboxes
            .retain(|(_, outbox)| outbox.send(frame).is_ok());
        peers.outboxes.len()
    }

    /// How many are in it.
    pub fn len(&self) -> usize {
        self.peers.lock().outboxes.len()
    }

    /// Whether nobody is in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
