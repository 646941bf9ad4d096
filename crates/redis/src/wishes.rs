//! Which rooms are wished to be subscribed, and who waits for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redis::RedisError;
use tablecast_core::backend::{BackendError, Notice};
use tablecast_core::id::RoomId;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::client::Client;
use crate::link::{DEADLINE, explain};
use crate::node::{Link, Node};

/// All wishes of a backend.
#[derive(Default)]
pub(crate) struct Wishes(Mutex<HashMap<RoomId, Wish>>);

impl Wishes {
    fn lock(&self) -> MutexGuard<'_, HashMap<RoomId, Wish>> {
        // Nothing in here panics halfway.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// That a room be subscribed.
#[derive(Default)]
struct Wish {
    /// Who waits for it.
    waiters: Vec<oneshot::Sender<Result<(), BackendError>>>,
    /// The next subscription is to be followed by a resync: there was one before,
    /// so that something may have been missed, or somebody was told to wait for it.
    owes_resync: bool,
}

impl Wish {
    fn wait(&mut self, waiter: oneshot::Sender<Result<(), BackendError>>) {
        let before = self.waiters.len();
        self.waiters.retain(|waiter| !waiter.is_closed());
        self.owes_resync |= self.waiters.len() < before;
        self.waiters.push(waiter);
    }

    fn answer(&mut self, outcome: &Result<(), BackendError>) {
        for waiter in self.waiters.drain(..) {
            self.owes_resync |= waiter.send(outcome.clone()).is_err() || outcome.is_err();
        }
    }
}

impl Client {
    pub(crate) async fn watch(&self, room: &RoomId) -> Result<(), BackendError> {
        let (waiter, mut answer) = oneshot::channel();
        self.wishes
            .lock()
            .entry(room.clone())
            .or_default()
            .wait(waiter);
        let owner = self.owner(room);
        if let Some(node) = &owner {
            node.poke(room);
        }
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
                // Whoever confirms from now on finds nobody waiting, and sends a
                // resync instead.
                answer.close();
                answer.try_recv().unwrap_or_else(|_| {
                    Err(BackendError::Unavailable(
                        "not subscribed within 1 s".into(),
                    ))
                })
            }
        }
    }

    pub(crate) fn unwatch(&self, room: &RoomId) {
        self.wishes.lock().remove(room);
        if let Some(node) = self.owner(room) {
            node.poke(room);
        }
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

    /// The server confirmed a new subscription.
    pub(crate) fn subscribed(&self, room: &RoomId) {
        // From now on there is one that can be lost.
        self.confirm(room, true);
    }

    /// There is nothing to do: it is subscribed and was all the time.
    pub(crate) fn still_subscribed(&self, room: &RoomId) {
        self.confirm(room, false);
    }

    fn confirm(&self, room: &RoomId, new: bool) {
        let resync = {
            let mut wishes = self.wishes.lock();
            let Some(wish) = wishes.get_mut(room) else {
                return;
            };
            if new {
                wish.answer(&Ok(()));
                std::mem::replace(&mut wish.owes_resync, true)
            } else {
                // What is owed for a loss is not owed before there is one.
                let owed = std::mem::take(&mut wish.owes_resync);
                wish.answer(&Ok(()));
                std::mem::replace(&mut wish.owes_resync, owed)
            }
        };
        if resync {
            self.notices.push(Notice::Resync(Some(room.clone())));
        }
    }

    /// The server refused a subscription. It will be tried again.
    pub(crate) fn refused(&self, room: &RoomId, error: &RedisError) {
        if let Some(wish) = self.wishes.lock().get_mut(room) {
            wish.answer(&Err(BackendError::Unavailable(explain(error))));
        }
    }

    fn owner(&self, room: &RoomId) -> Option<Arc<Node>> {
        self.topology
            .borrow()
            .owner(self.keys.slot_of(room))
            .cloned()
    }
}
