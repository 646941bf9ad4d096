//! When a room checks its deadlines next.

use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::task::coop::unconstrained;
use tokio::time::{Instant, Sleep, sleep_until};

/// Without any deadline the alarm rings after this time.
const IDLE: Duration = Duration::from_secs(3600);

/// Rings at the earliest of the times for which it was set.
pub(super) struct Alarm {
    timer: Pin<Box<Sleep>>,
    at: Instant,
    /// The time has changed since the timer was set. The timer is set only when somebody
    /// waits for it, because most times are replaced before.
    is_new: bool,
}

impl Alarm {
    pub(super) fn new() -> Self {
        let at = Instant::now() + IDLE;
        Alarm {
            timer: Box::pin(sleep_until(at)),
            at,
            is_new: true,
        }
    }

    /// It rings at this time at the latest.
    pub(super) fn set(&mut self, at: Instant) {
        if at < self.at {
            self.at = at;
            self.is_new = true;
        }
    }

    /// Ready when it rings: then all deadlines must be checked and set again.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // It always wakes the same task, so one poll is enough until it has rung.
        let is_new = std::mem::take(&mut self.is_new);
        if is_new {
            self.timer.as_mut().reset(self.at);
        }
        if is_new || self.timer.is_elapsed() {
            // The timer must be registered even if this task has used up its budget of this turn.
            let timer = unconstrained(self.timer.as_mut());
            if pin!(timer).poll(cx).is_ready() {
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
    async fn it_rings_at_the_earliest_time_and_then_no_more() {
        let start = Instant::now();
        let seconds = Duration::from_secs;
        let mut alarm = Alarm::new();
        alarm.set(start + seconds(20));
        alarm.set(start + seconds(10));
        alarm.set(start + seconds(30));
        poll_fn(|cx| alarm.poll(cx)).await;
        assert_eq!(start.elapsed(), seconds(10));
        poll_fn(|cx| alarm.poll(cx)).await;
        assert_eq!(
            start.elapsed(),
            seconds(10) + IDLE,
            "the others are forgotten"
        );
    }
}
