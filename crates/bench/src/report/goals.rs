//! What Tablecast is meant to reach, and whether it did, from the results alone.

use super::format::Unit;
use super::tables::{means, table};
use crate::results::Figure::{
    CanaryP99, CommandsPerCommit, Commits, Cpu, Fairness, JoinCpu, KernelInstructions, Memory,
    Messages, OtherNodeP50, P50, P99, SameNodeP50, UserInstructions,
};
use crate::results::{Figure, Means, REDIS_BENCHMARK, Results, workload};

const RAW: &str = "raw";
const BUN: &str = "bun";
const AXUM: &str = "axum";
const RELAY: &str = "relay";
const LUNCH: &str = "lunch";

/// Of the bare limit's cost: what the checks, the queues and the runtime may add.
const OVERHEAD: f64 = 1.05;

/// Instructions a delivery in rooms of 100 with 16 messages in flight: of ours, and of Bun when the
/// goal was set.
const BUSY: (f64, f64) = (1_100.0, 1_340.0);

/// Instructions that Bun needs in user space to echo one message to one member.
const BUN_ECHO: f64 = 881.0;

/// Where the figure has to be.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
    Between(f64, f64),
}

/// One goal, with what was reached.
#[derive(Debug, Clone, PartialEq)]
struct Goal {
    /// Which server does what.
    subject: &'static str,
    /// What is counted.
    what: &'static str,
    unit: Unit,
    /// `None` if it depends on a figure that was not measured.
    bound: Option<Bound>,
    reached: Option<(f64, Means)>,
    /// The same of another server.
    beside: Option<(&'static str, f64)>,
}

impl Goal {
    fn beside(mut self, peer: &'static str, reached: Option<(f64, Means)>) -> Self {
        self.beside = reached.map(|(value, _)| (peer, value));
        self
    }

    fn is_reached(&self) -> Option<bool> {
        let (value, _) = self.reached?;
        Some(match self.bound? {
            Bound::AtMost(most) => value <= most,
            Bound::AtLeast(least) => value >= least,
            Bound::Between(least, most) => (least..=most).contains(&value),
        })
    }

