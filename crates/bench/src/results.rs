//! What was measured. It is kept in a file, so that the report can be made again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use crate::figures::Figure;

/// The peer that is no server: `redis-benchmark` with our commit script. It measures
/// [`Figure::Commits`] itself, and as [`Figure::P50`] the time of one round trip.
pub const REDIS_BENCHMARK: &str = "redis-benchmark";

/// One run of the benchmark.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// Facts about the machine, as rows of a table.
    pub machine: Vec<(String, String)>,
    /// Whether it was the whole benchmark or the short form.
    pub full: bool,
    /// Length of one measured window.
    pub seconds: f64,
    /// The peers that took part, in the order of the table, the bare limit first.
    pub peers: Vec<PeerInfo>,
    /// The workloads that ran, in their order.
    pub workloads: Vec<WorkloadInfo>,
    /// The figures that were measured.
    pub cells: Vec<Cell>,
    /// What did not run, or failed, and why.
    pub gaps: Vec<Gap>,
}

impl Results {
    /// The name of a peer in tables.
    pub fn title<'a>(&'a self, peer: &'a str) -> &'a str {
        let known = self.peers.iter().find(|known| known.name == peer);
        known.map_or(peer, |known| &known.title)
    }

    /// The figure of a peer under a workload, if it was measured.
    pub fn get(&self, workload: &str, peer: &str, figure: Figure) -> Option<&Summary> {
        let of = |cell: &&Cell| cell.workload == workload && cell.peer == peer;
        self.cells.iter().find(of)?.figures.get(&figure)
    }
}

/// A peer that took part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PeerInfo {
    /// As in [`Peer::name`](crate::peers::Peer::name).
    pub name: String,
    /// As in [`Peer::title`](crate::peers::Peer::title).
    pub title: String,
    /// The version that it prints.
    pub version: Option<String>,
}

/// A workload that ran.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkloadInfo {
    /// Its name on the command line, such as `rooms-10`.
    pub name: String,
    /// What it is, such as `100 rooms of 10, 1 message in flight in each`.
    pub title: String,
    /// Bytes of a message.
    pub payload: usize,
}

/// All figures of one peer under one workload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// [`WorkloadInfo::name`].
    pub workload: String,
    /// [`PeerInfo::name`].
    pub peer: String,
    /// What was measured.
    pub figures: BTreeMap<Figure, Summary>,
}

/// One figure over all rounds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The rounds' median.
    pub median: f64,
    /// The least of the rounds.
    pub min: f64,
    /// The most of the rounds.
    pub max: f64,
    /// Median over the rounds of the ratio to the bare limit in the same round.
    pub ratio: Option<f64>,
}

/// Figures that are missing in the tables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// [`WorkloadInfo::name`].
    pub workload: String,
    /// [`PeerInfo::name`].
    pub peer: String,
    /// What happened, or why it was left out.
    pub reason: String,
}
