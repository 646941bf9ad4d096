//! Counters, read on request. On the hot path each costs at most one relaxed addition.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tablecast_core::{CloseReason, ErrorCode, code};

/// Upper bounds of the commit latency buckets, in seconds.
pub const LATENCY_BOUNDS: [f64; 12] = [
    0.00001, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1.0,
];

/// A number that goes up and down.
#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

impl Gauge {
    pub(crate) fn add(&self, by: i64) {
        self.0.fetch_add(by, Ordering::Relaxed);
    }

    /// The number now.
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, by: u64) {
        self.0.fetch_add(by, Ordering::Relaxed);
    }

    /// The number now.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A histogram of durations.
#[derive(Debug, Default)]
pub struct Latency {
    buckets: [Counter; LATENCY_BOUNDS.len() + 1],
    nanos: Counter,
}

impl Latency {
    pub(crate) fn record(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        let at = LATENCY_BOUNDS.partition_point(|bound| *bound < seconds);
        self.buckets[at].add(1);
        self.nanos.add(took.as_nanos() as u64);
    }

    /// For each of [`LATENCY_BOUNDS`] how many were at most that long but longer than the
    /// bound before; the last count is for those longer than all bounds.
    pub fn counts(&self) -> [u64; LATENCY_BOUNDS.len() + 1] {
        std::array::from_fn(|at| self.buckets[at].get())
    }

    /// All times added up, in seconds.
    pub fn sum_seconds(&self) -> f64 {
        self.nanos.get() as f64 / 1e9
    }
}

/// Counters by name, for events outside the hot path. Each name adds a counter, so a name
/// is never built from outside input.
#[derive(Debug)]
pub struct ByName<K>(Mutex<BTreeMap<K, u64>>);

impl<K> Default for ByName<K> {
    fn default() -> Self {
        ByName(Mutex::default())
    }
}

impl<K: Ord + Copy> ByName<K> {
    /// Shows these names from now on, with 0 at first: a rate over a counter that appears
    /// with its first event misses that event.
    pub fn expect(&self, names: impl IntoIterator<Item = K>) {
        let mut counts = self.0.lock();
        for name in names {
            counts.entry(name).or_default();
        }
    }

    /// Adds one to this name's counter.
    pub fn count(&self, name: K) {
        *self.0.lock().entry(name).or_default() += 1;
    }

    /// All names that were expected, or counted so far.
    pub fn all(&self) -> Vec<(K, u64)> {
        let counts = self.0.lock();
        counts.iter().map(|(name, count)| (*name, *count)).collect()
    }
}

/// The outcomes of a handshake, besides refusals by the server before the hub is asked.
const HANDSHAKES: [&str; 12] = [
    SEATED,
    WATCHING,
    LEFT,
    MISUNDERSTOOD,
    SILENT,
    "dismissed",
    "draining",
    code::NO_SEAT.as_str(),
    "not_found",
    "room_full",
    "taken_over",
    code::UNAVAILABLE.as_str(),
];

/// The client has a seat.
pub(crate) const SEATED: &str = "seated";
/// The client watches.
pub(crate) const WATCHING: &str = code::WATCHING.as_str();
/// The client was gone before it had a seat.
pub(crate) const LEFT: &str = "left";
/// The first message was not understood.
pub(crate) const MISUNDERSTOOD: &str = code::BAD_COMMAND.as_str();
/// No first message came.
pub(crate) const SILENT: &str = "timeout";

/// The metrics of a hub. There all names exist from the start, at 0.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Rooms open on this node.
    pub rooms: Gauge,
    /// Connections with a seat on this node.
    pub members: Gauge,
    /// Connections on this node that watch and have no seat.
    pub watchers: Gauge,
    /// Open connections on this node: WebSockets and streams of events.
    pub connections: Gauge,
    /// The streams of events among them.
    pub streams: Gauge,
    /// Rooms made here.
    pub rooms_created: Counter,
    /// Commands accepted.
    pub commands: Counter,
    /// Handshakes that reached the hub, by outcome: `seated`, `watching`, or why not, with the codes of
    /// problem documents and rejections; `left` if the client had gone before, `timeout` if
    /// it sent nothing. A server may count its own refusals here.
    pub handshakes: ByName<&'static str>,
    /// Commands refused, by code.
    pub rejections: ByName<ErrorCode>,
    /// Writes that a fan-out gave to connections; all frames of a batch count as one.
    pub deliveries: Counter,
    /// Connections closed, by the code of their [`CloseReason`].
    pub closes: ByName<u16>,
    /// Commits that the backend accepted, with how long each took.
    pub commits: Latency,
    /// Commits that were decided again on a newer state.
    pub conflicts: Counter,
    /// Times a room was loaded from the backend to close a gap.
    pub resyncs: Counter,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let metrics = Metrics::default();
        metrics.handshakes.expect(HANDSHAKES);
        metrics
            .rejections
            .expect(code::ALL.iter().map(|(code, _)| *code));
        let reasons = CloseReason::ALL.iter();
        metrics.closes.expect(reasons.map(|reason| reason.code()));
        metrics
    }

    pub(crate) fn closed(&self, reason: CloseReason) {
        self.closes.count(reason.code());
    }
}
