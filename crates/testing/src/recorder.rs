//! Records what a backend tells.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use tablecast_core::RoomId;
use tablecast_core::backend::{Backend, BackendError, Health, Listener, Publication, Watch};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Something that a backend told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notification {
    /// To a listener of this room: this was published.
    Published(RoomId, Publication),
    /// To a listener of this room: something may have been missed.
    Missed(RoomId),
    /// To a listener of this room: another node has sent this signal.
    Signalled(RoomId, Bytes),
    /// To whoever asks for its health: it is now like this.
    Health(Health),
}

/// Watches rooms and records what is told of them, in order and without bound.
#[derive(Debug)]
pub struct Recorder {
    sender: UnboundedSender<Notification>,
    receiver: UnboundedReceiver<Notification>,
    watches: HashMap<RoomId, Watch>,
}

impl Recorder {
    /// Watches nothing yet.
    pub fn new() -> Self {
        let (sender, receiver) = unbounded_channel();
        Recorder {
            sender,
            receiver,
            watches: HashMap::new(),
        }
    }

    /// Records this backend's health from now on. Must be called in a tokio runtime.
    #[must_use]
    pub fn with_health(self, backend: &dyn Backend) -> Self {
        let (mut changes, sender) = (backend.health(), self.sender.clone());
        tokio::spawn(async move {
            while let Some(health) = changes.next().await {
                if sender.send(Notification::Health(health)).is_err() {
                    return;
                }
            }
        });
        self
    }

    /// Who records what is told of this room, for a watch that the test keeps itself.
    pub fn listener(&self, room: &RoomId) -> Arc<dyn Listener> {
        Arc::new(Records {
            room: room.clone(),
            sender: self.sender.clone(),
        })
    }

    /// Watches a room, in place of the watch that there was.
    ///
    /// # Errors
    /// As [`Backend::watch`]; the room is watched all the same.
    pub async fn watch(
        &mut self,
        backend: &dyn Backend,
        room: &RoomId,
    ) -> Result<(), BackendError> {
        let (watch, begun) = backend.watch(room, self.listener(room));
        self.watches.insert(room.clone(), watch);
        begun.await
    }

    /// Watches the room no more.
    pub fn unwatch(&mut self, room: &RoomId) {
        self.watches.remove(room);
    }

    /// The next notification, waiting for it.
    pub async fn next(&mut self) -> Notification {
        match self.receiver.recv().await {
            Some(notification) => notification,
            None => unreachable!("a sender is kept"),
        }
    }

    /// The next notification, if there is one.
    pub fn try_next(&mut self) -> Option<Notification> {
        self.receiver.try_recv().ok()
    }
}

impl Default for Recorder {
    fn default() -> Self {
        Self::new()
    }
}

struct Records {
    room: RoomId,
    sender: UnboundedSender<Notification>,
}

impl Listener for Records {
    fn published(&self, publication: Publication) {
        let published = Notification::Published(self.room.clone(), publication);
        // Fails once the recorder is gone; then nobody asks.
        let _ = self.sender.send(published);
    }

    fn missed(&self) {
        let _ = self.sender.send(Notification::Missed(self.room.clone()));
    }

    fn signalled(&self, signal: Bytes) {
        let signalled = Notification::Signalled(self.room.clone(), signal);
        let _ = self.sender.send(signalled);
    }
}
