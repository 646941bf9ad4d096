//! The time by which certificates end, which a test can move, and how it is said.

use std::time::{Duration, SystemTime};

use tablecast_http::tls::Certificate;
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

    /// Waits until it is this late, or until the clock is set back: then what is due must be found
    /// out anew. Whether it is this late.
    pub(super) async fn sleep_until(&self, end: SystemTime) -> bool {
        let mut newest = self.now();
        let mut is_over = |now: SystemTime| {
            let is_set_back = newest.duration_since(now).is_ok_and(|back| back > LOOK);
            newest = now;
            now >= end || is_set_back
        };
        if let Some(clock) = &self.0 {
            let mut clock = clock.clone();
            if clock.wait_for(|now| is_over(*now)).await.is_err() {
                // It will never be that late.
                std::future::pending().await
            }
        } else {
            while !is_over(self.now()) {
                let rest = end.duration_since(self.now()).unwrap_or_default();
                sleep(rest.min(LOOK)).await;
            }
        }
        self.now() >= end
    }
}

impl Hand {
    /// It is this late now.
    pub fn set(&self, now: SystemTime) {
        self.0.send_replace(now);
    }
}

/// Why a certificate counts for nothing at this time, in words.
pub(crate) fn out_of_time(certificate: &Certificate, now: SystemTime) -> Option<String> {
    let (from, until) = (certificate.not_before(), certificate.not_after());
    if until <= now {
        Some(format!("the certificate has ended at {}", said(until)))
    } else if from > now {
        Some(format!("the certificate begins only at {}", said(from)))
    } else {
        None
    }
}

/// A time in words.
pub(crate) fn said(time: SystemTime) -> String {
    httpdate::fmt_http_date(time)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_sleeps_is_woken_when_the_clock_is_set_back() {
        let day = Duration::from_secs(86_400);
        let now = SystemTime::UNIX_EPOCH + 1000 * day;
        let (clock, hand) = Clock::by_hand(now);
        assert!(clock.sleep_until(now).await);
        let sleeps = clock.clone();
        let sleeps = tokio::spawn(async move { sleeps.sleep_until(now + day).await });
        tokio::task::yield_now().await;
        hand.set(now - LOOK / 2);
        tokio::task::yield_now().await;
        assert!(!sleeps.is_finished(), "clocks are corrected all the time");
        hand.set(now - day);
        assert!(!sleeps.await.unwrap(), "it is not that late");
    }
}
