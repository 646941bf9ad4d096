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
