//! The locks of channel and outbox: std's, or shuttle's when their
//! interleavings are explored. A poisoned lock is taken as it is: what it guards
//! is changed in single steps, each of which leaves it whole.

#[cfg(feature = "shuttle")]
use shuttle::sync::{Mutex as Inner, MutexGuard};
#[cfg(not(feature = "shuttle"))]
use std::sync::{Mutex as Inner, MutexGuard};

#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(Inner<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Mutex(Inner::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
