//! What the orchestrator and the load generator say to each other: JSON lines on
//! stdin and stdout.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// What the generator is asked to do. It answers each with one [`Reply`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Make the rooms that must be made before they can be joined.
    Prepare,
    /// Open all connections.
    Connect,
    /// Wait until everybody gets what is sent, which may be a little later.
    Settle,
    /// Send messages.
    Run(Run),
}

/// One stretch of traffic. It ends with nothing under way, so that what is read of a
/// server before and after it belongs to exactly these messages.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// When to stop sending.
    pub until: Until,
    /// When to send.
    pub pace: Pace,
}

/// When to stop sending; with the next request in any case.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// After so much time.
    Seconds(f64),
    /// After so many messages in all rooms.
    Messages(u64),
    /// When stdin is closed, which ends the generator too.
    Closed,
}

/// When to send.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    /// So many messages are always under way in each room: the next one follows when
    /// everybody has seen the last.
    Window(usize),
    /// So many messages a second in all rooms, at even intervals whatever comes back.
    /// Latency counts from when a message should have been sent.
    Rate(f64),
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// To [`Request::Prepare`].
    Prepared,
    /// To [`Request::Connect`].
    Joined(Joined),
    /// To [`Request::Settle`].
    Settled,
    /// To [`Request::Run`].
    Done(Outcome),
    /// Instead of any other, and the last one.
    Failed(String),
}

/// How connecting went.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Joined {
    /// Connections that are open.
    pub connections: usize,
    /// From the first until the last one was in.
    pub seconds: f64,
    /// From connecting until in the room.
    pub latency: Latency,
}

/// What one [`Run`] gave.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Messages sent, each of which has reached everybody.
    pub messages: u64,
    /// Messages times members who read.
    pub deliveries: u64,
    /// From the first message until the last delivery.
    pub seconds: f64,
    /// CPU time of the generator itself, seconds.
    pub cpu: f64,
    /// Of deliveries.
    pub latency: Latency,
    /// Of deliveries to members who are connected to the same node as the sender.
    pub same_node: Latency,
    /// Of deliveries to members who are connected to another node than the sender.
    pub other_node: Latency,
    /// Until the last member had it.
    pub seen_by_all: Latency,
    /// Members who do not read.
    pub slow: usize,
    /// Those of them that the server has cut off.
    pub cut_off: usize,
}

/// Percentiles in nanoseconds, exact to three digits; zero if there was nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "percentiles")]
pub struct Latency {
    pub p50: u64,
    pub p90: u64,
    pub p99: u64,
    pub p999: u64,
    pub longest: u64,
}

/// An empty histogram of nanoseconds: up to ten minutes, exact to three digits.
pub(super) fn histogram() -> anyhow::Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, 600_000_000_000, 3)?)
}

impl From<&Histogram<u64>> for Latency {
    fn from(histogram: &Histogram<u64>) -> Self {
        Latency {
            p50: histogram.value_at_quantile(0.5),
            p90: histogram.value_at_quantile(0.9),
            p99: histogram.value_at_quantile(0.99),
            p999: histogram.value_at_quantile(0.999),
            longest: histogram.max(),
        }
    }
}
