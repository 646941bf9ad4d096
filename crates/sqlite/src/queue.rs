//! What waits for the writer.
//!
//! Waking it costs more than a change does, and a change that comes alone has a transaction to
//! itself. So whoever finds it asleep wakes it a little later, once all others who want something at
//! this moment have said so.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Changes that wait, at most. A room has one under way at a time.
pub(crate) const CAPACITY: usize = 16 * 1024;

/// Why nothing is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// [`CAPACITY`] of them wait.
    Full,
    /// The writer has ended.
    Closed,
}

struct Queue<T> {
    state: Mutex<State<T>>,
    wake: Condvar,
}

struct State<T> {
    waiting: VecDeque<T>,
    /// The writer sleeps, and nobody is about to wake it.
    is_asleep: bool,
    /// One of both sides has gone.
    is_closed: bool,
}

impl<T> Queue<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        self.state().is_closed = true;
        self.wake.notify_one();
    }
}

pub(crate) fn queue<T>() -> (Asking<T>, Taking<T>) {
    let queue = Arc::new(Queue {
        state: Mutex::new(State {
            waiting: VecDeque::new(),
            is_asleep: false,
            is_closed: false,
        }),
        wake: Condvar::new(),
    });
    (Asking(Arc::clone(&queue)), Taking(queue))
}

/// The side of those who want changes. When it is dropped, the writer ends after what waits.
pub(crate) struct Asking<T>(Arc<Queue<T>>);

impl<T> Asking<T> {
    /// `Some` if the writer is to be woken, which it is when that is dropped.
    pub(crate) fn send(&self, change: T) -> Result<Option<Waking<'_, T>>, Refused> {
        let mut state = self.0.state();
        if state.is_closed {
            return Err(Refused::Closed);
        }
        if state.waiting.len() >= CAPACITY {
            return Err(Refused::Full);
        }
        state.waiting.push_back(change);
        let wakes = std::mem::take(&mut state.is_asleep);
        Ok(wakes.then(|| Waking(&self.0)))
    }
}

impl<T> Drop for Asking<T> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Wakes the writer when it is dropped.
pub(crate) struct Waking<'a, T>(&'a Queue<T>);

impl<T> Drop for Waking<'_, T> {
    fn drop(&mut self) {
        self.0.wake.notify_one();
    }
}

/// The writer's side. When it is dropped, what waits is dropped too.
pub(crate) struct Taking<T>(Arc<Queue<T>>);

impl<T> Taking<T> {
    /// What waits, at most so many; nothing if nothing comes until then. `None`: nobody can ask any
    /// more.
    pub(crate) fn take(&self, most: usize, until: Instant) -> Option<Vec<T>> {
        let mut state = self.0.state();
        loop {
            let rest = until.saturating_duration_since(Instant::now());
            if !state.waiting.is_empty() || rest.is_zero() && !state.is_closed {
                state.is_asleep = false;
                let most = most.min(state.waiting.len());
                return Some(state.waiting.drain(..most).collect());
            }
            if state.is_closed {
                return None;
            }
            state.is_asleep = true;
            let woken = self.0.wake.wait_timeout(state, rest);
            (state, _) = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl<T> Drop for Taking<T> {
    fn drop(&mut self) {
        self.0.close();
        let waiting = std::mem::take(&mut self.0.state().waiting);
        // Not under the lock: who waits may be told by it.
        drop(waiting);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn whoever_comes_until_the_writer_is_woken_is_taken_with_the_first() {
        let (asking, taking) = queue();
        let writer = thread::spawn(move || taking.take(10, soon()));
        while !asking.0.state().is_asleep {
            thread::yield_now();
        }
        let waking = asking.send(1).unwrap();
        assert!(waking.is_some());
        // The system may have woken the writer by itself, so that it took the first alone.
        let second = asking.send(2);
        assert!(matches!(second, Ok(None) | Err(Refused::Closed)));
        drop(waking);
        let taken = writer.join().unwrap();
        assert!(matches!(taken.as_deref(), Some([1, 2] | [1])), "{taken:?}");
        assert_eq!(asking.send(3).err(), Some(Refused::Closed));
    }

    #[test]
    fn what_waits_is_taken_in_order_and_then_the_writer_ends() {
        let (asking, taking) = queue();
        for change in 0..5 {
            assert!(asking.send(change).unwrap().is_none(), "it does not sleep");
        }
        assert_eq!(taking.take(3, soon()), Some(vec![0, 1, 2]));
        drop(asking);
        assert_eq!(taking.take(3, soon()), Some(vec![3, 4]));
        assert_eq!(taking.take(3, soon()), None);
    }

    #[test]
    fn nothing_waits_without_bound() {
        let (asking, taking) = queue();
        assert_eq!(taking.take(1, Instant::now()), Some(vec![]));
        for change in 0..CAPACITY {
            asking.send(change).unwrap();
        }
        assert_eq!(asking.send(0).err(), Some(Refused::Full));
    }
}
