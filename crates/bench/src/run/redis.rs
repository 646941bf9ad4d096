//! Redis: a server of this run alone, `redis-benchmark` with our commit script, and the commits that our
//! nodes have counted.

use std::process::Command;

use anyhow::Context;

use super::server::Server;
use crate::figures::Figure;
use crate::measure::Usage;
use crate::program::{said, shell};
use crate::summary::Figures;
use crate::wire;

/// The scripts of the backend, which `redis-benchmark` runs too.
const CREATE: &str = concat!(
    include_str!("../../../redis/src/scripts/room.lua"),
    include_str!("../../../redis/src/scripts/create.lua")
);
const COMMIT: &str = concat!(
    include_str!("../../../redis/src/scripts/room.lua"),
    include_str!("../../../redis/src/scripts/benchmark.lua"),
    include_str!("../../../redis/src/scripts/commit.lua")
);

/// Bytes, as in crates/redis/README.md: an event of 100 with what is stored before it, and a state of 500.
const EVENT: usize = 104;
const STATE: usize = 500;

/// How many commits `redis-benchmark` makes over twenty connections, and how many one after another.
const COMMITS: usize = 40_000;
const ROUND_TRIPS: usize = 3_000;

/// Counters of a node: its commits, and the commands in them.
const COUNTERS: [&str; 2] = ["tablecast_commit_seconds_count", "tablecast_commands_total"];

/// What Redis can do with the same script on this machine.
pub(super) fn benchmark() -> anyhow::Result<Figures> {
    let redis = Redis::start()?;
    let (state, log) = ("tablecast:{bench}:state", "tablecast:{bench}:log");
    let keepsake = "tablecast:{bench}:keepsake";
    let deadline = "86400000";
    redis.cli(&[
        "EVAL", CREATE, "3", state, log, keepsake, "run", deadline, deadline, "state",
    ])?;
    let sha = redis.cli(&["SCRIPT", "LOAD", COMMIT])?;
    let (event, snapshot) = ("0".repeat(EVENT), STATE.to_string());
    let channel = "tablecast:{bench}";
    let command = [
        "EVALSHA", &sha, "2", state, log, "run", "PUBLISH", channel, "-", "-", "1", &event,
        "600000", "256", "bench", &snapshot,
    ];
    let before = redis.cpu()?;
    let (per_second, _) = redis.benchmark(20, COMMITS, &command)?;
    let cpu = redis.cpu()? - before;
    let (_, p50) = redis.benchmark(1, ROUND_TRIPS, &command)?;
    Ok(Figures::from([
        (Figure::Commits, per_second),
        (Figure::RedisCpu, cpu / COMMITS as f64 * 1e6),
        (Figure::P50, p50 * 1e3),
    ]))
}

/// A Redis that keeps nothing on disk.
pub(super) struct Redis(Server);

impl Redis {
    pub(super) fn start() -> anyhow::Result<Self> {
        let script = "exec redis-server --bind 127.0.0.1 --save '' --appendonly no --port";
        let server = Server::start(|port| shell(&format!("{script} {port}")));
        server.map(Redis)
    }

    pub(super) fn url(&self) -> String {
        format!("redis://{}", self.0.address)
    }

    /// CPU time so far, seconds.
    pub(super) fn cpu(&self) -> anyhow::Result<f64> {
        Ok(Usage::of([self.0.pid()])?.cpu)
    }

    /// What nodes on it have done until now, all together: the commits and the commands that they have counted, and
    /// the CPU time of Redis in seconds.
    pub(super) fn done(&self, nodes: &[Server]) -> anyhow::Result<[f64; 3]> {
        let (cpu, mut sums) = (self.cpu()?, [0.0; 2]);
        for node in nodes {
            let metrics = wire::ask(node.address, "GET /metrics")?;
            for (sum, name) in sums.iter_mut().zip(COUNTERS) {
                let value = counter(&metrics, name);
                *sum += value.with_context(|| format!("/metrics has no {name}"))?;
            }
        }
        let [commits, commands] = sums;
        Ok([commits, commands, cpu])
    }

    /// A program that comes with Redis, with the port of this one.
    fn program(&self, name: &str) -> Command {
        let mut program = Command::new(name);
        program.args(["-p", &self.0.address.port().to_string()]);
        program
    }

    fn cli(&self, args: &[&str]) -> anyhow::Result<String> {
        said(self.program("redis-cli").arg("-e").args(args))
    }

    /// Runs `redis-benchmark`: commits a second, and the p50 of their latency in milliseconds.
    fn benchmark(
        &self,
        clients: usize,
        commits: usize,
        command: &[&str],
    ) -> anyhow::Result<(f64, f64)> {
        let (clients, commits) = (clients.to_string(), commits.to_string());
        let mut benchmark = self.program("redis-benchmark");
        benchmark.args(["--csv", "-c", &clients, "-n", &commits]);
        let csv = said(benchmark.args(command))?;
        rate(&csv).with_context(|| format!("redis-benchmark says {csv}"))
    }
}

/// The last line is the command, requests a second, and latencies in milliseconds:
/// mean, least, p50, p95, p99, longest. The command may hold commas.
fn rate(csv: &str) -> Option<(f64, f64)> {
    let fields = csv.lines().last()?.rsplit(',');
    let mut fields = fields.map(|field| field.trim_matches('"').parse().ok());
    let p50 = fields.nth(3)??;
    Some((fields.nth(2)??, p50))
}

/// The value of a counter in the text of `/metrics`.
fn counter(metrics: &str, name: &str) -> Option<f64> {
    let mut lines = metrics.lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_redis_benchmark_prints_is_read() {
        let csv = "\"test\",\"rps\",\"avg_latency_ms\",\"min_latency_ms\",\"p50_latency_ms\",\
                   \"p95_latency_ms\",\"p99_latency_ms\",\"max_latency_ms\"\n\
                   \"EVALSHA a,b\",\"29211.00\",\"0.66\",\"0.1\",\"0.63\",\"0.9\",\"1.2\",\"9.0\"";
        assert_eq!(rate(csv), Some((29_211.0, 0.63)));
        assert_eq!(rate("no such thing"), None);
    }

    #[test]
    fn counters_are_found_in_the_metrics() {
        let text = "tablecast_commands_total 12\ntablecast_commit_seconds_bucket{le=\"1\"} 4\n\
                    tablecast_commit_seconds_count 5\n# EOF\n";
        let values = COUNTERS.map(|name| counter(text, name));
        assert_eq!(values, [Some(5.0), Some(12.0)]);
        assert_eq!(COUNTERS.map(|name| counter("# EOF\n", name)), [None, None]);
    }
}
