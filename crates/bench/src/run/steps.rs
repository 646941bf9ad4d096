//! What is measured, in which order.

use std::fmt;

use tablecast_lunch::MAX_ITEM_GRAPHEMES;

use super::options::Options;
use super::scenario::{Part, SCENARIOS, Scenario, gaps};
use crate::load::most_bytes;
use crate::peers::Peer;
use crate::results::{Gap, REDIS_BENCHMARK, WorkloadInfo};

/// Files that server and orchestrator open besides the connections.
const OTHER_FILES: u64 = 200;

/// One start of a peer.
#[derive(Debug, Clone)]
pub(super) struct Step<'a> {
    pub(super) scenario: &'static Scenario,
    /// What is measured, one part after another.
    pub(super) parts: &'static [Part],
    /// `None` for redis-benchmark.
    pub(super) peer: Option<&'a Peer>,
    /// `None` where valgrind counts the instructions of one part, instead of timed windows.
    pub(super) round: Option<usize>,
}

/// All steps, and what they leave out.
#[derive(Debug, Default)]
pub(super) struct Plan<'a> {
    pub(super) steps: Vec<Step<'a>>,
    pub(super) workloads: Vec<WorkloadInfo>,
    pub(super) gaps: Vec<Gap>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(options: &Options, peers: &'a [Peer], file_descriptors: u64) -> Self {
        let mut plan = Plan::default();
        for scenario in SCENARIOS.iter() {
            let rounds = rounds(scenario, options);
            let mut able = Vec::new();
            let peers = peers.iter().filter(|peer| scenario.takes_part(peer));
            for peer in peers.filter(|_| rounds > 0) {
                match obstacle(scenario, peer, options.full, file_descriptors) {
                    None => able.push(Some(peer)),
                    Some(why) => plan.gaps.extend(gaps(&scenario.parts, &peer.name, &why)),
                }
            }
            if !able.is_empty() {
                plan.add(scenario, able, rounds);
            }
        }
        plan
    }

    fn add(&mut self, scenario: &'static Scenario, mut able: Vec<Option<&'a Peer>>, rounds: usize) {
        self.workloads.extend(scenario.infos());
        let step = |parts, peer, round| Step {
            scenario,
            parts,
            peer,
            round,
        };
        for round in 0..rounds {
            let peers = able.iter().copied();
            let peers = peers.chain(scenario.benchmark.then_some(None));
            let steps = peers.map(|peer| step(&scenario.parts[..], peer, Some(round)));
            self.steps.extend(steps);
            able.rotate_left(1);
        }
        for part in scenario.parts.chunks(1).filter(|part| part[0].counted) {
            let native = able
                .iter()
                .filter(|peer| peer.is_some_and(|peer| peer.native));
            self.steps
                .extend(native.map(|peer| step(part, *peer, None)));
        }
    }
}

/// How often a scenario runs. A workload that is named runs in the short form too.
fn rounds(scenario: &Scenario, options: &Options) -> usize {
    let usual = match options.full {
        true => scenario.full_rounds,
        false => scenario.short_rounds,
    };
    let rounds = match options.rounds {
        // One round of the starting code is enough.
        Some(wanted) if !scenario.load.lenient => usize::from(wanted),
        _ => usual,
    };
    let is_named = |part: &Part| options.workload.contains(&part.name);
    match options.workload.is_empty() {
        true if usual > 0 => rounds,
        false if scenario.parts.iter().any(is_named) => rounds.max(1),
        _ => 0,
    }
}

/// Why a peer cannot be measured here, if it cannot.
fn obstacle(scenario: &Scenario, peer: &Peer, full: bool, file_descriptors: u64) -> Option<String> {
    let connections = scenario.load.connections();
    if connections as u64 + OTHER_FILES > file_descriptors {
        Some(format!(
            "{connections} connections need more than the {file_descriptors} files one may open here \
             (`ulimit -n`)"
        ))
    } else if peer.connections.is_some_and(|most| connections > most) && !full {
        Some(format!(
            "opening {connections} connections takes it too long for the short form"
        ))
    } else if scenario.load.payload > most_bytes(peer.protocol) {
        Some(format!(
            "an item on a menu has at most {MAX_ITEM_GRAPHEMES} characters"
        ))
    } else {
        None
    }
}

impl Step<'_> {
    pub(super) fn peer(&self) -> &str {
        self.peer.map_or(REDIS_BENCHMARK, |peer| &peer.name)
    }
}

impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<&str> = self.parts.iter().map(|part| &*part.name).collect();
        write!(f, "{}, {}", parts.join(" and "), self.peer())?;
        match self.round {
            None => f.write_str(", counting instructions"),
            Some(round) => write!(f, ", round {}", round + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::BASE;
    use super::super::scenario::names;
    use super::*;
    use crate::peers::PEERS;

    fn options(workload: &[&str]) -> Options {
        Options {
            rounds: Some(2),
            workload: workload.iter().map(|&name| name.to_owned()).collect(),
            ..Options::default()
        }
    }

    fn order<'a>(plan: &'a Plan<'_>, round: usize) -> Vec<&'a str> {
        let of_round = plan.steps.iter().filter(|step| step.round == Some(round));
        of_round.map(Step::peer).collect()
    }

    #[test]
    fn all_peers_run_in_each_round_in_an_order_that_rotates() {
        let options = options(&["rooms-10"]);
        let plan = Plan::new(&options, &PEERS, 20_000);
        let (first, second) = (order(&plan, 0), order(&plan, 1));
        assert!(first.contains(&BASE));
        assert_eq!(first.len(), PEERS.iter().filter(|p| !p.needs_redis).count());
        let mut rotated = first.clone();
        rotated.rotate_left(1);
        assert_eq!(second, rotated);
    }

    #[test]
    fn what_a_peer_cannot_do_is_a_gap() {
        let options = options(&["idle", "payload-16k"]);
        let plan = Plan::new(&options, &PEERS, 10_000);
        let is_missing = |workload: &str, peer: &str| {
            let mut gaps = plan.gaps.iter();
            gaps.any(|gap| gap.workload == workload && gap.peer == peer)
        };
        // Too few files for anybody.
        assert!(is_missing("idle", BASE));
        assert!(is_missing("rooms-10-many", BASE));
        assert!(is_missing("payload-16k", "lunch"));
        assert!(!is_missing("payload-16k", BASE));
    }

    #[test]
    fn the_code_it_started_from_runs_on_redis_alone() {
        let options = options(&["starting-code"]);
        let plan = Plan::new(&options, &PEERS, 20_000);
        let peers: Vec<&str> = plan.steps.iter().map(Step::peer).collect();
        assert_eq!(peers, ["seed001", "lunch"]);
    }

    #[test]
    fn every_workload_has_a_name_of_its_own() {
        let mut names: Vec<&str> = names().collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn what_the_report_asks_for_is_measured() {
        let names: Vec<&str> = names().collect();
        let goals = include_str!("../report/goals.toml").lines();
        let values = goals.filter_map(|line| line.strip_prefix("value = \""));
        let plots = include_str!("../report/plots.toml").split("[\"").skip(1);
        for asked in values.chain(plots) {
            let workload = asked.split([' ', '"']).next().unwrap();
            assert!(names.contains(&workload), "{workload}");
        }
    }
}
