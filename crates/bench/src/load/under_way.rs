//! What is counted of one run.

use hdrhistogram::Histogram;

use super::control::histogram;

/// One run while it lasts.
#[derive(Debug)]
pub(super) struct Traffic {
    pub(super) latency: Histogram<u64>,
    pub(super) same_node: Histogram<u64>,
    pub(super) other_node: Histogram<u64>,
    pub(super) seen_by_all: Histogram<u64>,
    pub(super) deliveries: u64,
    pub(super) messages: u64,
    /// Messages that not everybody has seen.
    pub(super) under_way: u64,
    pub(super) last_delivery: u64,
    /// A message that everybody has seen is followed by another one.
    pub(super) is_closed_loop: bool,
    /// Nanoseconds on the load's clock.
    pub(super) end: u64,
    pub(super) most_messages: u64,
    /// Nothing new is begun.
    pub(super) is_ending: bool,
}

impl Traffic {
    pub(super) fn new(
        began: u64,
        is_closed_loop: bool,
        end: u64,
        most_messages: u64,
    ) -> anyhow::Result<Self> {
        Ok(Traffic {
            latency: histogram()?,
            same_node: histogram()?,
            other_node: histogram()?,
            seen_by_all: histogram()?,
            deliveries: 0,
            messages: 0,
            under_way: 0,
            last_delivery: began,
            is_closed_loop,
            end,
            most_messages,
            is_ending: false,
        })
    }
}
