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
//! A [`broadcast`](Channel::broadcast) is written at the end of the runtime's
//! turn, together with all others of that turn: what several members say at once
//! reaches each socket in one write, and a write is what a delivery costs. What is
//! sent to one [`Outbox`] alone still comes after the broadcasts before it, and so
//! does its close. A large channel is written in pieces, by several workers, and
//! others have their turn between them.

mod lane;

use std::sync::Arc;

use crate::codec::Frame;
use crate::outbox::Outbox;
use crate::sync::Mutex;
use lane::Lane;

/// Another lane is opened when each has this many connections: below it waking a
/// second worker costs more than it writes.
const LANE: usize = 512;

/// A registry of connections, and the fan-out to them.
#[derive(Debug, Default)]
pub struct Channel {
    /// Held while a broadcast is put into all lanes, which makes it one order for
    /// all.
    lanes: Mutex<Lanes>,
}

#[derive(Debug, Default)]
struct Lanes {
    /// None until somebody joins, at most one a worker; never fewer than before.
    lanes: Vec<Arc<Lane>>,
    /// The next connection's id.
    next: u64,
}

/// A place in a channel. Dropping it is leaving.
#[derive(Debug)]
#[must_use = "dropping this leaves the channel"]
pub struct Subscription {
    lane: Arc<Lane>,
    id: u64,
    /// A channel lives as long as somebody is in it.
    _channel: Arc<Channel>,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.lane.leave(self.id);
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        for lane in &self.lanes.lock().lanes {
            lane.close();
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
        let mut lanes = self.lanes.lock();
        let id = lanes.next;
        lanes.next += 1;
        let lane = lanes.shortest();
        lane.join(id, outbox);
        Subscription {
            lane,
            id,
            _channel: self.clone(),
        }
    }

    /// Sends to all at the end of the runtime's turn, and returns how many there
    /// are. Without a runtime, at once.
    pub fn broadcast(&self, frame: Frame) -> usize {
        self.each_lane(frame, Lane::broadcast)
    }

    /// Adds a frame to what the next broadcast writes, and returns how many get it.
    pub fn stage(&self, frame: Frame) -> usize {
        self.each_lane(frame, |lane, frame| lane.stage(frame))
    }

    /// Sends to all without waiting for the end of the turn, in one write with what
    /// waits, and returns how many there are. If there are many, it begins to.
    pub fn broadcast_now(&self, frame: Frame) -> usize {
        self.each_lane(frame, Lane::broadcast_now)
    }

    fn each_lane(&self, frame: Frame, give: impl Fn(&Arc<Lane>, Frame) -> usize) -> usize {
        let lanes = self.lanes.lock();
        let Some((last, others)) = lanes.lanes.split_last() else {
            return 0;
        };
        let before: usize = others.iter().map(|lane| give(lane, frame.clone())).sum();
        before + give(last, frame)
    }

    /// How many are in it.
    pub fn len(&self) -> usize {
        let lanes = self.lanes.lock();
        lanes.lanes.iter().map(|lane| lane.len()).sum()
    }

    /// Whether nobody is in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Lanes {
    /// Where the next connection goes.
    fn shortest(&mut self) -> Arc<Lane> {
        let shortest = self.lanes.iter().min_by_key(|lane| lane.len()).cloned();
        match shortest {
            Some(lane) if lane.len() < LANE || self.lanes.len() >= workers() => lane,
            _ => {
                let lane = Arc::<Lane>::default();
                self.lanes.push(lane.clone());
                lane
            }
        }
    }
}

/// How many tasks can run at the same time.
fn workers() -> usize {
    tokio::runtime::Handle::try_current().map_or(1, |runtime| runtime.metrics().num_workers())
}
