//! The locks of channel and outbox, or shuttle's locks when interleavings are explored.
//! They are parking_lot's, because each delivery takes one, and std's lock needs ten more
//! instructions for poisoning. Poisoning is not needed: each change leaves the guarded data
//! consistent.

#[cfg(not(feature = "shuttle"))]
pub(crate) use parking_lot::{Mutex, MutexGuard};
#[cfg(not(feature = "shuttle"))]
pub(crate) use std::sync::atomic::{AtomicBool, Ordering};

#[cfg(feature = "shuttle")]
pub(crate) use explored::{Mutex, MutexGuard};
#[cfg(feature = "shuttle")]
pub(crate) use shuttle::sync::atomic::{AtomicBool, Ordering};

#[cfg(feature = "shuttle")]
mod explored {
    use shuttle::sync::Mutex as Inner;
    pub(crate) use shuttle::sync::MutexGuard;

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
}
