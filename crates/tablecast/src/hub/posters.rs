//! How often those may speak who speak by POST. They have no connection here that could count.

use std::time::Duration;

use parking_lot::Mutex;
use tablecast_core::SeatToken;
use tablecast_core::limits::{Buckets, Rate};
use tokio::time::Instant;

use crate::fence::BEYOND_RATE;
use crate::room_task::Heard;

/// Counts for each seat on this node.
pub(crate) struct Posters {
    begin: Instant,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    commands: Buckets<SeatToken>,
    refused: Buckets<SeatToken>,
    signals: Buckets<Heard>,
}

impl Posters {
    pub(super) fn new() -> Self {
        Posters {
            begin: Instant::now(),
            counts: Mutex::default(),
        }
    }

    /// Counts a command.
    ///
    /// # Errors
    /// It comes too fast: how long to wait.
    pub(crate) fn may_say(&self, seat: SeatToken, rate: Rate) -> Result<(), Duration> {
        if !rate.is_on() {
            return Ok(());
        }
        let now = self.begin.elapsed();
        self.counts.lock().commands.of(seat, now).take(rate, now)
    }

    /// Counts a refusal of a command that came too fast.
    ///
    /// # Errors
    /// There were too many: how long to wait.
    pub(crate) fn may_be_refused(&self, seat: SeatToken) -> Result<(), Duration> {
        let now = self.begin.elapsed();
        self.counts
            .lock()
            .refused
            .of(seat, now)
            .take(BEYOND_RATE, now)
    }

    /// Counts a signal to other nodes; whether this one is not too much.
    pub(super) fn may_signal(&self, heard: Heard, rate: Rate) -> bool {
        let now = self.begin.elapsed();
        self.counts
            .lock()
            .signals
            .of(heard, now)
            .take(rate, now)
            .is_ok()
    }
}
