//! What is measured: who is connected, and what they do.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::lists;
use crate::load;
use crate::peers::Peer;
use crate::results::{Gap, WorkloadInfo};

/// Members of a server, who do one thing after another. `workloads.toml` has all scenarios, and says what its lines
/// mean.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scenario {
    pub(super) load: load::Options,
    /// Nodes on one Redis, if there is one.
    pub(super) nodes: Option<usize>,
    peers: Option<Vec<String>>,
    #[serde(default)]
    pub(super) benchmark: bool,
    #[serde(rename = "part")]
    pub(super) parts: Vec<Part>,
    #[serde(default)]
    pub(super) canary: bool,
    pub(super) short_rounds: usize,
    pub(super) full_rounds: usize,
}

/// A workload of the tables.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Part {
    pub(super) name: String,
    title: String,
    pub(super) window: Option<usize>,
    pub(super) rate: Option<f64>,
    #[serde(default)]
    pub(super) counted: bool,
}

pub(super) static SCENARIOS: LazyLock<Vec<Scenario>> =
    LazyLock::new(|| lists::entries(include_str!("workloads.toml")));

/// Names of all workloads.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    let parts = SCENARIOS.iter().flat_map(|scenario| &scenario.parts);
    parts.map(|part| &*part.name)
}

/// Says that a peer has no figures of these workloads.
pub(super) fn gaps(parts: &[Part], peer: &str, reason: &str) -> impl Iterator<Item = Gap> {
    parts.iter().map(move |part| Gap {
        workload: part.name.clone(),
        peer: peer.to_owned(),
        reason: reason.to_owned(),
    })
}

impl Scenario {
    /// Whether a peer is one of those that are measured here.
    pub(super) fn takes_part(&self, peer: &Peer) -> bool {
        match &self.peers {
            Some(peers) => peers.contains(&peer.name),
            None => !peer.needs_redis,
        }
    }

    pub(super) fn infos(&self) -> impl Iterator<Item = WorkloadInfo> {
        self.parts.iter().map(|part| WorkloadInfo {
            name: part.name.clone(),
            title: part.title.clone(),
            payload: self.load.payload,
        })
    }
}
