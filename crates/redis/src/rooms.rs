//! The watched rooms with a slot on one server, and their watchers.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};
use tablecast_core::backend::{BackendError, Listener, Publication};
use tokio::sync::{Notify, oneshot};

/// A room's channel, which identifies the room here.
pub(crate) type Channel = Arc<str>;

/// Somebody's watch of a room.
pub(crate) struct Watcher {
    pub(crate) id: u64,
    pub(crate) listener: Arc<dyn Listener>,
    /// Present until the watcher was told that the room is subscribed, or why not.
    pub(crate) waiter: Option<oneshot::Sender<Result<(), BackendError>>>,
}

/// Watched rooms. Each must be subscribed.
#[derive(Default)]
pub(crate) struct Rooms {
    state: Mutex<State>,
    is_changed: Notify,
}

#[derive(Default)]
struct State {
    /// No list is empty.
    watched: HashMap<Channel, Vec<Watcher>>,
    /// Rooms whose watching began or ended, while a connection follows.
    changed: Option<HashSet<Channel>>,
}

impl Rooms {
    pub(crate) fn add(&self, channel: Channel, watchers: Vec<Watcher>) {
        let mut state = self.state.lock();
        let known = state.watched.entry(Arc::clone(&channel)).or_default();
        known.extend(watchers);
        self.change(state, [channel]);
    }

    /// Takes out a watcher, whose listener must be dropped outside any lock.
    pub(crate) fn remove(&self, channel: &str, id: u64) -> Option<Watcher> {
        let mut state = self.state.lock();
        let watchers = state.watched.get_mut(channel)?;
        let at = watchers.iter().position(|watcher| watcher.id == id)?;
        let gone = watchers.swap_remove(at);
        if watchers.is_empty() {
            let removed = state.watched.remove_entry(channel);
            self.change(state, removed.map(|(channel, _)| channel));
        }
        Some(gone)
    }

    /// Takes out all rooms that do not belong to this server.
    pub(crate) fn take(&self, belongs_here: impl Fn(&str) -> bool) -> Vec<(Channel, Vec<Watcher>)> {
        let mut state = self.state.lock();
        let gone = state
            .watched
            .extract_if(|channel, _| !belongs_here(channel));
        let gone: Vec<_> = gone.collect();
        self.change(state, gone.iter().map(|(channel, _)| Arc::clone(channel)));
        gone
    }

    pub(crate) fn is_watched(&self, channel: &str) -> bool {
        self.state.lock().watched.contains_key(channel)
    }

    /// There is a new connection without subscriptions.
    pub(crate) fn follow(&self) {
        let mut state = self.state.lock();
        state.changed = Some(HashSet::new());
        let all: Vec<_> = state.watched.keys().cloned().collect();
        self.change(state, all);
    }

    /// The connection has ended.
    pub(crate) fn unfollow(&self) {
        self.state.lock().changed = None;
    }

    /// Waits for rooms whose watching began or ended, and takes them.
    pub(crate) async fn changed(&self) -> HashSet<Channel> {
        self.is_changed.notified().await;
        let mut state = self.state.lock();
        let changed = state.changed.as_mut();
        changed.map(std::mem::take).unwrap_or_default()
    }

    /// Passes on a publication of this room.
    pub(crate) fn publish(&self, channel: &str, publication: Publication) {
        let state = self.state.lock();
        let watchers = state.watched.get(channel);
        if let Some((last, others)) = watchers.and_then(|watchers| watchers.split_last()) {
            for watcher in others {
                watcher.listener.published(publication.clone());
            }
            last.listener.published(publication);
        }
    }

    /// Passes on a signal for this room.
    pub(crate) fn signal(&self, channel: &str, signal: &Bytes) {
        let state = self.state.lock();
        for watcher in state.watched.get(channel).into_iter().flatten() {
            watcher.listener.signalled(signal.clone());
        }
    }

    /// The room is subscribed. If the subscription is new, watchers that were not waiting
    /// for it may have missed something: there was an earlier subscription, or they have
    /// given up waiting.
    pub(crate) fn subscribed(&self, channel: &str, is_new: bool) {
        let mut state = self.state.lock();
        for watcher in state.watched.get_mut(channel).into_iter().flatten() {
            let missed = match watcher.waiter.take() {
                Some(waiter) => waiter.send(Ok(())).is_err(),
                None => is_new,
            };
            if missed {
                watcher.listener.missed();
            }
        }
    }

    /// The subscription was refused. It will be tried again.
    pub(crate) fn refused(&self, channel: &str, reason: &str) {
        let mut state = self.state.lock();
        for watcher in state.watched.get_mut(channel).into_iter().flatten() {
            if let Some(waiter) = watcher.waiter.take() {
                let _ = waiter.send(Err(BackendError::Unavailable(reason.to_owned())));
            }
        }
    }

    fn change(
        &self,
        mut state: MutexGuard<'_, State>,
        channels: impl IntoIterator<Item = Channel>,
    ) {
        if let Some(changed) = &mut state.changed {
            changed.extend(channels);
            self.is_changed.notify_one();
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use futures_util::FutureExt;
    use tablecast_core::id::RoomId;
    use tablecast_testing::{Notification, Recorder};

    use super::*;

    fn watcher(id: u64, listener: Arc<dyn Listener>) -> Vec<Watcher> {
        vec![Watcher {
            id,
            listener,
            waiter: None,
        }]
    }

    #[test]
    fn what_changes_is_kept_only_while_a_connection_follows() {
        let rooms = Rooms::default();
        let room: RoomId = "r".parse().unwrap();
        let listener = Recorder::new().listener(&room);
        for id in 0..100 {
            let channel: Channel = format!("c-{id}").into();
            rooms.add(Arc::clone(&channel), watcher(id, Arc::clone(&listener)));
            if id > 0 {
                rooms.remove(&channel, id);
            }
        }
        assert_eq!(rooms.state.lock().changed, None);
        rooms.follow();
        let changed = rooms.changed().now_or_never().unwrap();
        assert_eq!(
            changed,
            HashSet::from(["c-0".into()]),
            "all that are watched"
        );
        rooms.remove("c-0", 0);
        let changed = rooms.changed().now_or_never().unwrap();
        assert_eq!(changed, HashSet::from(["c-0".into()]));
    }

    #[test]
    fn after_a_new_subscription_those_have_missed_something_who_did_not_just_wait_for_it() {
        let rooms = Rooms::default();
        let room: RoomId = "r".parse().unwrap();
        let mut recorder = Recorder::new();
        let (waiter, mut answer) = oneshot::channel();
        let mut watchers = watcher(1, recorder.listener(&room));
        watchers[0].waiter = Some(waiter);
        rooms.add("c".into(), watchers);
        let missed = Some(Notification::Missed(room.clone()));

        rooms.subscribed("c", true);
        assert_eq!(answer.try_recv(), Ok(Ok(())));
        assert_eq!(recorder.try_next(), None);
        rooms.subscribed("c", false);
        assert_eq!(recorder.try_next(), None, "it was subscribed all the time");
        rooms.subscribed("c", true);
        assert_eq!(recorder.try_next(), missed, "there was one before");

        let (waiter, answer) = oneshot::channel();
        let mut watchers = watcher(2, recorder.listener(&room));
        watchers[0].waiter = Some(waiter);
        rooms.add("c".into(), watchers);
        drop(answer);
        rooms.subscribed("c", false);
        assert_eq!(recorder.try_next(), missed, "it has given up");
        assert_eq!(recorder.try_next(), None);
    }
}
