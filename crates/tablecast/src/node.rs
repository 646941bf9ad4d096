//! What all rooms of this process share: the store, the settings, the figures, and what
//! is known of the other nodes.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::Mutex;
use tablecast_core::NodeId;
use tablecast_core::backend::{Backend, Health};
use tokio::time::Instant;

use crate::config::HubConfig;
use crate::error::Unavailable;
use crate::metrics::Metrics;

/// This process, as its rooms know it.
pub(crate) struct Node {
    pub(crate) id: NodeId,
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) config: HubConfig,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) started: Instant,
    known: Mutex<Known>,
}

/// The nodes that live.
#[derive(Clone)]
pub(crate) struct Live {
    /// When the store was asked. Whoever is not among them may have come since.
    pub(crate) asked: Instant,
    pub(crate) nodes: Arc<HashSet<NodeId>>,
}

/// What is known of the store and of the other nodes.
struct Known {
    health: Health,
    /// Since when leases can be believed: after an outage of the store, living
    /// nodes must first have had the time to renew theirs.
    steady_since: Instant,
    live: Option<Live>,
    /// The backend's clock when it was last heard, and when that was.
    clock: Option<(Instant, u64)>,
}

impl Known {
    /// From here on leases have to be believed anew.
    fn doubt(&mut self) {
        self.steady_since = Instant::now();
        self.live = None;
    }
}

impl Node {
    pub(crate) fn new(backend: Arc<dyn Backend>, config: HubConfig) -> Self {
        Node {
            id: random_id(),
            backend,
            config,
            metrics: Arc::new(Metrics::new()),
            started: Instant::now(),
            known: Mutex::new(Known {
                health: Health::Up,
                steady_since: Instant::now(),
                live: None,
                clock: None,
            }),
        }
    }

    pub(crate) fn health(&self) -> Health {
        self.known.lock().health.clone()
    }

    /// The store's health changed. Whether it takes changes now and did not before, or the
    /// other way round: another reason for the same is nothing to members.
    pub(crate) fn turned(&self, health: &Health) -> bool {
        let mut known = self.known.lock();
        let was_up = known.health.is_up();
        known.health = health.clone();
        let has_turned = was_up != health.is_up();
        if has_turned {
            known.doubt();
        }
        has_turned
    }

    /// Renews the node's lease. Whether other nodes live than before.
    pub(crate) async fn renew(&self) -> bool {
        let asked = Instant::now();
        let lease = self.config.node_lease;
        let renewed = self.backend.renew(&self.id, lease).await;
        let mut known = self.known.lock();
        let mut nodes: HashSet<NodeId> = match renewed {
            Ok(nodes) => nodes.into_iter().collect(),
            Err(error) => {
                tracing::debug!(%error, "the node's lease was not renewed");
                known.doubt();
                return false;
            }
        };
        nodes.insert(self.id.clone());
        if asked < known.steady_since + lease {
            return false;
        }
        let nodes = Arc::new(nodes);
        let old = known.live.replace(Live {
            asked,
            nodes: nodes.clone(),
        });
        old.is_none_or(|old| old.nodes != nodes)
    }

    pub(crate) fn is_up(&self) -> bool {
        self.known.lock().health.is_up()
    }

    /// What somebody is told whose request the store has not settled in time.
    pub(crate) fn unsettled(&self) -> Unavailable {
        match &self.known.lock().health {
            Health::Up | Health::Down(_) => {
                Unavailable::Store("the store did not answer in time".to_owned())
            }
            Health::Refusing { why, .. } => Unavailable::Refusing(why.clone()),
        }
    }

    /// The nodes that live, once this can be believed.
    pub(crate) fn live(&self) -> Option<Live> {
        self.known.lock().live.clone()
    }

    /// The backend's clock shows this now (ms since 1970).
    pub(crate) fn heard_clock(&self, now: u64) {
        self.known.lock().clock = Some((Instant::now(), now));
    }

    /// What the backend's clock shows, if it was ever heard (ms since 1970).
    pub(crate) fn backend_now(&self) -> Option<u64> {
        let clock = self.known.lock().clock;
        clock.map(|(at, ms)| ms + at.elapsed().as_millis() as u64)
    }
}

fn random_id() -> NodeId {
    // It need not be secret, only unique.
    let id = format!("{:016x}", fastrand::u64(..)).parse();
    id.unwrap_or_else(|_| unreachable!("16 hex digits are an id"))
}
