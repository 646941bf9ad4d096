//! When a room checks its deadlines next.

use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::task::coop::unconstrained;
use tokio::time::{Instant, Sleep, sleep_until};

/// Without any deadline the timer fires after this time.
const IDLE: Duration = Duration::from_secs(3600);

/// Fires at the earliest of the times for which it was set.
pub(super) struct Timer {
    sleep: Pin<Box<Sleep>>,
    at: Instant,
    /// The time has changed since the timer was set. The timer is set only when somebody
    /// waits for it, because most times are replaced before.
    is_new: bool,
}

impl Timer {
    pub(super) fn new() -> Self {
        let at = Instant::now() + IDLE;
        Timer {
            sleep: Box::pin(sleep_until(at)),
            at,
            is_new: true,
        }
    }

    /// It fires at this time at the latest.
    pub(super) fn set(&mut self, at: Instant) {
        if at < self.at {
            self.at = at;
            self.is_new = true;
        }
    }

    /// Ready when it fires: then all deadlines must be checked and set again.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // It always wakes the same task, so one poll is enough until it has fired.
        let is_new = std::mem::take(&mut self.is_new);
        if is_new {
            self.sleep.as_mut().reset(self.at);
        }
        if is_new || self.sleep.is_elapsed() {
            // The timer must be registered even if this task has used up its budget of this turn.
            let sleep = unconstrained(self.sleep.as_mut());
            if pin!(sleep).poll(cx).is_ready() {
                self.at = Instant::now() + IDLE;
                self.is_new = true;
                return Poll::Ready(());
            }
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_fires_at_the_earliest_time_and_then_no_more() {
        let start = Instant::now();
        let seconds = Duration::from_secs;
        let mut timer = Timer::new();
        timer.set(start + seconds(20));
        timer.set(start + seconds(10));
        timer.set(start + seconds(30));
        poll_fn(|cx| timer.poll(cx)).await;
        assert_eq!(start.elapsed(), seconds(10));
        poll_fn(|cx| timer.poll(cx)).await;
        assert_eq!(
            start.elapsed(),
            seconds(10) + IDLE,
            "the others are forgotten"
        );
    }
}
