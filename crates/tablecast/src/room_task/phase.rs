//! What a room's task is doing, and what it has asked of the store.

use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use tablecast_core::backend::{BackendError, BackendFuture, Committed, Loaded};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::app::App;
use crate::room_task::Published;
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

/// A publication with its place in the bounded mailbox.
pub(super) type Held = (Box<Published>, OwnedSemaphorePermit);

/// What the store was asked, and has not answered yet.
pub(super) struct Question<'a, T> {
    answer: BackendFuture<'a, T>,
    since: Instant,
    /// Later than this it is as good as unanswered.
    until: Instant,
    /// Publications that came meanwhile. What they are to the room shows when the
    /// answer is there.
    held: Vec<Held>,
}

/// What the store has answered, with the batch that was waiting for it.
pub(super) enum Answer<A: App> {
    Loaded(Result<Option<Loaded>, BackendError>, Option<Box<Batch<A>>>),
    /// With how long it took.
    Committed(Result<Committed, BackendError>, Box<Batch<A>>, Duration),
}

impl<'a, T> Question<'a, T> {
    pub(super) fn new(answer: BackendFuture<'a, T>, patience: Duration) -> Self {
        let since = Instant::now();
        Question {
            answer,
            since,
            until: since + patience,
            held: Vec::new(),
        }
    }

    fn give_up_if_late(&mut self, now: Instant) {
        if self.until <= now {
            let error = BackendError::Unknown("no answer in time".into());
            self.answer = BackendFuture::now(Err(error));
        }
    }
}

impl<A: App> Phase<'_, A> {
    /// Ready when the store has answered: with what was held until then. Nothing is under
    /// way any more.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<(Answer<A>, Vec<Held>)> {
        match std::mem::replace(self, Phase::Resting) {
            Phase::Loading(mut question, batch) => match question.answer.poll_unpin(cx) {
                Poll::Ready(answer) => {
                    return Poll::Ready((Answer::Loaded(answer, batch), question.held));
                }
                Poll::Pending => *self = Phase::Loading(question, batch),
            },
            Phase::Committing(mut question, batch) => match question.answer.poll_unpin(cx) {
                Poll::Ready(answer) => {
                    let answer = Answer::Committed(answer, batch, question.since.elapsed());
                    return Poll::Ready((answer, question.held));
                }
                Poll::Pending => *self = Phase::Committing(question, batch),
            },
            other @ (Phase::Resting | Phase::Waiting(_) | Phase::Gone) => *self = other,
        }
        Poll::Pending
    }

    /// Whether an answer of the store is on its way.
    pub(super) fn is_asking(&self) -> bool {
        match self {
            Phase::Loading(..) | Phase::Committing(..) => true,
            Phase::Resting | Phase::Waiting(_) | Phase::Gone => false,
        }
    }

    /// When it ends at the latest.
    pub(super) fn until(&self) -> Option<Instant> {
        match self {
            Phase::Loading(question, _) => Some(question.until),
            Phase::Committing(question, _) => Some(question.until),
            Phase::Waiting(until) => Some(*until),
            Phase::Resting | Phase::Gone => None,
        }
    }

    /// A question that has had its time is as good as answered: nobody knows what
    /// became of it.
    pub(super) fn give_up_if_late(&mut self, now: Instant) {
        match self {
            Phase::Loading(question, _) => question.give_up_if_late(now),
            Phase::Committing(question, _) => question.give_up_if_late(now),
            Phase::Resting | Phase::Waiting(_) | Phase::Gone => {}
        }
    }

    /// Where publications are held until the store has answered.
    pub(super) fn held(&mut self) -> Option<&mut Vec<Held>> {
        match self {
            Phase::Loading(question, _) => Some(&mut question.held),
            Phase::Committing(question, _) => Some(&mut question.held),
            Phase::Resting | Phase::Waiting(_) | Phase::Gone => None,
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
