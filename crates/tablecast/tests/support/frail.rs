//! A backend whose own tasks can be made to die.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use tablecast::MemoryBackend;
use tablecast::core::backend::{
    Backend, BackendFuture, Commit, Committed, Created, HealthChanges, Keepsake, Listener, Loaded,
    NewRoom, Watch,
};
use tablecast::core::{NodeId, Position, RoomId};
use tokio::sync::Notify;

/// What happens to it.
#[derive(Default)]
pub(crate) struct Fate {
    /// The stream of its health ends, as when the task behind it has died.
    pub(crate) silence: Notify,
    /// Whoever hears of its health panics.
    pub(crate) panic: Notify,
    /// Whoever renews a lease panics.
    pub(crate) no_lease: AtomicBool,
}

/// In memory, until its fate comes.
pub(crate) struct Frail {
    memory: MemoryBackend,
    fate: Arc<Fate>,
}

impl Frail {
    pub(crate) fn new() -> (Arc<Frail>, Arc<Fate>) {
        let fate = Arc::new(Fate::default());
        let memory = MemoryBackend::new();
        let backend = Frail {
            memory,
            fate: fate.clone(),
        };
        (Arc::new(backend), fate)
    }
}

impl Backend for Frail {
    fn create<'a>(&'a self, room: &'a RoomId, new: NewRoom) -> BackendFuture<'a, Created> {
        self.memory.create(room, new)
    }

    fn load<'a>(
        &'a self,
        room: &'a RoomId,
        known: Option<Position>,
    ) -> BackendFuture<'a, Option<Loaded>> {
        self.memory.load(room, known)
    }

    fn commit<'a>(&'a self, room: &'a RoomId, commit: Commit) -> BackendFuture<'a, Committed> {
        self.memory.commit(room, commit)
    }

    fn keepsake<'a>(&'a self, room: &'a RoomId) -> BackendFuture<'a, Option<Keepsake>> {
        self.memory.keepsake(room)
    }

    fn watch<'a>(
        &'a self,
        room: &'a RoomId,
        listener: Arc<dyn Listener>,
    ) -> (Watch, BackendFuture<'a, ()>) {
        self.memory.watch(room, listener)
    }

    fn health(&self) -> HealthChanges {
        let (silenced, panicked) = (self.fate.clone(), self.fate.clone());
        let silence = async move { silenced.silence.notified().await };
        let panic = futures_util::stream::once(async move {
            panicked.panic.notified().await;
            panic!("as the test asked")
        });
        let health = futures_util::stream::select(self.memory.health(), panic);
        Box::pin(health.take_until(Box::pin(silence)))
    }

    fn renew<'a>(&'a self, node: &'a NodeId, lease: Duration) -> BackendFuture<'a, Vec<NodeId>> {
        assert!(
            !self.fate.no_lease.load(Ordering::Relaxed),
            "as the test asked"
        );
        self.memory.renew(node, lease)
    }

    fn release<'a>(&'a self, node: &'a NodeId) -> BackendFuture<'a, ()> {
        self.memory.release(node)
    }

    fn snapshot_interval(&self) -> usize {
        self.memory.snapshot_interval()
    }

    fn resync_interval(&self) -> Option<Duration> {
        self.memory.resync_interval()
    }
}
