//! What all tasks of a backend share, with the topology and the health.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tablecast_core::backend::{BackendError, Health, Notice};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::keys::Keys;
use crate::node::{Link, Node};
use crate::notices::NoticeQueue;
use crate::topology::Topology;
use crate::url::Place;
use crate::wishes::Wishes;

/// The shared part of a backend.
pub(crate) struct Client {
    pub(crate) place: Place,
    /// By which this backend knows its own publications: 16 random hex digits.
    pub(crate) name: String,
    pub(crate) keys: Keys,
    pub(crate) notices: Arc<NoticeQueue>,
    pub(crate) topology: watch::Sender<Arc<Topology>>,
    pub(crate) refresh: Notify,
    pub(crate) cancel: CancellationToken,
    pub(crate) wishes: Wishes,
    health: Mutex<Assessment>,
}

#[derive(Default)]
struct Assessment {
    told: Option<Health>,
    /// Why the Cluster's slots are not known, while they are not.
    undiscovered: Option<String>,
}

impl Client {
    pub(crate) fn new(place: Place, prefix: &str) -> Arc<Client> {
        Arc::new(Client {
            place,
            name: format!("{:016x}", fastrand::u64(..)),
            keys: Keys::new(prefix),
            notices: Arc::default(),
            topology: watch::Sender::new(Arc::default()),
            refresh: Notify::new(),
            cancel: CancellationToken::new(),
            wishes: Wishes::default(),
            health: Mutex::default(),
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
        self.assessment().undiscovered = None;
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
        self.assessment().undiscovered = Some(reason);
        self.assess();
    }

    pub(crate) fn set_link(&self, node: &Node, link: Link) {
        node.link.send_replace(link);
        self.assess();
    }

    /// Tells the node if the health has changed.
    pub(crate) fn assess(&self) {
        let mut assessment = self.assessment();
        let Some(health) = self.health(&assessment) else {
            return;
        };
        if assessment.told.as_ref() == Some(&health) {
            return;
        }
        self.notices.push(Notice::Health(health.clone()));
        let was_down = assessment.told.as_ref().is_some_and(|told| !told.is_up());
        if was_down && health.is_up() {
            self.notices.push(Notice::Resync(None));
        }
        assessment.told = Some(health);
    }

    /// Up if every server takes changes, or what is wrong with one that does not;
    /// otherwise not known.
    fn health(&self, assessment: &Assessment) -> Option<Health> {
        let topology = Arc::clone(&self.topology.borrow());
        if topology.nodes().is_empty() {
            return assessment.undiscovered.clone().map(Health::Down);
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
        match &self.assessment().told {
            Some(Health::Down(reason)) => Some(BackendError::Unavailable(reason.clone())),
            Some(Health::Refusing { why, .. }) => Some(BackendError::Refused(why.clone())),
            Some(Health::Up) | None => None,
        }
    }

    fn assessment(&self) -> MutexGuard<'_, Assessment> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
