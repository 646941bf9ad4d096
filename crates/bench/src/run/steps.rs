//! What is done in which order.

use std::fmt;

use super::generator::Shape;
use super::nodes::{self, TWO_NODES, TwoNodes};
use super::scenario::{Does, Part, SCENARIOS, Scenario};
use super::{Options, workload};
use crate::peers::{Peer, Protocol};
use crate::results::{Gap, REDIS_BENCHMARK, WorkloadInfo};

/// The largest payload of the lunch dialect: an item has at most 80 characters.
const LARGEST_ITEM: usize = 84;

/// Files that server and orchestrator need besides connections.
const OTHER_FILES: u64 = 200;

/// Rounds of the workloads on Redis.
const SHORT_ROUNDS: usize = 2;
const FULL_ROUNDS: usize = 5;

/// One start of a peer.
#[derive(Debug, Clone)]
pub(super) enum Step<'a> {
    /// A scenario with its timed windows.
    Round {
        scenario: &'static Scenario,
        peer: &'a Peer,
        round: usize,
    },
    /// Instructions by valgrind.
    Count {
        workload: &'static str,
        shape: Shape,
        window: usize,
        peer: &'a Peer,
    },
    /// Two of our servers on a Redis.
    TwoNodes {
        nodes: &'static TwoNodes,
        peer: &'a Peer,
        round: usize,
    },
    /// The code this project started from, or ours in its place.
    StartingCode { peer: &'a Peer, round: usize },
    /// Redis alone.
    RedisBenchmark { round: usize },
}

/// All steps, and what they leave out.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    pub(super) steps: Vec<Step<'a>>,
    pub(super) workloads: Vec<WorkloadInfo>,
    pub(super) gaps: Vec<Gap>,
}

/// Names of all workloads.
pub(super) fn names() -> Vec<&'static str> {
    let parts = SCENARIOS.iter().flat_map(|scenario| scenario.parts);
    let alone = parts.map(|part| part.name);
    let nodes = TWO_NODES.iter().map(|nodes| nodes.name);
    alone
        .chain(nodes)
        .chain([workload::STARTING_CODE])
        .collect()
}

impl<'a> Plan<'a> {
    pub(super) fn new(options: &Options, peers: &'a [Peer], file_descriptors: u64) -> Self {
        let mut plan = Plan {
            steps: Vec::new(),
            workloads: Vec::new(),
            gaps: Vec::new(),
        };
        for scenario in SCENARIOS {
            let rounds = rounds(scenario, options);
            if rounds > 0 {
                plan.scenario(scenario, peers, rounds, options.full, file_descriptors);
            }
        }
        plan.on_redis(options, peers);
        plan
    }

    fn scenario(
        &mut self,
        scenario: &'static Scenario,
        peers: &'a [Peer],
        rounds: usize,
        full: bool,
        file_descriptors: u64,
    ) {
        let mut able: Vec<&Peer> = Vec::new();
        for peer in peers.iter().filter(|peer| !peer.needs_redis) {
            match obstacle(&scenario.shape, peer, full, file_descriptors) {
                None => able.push(peer),
                Some(reason) => {
                    let gap = |part: &Part| Gap::new(part.name, peer.name, &reason);
                    self.gaps.extend(scenario.parts.iter().map(gap));
                }
            }
        }
        let infos = scenario.parts.iter().map(|part| part.info(&scenario.shape));
        self.workloads.extend(infos);
        for round in 0..rounds {
            if !able.is_empty() {
                able.rotate_left(1);
            }
            let steps = able.iter().map(|&peer| Step::Round {
                scenario,
                peer,
                round,
            });
            self.steps.extend(steps);
        }
        for part in scenario.parts {
            let Does::TalkCounted { window } = part.does else {
                continue;
            };
            let native = able.iter().filter(|peer| peer.native);
            self.steps.extend(native.map(|&peer| Step::Count {
                workload: part.name,
                shape: scenario.shape,
                window,
                peer,
            }));
        }
    }

    fn on_redis(&mut self, options: &Options, peers: &'a [Peer]) {
        let is_asked_for =
            |name: &str| options.workload.is_empty() || options.workload.iter().any(|n| n == name);
        let usual = if options.full {
            FULL_ROUNDS
        } else {
            SHORT_ROUNDS
        };
        let rounds = options.rounds.map_or(usual, usize::from);
        let ours = peers.iter().find(|peer| {
            // What else speaks the dialect has no second node.
            peer.protocol == Protocol::Lunch && !peer.needs_redis
        });
        if let Some(peer) = ours {
            for nodes in TWO_NODES.iter().filter(|nodes| is_asked_for(nodes.name)) {
                self.workloads.push(nodes.info());
            }
            for round in 0..rounds {
                for nodes in TWO_NODES.iter().filter(|nodes| is_asked_for(nodes.name)) {
                    self.steps.push(Step::TwoNodes { nodes, peer, round });
                }
                if is_asked_for(workload::TWO_NODES) {
                    self.steps.push(Step::RedisBenchmark { round });
                }
            }
        }
        let mut both = peers
            .iter()
            .filter(|peer| peer.protocol == Protocol::Lunch)
            .peekable();
        if is_asked_for(workload::STARTING_CODE) && both.peek().is_some() {
            self.workloads.push(nodes::starting_code_info());
            // It needs half a minute for its few changes, and hardly varies.
            self.steps
                .extend(both.map(|peer| Step::StartingCode { peer, round: 0 }));
        }
    }
}

