//! The phase of a room's task, and its open question to the store.

use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use tablecast_core::App;
use tablecast_core::backend::{BackendError, BackendFuture, Committed, Loaded, Publication};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::error::RoomError;
use crate::room_task::batch::Batch;

/// The phase of the task. Opening a room, catching up and confirming a batch without events
/// are one phase, because all three need the same answer of the store: the room's position.
/// Batches are boxed, so that a room at rest takes no memory for one.
pub(super) enum Phase<'a, A: App> {
    /// Nothing is under way.
    Resting,
    /// The store has failed, and is asked again at this time.
    Waiting(Instant),
    /// The store was asked for the room's position. If the batch was decided at that
    /// position, its answers may be sent.
    Loading(Question<'a, Option<Loaded>>, Option<Box<Batch<A>>>),
    /// The batch is being committed.
    Committing(Question<'a, Committed>, Box<Batch<A>>),
    /// The room no longer exists, or this node cannot continue with it, for this reason.
    Gone(RoomError),
}

/// An open question to the store.
pub(super) struct Question<'a, T> {
    answer: BackendFuture<'a, T>,
    asked: Asked,
}

/// The common part of all questions.
pub(super) struct Asked {
    pub(super) since: Instant,
    /// After this time it counts as unanswered.
    pub(super) until: Instant,
    is_late: bool,
    /// Publications that came meanwhile. The answer will show whether they are new.
    pub(super) held: Vec<(Box<Publication>, OwnedSemaphorePermit)>,
}

/// The answer of the store, with the batch that waited for it.
pub(super) enum Answer<A: App> {
    Loaded(Result<Option<Loaded>, BackendError>, Option<Box<Batch<A>>>),
    Committed(Result<Committed, BackendError>, Box<Batch<A>>),
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
    /// Ready when the store has answered. Then no question is open.
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
            other @ (Phase::Resting | Phase::Waiting(_) | Phase::Gone(_)) => *self = other,
        }
        Poll::Pending
    }

    /// What is asked, while an answer of the store is on its way.
    pub(super) fn asked(&mut self) -> Option<&mut Asked> {
        match self {
            Phase::Loading(question, _) => Some(&mut question.asked),
            Phase::Committing(question, _) => Some(&mut question.asked),
            Phase::Resting | Phase::Waiting(_) | Phase::Gone(_) => None,
        }
    }

    /// The deadline of the phase.
    pub(super) fn until(&mut self) -> Option<Instant> {
        match self {
            Phase::Waiting(until) => Some(*until),
            asking => asking.asked().map(|asked| asked.until),
        }
    }

    /// Gives up a question after its deadline: its outcome is unknown.
    pub(super) fn give_up_if_late(&mut self, now: Instant) {
        if let Some(asked) = self.asked() {
            asked.is_late = asked.until <= now;
        }
    }

    /// The batch that is decided but not answered yet.
    pub(super) fn batch(&mut self) -> Option<&mut Batch<A>> {
        match self {
            Phase::Loading(_, batch) => batch.as_deref_mut(),
            Phase::Committing(_, batch) => Some(batch),
            Phase::Resting | Phase::Waiting(_) | Phase::Gone(_) => None,
        }
    }
}
