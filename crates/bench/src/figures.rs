//! What is measured, how it is headed and written, and in which table it is.

use serde::{Deserialize, Serialize};

/// What a number counts, and so how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Things: instructions, system calls, messages.
    Count,
    /// Microseconds; written in the unit that keeps the number short.
    Time,
    /// Bytes.
    Bytes,
    /// 0 to 1, written in per cent.
    Share,
    /// A multiple of something.
    Ratio,
}

/// A table is readable with few columns, so the figures of a workload are several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// What a delivery costs, and how many there are.
    Cost,
    /// How long it takes.
    Latency,
    /// What a connection costs.
    Connection,
    /// Whether the measurement is worth something.
    Check,
}

/// From a row for each figure: its heading, unit and table.
macro_rules! figures {
    ($($(#[$meaning:meta])* $figure:ident: $heading:literal, $unit:ident, $group:ident;)*) => {
        /// What was measured. Durations are in microseconds unless the name says otherwise.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Figure {
            $($(#[$meaning])* $figure,)*
        }

        impl Figure {
            /// How it is headed and written, and the table it is in.
            pub fn column(self) -> (&'static str, Unit, Group) {
                match self {
                    $(Figure::$figure => ($heading, Unit::$unit, Group::$group),)*
                }
            }
        }
    };
}

figures! {
    /// Instructions in user space, a delivery.
    UserInstructions: "user instructions", Count, Cost;
    /// Instructions in the kernel, a delivery.
    KernelInstructions: "kernel instructions", Count, Cost;
    /// System calls, a delivery.
    Syscalls: "system calls", Count, Cost;
    /// CPU time of the server in user space and kernel, a delivery.
    Cpu: "CPU time", Time, Cost;
    /// The part of [`Figure::Cpu`] that is the kernel's, 0 to 1.
    KernelShare: "of that the kernel", Share, Cost;
    /// Deliveries a second.
    Deliveries: "deliveries/s", Count, Cost;
    /// Messages (changes) a second, each delivered to all members.
    Messages: "changes/s", Count, Cost;
    /// Latency of a delivery: from sending, or from the intended moment at a fixed
    /// rate, until a member has read it.
    P50: "p50", Time, Latency;
    /// See [`Figure::P50`].
    P90: "p90", Time, Latency;
    /// See [`Figure::P50`].
    P99: "p99", Time, Latency;
    /// See [`Figure::P50`].
    P999: "p99.9", Time, Latency;
    /// See [`Figure::P50`].
    Longest: "longest", Time, Latency;
    /// p99 ÷ p50.
    Fairness: "p99 ÷ p50", Ratio, Latency;
    /// From sending until the last member has read it, p50.
    SeenByAllP50: "seen by all, p50", Time, Latency;
    /// From sending until the last member has read it, p99.
    SeenByAllP99: "seen by all, p99", Time, Latency;
    /// Latency to members on the sender's node, of several, p50.
    SameNodeP50: "on the same node, p50", Time, Latency;
    /// Latency to members on the sender's node, of several, p99.
    SameNodeP99: "on the same node, p99", Time, Latency;
    /// Latency to members on another node than the sender's, p50.
    OtherNodeP50: "on the other node, p50", Time, Latency;
    /// Latency to members on another node than the sender's, p99.
    OtherNodeP99: "on the other node, p99", Time, Latency;
    /// Growth of the server's resident memory, bytes a connection.
    Memory: "memory", Bytes, Connection;
    /// CPU time of the server to open a connection, handshake to joined.
    JoinCpu: "CPU time to open one", Time, Connection;
    /// Connections opened a second.
    Joins: "opened/s", Count, Connection;
    /// Latency in a small room that has nothing to do with the load beside it, p99.
    CanaryP99: "small room beside it, p99", Time, Latency;
    /// The part of its core that the load generator used, 0 to 1: near 1 it was the
    /// bottleneck.
    LoadShare: "load generator's", Share, Check;
    /// The part of a core that the server used, 0 to 1 (over 1: of several).
    ServerShare: "server's use of a core", Share, Check;
    /// Slow readers that the server closed, 0 to 1.
    CutOff: "slow readers cut off", Share, Connection;
    /// Commands (changes) in one commit to the store.
    CommandsPerCommit: "changes a commit", Count, Cost;
    /// CPU time of Redis, a commit.
    RedisCpu: "CPU time of Redis a commit", Time, Cost;
    /// Commits a second.
    Commits: "commits/s", Count, Cost;
}
