//! When the application's alarm is decided, and what the store has noted of it.

use std::time::Duration;

use tablecast_core::backend::AlarmHint;
use tokio::time::Instant;

use crate::room_task::clock::BackendClock;

/// The wait before an alarm is tried again that is still due after it was decided, at first and
/// at most.
const WAIT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));

/// The time of the next attempt to decide the application's alarm, and the store's hint of it.
pub(super) struct Alarm {
    not_before: Option<Instant>,
    wait: Duration,
    /// The hint that a commit of this node noted last.
    hint: Option<AlarmHint>,
    /// The store may have lost its hint, with the end of the history.
    is_lost: bool,
}

impl Alarm {
    pub(super) fn new() -> Self {
        Alarm {
            not_before: None,
            wait: WAIT.0,
            hint: None,
            is_lost: false,
        }
    }

    /// Whether the next commit is to note the alarm, although it does not change it.
    pub(super) fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// The room is at a state that its events did not lead to.
    pub(super) fn replaced(&mut self) {
        self.hint = None;
        self.is_lost = true;
    }

    /// A commit was taken. If it has noted an alarm, or that there is none, returns the hint that
    /// is not needed any more.
    pub(super) fn committed(&mut self, noted: Option<Option<AlarmHint>>) -> Option<AlarmHint> {
        self.is_lost = false;
        std::mem::replace(&mut self.hint, noted?)
    }

    /// When to decide an alarm of this time (backend clock, ms).
    pub(super) fn moment(&self, at: u64, clock: &BackendClock) -> Instant {
        let due = clock.moment(at);
        self.not_before
            .map_or(due, |not_before| due.max(not_before))
    }

    /// A batch was decided at `now` (backend clock, ms), and the alarm is `at` after it. It is
    /// still due if a live node could not read its events, or if the logic does not go on.
    pub(super) fn decided(&mut self, at: Option<u64>, now: u64) {
        if at.is_some_and(|at| at <= now) {
            self.not_before = Some(Instant::now() + self.wait);
            self.wait = (self.wait * 2).min(WAIT.1);
        } else if self.not_before.is_some() {
            self.not_before = None;
            self.wait = WAIT.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use tablecast_core::backend::Stamp;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_alarm_that_stays_due_is_tried_less_and_less_often() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut clock = BackendClock::new(None);
        let (now, expires_at) = (5_000, u64::MAX);
        clock.heard(Stamp { now, expires_at }, start);
        let mut alarm = Alarm::new();
        assert_eq!(alarm.moment(8_000, &clock), start + 3 * second);
        for wait in [1, 2, 4, 8, 10, 10] {
            alarm.decided(Some(5_000), 5_000);
            assert_eq!(alarm.moment(5_000, &clock), start + wait * second);
        }
        alarm.decided(Some(5_001), 5_000);
        let soon = start + Duration::from_millis(1);
        assert_eq!(alarm.moment(5_001, &clock), soon, "it has gone on");
    }
}
