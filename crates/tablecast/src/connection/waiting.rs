//! What a connection does while its owner waits for something else than the client.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use super::{Connection, Line};

impl Connection {
    /// Waits for something else, while the connection continues to write and to check for
    /// signs of life. Nothing is read meanwhile, so TCP slows down a client that sends too
    /// fast.
    pub fn while_waiting<T>(&mut self, other: impl Future<Output = T>) -> impl Future<Output = T> {
        // Boxed, because the future of the owner is as large as the largest one it awaits, and
        // this case is rare.
        let mut other = Box::pin(other);
        poll_fn(move |cx| {
            if let Poll::Ready(value) = other.as_mut().poll(cx) {
                return Poll::Ready(value);
            }
            if let Some(line) = self.line.as_mut() {
                let _ = line.poll_duties(cx);
            }
            Poll::Pending
        })
    }

    /// As [`while_waiting`](Connection::while_waiting), but not for longer than the connection
    /// lives: `None` when it ends, for the reason that its outbox has. To notice that, it reads
    /// until there is a message, which [`recv`](Connection::recv) will return.
    pub(crate) fn unless_ended<T>(
        &mut self,
        other: impl Future<Output = T>,
    ) -> impl Future<Output = Option<T>> {
        let mut other = Box::pin(other);
        poll_fn(move |cx| {
            if let Poll::Ready(value) = other.as_mut().poll(cx) {
                return Poll::Ready(Some(value));
            }
            match &mut self.line {
                Some(line) => line.poll_ended(cx).map(|()| None),
                None => Poll::Ready(None),
            }
        })
    }
}

impl Line {
    /// Ready when the connection ends. It reads no further than to a message, so that TCP slows
    /// down a client that sends too fast.
    fn poll_ended(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.messages.is_empty() {
            match ready!(self.poll_recv(cx)) {
                Some(early) => self.messages.push_front(early),
                None => return Poll::Ready(()),
            }
        }
        self.poll_duties(cx)
    }
}
