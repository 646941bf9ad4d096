//! State shared by all rooms of this process: the store, the settings, the metrics, and the
//! knowledge of other nodes.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tablecast_core::backend::{Backend, BackendError, Health, LiveNode};
use tablecast_core::id::unique;
use tablecast_core::{Forms, NodeId};
use tokio::time::{Instant, timeout};

use crate::config::HubConfig;
use crate::error::Unavailable;
use crate::journal::Journal;
use crate::metrics::Metrics;

/// This process, as its rooms see it.
pub(crate) struct Node {
    pub(crate) id: NodeId,
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) config: HubConfig,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) journal: Journal,
    pub(crate) started: Instant,
    /// The newest forms that this program reads.
    reads: Forms,
    makes: SharedForms,
    known: Mutex<Known>,
}

/// Forms that are looked up with each batch.
struct SharedForms(AtomicU64);

impl SharedForms {
    fn new(forms: Forms) -> Self {
        let shared = SharedForms(AtomicU64::new(0));
        shared.set(forms);
        shared
    }

    fn get(&self) -> Forms {
        let both = self.0.load(Ordering::Relaxed);
        Forms {
            rooms: (both >> 32) as u32,
            app: both as u32,
        }
    }

    fn set(&self, forms: Forms) {
        let both = u64::from(forms.rooms) << 32 | u64::from(forms.app);
        self.0.store(both, Ordering::Relaxed);
    }
}

/// The live nodes.
#[derive(Clone)]
pub(crate) struct Live {
    /// When the store was asked. A node that is missing may have started since.
    pub(crate) asked: Instant,
    pub(crate) nodes: Arc<HashSet<NodeId>>,
}

/// The knowledge of the store and of the other nodes.
struct Known {
    health: Health,
    /// Since when leases can be trusted: after an outage of the store, live nodes first
    /// need time to renew theirs.
    steady_since: Instant,
    live: Option<Live>,
    /// Another node was seen.
    has_company: bool,
    /// The last known time of the backend's clock, and when it was read.
    clock: Option<(Instant, u64)>,
}

impl Known {
    /// From now on leases are not trusted until the store has been steady again.
    fn doubt(&mut self) {
        self.steady_since = Instant::now();
        self.live = None;
    }
}

impl Node {
    pub(crate) fn new(backend: Arc<dyn Backend>, config: HubConfig, reads: Forms) -> Self {
        Node {
            id: random_id(),
            backend,
            config,
            metrics: Arc::new(Metrics::new()),
            journal: Journal::new(),
            started: Instant::now(),
            reads,
            // Until the other nodes are known, some may be of the version before.
            makes: SharedForms::new(reads.before()),
            known: Mutex::new(Known {
                health: Health::Up,
                steady_since: Instant::now(),
                live: None,
                has_company: false,
                clock: None,
            }),
        }
    }

    pub(crate) fn health(&self) -> Health {
        self.known.lock().health.clone()
    }

    /// Records the store's health. Returns whether it has changed between taking changes
    /// and not; another reason for the same state does not matter to members.
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

    /// Renews the node's lease. Returns whether the set of live nodes has changed.
    pub(crate) async fn renew(&self) -> bool {
        let asked = Instant::now();
        let lease = self.config.node_lease;
        // However patient calls are: a renewal that is late must not end the lease.
        let renewed = self.backend.renew(&self.id, self.reads, lease);
        let renewed = timeout(lease / 4, renewed).await;
        let late = || BackendError::Unavailable("the store did not answer in time".to_owned());
        let renewed = renewed.unwrap_or_else(|_| Err(late()));
        let mut known = self.known.lock();
        let live = match renewed {
            Ok(live) => live,
            Err(error) => {
                tracing::debug!(%error, "the node's lease was not renewed");
                known.doubt();
                return false;
            }
        };
        let is_steady = asked >= known.steady_since + lease;
        // A store that loses no publication loses no lease either.
        let are_all = is_steady || self.backend.resync_interval().is_none();
        known.has_company |= live.iter().any(|node| node.id != self.id);
        // Whoever was always alone has waited for nobody.
        let quietly = !known.has_company;
        self.switch(&live, are_all, quietly);
        if !is_steady {
            return false;
        }
        let mut nodes: HashSet<NodeId> = live.into_iter().map(|node| node.id).collect();
        nodes.insert(self.id.clone());
        let nodes = Arc::new(nodes);
        let old = known.live.replace(Live {
            asked,
            nodes: nodes.clone(),
        });
        old.is_none_or(|old| old.nodes != nodes)
    }

    /// Learns what forms may be made from the live nodes. `are_all`: none is missing; else
    /// they can only show that an older one is among them. `quietly`: without a line in the log.
    fn switch(&self, live: &[LiveNode], are_all: bool, quietly: bool) {
        let before = self.makes.get();
        let begin = if are_all { self.reads } else { before };
        let makes = live.iter().fold(begin, |all, node| all.lowest(node.forms));
        if makes != before {
            let why = if makes == makes.lowest(before) {
                "a node reads no newer stored forms than these, so none are made any more"
            } else {
                "all nodes read these stored forms, so they are made from now on"
            };
            if !quietly {
                tracing::info!(forms = %makes, before = %before, reads = %self.reads, "{why}");
            }
            self.makes.set(makes);
        }
    }

    /// The newest forms that may be made: those that all live nodes read.
    pub(crate) fn forms(&self) -> Forms {
        self.makes.get()
    }

    pub(crate) fn is_up(&self) -> bool {
        self.known.lock().health.is_up()
    }

    /// The error for a request that the store has not settled in time.
    pub(crate) fn unsettled(&self) -> Unavailable {
        match &self.known.lock().health {
            Health::Up | Health::Down(_) => {
                Unavailable::Store("the store did not answer in time".to_owned())
            }
            Health::Refusing { why, .. } => Unavailable::Refusing(why.clone()),
        }
    }

    /// The live nodes, once this can be trusted.
    pub(crate) fn live(&self) -> Option<Live> {
        self.known.lock().live.clone()
    }

    /// Whether no other node lives, for sure.
    pub(crate) fn is_alone(&self) -> bool {
        let known = self.known.lock();
        known
            .live
            .as_ref()
            .is_some_and(|live| live.nodes.len() == 1)
    }

    /// Records the backend's clock (ms since 1970).
    pub(crate) fn heard_clock(&self, now: u64) {
        self.known.lock().clock = Some((Instant::now(), now));
    }

    /// The backend's clock now (ms since 1970). A node that has just started asks for it.
    pub(crate) async fn ask_clock(&self) -> Result<u64, BackendError> {
        if let Some(now) = self.backend_now() {
            return Ok(now);
        }
        let now = self.backend.due_alarms(0).await?.now;
        self.heard_clock(now);
        Ok(now)
    }

    /// The backend's clock now, if it was ever read (ms since 1970).
    pub(crate) fn backend_now(&self) -> Option<u64> {
        let clock = self.known.lock().clock;
        clock.map(|(at, ms)| ms + at.elapsed().as_millis() as u64)
    }
}

fn random_id() -> NodeId {
    // It need not be secret, only unique.
    let id = format!("{:016x}", unique()).parse();
    id.unwrap_or_else(|_| unreachable!("16 hex digits are an id"))
}
