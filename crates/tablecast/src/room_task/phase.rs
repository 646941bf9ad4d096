//! What a room's task is doing, and what it has asked of the store.

use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use tablecast_core::App;
use tablecast_core::backend::{BackendError, BackendFuture, Committed, Loaded, Publication};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::room_task::batch::Batch;

/// What the task is doing. Opening a room, catching up and confirming a batch without
/// events are one phase, since all three take the same answer: what the store says of
/// where the room stands. Batches are boxed, so that a room at rest takes no memory for
/// one.
pub(super) enum Phase<'a, A: App> {
    /// Nothing is under way.
    Resting,
    /// The store has failed, and is asked again then.
    Waiting(Instant),
    /// It was asked where the room stands. If that is where the batch was decided, the
    /// batch may be told.
    Loading(Question<'a, Option<Loaded>>, Option<Box<Batch<A>>>),
    /// The batch is being committed.
    Committing(Question<'a, Committed>, Box<Batch<A>>),
    /// The room is no more, or cannot be gone on with on this node.
    Gone,
}

/// What the store was asked, and has not answered yet.
pub(super) struct Question<'a, T> {
    answer: BackendFuture<'a, T>,
    asked: Asked,
}

/// What every question has, whatever it is.
pub(super) struct Asked {
    pub(super) since: Instant,
    /// Later than this it is as good as unanswered.
    pub(super) until: Instant,
    is_late: bool,
    /// Publications that came meanwhile. What they are to the room shows when the
    /// answer is there.
    pub(super) held: Vec<(Box<Publication>, OwnedSemaphorePermit)>,
}

/// What the store has answered, with the batch that was waiting for it.
pub(super) enum Answer<A: App> {
    Loaded(Result<Option<Loaded>, BackendError>, Option<Box<Batch<A>>>),
    Committed(Result<Committed, BackendError>, Box<Batch<A>>),
}

impl<A: App> Answer<A> {
    /// Whether the store has said where the room stands.
    pub(super) fn is_ok(&self) -> bool {
        match self {
            Answer::Loaded(answer, _) => answer.is_ok(),
            Answer::Committed(answer, _) => answer.is_ok(),
        }
    }
}

impl<'a, T> Question<'a, T> {
    pub(super) fn new(answer: BackendFuture<'a, T>, patience: Duration) -> Self {
        let since = Instant::now();
        let asked = Asked {
            since,
            until: since + patience,
            is_late: false,
            held: Vec::new(),
        };
        Question { answer, asked }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, BackendError>> {
        if self.asked.is_late {
            let error = BackendError::Unknown("no answer in time".into());
            return Poll::Ready(Err(error));
        }
        self.answer.poll_unpin(cx)
    }
}

impl<A: App> Phase<'_, A> {
    /// Ready when the store has answered. Nothing is under way any more.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<(Answer<A>, Asked)> {
        if self.asked().is_none() {
            return Poll::Pending;
        }
        match std::mem::replace(self, Phase::Resting) {
            Phase::Loading(mut question, batch) => match question.poll(cx) {
                Poll::Ready(answer) => {
                    return Poll::Ready((Answer::Loaded(answer, batch), question.asked));
                }
                Poll::Pending => *self = Phase::Loading(question, batch),
            },
            Phase::Committing(mut question, batch) => match question.poll(cx) {
                Poll::Ready(answer) => {
                    return Poll::Ready((Answer::Committed(answer, batch), question.asked));
                }
                Poll::Pending => *self = Phase::Committing(question, batch),
            },
            other @ (Phase::Resting | Phase::Waiting(_) | Phase::Gone) => *self = other,
        }
        Poll::Pending
    }

    /// What is asked, while an answer of the store is on its way.
    pub(super) fn asked(&mut self) -> Option<&mut Asked> {
        match self {
            Phase::Loading(question, _) => Some(&mut question.asked),
            Phase::Committing(question, _) => Some(&mut question.asked),
            Phase::Resting | Phase::Waiting(_) | Phase::Gone => None,
        }
    }

    /// When it ends at the latest.
    pub(super) fn until(&mut self) -> Option<Instant> {
        match self {
            Phase::Waiting(until) => Some(*until),
            asking => asking.asked().map(|asked| asked.until),
        }
    }

    /// A question that has had its time is as good as answered: nobody knows what
    /// became of it.
    pub(super) fn give_up_if_late(&mut self, now: Instant) {
        if let Some(asked) = self.asked() {
            asked.is_late = asked.until <= now;
        }
    }

    /// What is decided and not told yet.
    pub(super) fn batch(&mut self) -> Option<&mut Batch<A>> {
        match self {
            Phase::Loading(_, batch) => batch.as_deref_mut(),
            Phase::Committing(_, batch) => Some(batch),
            Phase::Resting | Phase::Waiting(_) | Phase::Gone => None,
        }
    }
}
