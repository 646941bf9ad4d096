//! The way of a room's publications to who watches it: some are lost, doubled,
//! reordered, delayed.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tablecast_core::backend::{Listener, Publication};
use tokio::time::{Instant, sleep};

use super::plan::{Plan, PublicationFault, lock};

/// How long a publication waits for the next one to overtake it.
const OVERTAKEN_WITHIN: Duration = Duration::from_millis(100);

pub(super) struct Way {
    to: Arc<dyn Listener>,
    plan: Arc<Mutex<Plan>>,
    /// Each goes behind the next publication, or alone when it is due.
    held: Mutex<Vec<(Instant, Publication)>>,
}

impl Way {
    pub(super) fn new(to: Arc<dyn Listener>, plan: Arc<Mutex<Plan>>) -> Arc<Way> {
        Arc::new(Way {
            to,
            plan,
            held: Mutex::default(),
        })
    }

    pub(super) fn missed(&self) {
        self.to.missed();
    }

    /// Delivers what is held and due by then.
    fn release(&self, due: Instant) {
        let released: Vec<_> = lock(&self.held)
            .extract_if(.., |held| held.0 <= due)
            .collect();
        for (_, publication) in released {
            self.to.published(publication);
        }
    }
}

/// What is given to the store in the listener's place.
pub(super) struct Entrance(pub(super) Arc<Way>);

impl Listener for Entrance {
    fn published(&self, publication: Publication) {
        let way = &self.0;
        let fault = lock(&way.plan).meet_publication();
        match fault {
            None => way.to.published(publication),
            Some(PublicationFault::Lose) => return,
            Some(PublicationFault::Double) => {
                way.to.published(publication.clone());
                way.to.published(publication);
            }
            Some(PublicationFault::Delay(delay)) => {
                let to = Arc::clone(&way.to);
                tokio::spawn(async move {
                    sleep(delay).await;
                    to.published(publication);
                });
                return;
            }
            Some(PublicationFault::Reorder) => {
                let due = Instant::now() + OVERTAKEN_WITHIN;
                lock(&way.held).push((due, publication));
                let way = Arc::clone(way);
                tokio::spawn(async move {
                    sleep(OVERTAKEN_WITHIN).await;
                    way.release(due);
                });
                return;
            }
        }
        way.release(Instant::now() + OVERTAKEN_WITHIN);
    }

    fn missed(&self) {
        self.0.missed();
    }

    /// A signal may be lost anyway, so it meets only a store that is down.
    fn signalled(&self, signal: Bytes) {
        let is_down = lock(&self.0.plan).down.is_some();
        if !is_down {
            self.0.to.signalled(signal);
        }
    }
}