/// How often a scenario runs. Whoever names a workload wants it in the short form too.
fn rounds(scenario: &Scenario, options: &Options) -> usize {
    let usual = scenario.rounds(options.full);
    let least = match &options.workload[..] {
        [] => usual,
        names if scenario.is_named(names) => usual.max(1),
        _ => 0,
    };
    let wanted = options.rounds.map_or(least, usize::from);
    if least > 0 { wanted } else { 0 }
}

/// Why a peer cannot take part.
fn obstacle(shape: &Shape, peer: &Peer, full: bool, file_descriptors: u64) -> Option<String> {
    let connections = shape.connections();
    if connections as u64 + OTHER_FILES > file_descriptors {
        return Some(format!(
            "{connections} connections need more than the {file_descriptors} files one may open here \
             (`ulimit -n`)"
        ));
    }
    if connections > peer.connections && !full {
        return Some(format!(
            "opening {connections} connections takes it too long for the short form"
        ));
    }
    let is_item = peer.protocol != Protocol::Lunch || shape.payload <= LARGEST_ITEM;
    (!is_item).then(|| "an item on a menu has at most 80 characters".to_owned())
}

impl Step<'_> {
    /// What it measures.
    pub(super) fn workloads(&self) -> Vec<&'static str> {
        match self {
            Step::Round { scenario, .. } => scenario.parts.iter().map(|part| part.name).collect(),
            Step::Count { workload, .. } => vec![workload],
            Step::TwoNodes { nodes, .. } => vec![nodes.name],
            Step::StartingCode { .. } => vec![workload::STARTING_CODE],
            Step::RedisBenchmark { .. } => vec![workload::TWO_NODES],
        }
    }

    pub(super) fn peer(&self) -> &'static str {
        match self {
            Step::Round { peer, .. }
            | Step::Count { peer, .. }
            | Step::TwoNodes { peer, .. }
            | Step::StartingCode { peer, .. } => peer.name,
            Step::RedisBenchmark { .. } => REDIS_BENCHMARK,
        }
    }

    pub(super) fn round(&self) -> usize {
        match self {
            Step::Round { round, .. }
            | Step::TwoNodes { round, .. }
            | Step::StartingCode { round, .. }
            | Step::RedisBenchmark { round } => *round,
            Step::Count { .. } => 0,
        }
    }
}

impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.workloads().join(" and "), self.peer())?;
        match self {
            Step::Count { .. } => f.write_str(", counting instructions"),
            _ => write!(f, ", round {}", self.round() + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::BASE;
    use super::*;
    use crate::peers::PEERS;

    fn options(workload: &[&str]) -> Options {
        Options {
            full: false,
            rounds: Some(2),
            seconds: None,
            without: Vec::new(),
            peer: Vec::new(),
            workload: workload.iter().map(|&name| name.to_owned()).collect(),
            out: "nowhere".into(),
        }
    }

    fn order(plan: &Plan<'_>, round: usize) -> Vec<&'static str> {
        let of_round = plan.steps.iter().filter(|step| step.round() == round);
        let rounds = of_round.filter(|step| matches!(step, Step::Round { .. }));
        rounds.map(Step::peer).collect()
    }

    #[test]
    fn all_peers_run_in_each_round_in_an_order_that_rotates() {
        let options = options(&[workload::ROOMS_10]);
        let plan = Plan::new(&options, PEERS, 20_000);
        let (first, second) = (order(&plan, 0), order(&plan, 1));
        assert!(first.contains(&BASE));
        assert_eq!(first.len(), PEERS.iter().filter(|p| !p.needs_redis).count());
        let mut rotated = first.clone();
        rotated.rotate_left(1);
        assert_eq!(second, rotated);
    }

    #[test]
    fn what_a_peer_cannot_do_is_a_gap() {
        let options = options(&[workload::IDLE, workload::PAYLOADS[1]]);
        let plan = Plan::new(&options, PEERS, 10_000);
        let is_missing = |workload: &str, peer: &str| {
            let mut gaps = plan.gaps.iter();
            gaps.any(|gap| gap.workload == workload && gap.peer == peer)
        };
        // Too few files for anybody.
        assert!(is_missing(workload::IDLE, BASE));
        assert!(is_missing(workload::ROOMS_10_MANY, BASE));
        assert!(is_missing(workload::PAYLOADS[1], "lunch"));
        assert!(!is_missing(workload::PAYLOADS[1], BASE));
    }

    #[test]
    fn the_code_it_started_from_runs_on_redis_alone() {
        let options = options(&[workload::STARTING_CODE]);
        let plan = Plan::new(&options, PEERS, 20_000);
        let peers: Vec<&str> = plan.steps.iter().map(Step::peer).collect();
        assert_eq!(peers, ["seed001", "lunch"]);
    }

    #[test]
    fn every_workload_has_a_name_of_its_own() {
        let mut names = names();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
