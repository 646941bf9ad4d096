//! Which server has which slot. So it knows where a room is watched, and the health of all
//! servers together.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::{Stream, stream};
use parking_lot::Mutex;
use redis::ConnectionInfo;
use tablecast_core::backend::{BackendError, Health, Listener, Watch};
use tablecast_core::id::RoomId;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

use crate::connection::late;
use crate::context::Context;
use crate::keys::{SLOTS, slot};
use crate::refusal::unavailable;
use crate::rooms::{Channel, Rooms, Watcher};
use crate::server::{Link, Server};

/// The servers and their slots.
#[derive(Default, PartialEq)]
pub(crate) struct Topology {
    /// Slots and their server, sorted.
    ranges: Vec<(RangeInclusive<u16>, Arc<Server>)>,
    /// Each once.
    servers: Vec<Arc<Server>>,
}

impl Topology {
    pub(crate) fn new(
        table: impl IntoIterator<Item = (RangeInclusive<u16>, Arc<Server>)>,
    ) -> Topology {
        let mut ranges: Vec<_> = table.into_iter().collect();
        ranges.sort_unstable_by_key(|(slots, _)| *slots.start());
        let mut servers = Vec::new();
        for (_, server) in &ranges {
            if !servers.contains(server) {
                servers.push(Arc::clone(server));
            }
        }
        Topology { ranges, servers }
    }

    pub(crate) fn owner(&self, slot: u16) -> Option<&Arc<Server>> {
        let next = self
            .ranges
            .partition_point(|(slots, _)| *slots.start() <= slot);
        let (slots, server) = self.ranges.get(next.checked_sub(1)?)?;
        slots.contains(&slot).then_some(server)
    }

    pub(crate) fn servers(&self) -> &[Arc<Server>] {
        &self.servers
    }

    /// How many slots have no server.
    pub(crate) fn uncovered(&self) -> u16 {
        let covered = self.ranges.iter().map(|(slots, _)| slots.len() as u16);
        SLOTS.saturating_sub(covered.sum())
    }
}

/// The shared part of a backend. A watched room is with the server that has its slot, or
/// unplaced while no server has it.
pub(crate) struct Router {
    pub(crate) context: Arc<Context>,
    /// A server with the credentials and encryption of all servers.
    pub(crate) like: Option<ConnectionInfo>,
    /// Rooms move from server to server under its lock.
    topology: watch::Sender<Arc<Topology>>,
    unplaced: Rooms,
    /// The next number for a watch.
    watches: AtomicU64,
    /// Why the Cluster's slots are unknown, while they are.
    undiscovered: Mutex<Option<String>>,
}

impl Router {
    pub(crate) fn new(context: Context, like: Option<ConnectionInfo>) -> Arc<Router> {
        Arc::new(Router {
            context: Arc::new(context),
            like,
            topology: watch::Sender::default(),
            unplaced: Rooms::default(),
            watches: AtomicU64::new(0),
            undiscovered: Mutex::default(),
        })
    }

    pub(crate) fn topology(&self) -> Arc<Topology> {
        Arc::clone(&self.topology.borrow())
    }

    pub(crate) fn topologies(&self) -> watch::Receiver<Arc<Topology>> {
        self.topology.subscribe()
    }

    /// Applies a new topology.
    pub(crate) fn apply(&self, new: Topology) {
        *self.undiscovered.lock() = None;
        self.topology.send_if_modified(|topology| {
            if new == **topology {
                return false;
            }
            let old = std::mem::replace(topology, Arc::new(new));
            for server in &old.servers {
                if !topology.servers.contains(server) {
                    server.stop();
                }
            }
            for server in &topology.servers {
                let own = topology.ranges.iter().filter(|(_, of)| of == server);
                server.set_slots(own.map(|(slots, _)| slots.clone()).collect());
            }
            let homes = old.servers.iter().map(|server| server.rooms());
            for home in homes.chain([&self.unplaced]) {
                let stays = |channel: &str| std::ptr::eq(self.home(topology, channel), home);
                for (channel, watchers) in home.take(stays) {
                    self.home(topology, &channel).add(channel, watchers);
                }
            }
            true
        });
        self.context.health.send_replace(());
    }

    /// Where a room must be watched.
    fn home<'a>(&'a self, topology: &'a Topology, channel: &str) -> &'a Rooms {
        let owner = topology.owner(slot(channel.as_bytes()));
        owner.map_or(&self.unplaced, |server| server.rooms())
    }

    /// Records why the Cluster's slots could not be read.
    pub(crate) fn set_undiscovered(&self, reason: String) {
        *self.undiscovered.lock() = Some(reason);
        self.context.health.send_replace(());
    }

