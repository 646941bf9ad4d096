//! Which rooms are watched, and so to be subscribed, and who waits for it.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redis::RedisError;
use tablecast_core::backend::{BackendError, Listener, Publication, Watch};
use tablecast_core::id::RoomId;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::client::Client;
use crate::link::{DEADLINE, explain};
use crate::node::{Link, Node};

/// All rooms that are watched by a backend.
#[derive(Default)]
pub(crate) struct Wishes(Mutex<HashMap<RoomId, Vec<Watcher>>>);

/// Whose watch of a room goes on.
struct Watcher {
    id: u64,
    listener: Arc<dyn Listener>,
    /// Until it was told that the room is subscribed, or why not.
    waiter: Option<oneshot::Sender<Result<(), BackendError>>>,
}

impl Wishes {
    fn lock(&self) -> MutexGuard<'_, HashMap<RoomId, Vec<Watcher>>> {
        // Nothing in here panics halfway.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Events of this room came.
    pub(crate) fn publish(&self, room: &RoomId, publication: Publication) {
        let rooms = self.lock();
        if let Some((last, others)) = rooms.get(room).and_then(|room| room.split_last()) {
            for watcher in others {
                watcher.listener.published(publication.clone());
            }
            last.listener.published(publication);
        }
    }

    /// The room is subscribed. If that is new, something may have been missed by those who
    /// did not just wait for it: there was a subscription before, or they have given up.
    pub(crate) fn subscribed(&self, room: &RoomId, is_new: bool) {
        let mut rooms = self.lock();
        for watcher in rooms.get_mut(room).into_iter().flatten() {
            let missed = match watcher.waiter.take() {
                Some(waiter) => waiter.send(Ok(())).is_err(),
                None => is_new,
            };
            if missed {
                watcher.listener.missed();
            }
        }
    }

    /// The server refused a subscription. It will be tried again.
    pub(crate) fn refused(&self, room: &RoomId, error: &RedisError) {
        let mut rooms = self.lock();
        for watcher in rooms.get_mut(room).into_iter().flatten() {
            if let Some(waiter) = watcher.waiter.take() {
                let _ = waiter.send(Err(BackendError::Unavailable(explain(error))));
            }
        }
    }

    /// Takes a watcher out. Its listener is dropped by the caller, not under the lock.
    fn remove(&self, room: &RoomId, id: u64) -> Option<Watcher> {
        let mut rooms = self.lock();
        let watchers = rooms.get_mut(room)?;
        let at = watchers.iter().position(|watcher| watcher.id == id)?;
        let gone = watchers.swap_remove(at);
        if watchers.is_empty() {
            rooms.remove(room);
        }
        Some(gone)
    }
}

impl Client {
    pub(crate) fn watch(
        self: &Arc<Self>,
        room: &RoomId,
        listener: Arc<dyn Listener>,
    ) -> (
        Watch,
        impl Future<Output = Result<(), BackendError>> + use<>,
    ) {
        let (waiter, mut answer) = oneshot::channel();
        let id = self.watches.fetch_add(1, Ordering::Relaxed);
        self.wishes
            .lock()
            .entry(room.clone())
            .or_default()
            .push(Watcher {
                id,
                listener,
                waiter: Some(waiter),
            });
        let owner = self.owner(room);
        if let Some(node) = &owner {
            node.poke(room);
        }
        let (client, watched) = (Arc::downgrade(self), room.clone());
        let watch = Watch::new(move || {
            let Some(client) = client.upgrade() else {
                return;
            };
            let gone = client.wishes.remove(&watched, id);
            if let Some(node) = client.owner(&watched) {
                node.poke(&watched);
            }
            drop(gone);
        });
        let begun = async move {
            let link = owner.map(|node| node.link.borrow().clone());
            if let Some(Link::Down(trouble)) = link {
                return Err(trouble.error());
            }
            match timeout(DEADLINE, &mut answer).await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(_)) => Err(BackendError::Unavailable(
                    "the room was unwatched meanwhile".into(),
                )),
                Err(_) => {
                    // Whoever confirms from now on finds nobody waiting, and tells the
                    // listener that it missed something.
                    answer.close();
                    answer.try_recv().unwrap_or_else(|_| {
                        Err(BackendError::Unavailable(
                            "not subscribed within 1 s".into(),
                        ))
                    })
                }
            }
        };
        (watch, begun)
    }

    pub(crate) fn wished(&self) -> Vec<RoomId> {
        self.wishes.lock().keys().cloned().collect()
    }

    /// Whether the room is to be subscribed on this server.
    pub(crate) fn is_wished_at(&self, room: &RoomId, node: &Arc<Node>) -> bool {
        self.owner(room)
            .is_some_and(|owner| Arc::ptr_eq(&owner, node))
            && self.wishes.lock().contains_key(room)
    }

    fn owner(&self, room: &RoomId) -> Option<Arc<Node>> {
        self.topology
            .borrow()
            .owner(self.keys.slot_of(room))
            .cloned()
    }
}
