//! State shared by a backend's servers and their router.

use std::time::Duration;

use tablecast_core::id::unique;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::config::RedisConfig;
use crate::keys::Keys;

pub(crate) struct Context {
    pub(crate) keys: Keys,
    /// This backend's name, to recognise its own publications: 16 random hex digits.
    pub(crate) name: String,
    pub(crate) is_cluster: bool,
    /// How long Redis may take to answer, see [`RedisConfig`](crate::RedisConfig).
    pub(crate) timeout: Duration,
    /// Cancelled when the backend ends.
    pub(crate) cancel: CancellationToken,
    /// Asks for the Cluster's slots again, soon.
    pub(crate) refresh: Notify,
    /// Notified when the health of a server, or of all, may have changed.
    pub(crate) health: watch::Sender<()>,
}

impl Context {
    pub(crate) fn new(config: &RedisConfig, is_cluster: bool) -> Context {
        Context {
            keys: Keys::new(&config.key_prefix),
            timeout: config.timeout,
            name: format!("{:016x}", unique()),
            is_cluster,
            cancel: CancellationToken::new(),
            refresh: Notify::new(),
            health: watch::Sender::new(()),
        }
    }

    /// Spawns a task that the backend needs to hear or to ask anything. If it ends before
    /// it is cancelled (by a panic), all tasks of this backend end, and with them its
    /// health stream, so the node learns of it.
    pub(crate) fn spawn_vital(
        &self,
        cancel: CancellationToken,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let end_all = self.cancel.clone().drop_guard();
        tokio::spawn(async move {
            if cancel.run_until_cancelled_owned(task).await.is_none() {
                // The server left the Cluster, or the backend was dropped.
                end_all.disarm();
            }
        });
    }
}