    pub(crate) fn watch(
        self: &Arc<Self>,
        room: &RoomId,
        listener: Arc<dyn Listener>,
    ) -> (
        Watch,
        impl Future<Output = Result<(), BackendError>> + use<>,
    ) {
        let channel: Channel = self.context.keys.channel(room).into();
        let id = self.watches.fetch_add(1, Ordering::Relaxed);
        let (waiter, mut answer) = oneshot::channel();
        let watcher = Watcher {
            id,
            listener,
            waiter: Some(waiter),
        };
        let topology = self.topology.borrow();
        let home = self.home(&topology, &channel);
        home.add(Arc::clone(&channel), vec![watcher]);
        let owner = topology.owner(slot(channel.as_bytes())).cloned();
        drop(topology);
        let limit = self.context.timeout;
        let router = Arc::downgrade(self);
        let watch = Watch::new(move || {
            let gone = router.upgrade().map(|router| {
                let topology = router.topology.borrow();
                router.home(&topology, &channel).remove(&channel, id)
            });
            drop(gone);
        });
        let begun = async move {
            if let Some(Link::Down(trouble)) = owner.map(|server| server.link()) {
                return Err(trouble.error());
            }
            match timeout(limit, &mut answer).await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(_)) => Err(unavailable("the room was unwatched meanwhile")),
                Err(_) => {
                    // A later confirmation finds nobody waiting, so the listener is told
                    // that it missed something.
                    answer.close();
                    let last = answer.try_recv();
                    last.unwrap_or_else(|_| Err(unavailable(late("not subscribed", limit))))
                }
            }
        };
        (watch, begun)
    }

    /// The health, until a task of this backend panics or the backend is dropped.
    pub(crate) fn health_changes(self: &Arc<Self>) -> impl Stream<Item = Health> + use<> {
        let begin = (Arc::clone(self), self.context.health.subscribe(), None);
        stream::unfold(begin, |(router, mut changed, told)| async move {
            loop {
                changed.mark_unchanged();
                // Before its first report a backend counts as up, but this one is not up
                // before a change has passed.
                let unknown = || Health::Down("not connected yet".into());
                let now = router.health().or_else(|| told.is_none().then(unknown));
                if let Some(now) = now.filter(|now| told.as_ref() != Some(now)) {
                    return Some((now.clone(), (router, changed, Some(now))));
                }
                let cancel = &router.context.cancel;
                cancel.run_until_cancelled(changed.changed()).await?.ok()?;
            }
        })
    }

    /// Up if every server takes changes; otherwise what is wrong with one that does not.
    /// `None`: not known yet.
    fn health(&self) -> Option<Health> {
        let topology = self.topology();
        if topology.servers.is_empty() {
            return self.undiscovered.lock().clone().map(Health::Down);
        }
        let uncovered = topology.uncovered();
        if uncovered > 0 {
            return Some(Health::Down(format!("{uncovered} slots have no server")));
        }
        let mut all = Some(Health::Up);
        for server in &topology.servers {
            match server.health() {
                Some(Health::Up) => {}
                None => all = None,
                trouble => return trouble,
            }
        }
        all
    }

    /// Why calls fail, if the backend is not up.
    pub(crate) fn why_down(&self) -> Option<BackendError> {
        match self.health()? {
            Health::Down(reason) => Some(BackendError::Unavailable(reason)),
            Health::Refusing { why, .. } => Some(BackendError::Refused(why)),
            Health::Up => None,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use futures_util::{FutureExt, StreamExt};
    use redis::IntoConnectionInfo;
    use tablecast_testing::Recorder;

    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::config::RedisConfig;

    fn router() -> Arc<Router> {
        Router::new(Context::new(&RedisConfig::default(), true), None)
    }

    #[tokio::test]
    async fn a_watched_room_is_with_the_server_that_has_its_slot_and_moves_with_it() {
        let router = router();
        let room: RoomId = "r".parse().unwrap();
        let channel = router.context.keys.channel(&room);
        let [one, other] = ["redis://127.0.0.1:1", "redis://127.0.0.1:2"].map(|url| {
            let info = url.into_connection_info().unwrap();
            Server::start(&router.context, info, None)
        });
        let places = || {
            [&router.unplaced, one.rooms(), other.rooms()].map(|rooms| rooms.is_watched(&channel))
        };
        let owned_by = |server: &Arc<Server>| Topology::new([(0..=SLOTS - 1, Arc::clone(server))]);

        let (watch, begun) = router.watch(&room, Recorder::new().listener(&room));
        assert_eq!(places(), [true, false, false]);
        router.apply(owned_by(&one));
        assert_eq!(places(), [false, true, false]);
        router.apply(owned_by(&other));
        assert_eq!(places(), [false, false, true]);
        router.apply(Topology::default());
        assert_eq!(places(), [true, false, false]);
        drop(watch);
        assert_eq!(places(), [false, false, false]);
        let ended = begun.await.unwrap_err().to_string();
        assert!(ended.contains("unwatched meanwhile"), "{ended}");
    }

    #[test]
    fn whoever_reads_slowly_is_told_the_newest_health() {
        let router = router();
        let mut slow = Box::pin(router.health_changes());
        let down = |reason: &str| Some(Some(Health::Down(reason.into())));
        assert_eq!(slow.next().now_or_never(), down("not connected yet"));
        assert_eq!(slow.next().now_or_never(), None);
        for reason in ["first", "second"] {
            router.set_undiscovered(reason.into());
        }
        assert_eq!(slow.next().now_or_never(), down("second"));
        router.set_undiscovered("second".into());
        assert_eq!(slow.next().now_or_never(), None, "it is the same");
    }

    #[tokio::test]
    async fn the_health_ends_with_a_task_that_panics_and_not_with_one_that_is_cancelled() {
        let router = router();
        let mut health = Box::pin(router.health_changes());
        health.next().await;
        let cancel = CancellationToken::new();
        let (dropped, heard) = tokio::sync::oneshot::channel::<()>();
        router.context.spawn_vital(cancel.clone(), async move {
            let _dropped = dropped;
            std::future::pending().await
        });
        cancel.cancel();
        assert!(heard.await.is_err(), "it is cancelled");
        assert_eq!(health.next().now_or_never(), None);
        router.context.spawn_vital(CancellationToken::new(), async {
            panic!("as the test asked")
        });
        assert_eq!(health.next().await, None);
    }
}
