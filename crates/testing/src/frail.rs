//! A backend whose own tasks can be made to die.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use tablecast_core::backend::{
    AlarmHint, Backend, BackendFuture, Commit, Committed, Created, DueAlarms, HealthChanges,
    Keepsake, Listener, LiveNode, Loaded, NewRoom, Watch,
};
use tablecast_core::{Forms, NodeId, Position, RoomId};
use tokio::sync::Notify;

/// What happens to a [`FrailBackend`].
#[derive(Debug, Default)]
pub struct Fate {
    /// The stream of its health ends, as when the task behind it has died.
    pub silence: Notify,
    /// Whoever hears of its health panics.
    pub panic: Notify,
    /// Whoever renews a lease panics.
    pub no_lease: AtomicBool,
}

/// Any backend, until its fate comes.
pub struct FrailBackend {
    inner: Arc<dyn Backend>,
    fate: Arc<Fate>,
}

impl FrailBackend {
    /// This backend, and what a test lets happen to it.
    pub fn new(inner: Arc<dyn Backend>) -> (Arc<FrailBackend>, Arc<Fate>) {
        let fate = Arc::<Fate>::default();
        let backend = FrailBackend {
            inner,
            fate: fate.clone(),
        };
        (Arc::new(backend), fate)
    }
}

impl fmt::Debug for FrailBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrailBackend").finish_non_exhaustive()
    }
}

impl Backend for FrailBackend {
    fn create<'a>(&'a self, room: &'a RoomId, new: NewRoom) -> BackendFuture<'a, Created> {
        self.inner.create(room, new)
    }

    fn load<'a>(
        &'a self,
        room: &'a RoomId,
        known: Option<Position>,
    ) -> BackendFuture<'a, Option<Loaded>> {
        self.inner.load(room, known)
    }

    fn commit<'a>(&'a self, room: &'a RoomId, commit: Commit) -> BackendFuture<'a, Committed> {
        self.inner.commit(room, commit)
    }

    fn keepsake<'a>(&'a self, room: &'a RoomId) -> BackendFuture<'a, Option<Keepsake>> {
        self.inner.keepsake(room)
    }

    fn due_alarms(&self, limit: usize) -> BackendFuture<'_, DueAlarms> {
        self.inner.due_alarms(limit)
    }

    fn forget_alarm<'a>(&'a self, hint: &'a AlarmHint) -> BackendFuture<'a, ()> {
        self.inner.forget_alarm(hint)
    }

    fn watch<'a>(
        &'a self,
        room: &'a RoomId,
        listener: Arc<dyn Listener>,
    ) -> (Watch, BackendFuture<'a, ()>) {
        self.inner.watch(room, listener)
    }

    fn health(&self) -> HealthChanges {
        let (silenced, panicked) = (self.fate.clone(), self.fate.clone());
        let silence = async move { silenced.silence.notified().await };
        let panic = futures_util::stream::once(async move {
            panicked.panic.notified().await;
            panic!("as the test asked")
        });
        let health = futures_util::stream::select(self.inner.health(), panic);
        Box::pin(health.take_until(Box::pin(silence)))
    }

    fn renew<'a>(
        &'a self,
        node: &'a NodeId,
        forms: Forms,
        lease: Duration,
    ) -> BackendFuture<'a, Vec<LiveNode>> {
        assert!(
            !self.fate.no_lease.load(Ordering::Relaxed),
            "as the test asked"
        );
        self.inner.renew(node, forms, lease)
    }

    fn release<'a>(&'a self, node: &'a NodeId) -> BackendFuture<'a, ()> {
        self.inner.release(node)
    }

    fn snapshot_interval(&self) -> usize {
        self.inner.snapshot_interval()
    }

    fn resync_interval(&self) -> Option<Duration> {
        self.inner.resync_interval()
    }
}
