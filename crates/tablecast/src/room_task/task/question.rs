//! What the backend was asked, and what it answers.

use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use tablecast_core::backend::{BackendError, BackendFuture, Committed, Loaded};
use tokio::time::Instant;

/// What the backend was asked.
pub(super) enum Asked<'a> {
    Load(BackendFuture<'a, Option<Loaded>>),
    Commit(BackendFuture<'a, Committed>),
}

/// What the backend was asked, and has not answered yet.
pub(super) struct Question<'a> {
    pub(super) asked: Asked<'a>,
    pub(super) since: Instant,
    /// Later than this it is as good as unanswered.
    pub(super) until: Instant,
}

/// An answer of the backend.
pub(super) enum Done {
    Loaded(Result<Option<Loaded>, BackendError>),
    Committed(Result<Committed, BackendError>, Span),
}

/// When the backend answered, and how long that took.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub(super) answered: Instant,
    pub(super) took: Duration,
}

impl Question<'_> {
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Done> {
        match &mut self.asked {
            Asked::Load(asked) => asked.poll_unpin(cx).map(Done::Loaded),
            Asked::Commit(asked) => {
                let answer = asked.poll_unpin(cx);
                answer.map(|answer| Done::Committed(answer, self.span()))
            }
        }
    }

    fn span(&self) -> Span {
        let answered = Instant::now();
        Span {
            answered,
            took: answered - self.since,
        }
    }

    pub(super) fn unanswered(self) -> Done {
        let span = self.span();
        let error = BackendError::Unknown("no answer in time".into());
        match self.asked {
            Asked::Load(_) => Done::Loaded(Err(error)),
            Asked::Commit(_) => Done::Committed(Err(error), span),
        }
    }
}
