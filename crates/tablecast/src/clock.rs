//! One timer for all connections of a runtime.
//!
//! The deadlines of a connection are seconds away, and most of them pass without anything
//! to do. A timer for each connection would take memory, and must be checked with every
//! message. Here a deadline is an entry in a wheel that turns every [`TICK`]; a connection
//! that is due is reminded through its outbox. So a deadline may come up to a tick late,
//! but never early.
//!
//! There is a wheel for each runtime, which turns while it has connections.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::{Handle, Id};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::outbox::Outbox;

/// The precision of a deadline. The shortest default deadline is 5 s.
const TICK: Duration = Duration::from_millis(250);

/// No entry is farther ahead than this many ticks (a minute); a later deadline is entered
/// again when its entry comes up. This limits how long an entry of a closed connection
/// stays.
const HORIZON: u64 = 240;

/// How many connections are reminded before other tasks run: thousands that were opened at
/// the same time are due at the same time.
const AT_ONCE: usize = 128;

/// The clocks of all runtimes that have connections.
static CLOCKS: Mutex<Vec<(Id, Weak<Clock>)>> = Mutex::new(Vec::new());

/// The clock of one runtime. It ends with the last connection that uses it.
#[derive(Debug)]
pub(crate) struct Clock {
    start: Instant,
    wheel: Mutex<Wheel>,
    /// Set as soon as it is made.
    ticker: OnceLock<AbortHandle>,
    /// Closed when the ticker has ended.
    ticks: watch::Receiver<()>,
}

/// Reminders by the tick at which they come up.
type Wheel = BTreeMap<u64, Vec<Reminder>>;

#[derive(Debug)]
struct Reminder {
    due: u64,
    /// The outbox of a connection, which may be gone.
    outbox: Weak<Outbox>,
}

impl Clock {
    /// The clock of the runtime that this is called in.
    ///
    /// # Panics
    /// Outside a runtime, like everything in tokio that uses time.
    pub(crate) fn current() -> Arc<Clock> {
        let runtime = Handle::current();
        let mut clocks = CLOCKS.lock();
        let known = clocks.iter().find(|(id, _)| *id == runtime.id());
        let known = known.and_then(|(_, clock)| clock.upgrade());
        if let Some(clock) = known.filter(|clock| clock.turns()) {
            return clock;
        }
        let (ticking, ticks) = watch::channel(());
        let clock = Arc::new(Clock {
            start: Instant::now(),
            wheel: Mutex::default(),
            ticker: OnceLock::new(),
            ticks,
        });
        // Only now: its first look at the clock, which may be at once on another thread, is
        // its last if there is none yet.
        let ticker = runtime.spawn(turn(Arc::downgrade(&clock), ticking));
        clock.ticker.get_or_init(|| ticker.abort_handle());
        clocks.retain(|(id, clock)| clock.strong_count() > 0 && *id != runtime.id());
        clocks.push((runtime.id(), Arc::downgrade(&clock)));
        clock
    }

    /// Reminds the connection at this time or up to a tick later. A reminder cannot be
    /// cancelled; the connection must ignore an unnecessary one.
    pub(crate) fn remind(&self, outbox: &Arc<Outbox>, at: Instant) {
        let due = tick_after(at.saturating_duration_since(self.start));
        let outbox = Arc::downgrade(outbox);
        self.put(Reminder { due, outbox });
    }

    /// Waits until it stops. While somebody uses it, it stops only if its task has
    /// panicked.
    pub(crate) async fn stopped(&self) {
        let mut ticks = self.ticks.clone();
        while ticks.changed().await.is_ok() {}
    }

    fn turns(&self) -> bool {
        let ticker = self.ticker.get();
        ticker.is_some_and(|ticker| !ticker.is_finished())
    }

    /// Ticks that have passed.
    fn now(&self) -> u64 {
        (self.start.elapsed().as_millis() / TICK.as_millis()) as u64
    }

    /// Takes out the entries that are due.
    fn take(&self) -> Wheel {
        let next = self.now() + 1;
        let mut wheel = self.wheel.lock();
        let later = wheel.split_off(&next);
        std::mem::replace(&mut *wheel, later)
    }

    /// Puts a reminder where it comes up: when it is due, or at the horizon.
    fn put(&self, reminder: Reminder) {
        let slot = reminder.due.min(self.now() + HORIZON);
        self.wheel.lock().entry(slot).or_default().push(reminder);
    }
}

/// The first tick by which so much time has passed. To the nanosecond: who is reminded too
/// early, by however little, has no other reminder.
fn tick_after(time: Duration) -> u64 {
    time.as_nanos().div_ceil(TICK.as_nanos()) as u64
}

impl Drop for Clock {
    fn drop(&mut self) {
        if let Some(ticker) = self.ticker.get() {
            ticker.abort();
        }
    }
}

async fn turn(clock: Weak<Clock>, _ticking: watch::Sender<()>) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(came_up) = clock.upgrade().map(|clock| clock.take()) else {
            return;
        };
        for (at, reminder) in came_up.into_values().flatten().enumerate() {
            if at % AT_ONCE == AT_ONCE - 1 {
                tokio::task::yield_now().await;
            }
            let (Some(clock), Some(outbox)) = (clock.upgrade(), reminder.outbox.upgrade()) else {
                continue;
            };
            if reminder.due <= clock.now() {
                outbox.remind();
            } else {
                clock.put(reminder);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_reminded_before_the_time() {
        let nanosecond = Duration::from_nanos(1);
        assert_eq!(tick_after(TICK * 3), 3);
        assert_eq!(tick_after(TICK * 3 + nanosecond), 4);
        assert_eq!(tick_after(TICK * 3 - nanosecond), 3);
    }

    #[tokio::test]
    async fn who_waits_learns_that_it_stands_still_and_the_next_gets_another() {
        let clock = Clock::current();
        assert!(Arc::ptr_eq(&clock, &Clock::current()), "one a runtime");
        clock.ticker.get().unwrap().abort();
        clock.stopped().await;
        while clock.turns() {
            tokio::task::yield_now().await;
        }
        assert!(!Arc::ptr_eq(&clock, &Clock::current()));
    }
}
