//! The time by which certificates end, which a test can move.

use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::time::sleep;

/// How long it sleeps at most without a look at the system's clock, which may be set, and which
/// goes on while the machine sleeps.
const LOOK: Duration = Duration::from_secs(60);

/// A clock that tells the time of day.
#[derive(Debug, Clone)]
pub struct Clock(Option<watch::Receiver<SystemTime>>);

/// Moves the clock that was made with it.
#[derive(Debug)]
pub struct Hand(watch::Sender<SystemTime>);

impl Clock {
    /// The system's.
    pub fn system() -> Self {
        Clock(None)
    }

    /// One that stands still but for what its hand does.
    pub fn by_hand(now: SystemTime) -> (Self, Hand) {
        let (hand, clock) = watch::channel(now);
        (Clock(Some(clock)), Hand(hand))
    }

    /// The time.
    pub fn now(&self) -> SystemTime {
        self.0
            .as_ref()
            .map_or_else(SystemTime::now, |clock| *clock.borrow())
    }

    /// Waits until it is this late.
    pub(super) async fn sleep_until(&self, end: SystemTime) {
        if let Some(clock) = &self.0 {
            let mut clock = clock.clone();
            if clock.wait_for(|now| *now >= end).await.is_err() {
                // It will never be that late.
                std::future::pending().await
            }
            return;
        }
        loop {
            let rest = end.duration_since(self.now()).unwrap_or_default();
            if rest.is_zero() {
                return;
            }
            sleep(rest.min(LOOK)).await;
        }
    }
}

impl Hand {
    /// It is this late now.
    pub fn set(&self, now: SystemTime) {
        self.0.send_replace(now);
    }
}
