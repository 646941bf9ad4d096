//! What is measured: the heading of each figure, its unit, and its table.

use serde::{Deserialize, Serialize};

/// What a number counts, which also says how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Things: instructions, system calls, messages.
    Count,
    /// Microseconds. Written in µs, ms or s, so that the number is short.
    Time,
    /// Bytes.
    Bytes,
    /// 0 to 1, written in per cent.
    Share,
    /// A multiple of something.
    Ratio,
}

/// The tables of a workload, so that none has too many columns: what a delivery costs, how long it
/// takes, what a connection costs, and whether the measurement can be trusted.
pub const GROUPS: [&str; 4] = [COST, LATENCY, CONNECTION, CHECK];
const COST: &str = "A delivery";
const LATENCY: &str = "Latency";
const CONNECTION: &str = "A connection";
const CHECK: &str = "Who was busy";
/// In no table, since the figures on both sides of it say enough.
const UNLISTED: &str = "";

/// How figures are measured: by the load generator's clock and counts; by scheduler statistics and memory
/// maps; by the kernel's tracepoint for system calls, with `perf stat`; by valgrind, in a run of its own
/// with a fixed number of messages; by the server's own `/metrics`.
pub const MEANS: [&str; 5] = [LOAD, PROC, TRACEPOINT, CALLGRIND, METRICS];
const LOAD: &str = "the load generator";
const PROC: &str = "`/proc`";
const TRACEPOINT: &str = "the kernel's tracepoint";
const CALLGRIND: &str = "callgrind";
const METRICS: &str = "the server's own metrics";

/// Heading, unit, table and means of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "their types say it")]
pub struct Column {
    pub heading: &'static str,
    pub unit: Unit,
    pub group: &'static str,
    pub means: &'static str,
}

/// From a row for each figure: its heading, unit, table and means.
macro_rules! figures {
    ($($(#[$meaning:meta])* $figure:ident: $heading:literal, $unit:ident, $group:ident, $means:ident;)*) => {
        /// What was measured. Durations are in microseconds unless the name says otherwise.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Figure {
            $($(#[$meaning])* $figure,)*
        }

        impl Figure {
            /// All of them, in the order of tables.
            pub const ALL: &[Figure] = &[$(Figure::$figure,)*];

            /// Its heading, unit, table and means.
            pub fn column(self) -> Column {
                match self {
                    $(Figure::$figure => Column {
                        heading: $heading,
                        unit: Unit::$unit,
                        group: $group,
                        means: $means,
                    },)*
                }
            }
        }
    };
}

figures! {
    /// Instructions in user space, a delivery.
    UserInstructions: "user instructions", Count, COST, CALLGRIND;
    /// System calls, a delivery.
    Syscalls: "system calls", Count, COST, TRACEPOINT;
    /// CPU time of the server in user space and kernel, a delivery.
    Cpu: "CPU time", Time, COST, PROC;
    /// The share of the kernel in [`Figure::Cpu`], 0 to 1.
    KernelShare: "of that the kernel", Share, COST, PROC;
    /// Deliveries a second.
    Deliveries: "deliveries/s", Count, COST, LOAD;
    /// Messages (changes) a second, each delivered to all members.
    Messages: "changes/s", Count, COST, LOAD;
    /// Latency of a delivery: from sending, or from the intended moment at a fixed
    /// rate, until a member has read it.
    P50: "p50", Time, LATENCY, LOAD;
    /// See [`Figure::P50`].
    P90: "p90", Time, UNLISTED, LOAD;
    /// See [`Figure::P50`].
    P99: "p99", Time, LATENCY, LOAD;
    /// See [`Figure::P50`].
    P999: "p99.9", Time, UNLISTED, LOAD;
    /// See [`Figure::P50`].
    Longest: "longest", Time, LATENCY, LOAD;
    /// p99 ÷ p50.
    Fairness: "p99 ÷ p50", Ratio, LATENCY, LOAD;
    /// From sending until the last member has read it, p50.
    SeenByAllP50: "seen by all, p50", Time, LATENCY, LOAD;
    /// From sending until the last member has read it, p99.
    SeenByAllP99: "seen by all, p99", Time, LATENCY, LOAD;
    /// Latency to members on the sender's node, of several, p50.
    SameNodeP50: "on the same node, p50", Time, LATENCY, LOAD;
    /// Latency to members on the sender's node, of several, p99.
    SameNodeP99: "on the same node, p99", Time, LATENCY, LOAD;
    /// Latency to members on another node than the sender's, p50.
    OtherNodeP50: "on the other node, p50", Time, LATENCY, LOAD;
    /// Latency to members on another node than the sender's, p99.
    OtherNodeP99: "on the other node, p99", Time, LATENCY, LOAD;
    /// Growth of the server's resident memory, bytes a connection.
    Memory: "memory", Bytes, CONNECTION, PROC;
    /// CPU time of the server to open a connection, handshake to joined.
    JoinCpu: "CPU time to open one", Time, CONNECTION, PROC;
    /// Connections opened a second.
    Joins: "opened/s", Count, CONNECTION, LOAD;
    /// Latency in a small room of its own beside the load, p99.
    CanaryP99: "small room beside it, p99", Time, LATENCY, LOAD;
    /// The share of its core that the load generator used, 0 to 1. Near 1 it was the
    /// bottleneck.
    LoadShare: "load generator's", Share, CHECK, LOAD;
    /// The share of a core that the server used, 0 to 1; over 1 if it used several.
    ServerShare: "server's use of a core", Share, CHECK, PROC;
    /// The share of slow readers that the server has cut off, 0 to 1.
    CutOff: "slow readers cut off", Share, CONNECTION, LOAD;
    /// Commands (changes) in one commit to the store.
    CommandsPerCommit: "changes a commit", Count, COST, METRICS;
    /// CPU time of Redis, a commit.
    RedisCpu: "CPU time of Redis a commit", Time, COST, PROC;
    /// Commits a second.
    Commits: "commits/s", Count, COST, METRICS;
}
