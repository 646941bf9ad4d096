//! The stream of notices, with publications lost, doubled, reordered, delayed.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tablecast_core::backend::{Notice, Notices};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep_until};

use super::{Faults, PublicationFault};

/// How long a publication waits for the next one to overtake it.
const OVERTAKEN_WITHIN: Duration = Duration::from_millis(100);

pub(super) fn with_faults(
    inner: Notices,
    asked_for: UnboundedReceiver<Notice>,
    faults: Faults,
) -> Notices {
    let way = Way {
        inner,
        asked_for,
        faults,
        ready: VecDeque::new(),
        held: Vec::new(),
    };
    Box::pin(stream::unfold(way, |mut way| async move {
        way.next().await.map(|notice| (notice, way))
    }))
}

/// The way of notices from the store to the node.
struct Way {
    inner: Notices,
    asked_for: UnboundedReceiver<Notice>,
    faults: Faults,
    /// To be handed out at once.
    ready: VecDeque<Notice>,
    /// To be handed out later.
    held: Vec<Held>,
}

impl Way {
    async fn next(&mut self) -> Option<Notice> {
        loop {
            if let Some(notice) = self.ready.pop_front() {
                return Some(notice);
            }
            let due = self.held.iter().map(|held| held.due).min();
            let due_or_never = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                // The sender lives as long as `faults`, so this does not end.
                Some(notice) = self.asked_for.recv() => return Some(notice),
                notice = self.inner.next() => match notice? {
                    notice @ Notice::Published { .. } => self.publication(notice),
                    notice @ (Notice::Resync(_) | Notice::Health(_)) => return Some(notice),
                },
                () = due_or_never => self.release(Instant::now()),
            }
        }
    }

    fn publication(&mut self, notice: Notice) {
        let fault = self.faults.plan().meet_publication();
        match fault {
            None => self.ready.push_back(notice),
            Some(PublicationFault::Lose) => return,
            Some(PublicationFault::Double) => self.ready.extend([notice.clone(), notice]),
            Some(PublicationFault::Delay(delay)) => {
                self.hold(notice, delay, false);
                return;
            }
            Some(PublicationFault::Reorder) => {
                self.hold(notice, OVERTAKEN_WITHIN, true);
                return;
            }
        }
        let overtaken = self.held.extract_if(.., |held| held.goes_after_next);
        self.ready.extend(overtaken.map(|held| held.notice));
    }

    fn hold(&mut self, notice: Notice, delay: Duration, goes_after_next: bool) {
        self.held.push(Held {
            due: Instant::now() + delay,
            goes_after_next,
            notice,
        });
    }

    fn release(&mut self, now: Instant) {
        self.held.sort_by_key(|held| held.due);
        let due = self.held.partition_point(|held| held.due <= now);
        let released = self.held.drain(..due).map(|held| held.notice);
        self.ready.extend(released);
    }
}

struct Held {
    due: Instant,
    /// The next publication to arrive lets it go before it is due.
    goes_after_next: bool,
    notice: Notice,
}
