//! The connections of one room and the fan-out to them. It knows nothing of a room's state,
//! and can be used alone: for a chat, a relay, a news ticker.
//!
//! Its guarantees hold without any action of its user:
//! - joining and leaving at the same time neither lose nor double a connection;
//! - leaving twice, or leaving a channel that has already removed the connection, is fine;
//! - a broken or stalled connection neither fails nor delays a broadcast: it is removed and
//!   closed;
//! - all get the broadcasts in the same order, and a broadcast reaches exactly those who
//!   joined before it and have not left.
//!
//! A [`broadcast`](Channel::broadcast) is written at the end of the runtime's turn,
//! together with all others of that turn. So messages of several members reach each socket
//! in one write, and the write is most of the cost of a delivery. A frame for one
//! [`Outbox`], or its close, still comes after earlier broadcasts. A large channel is
//! written in pieces, by several workers, and other tasks run in between.

mod lane;

use std::sync::Arc;

use crate::codec::Frame;
use crate::outbox::Outbox;
use crate::sync::Mutex;
use lane::Lane;

/// Another lane is opened when each lane has this many connections: with fewer, waking a
/// second worker costs more than the writes.
const LANE: usize = 512;

/// A registry of connections, and the fan-out to them.
#[derive(Debug, Default)]
pub struct Channel {
    /// Held while a broadcast is put into all lanes, so that all lanes have the same order.
    lanes: Mutex<Lanes>,
}

#[derive(Debug, Default)]
struct Lanes {
    /// Empty until somebody joins; at most one for each worker; never removed.
    lanes: Vec<Arc<Lane>>,
    /// The next connection's id.
    next: u64,
}

/// A connection's membership in a channel. Dropping it leaves the channel.
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

    /// Sends to all at the end of the runtime's turn, and returns their number. Without a
    /// runtime it sends at once.
    pub fn broadcast(&self, frame: Frame) -> usize {
        self.each_lane(frame, Lane::broadcast)
    }

    /// Adds a frame to the next broadcast, and returns how many connections get it.
    pub fn stage(&self, frame: Frame) -> usize {
        self.each_lane(frame, |lane, frame| lane.stage(frame))
    }

    /// Sends to all without waiting for the end of the turn, in one write with waiting
    /// frames, and returns their number. In a large channel it writes only the first piece
    /// at once.
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

    /// How many connections are in it.
    pub fn len(&self) -> usize {
        let lanes = self.lanes.lock();
        lanes.lanes.iter().map(|lane| lane.len()).sum()
    }

    /// Whether no connection is in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Lanes {
    /// The lane for the next connection.
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
