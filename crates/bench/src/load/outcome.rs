//! A run: what it is asked for, what is counted during it, and its result.

use std::sync::Weak;

use hdrhistogram::Histogram;

/// When to stop sending.
#[derive(Debug, Clone)]
pub enum Until {
    /// After this time.
    Seconds(f64),
    /// After this many messages, all rooms together.
    Messages(u64),
    /// When this was dropped.
    Gone(Weak<()>),
}

/// When to send.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// This many messages are always under way in each room: the next one is sent when everybody has the
    /// last.
    Window(usize),
    /// This many messages a second, all rooms together, at even intervals whatever comes back. Latency
    /// counts from when a message should have been sent.
    Rate(f64),
}

/// Times of a run, up to ten minutes, with three exact digits.
#[derive(Debug)]
pub struct Latency(Histogram<u64>);

impl Default for Latency {
    #[expect(clippy::expect_used, reason = "constants that go together")]
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(1, 600_000_000_000, 3);
        Latency(histogram.expect("bounds of a histogram"))
    }
}

impl Latency {
    pub(super) fn record(&mut self, nanoseconds: u64) {
        self.0.saturating_record(nanoseconds);
    }

    /// In microseconds; the longest is that of 1.0, and 0 if there is none.
    pub fn quantile(&self, quantile: f64) -> f64 {
        self.0.value_at_quantile(quantile) as f64 / 1e3
    }
}

/// The result of one run.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Messages sent. Each has reached everybody.
    pub messages: u64,
    /// Deliveries: each message to each member who reads.
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
    /// From sending until the last member had the message.
    pub seen_by_all: Latency,
    /// Members who do not read.
    pub slow: usize,
    /// Those of them that the server has cut off.
    pub cut_off: usize,
}

/// The run that is under way, if there is one.
#[derive(Default)]
pub(super) struct Traffic {
    pub(super) outcome: Outcome,
    pub(super) until: Option<Until>,
    /// Another message follows each that everybody has.
    pub(super) is_closed_loop: bool,
    /// No new message is sent.
    pub(super) is_ending: bool,
    /// Messages that not everybody has yet.
    pub(super) under_way: u64,
    /// Nanoseconds on the load's clock, as `last_delivery`.
    pub(super) began: u64,
    pub(super) last_delivery: u64,
}

impl Traffic {
    /// Whether a message that is due at this time is not sent any more.
    pub(super) fn is_over(&self, at: u64) -> bool {
        match &self.until {
            None => true,
            Some(Until::Seconds(seconds)) => at >= self.began + (seconds * 1e9) as u64,
            Some(Until::Messages(messages)) => self.outcome.messages >= *messages,
            Some(Until::Gone(what)) => what.strong_count() == 0,
        }
    }
}
