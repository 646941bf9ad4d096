//! Who watches which room, in this process.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tablecast_core::backend::{Listener, Publication, Watch};
use tablecast_core::id::RoomId;

/// The watchers of all rooms. A node is sent the publications of the others, not its own:
/// it has the answer, or is told that it missed something.
#[derive(Default)]
pub(crate) struct Watchers {
    rooms: Mutex<HashMap<RoomId, Vec<Watcher>>>,
    next: AtomicU64,
}

struct Watcher {
    id: u64,
    node: u64,
    listener: Arc<dyn Listener>,
}

impl Watchers {
    fn rooms(&self) -> MutexGuard<'_, HashMap<RoomId, Vec<Watcher>>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn watch(
        self: &Arc<Self>,
        node: u64,
        room: &RoomId,
        listener: Arc<dyn Listener>,
    ) -> Watch {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let watcher = Watcher { id, node, listener };
        let (all, room) = (Arc::clone(self), room.clone());
        self.rooms().entry(room.clone()).or_default().push(watcher);
        Watch::new(move || all.unwatch(&room, id))
    }

    fn unwatch(&self, room: &RoomId, id: u64) {
        let mut rooms = self.rooms();
        let Some(watchers) = rooms.get_mut(room) else {
            return;
        };
        let at = watchers.iter().position(|watcher| watcher.id == id);
        let gone = at.map(|at| watchers.swap_remove(at));
        if watchers.is_empty() {
            rooms.remove(room);
        }
        drop(rooms);
        // What its listener holds may call the store when it is dropped: not under the lock.
        drop(gone);
    }

    /// Tells those on this node that something was committed without their hearing of it.
    pub(crate) fn missed(&self, node: u64, room: &RoomId) {
        let rooms = self.rooms();
        let watchers = rooms.get(room).into_iter().flatten();
        for watcher in watchers.filter(|watcher| watcher.node == node) {
            watcher.listener.missed();
        }
    }

    /// Passes a signal to those on other nodes than `node`.
    pub(crate) fn signal(&self, node: u64, room: &RoomId, signal: &Bytes) {
        let rooms = self.rooms();
        let watchers = rooms.get(room).into_iter().flatten();
        for watcher in watchers.filter(|watcher| watcher.node != node) {
            watcher.listener.signalled(signal.clone());
        }
    }

    /// Tells those on other nodes than `node`. What is told is made only if somebody hears it.
    pub(crate) fn publish(
        &self,
        node: u64,
        room: &RoomId,
        publication: impl FnOnce() -> Publication,
    ) {
        let rooms = self.rooms();
        let mut others = rooms
            .get(room)
            .into_iter()
            .flatten()
            .filter(|watcher| watcher.node != node)
            .peekable();
        if others.peek().is_some() {
            let publication = publication();
            for watcher in others {
                watcher.listener.published(publication.clone());
            }
        }
    }
}
