//! What the backend has to tell its node, in a bounded queue that never blocks
//! whoever puts something in.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_core::Stream;
use tablecast_core::backend::Notice;
use tokio_util::sync::CancellationToken;

/// Notices kept for a reader that is behind. At this bound all of them are
/// replaced by a `Resync` of every room and the newest health.
const CAPACITY: usize = 4096;

/// The writing side, and the stream's source.
#[derive(Default)]
pub(crate) struct NoticeQueue {
    inner: Mutex<Inner>,
    taken: AtomicBool,
}

#[derive(Default)]
struct Inner {
    queue: VecDeque<Notice>,
    closed: bool,
    reader: Option<Waker>,
}

impl NoticeQueue {
    pub(crate) fn push(&self, notice: Notice) {
        let mut inner = self.lock();
        if inner.closed {
            return;
        }
        if inner.queue.len() >= CAPACITY {
            inner.collapse();
        }
        inner.queue.push_back(notice);
        inner.wake();
    }

    /// Ends the stream after what is in it.
    pub(crate) fn close(&self) {
        let mut inner = self.lock();
        inner.closed = true;
        inner.wake();
    }

    /// Spawns a task without which nothing is heard any more, or nothing can be asked. If
    /// it ends before it is cancelled, which is by a panic, the stream ends with it: so the
    /// node learns that this backend is no more.
    pub(crate) fn spawn_vital(
        self: &Arc<Self>,
        cancel: CancellationToken,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let mut ends = Ends(Some(Arc::clone(self)));
        tokio::spawn(async move {
            if cancel.run_until_cancelled_owned(task).await.is_none() {
                // The server left the Cluster, or nobody has this backend any more.
                ends.cancel();
            }
        });
    }

    /// The stream; one that has ended, from the second call on.
    pub(crate) fn stream(self: &Arc<Self>) -> NoticeStream {
        let first = !self.taken.swap(true, Ordering::Relaxed);
        NoticeStream(first.then(|| Arc::clone(self)))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing in here panics halfway.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the stream when it is dropped with it.
struct Ends(Option<Arc<NoticeQueue>>);

impl Ends {
    /// It is not to end by this.
    fn cancel(&mut self) {
        self.0 = None;
    }
}

impl Drop for Ends {
    fn drop(&mut self) {
        if let Some(notices) = &self.0 {
            notices.close();
        }
    }
}

impl Inner {
    fn collapse(&mut self) {
        let health = self
            .queue
            .iter()
            .rfind(|notice| matches!(notice, Notice::Health(_)))
            .cloned();
        self.queue.clear();
        self.queue.extend(health);
        self.queue.push_back(Notice::Resync(None));
    }

    fn wake(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

/// The reading side.
pub(crate) struct NoticeStream(Option<Arc<NoticeQueue>>);

impl Stream for NoticeStream {
    type Item = Notice;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Notice>> {
        let Some(queue) = &self.0 else {
            return Poll::Ready(None);
        };
        let mut inner = queue.lock();
        match inner.queue.pop_front() {
            Some(notice) => Poll::Ready(Some(notice)),
            None if inner.closed => Poll::Ready(None),
            None => {
                inner.reader = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use futures_util::{FutureExt, StreamExt};
    use tablecast_core::backend::Health;
    use tablecast_core::id::RoomId;

    use super::*;

    #[test]
    fn an_overflow_becomes_one_resync_and_keeps_the_newest_health() {
        let queue = Arc::new(NoticeQueue::default());
        let room: RoomId = "r".parse().unwrap();
        queue.push(Notice::Health(Health::Up));
        queue.push(Notice::Health(Health::Down("gone".into())));
        for _ in 0..CAPACITY - 1 {
            queue.push(Notice::Resync(Some(room.clone())));
        }
        let mut stream = queue.stream();
        let mut next = || stream.next().now_or_never().flatten();
        assert_eq!(next(), Some(Notice::Health(Health::Down("gone".into()))));
        assert_eq!(next(), Some(Notice::Resync(None)));
        assert!(matches!(next(), Some(Notice::Resync(Some(_)))));
        assert_eq!(next(), None);
    }

    #[test]
    fn there_is_one_stream_and_it_ends_when_the_queue_is_closed() {
        let queue = Arc::new(NoticeQueue::default());
        let mut first = queue.stream();
        assert_eq!(queue.stream().next().now_or_never(), Some(None));
        assert_eq!(first.next().now_or_never(), None);
        queue.push(Notice::Resync(None));
        queue.close();
        queue.push(Notice::Resync(None));
        assert_eq!(
            first.next().now_or_never(),
            Some(Some(Notice::Resync(None)))
        );
        assert_eq!(first.next().now_or_never(), Some(None));
    }

    #[tokio::test]
    async fn the_stream_ends_with_a_task_that_panics_and_not_with_one_that_is_cancelled() {
        let queue = Arc::new(NoticeQueue::default());
        let mut stream = queue.stream();
        let cancel = CancellationToken::new();
        let (dropped, heard) = tokio::sync::oneshot::channel::<()>();
        queue.spawn_vital(cancel.clone(), async move {
            let _dropped = dropped;
            std::future::pending().await
        });
        cancel.cancel();
        assert!(heard.await.is_err(), "it is cancelled");
        assert_eq!(stream.next().now_or_never(), None);
        queue.spawn_vital(CancellationToken::new(), async {
            panic!("as the test asked")
        });
        assert_eq!(stream.next().await, None);
    }
}
