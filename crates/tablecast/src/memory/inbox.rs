//! What waits to be read by one node, bounded.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_core::Stream;
use tablecast_core::backend::Notice;

/// Events that wait to be read, at most. With events of 16 KiB, the default
/// bound of a message, this is 64 MiB.
const INBOX_EVENTS: usize = 4096;

/// Notices for one node.
#[derive(Default)]
pub(super) struct Inbox {
    waiting: Mutex<Waiting>,
    taken: AtomicBool,
}

#[derive(Default)]
struct Waiting {
    notices: VecDeque<Notice>,
    /// In all the notices together.
    events: usize,
    reader: Option<Waker>,
}

impl Inbox {
    /// The reader of the notices, once.
    pub(super) fn reader(self: &Arc<Self>) -> Option<Reader> {
        (!self.taken.swap(true, Ordering::Relaxed)).then(|| Reader(Arc::clone(self)))
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a notice; at the bound, all that waits is replaced by one that says
    /// so. Whoever reads that learns the rest by loading.
    pub(super) fn push(&self, notice: Notice) {
        let mut waiting = self.lock();
        let events = events_in(&notice);
        if waiting.events + events > INBOX_EVENTS {
            waiting.notices.clear();
            waiting.events = 0;
            waiting.notices.push_back(Notice::Resync(None));
        } else {
            waiting.events += events;
            waiting.notices.push_back(notice);
        }
        let reader = waiting.reader.take();
        drop(waiting);
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

/// The one stream of an inbox. It does not end.
pub(super) struct Reader(Arc<Inbox>);

impl Stream for Reader {
    type Item = Notice;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Notice>> {
        let mut waiting = self.0.lock();
        match waiting.notices.pop_front() {
            Some(notice) => {
                waiting.events -= events_in(&notice);
                Poll::Ready(Some(notice))
            }
            None => {
                waiting.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

fn events_in(notice: &Notice) -> usize {
    match notice {
        Notice::Published { events, .. } => events.len(),
        Notice::Resync(_) | Notice::Health(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use std::time::Duration;

    use super::*;
    use bytes::Bytes;
    use futures_util::{FutureExt, StreamExt};
    use tablecast_core::Epoch;
    use tablecast_core::backend::Stamp;

    fn published(first: u64, events: usize) -> Notice {
        Notice::Published {
            room: "r".parse().unwrap(),
            epoch: Epoch(1),
            first,
            events: vec![Bytes::new(); events],
            stamp: Stamp {
                now: 0,
                expires_at: 1,
            },
        }
    }

    #[test]
    fn what_is_not_read_is_replaced_by_a_resync_at_the_bound() {
        let inbox = Arc::new(Inbox::default());
        let mut reader = inbox.reader().unwrap();
        for first in 0..3 * INBOX_EVENTS as u64 {
            inbox.push(published(first, 1));
            assert!(inbox.lock().notices.len() <= INBOX_EVENTS + 1);
        }
        let read: Vec<Notice> =
            std::iter::from_fn(|| reader.next().now_or_never().flatten()).collect();
        let at = read
            .iter()
            .rposition(|notice| *notice == Notice::Resync(None));
        let after = &read[at.expect("a resync") + 1..];
        let last = 3 * INBOX_EVENTS as u64;
        for (notice, first) in after.iter().rev().zip((0..last).rev()) {
            assert_eq!(
                *notice,
                published(first, 1),
                "nothing is lost after the resync"
            );
        }
        assert_eq!(inbox.lock().events, 0);
    }

    #[test]
    fn one_notice_larger_than_the_bound_is_a_resync() {
        let inbox = Arc::new(Inbox::default());
        inbox.push(published(1, INBOX_EVENTS + 1));
        let mut reader = inbox.reader().unwrap();
        assert_eq!(
            reader.next().now_or_never().flatten(),
            Some(Notice::Resync(None))
        );
    }

    #[tokio::test]
    async fn a_waiting_reader_is_woken() {
        let inbox = Arc::new(Inbox::default());
        let mut reader = inbox.reader().unwrap();
        let read = tokio::spawn(async move { reader.next().await });
        while inbox.lock().reader.is_none() {
            tokio::task::yield_now().await;
        }
        inbox.push(published(1, 1));
        let read = tokio::time::timeout(Duration::from_secs(10), read).await;
        assert_eq!(read.expect("not woken").unwrap(), Some(published(1, 1)));
    }
}
