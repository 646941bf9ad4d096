//! The settings of a hub and its connections, with defaults.

use std::time::Duration;

use tablecast_core::limits::Rate;

/// The limits of an outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxLimits {
    /// At most this many bytes. Default 256 KiB: the whole log of a room.
    pub bytes: usize,
    /// The oldest byte waits at most this long. Default 5 s.
    pub time: Duration,
}

impl Default for OutboxLimits {
    fn default() -> Self {
        OutboxLimits {
            bytes: 256 * 1024,
            time: Duration::from_secs(5),
        }
    }
}

/// The settings of each connection. Times may be up to a quarter of a second late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionConfig {
    /// The largest message in bytes, whole or in fragments. Default 16 KiB.
    pub message_bytes: usize,
    /// The most frames of a message, at least 1: 0 counts as 1. Default 64: browsers send one
    /// frame for each message; libraries that stream use a few.
    pub message_fragments: usize,
    /// How much may wait to be written.
    pub outbox: OutboxLimits,
    /// A silent connection is pinged after at most this long, and at least half of it.
    /// Default 25 s: proxies close idle connections after 60 s.
    pub ping_interval: Duration,
    /// A connection that stays silent this long after the ping is closed. Default 10 s.
    pub pong_timeout: Duration,
    /// How long the closing handshake, a fragmented message, or the first message may take.
    /// Default 5 s (for a fragmented message twice that).
    pub handshake: Duration,
}

impl Default for ConnectionConfig {
    fn default() -> Self {
        ConnectionConfig {
            message_bytes: 16 * 1024,
            message_fragments: 64,
            outbox: OutboxLimits::default(),
            ping_interval: Duration::from_secs(25),
            pong_timeout: Duration::from_secs(10),
            handshake: Duration::from_secs(5),
        }
    }
}

/// The settings of a hub.
#[derive(Debug, Clone, PartialEq)]
pub struct HubConfig {
    /// Each connection's settings.
    pub connection: ConnectionConfig,
    /// Seats of a room made here. Default 10.
    pub seats: usize,
    /// A room lives this long after the last join or change, unless it is made with a
    /// lifetime of its own. Default 10 min.
    pub room_ttl: Duration,
    /// A room lives at most this long. Default 24 h.
    pub room_max_age: Duration,
    /// How long the result of a room is kept, see
    /// [`Logic::keepsake`](crate::core::Logic::keepsake). Default 7 days.
    pub keepsake_ttl: Duration,
    /// Rooms made or open on this node at the same time. Default 10,000.
    pub max_rooms: usize,
    /// How long the seat of a JSON member who lost the connection is kept. Default 30 s.
    pub seat_grace: Duration,
    /// Commands of one connection. Default 10 a second, 20 at once.
    pub command_rate: Rate,
    /// The lease of a node, renewed after every quarter of it. The seats of a crashed node
    /// are free after at most one and a half leases. Default 12 s.
    pub node_lease: Duration,
    /// A command is answered `unavailable` if the store has not taken it within this time.
    /// Default 1.8 s.
    pub command_deadline: Duration,
}

impl Default for HubConfig {
    fn default() -> Self {
        HubConfig {
            connection: ConnectionConfig::default(),
            seats: 10,
            room_ttl: Duration::from_secs(600),
            room_max_age: Duration::from_secs(24 * 3600),
            keepsake_ttl: Duration::from_secs(7 * 24 * 3600),
            max_rooms: 10_000,
            seat_grace: Duration::from_secs(30),
            command_rate: Rate {
                per_second: 10.0,
                burst: 20,
            },
            node_lease: Duration::from_secs(12),
            command_deadline: Duration::from_millis(1800),
        }
    }
}
