//! What all tasks of a backend share, with the topology and the health.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::{Stream, stream};
use tablecast_core::backend::{BackendError, Health};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::keys::Keys;
use crate::node::{Link, Node};
use crate::topology::Topology;
use crate::url::Place;
use crate::wishes::Wishes;

/// The shared part of a backend.
pub(crate) struct Client {
    pub(crate) place: Place,
    /// By which this backend knows its own publications: 16 random hex digits.
    pub(crate) name: String,
    pub(crate) keys: Keys,
    pub(crate) topology: watch::Sender<Arc<Topology>>,
    pub(crate) refresh: Notify,
    pub(crate) cancel: CancellationToken,
    pub(crate) wishes: Wishes,
    /// The next number for a watch.
    pub(crate) watches: AtomicU64,
    /// Why the Cluster's slots are not known, while they are not.
    undiscovered: Mutex<Option<String>>,
    /// Sent to when the health may have changed.
    changed: watch::Sender<()>,
}

impl Client {
    pub(crate) fn new(place: Place, prefix: &str) -> Arc<Client> {
        Arc::new(Client {
            place,
            name: format!("{:016x}", fastrand::u64(..)),
            keys: Keys::new(prefix),
            topology: watch::Sender::new(Arc::default()),
            refresh: Notify::new(),
            cancel: CancellationToken::new(),
            wishes: Wishes::default(),
            watches: AtomicU64::new(0),
            undiscovered: Mutex::default(),
            changed: watch::Sender::new(()),
        })
    }

    pub(crate) fn is_cluster(&self) -> bool {
        matches!(self.place, Place::Cluster(_))
    }

    /// Asks for the Cluster's slots again, soon.
    pub(crate) fn refresh_topology(&self) {
        self.refresh.notify_one();
    }

    /// Puts a topology in force.
    pub(crate) fn set_topology(&self, topology: Topology) {
        *self.undiscovered() = None;
        let topology = Arc::new(topology);
        let old = self.topology.send_replace(Arc::clone(&topology));
        for node in old.nodes() {
            if !topology.nodes().iter().any(|kept| Arc::ptr_eq(kept, node)) {
                node.cancel.cancel();
            }
        }
        if !topology.same_as(&old) {
            for node in topology.nodes() {
                node.poke_all();
            }
        }
        self.assess();
    }

    /// Tells why the Cluster's slots could not be asked for.
    pub(crate) fn set_undiscovered(&self, reason: String) {
        *self.undiscovered() = Some(reason);
        self.assess();
    }

    pub(crate) fn set_link(&self, node: &Node, link: Link) {
        node.link.send_replace(link);
        self.assess();
    }

    /// The health may have changed.
    pub(crate) fn assess(&self) {
        self.changed.send_replace(());
    }

    /// The health, until a task of this backend has panicked, or nobody has it any more.
    pub(crate) fn health_changes(self: &Arc<Self>) -> impl Stream<Item = Health> + use<> {
        let begin = (Arc::clone(self), self.changed.subscribe(), None);
        stream::unfold(begin, |(client, mut changed, told)| async move {
            loop {
                changed.mark_unchanged();
                // Whoever is told nothing takes it for up, which it is not before a change
                // has passed.
                let unknown = || Health::Down("not connected yet".into());
                let now = client.health().or_else(|| told.is_none().then(unknown));
                if let Some(now) = now.filter(|now| told.as_ref() != Some(now)) {
                    return Some((now.clone(), (client, changed, Some(now))));
                }
                client
                    .cancel
                    .run_until_cancelled(changed.changed())
                    .await?
                    .ok()?;
            }
        })
    }

    /// Spawns a task without which nothing is heard any more, or nothing can be asked. If
    /// it ends before it is cancelled, which is by a panic, all of this backend's tasks
    /// end, and with them the stream of its health: so the node learns of it.
    pub(crate) fn spawn_vital(
        &self,
        cancel: CancellationToken,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let end_all = self.cancel.clone().drop_guard();
        tokio::spawn(async move {
            if cancel.run_until_cancelled_owned(task).await.is_none() {
                // The server left the Cluster, or nobody has this backend any more.
                end_all.disarm();
            }
        });
    }

    /// Up if every server takes changes, or what is wrong with one that does not;
    /// otherwise not known.
    fn health(&self) -> Option<Health> {
        let topology = Arc::clone(&self.topology.borrow());
        if topology.nodes().is_empty() {
            return self.undiscovered().clone().map(Health::Down);
        }
        let mut all = topology.uncovered() == 0;
        if !all {
            return Some(Health::Down(format!(
                "{} slots have no server",
                topology.uncovered()
            )));
        }
        for node in topology.nodes() {
            match node.health() {
                Some(Health::Up) => {}
                None => all = false,
                other => return other,
            }
        }
        all.then_some(Health::Up)
    }

    /// Why it is of no use, if it is.
    pub(crate) fn why_down(&self) -> Option<BackendError> {
        match self.health()? {
            Health::Down(reason) => Some(BackendError::Unavailable(reason)),
            Health::Refusing { why, .. } => Some(BackendError::Refused(why)),
            Health::Up => None,
        }
    }

    fn undiscovered(&self) -> MutexGuard<'_, Option<String>> {
        self.undiscovered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use futures_util::{FutureExt, StreamExt};

    use super::*;

    fn client() -> Arc<Client> {
        Client::new(Place::parse("redis-cluster://127.0.0.1:1").unwrap(), "")
    }

    #[test]
    fn whoever_reads_slowly_is_told_the_newest_health() {
        let client = client();
        let mut slow = Box::pin(client.health_changes());
        let down = |reason: &str| Some(Some(Health::Down(reason.into())));
        assert_eq!(slow.next().now_or_never(), down("not connected yet"));
        assert_eq!(slow.next().now_or_never(), None);
        for reason in ["first", "second"] {
            client.set_undiscovered(reason.into());
        }
        assert_eq!(slow.next().now_or_never(), down("second"));
        client.set_undiscovered("second".into());
        assert_eq!(slow.next().now_or_never(), None, "it is the same");
    }

    #[tokio::test]
    async fn the_health_ends_with_a_task_that_panics_and_not_with_one_that_is_cancelled() {
        let client = client();
        let mut health = Box::pin(client.health_changes());
        health.next().await;
        let cancel = CancellationToken::new();
        let (dropped, heard) = tokio::sync::oneshot::channel::<()>();
        client.spawn_vital(cancel.clone(), async move {
            let _dropped = dropped;
            std::future::pending().await
        });
        cancel.cancel();
        assert!(heard.await.is_err(), "it is cancelled");
        assert_eq!(health.next().now_or_never(), None);
        client.spawn_vital(CancellationToken::new(), async {
            panic!("as the test asked")
        });
        assert_eq!(health.next().await, None);
    }
}