    fn row(&self, results: &Results) -> Vec<String> {
        let write = |value| self.unit.write(value);
        let nothing = || "–".to_owned();
        let bound = match self.bound {
            Some(Bound::AtMost(most)) => format!("≤ {}", write(most)),
            Some(Bound::AtLeast(least)) => format!("≥ {}", write(least)),
            Some(Bound::Between(least, most)) => format!("{} – {}", write(least), write(most)),
            None => nothing(),
        };
        let beside = self.beside.map_or_else(nothing, |(name, value)| {
            let peer = results.peers.iter().find(|peer| peer.name == name);
            format!(
                "{}: {}",
                peer.map_or(name, |peer| &peer.title),
                write(value)
            )
        });
        let verdict = match self.is_reached() {
            Some(true) => "reached",
            Some(false) => "**not reached**",
            None => "not measured",
        };
        vec![
            self.subject.to_owned(),
            self.what.to_owned(),
            bound,
            self.reached.map_or_else(nothing, |(value, _)| write(value)),
            beside,
            self.reached
                .map_or_else(nothing, |(_, by)| means(by).to_owned()),
            verdict.to_owned(),
        ]
    }
}

/// Every goal as a row.
pub(super) fn goals_table(results: &Results) -> String {
    let head = [
        "server",
        "figure",
        "goal",
        "reached",
        "beside it",
        "counted by",
        "",
    ];
    let goals = goals(results);
    table(
        head.map(str::to_owned).into(),
        goals.iter().map(|goal| goal.row(results)),
    )
}

fn goals(results: &Results) -> Vec<Goal> {
    let all = [
        small_rooms(results),
        large_rooms(results),
        connections(results),
        nodes(results),
    ];
    all.concat()
}

fn small_rooms(r: &Results) -> Vec<Goal> {
    use workload::{ROOMS_10, ROOMS_100};
    let at_most = |most| Some(Bound::AtMost(most));
    let busy = if has_counters(r, ROOMS_100) {
        Goal {
            subject: "relay, rooms of 100, 16 in flight",
            what: "user and kernel instructions a delivery",
            unit: Unit::Count,
            bound: at_most(BUSY.0),
            reached: instructions(r, ROOMS_100, RELAY),
            beside: None,
        }
        .beside(BUN, instructions(r, ROOMS_100, BUN))
    } else {
        Goal {
            subject: "relay, rooms of 100, 16 in flight",
            what: "CPU time a delivery ÷ Bun's",
            unit: Unit::Ratio,
            bound: at_most(BUSY.0 / BUSY.1),
            reached: quotient(
                median(r, ROOMS_100, RELAY, Cpu),
                median(r, ROOMS_100, BUN, Cpu),
            ),
            beside: None,
        }
    };
    vec![
        Goal {
            subject: "relay, rooms of 10",
            what: "user instructions a delivery",
            unit: Unit::Count,
            bound: at_most(440.0),
            reached: median(r, ROOMS_10, RELAY, UserInstructions),
            beside: None,
        }
        .beside(BUN, median(r, ROOMS_10, BUN, UserInstructions)),
        near_the_limit(r, "relay, rooms of 10", ROOMS_10),
        Goal {
            subject: "relay, rooms of 10",
            what: "p99 ÷ the bare limit's",
            unit: Unit::Ratio,
            bound: at_most(1.5),
            reached: ratio(r, ROOMS_10, RELAY, P99),
            beside: None,
        }
        .beside(BUN, ratio(r, ROOMS_10, BUN, P99)),
        Goal {
            subject: "relay, rooms of 10, saturated",
            what: "p99 ÷ p50",
            unit: Unit::Ratio,
            bound: at_most(3.0),
            reached: median(r, ROOMS_10, RELAY, Fairness),
            beside: None,
        }
        .beside(AXUM, median(r, ROOMS_10, AXUM, Fairness)),
        Goal {
            subject: "lunch server, rooms of 10",
            what: "user instructions a delivery",
            unit: Unit::Count,
            bound: at_most(BUN_ECHO),
            reached: median(r, ROOMS_10, LUNCH, UserInstructions),
            beside: None,
        }
        .beside(BUN, median(r, ROOMS_10, BUN, UserInstructions)),
        busy,
    ]
}

fn large_rooms(r: &Results) -> Vec<Goal> {
    use workload::{ROOM_5000, ROOM_15000, ROOMS_10, ROOMS_10_MANY};
    // Each beside the bare limit of its own rounds, since the machine may have changed in between.
    let growth = |peer| {
        quotient(
            ratio(r, ROOMS_10_MANY, peer, Cpu),
            ratio(r, ROOMS_10, peer, Cpu),
        )
    };
    vec![
        Goal {
            subject: "relay, one room of 5,000",
            what: "user instructions a delivery",
            unit: Unit::Count,
            bound: Some(Bound::AtMost(150.0)),
            reached: median(r, ROOM_5000, RELAY, UserInstructions),
            beside: None,
        }
        .beside(BUN, median(r, ROOM_5000, BUN, UserInstructions)),
        near_the_limit(r, "relay, one room of 5,000", ROOM_5000),
        Goal {
            subject: "relay, one room of 15,000",
            what: "p99 of a small room beside it, less than with the bare limit",
            unit: Unit::Time,
            bound: median(r, ROOM_15000, RAW, CanaryP99).map(|(value, _)| Bound::AtMost(value)),
            reached: median(r, ROOM_15000, RELAY, CanaryP99),
            beside: None,
        }
        .beside(BUN, median(r, ROOM_15000, BUN, CanaryP99)),
        Goal {
            subject: "relay, from 1,000 to 15,000 connections in rooms of 10",
            what: "growth of CPU time a delivery ÷ the bare limit's growth",
            unit: Unit::Ratio,
            bound: Some(Bound::Between(0.9, 1.1)),
            reached: growth(RELAY),
            beside: None,
        }
        .beside(BUN, growth(BUN)),
    ]
}

fn connections(r: &Results) -> Vec<Goal> {
    use workload::{IDLE, JOIN_STORM};
    let mut goals = Vec::new();
    for (peer, idle, opening, storm) in [
        (
            RELAY,
            "relay, 15,000 idle connections",
            "relay, opening a connection",
            "relay, 15,000 joins at once",
        ),
        (
            LUNCH,
            "lunch server, 15,000 idle connections",
            "lunch server, opening a connection",
            "lunch server, 15,000 joins at once",
        ),
    ] {
        let buns = median(r, IDLE, BUN, JoinCpu);
        goals.extend([
            Goal {
                subject: idle,
                what: "memory a connection",
                unit: Unit::Bytes,
                bound: Some(Bound::AtMost(2_048.0)),
                reached: median(r, IDLE, peer, Memory),
                beside: None,
            }
            .beside(BUN, median(r, IDLE, BUN, Memory)),
            Goal {
                subject: opening,
                what: "CPU time, handshake to joined",
                unit: Unit::Time,
                bound: buns.map(|(value, _)| Bound::AtMost(value)),
                reached: median(r, IDLE, peer, JoinCpu),
                beside: None,
            }
            .beside(BUN, buns),
            Goal {
                subject: storm,
                what: "p99 of a small room beside it",
                unit: Unit::Time,
                bound: Some(Bound::AtMost(50_000.0)),
                reached: median(r, JOIN_STORM, peer, CanaryP99),
                beside: None,
            }
            .beside(BUN, median(r, JOIN_STORM, BUN, CanaryP99)),
        ]);
    }
    goals
}

fn nodes(r: &Results) -> Vec<Goal> {
    use workload::{TWO_NODES, TWO_NODES_BUSY, TWO_NODES_CALM};
    let benchmark = median(r, TWO_NODES, REDIS_BENCHMARK, Commits);
    let behind = median(r, TWO_NODES_CALM, LUNCH, OtherNodeP50)
        .zip(median(r, TWO_NODES_CALM, LUNCH, SameNodeP50))
        .map(|((other, by), (same, _))| ((other - same).max(0.0), by));
    vec![
        Goal {
            subject: "lunch server, two nodes on Redis",
            what: "changes/s ÷ what redis-benchmark reaches with the same script",
            unit: Unit::Ratio,
            bound: Some(Bound::AtLeast(0.8)),
            reached: quotient(median(r, TWO_NODES, LUNCH, Messages), benchmark),
            beside: None,
        },
        Goal {
            subject: "lunch server, two nodes on Redis, 16 writers a room",
            what: "changes a commit",
            unit: Unit::Count,
            bound: Some(Bound::AtLeast(10.0)),
            reached: median(r, TWO_NODES_BUSY, LUNCH, CommandsPerCommit),
            beside: None,
        },
        Goal {
            subject: "lunch server, two nodes on Redis",
            what: "the other node behind the first, p50, ÷ a round trip of Redis",
            unit: Unit::Ratio,
            bound: Some(Bound::AtMost(1.5)),
            reached: quotient(behind, median(r, TWO_NODES, REDIS_BENCHMARK, P50)),
            beside: None,
        },
    ]
}

/// What a delivery costs in user space and kernel, beside the bare limit. Where the processor's
/// counters cannot be read, time takes the place of instructions, since both ran in the same rounds.
fn near_the_limit(r: &Results, subject: &'static str, workload: &str) -> Goal {
    let counted = has_counters(r, workload);
    let cost = |peer| {
        if counted {
            quotient(
                instructions(r, workload, peer),
                instructions(r, workload, RAW),
            )
        } else {
            ratio(r, workload, peer, Cpu)
        }
    };
    Goal {
        subject,
        what: if counted {
            "user and kernel instructions a delivery ÷ the bare limit's"
        } else {
            "CPU time a delivery ÷ the bare limit's"
        },
        unit: Unit::Ratio,
        bound: Some(Bound::AtMost(OVERHEAD)),
        reached: cost(RELAY),
        beside: None,
    }
    .beside(BUN, cost(BUN))
}

/// Whether instructions of the kernel were counted, which the processor alone can do.
fn has_counters(r: &Results, workload: &str) -> bool {
    r.get(workload, RELAY, KernelInstructions).is_some()
}

/// In user space and kernel, a delivery.
fn instructions(r: &Results, workload: &str, peer: &str) -> Option<(f64, Means)> {
    let (user, _) = median(r, workload, peer, UserInstructions)?;
    let (kernel, means) = median(r, workload, peer, KernelInstructions)?;
    Some((user + kernel, means))
}

fn median(r: &Results, workload: &str, peer: &str, figure: Figure) -> Option<(f64, Means)> {
    let summary = r.get(workload, peer, figure)?;
    Some((summary.median, summary.means))
}

/// To the bare limit, in the same rounds.
fn ratio(r: &Results, workload: &str, peer: &str, figure: Figure) -> Option<(f64, Means)> {
    let summary = r.get(workload, peer, figure)?;
    Some((summary.ratio?, summary.means))
}

fn quotient(above: Option<(f64, Means)>, below: Option<(f64, Means)>) -> Option<(f64, Means)> {
    let ((above, means), (below, _)) = above.zip(below)?;
    (below > 0.0).then(|| (above / below, means))
}
