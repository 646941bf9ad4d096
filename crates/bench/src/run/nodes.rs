//! Workloads on Redis: two nodes beside `redis-benchmark` with our commit script, and
//! the code this project started from beside ours.
//!
//! Nothing is pinned here: nodes, Redis and load share all cores, as `redis-benchmark`
//! and Redis do.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::Context;

use super::generator::{Generator, PATIENCE, Shape};
use super::server::Server;
use super::session::{sample, timed, used};
use crate::load::control::{Outcome, Pace, Until};
use crate::peers::{Paths, Peer};
use crate::port;
use crate::program::said;
use crate::results::{Figure, Means};
use crate::summary::Figures;

/// The scripts of the backend, which `redis-benchmark` runs too.
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../redis/src/scripts");

/// As in crates/redis/README.md: an event of 100 bytes, and a state of 500.
const EVENT: usize = 104;
const STATE: usize = 500;

/// Commits that `redis-benchmark` makes over twenty connections, and one by one.
const COMMITS: usize = 40_000;
const ROUND_TRIPS: usize = 3_000;

/// Of the starting code, which needs more than five seconds for most of them.
const ITS_CHANGES: u64 = 4;

/// After its handshakes the starting code still writes the whole room for each member, as it
/// was before: what changes meanwhile is lost.
const ITS_JOINS: Duration = Duration::from_secs(1);

/// Measures two servers of ours on a Redis of their own.
pub(super) fn two(
    paths: &Paths,
    peer: &Peer,
    shape: &Shape,
    window: usize,
    seconds: f64,
) -> anyhow::Result<Figures> {
    let redis = Redis::start()?;
    let nodes = [redis.serve(paths, peer)?, redis.serve(paths, peer)?];
    let to = nodes.each_ref().map(|node| node.address);
    let mut load = Generator::start(&to, peer.protocol, shape, PATIENCE, None)?;
    load.join()?;
    let pace = Pace::Window(window);
    load.run(Until::Seconds(seconds * 0.3), pace)?;
    let look = || -> anyhow::Result<_> {
        let both = nodes[0].usage()? + nodes[1].usage()?;
        let (a, b) = (Commits::of(to[0])?, Commits::of(to[1])?);
        Ok((
            both,
            redis.server.usage()?,
            a.commits + b.commits,
            a.commands + b.commands,
        ))
    };
    let before = look()?;
    let outcome = load.run(Until::Seconds(seconds), pace)?;
    let after = look()?;
    let mut figures = Figures::new();
    used(&mut figures, &before.0, &after.0, &outcome);
    timed(&mut figures, &outcome);
    let (commits, commands) = (after.2 - before.2, after.3 - before.3);
    let redis = after.1.cpu - before.1.cpu;
    let mut add = |figure, value, means| sample(&mut figures, figure, value, means);
    add(Figure::Commits, commits / outcome.seconds, Means::Metrics);
    add(
        Figure::CommandsPerCommit,
        commands / commits,
        Means::Metrics,
    );
    add(Figure::RedisCpu, redis / commits * 1e6, Means::Proc);
    Ok(figures)
}

/// From a change until everybody has seen it.
pub(super) fn starting_code(
    paths: &Paths,
    peer: &Peer,
    shape: &Shape,
    seconds: f64,
) -> anyhow::Result<Figures> {
    let redis = Redis::start()?;
    let server = redis.serve(paths, peer)?;
    let mut load = Generator::start(&[server.address], peer.protocol, shape, PATIENCE, None)?;
    load.join()?;
    thread::sleep(ITS_JOINS);
    let until = match peer.needs_redis {
        true => Until::Messages(ITS_CHANGES),
        false => Until::Seconds(seconds),
    };
    let before = server.usage()?;
    let outcome: Outcome = load.run(until, Pace::Window(1))?;
    let mut figures = Figures::new();
    used(&mut figures, &before, &server.usage()?, &outcome);
    timed(&mut figures, &outcome);
    Ok(figures)
}

/// What Redis can do with the same script on this machine.
pub(super) fn redis_benchmark() -> anyhow::Result<Figures> {
    let redis = Redis::start()?;
    let script = |names: &[&str]| -> anyhow::Result<String> {
        let parts = names.iter().map(|name| {
            let path = format!("{SCRIPTS}/{name}");
            fs::read_to_string(&path).with_context(|| path)
        });
        Ok(parts.collect::<anyhow::Result<Vec<String>>>()?.concat())
    };
    let (state, log) = ("tablecast:{bench}:state", "tablecast:{bench}:log");
    let keepsake = "tablecast:{bench}:keepsake";
    let create = script(&["room.lua", "create.lua"])?;
    let deadline = "86400000";
    redis.cli(&[
        "EVAL", &create, "3", state, log, keepsake, "run", deadline, deadline, "state",
    ])?;
    let commit = script(&["room.lua", "benchmark.lua", "commit.lua"])?;
    let sha = redis.cli(&["SCRIPT", "LOAD", &commit])?;
    let (event, snapshot) = ("0".repeat(EVENT), STATE.to_string());
    let channel = "tablecast:{bench}";
    let command = [
        "EVALSHA", &sha, "2", state, log, "run", "PUBLISH", channel, "-", "-", "1", &event,
        "600000", "256", "bench", &snapshot,
    ];
    let before = redis.server.usage()?;
    let many = redis.benchmark(20, COMMITS, &command)?;
    let cpu = redis.server.usage()?.cpu - before.cpu;
    let one = redis.benchmark(1, ROUND_TRIPS, &command)?;
    let mut figures = Figures::new();
    let mut add = |figure, value, means| sample(&mut figures, figure, value, means);
    add(Figure::Commits, many.per_second, Means::RedisBenchmark);
    add(Figure::RedisCpu, cpu / COMMITS as f64 * 1e6, Means::Proc);
    add(Figure::P50, one.p50 * 1e3, Means::RedisBenchmark);
    Ok(figures)
}

/// A Redis that keeps nothing on disk.
struct Redis {
    server: Server,
}

/// What `redis-benchmark` found.
#[derive(Debug, PartialEq)]
struct Rate {
    per_second: f64,
    /// Milliseconds.
    p50: f64,
}

impl Redis {
    fn start() -> anyhow::Result<Self> {
        let port = port::free()?;
        let mut redis = Command::new("redis-server");
        redis.args(["--bind", "127.0.0.1", "--port", &port.to_string()]);
        redis.args(["--save", "", "--appendonly", "no"]);
        let server = Server::start(redis, port)?;
        Ok(Redis { server })
    }

    fn port(&self) -> String {
        self.server.address.port().to_string()
    }

    /// Starts a server that keeps its rooms here.
    fn serve(&self, paths: &Paths, peer: &Peer) -> anyhow::Result<Server> {
        let port = port::free()?;
        let url = format!("redis://{}", self.server.address);
        Server::start(peer.command(paths, port, Some(&url))?, port)
    }

    fn cli(&self, args: &[&str]) -> anyhow::Result<String> {
        said(
            Command::new("redis-cli")
                .args(["-e", "-p", &self.port()])
                .args(args),
        )
    }

    fn benchmark(&self, clients: usize, commits: usize, command: &[&str]) -> anyhow::Result<Rate> {
        let (clients, commits) = (clients.to_string(), commits.to_string());
        let mut benchmark = Command::new("redis-benchmark");
        benchmark.args(["-p", &self.port(), "--csv", "-c", &clients, "-n", &commits]);
        let csv = said(benchmark.args(command))?;
        rate(&csv).with_context(|| format!("redis-benchmark says {csv}"))
    }
}

/// The last line is the command, requests a second, and latencies in milliseconds:
/// mean, least, p50, p95, p99, longest. The command may hold commas.
fn rate(csv: &str) -> Option<Rate> {
    let mut fields = csv
        .lines()
        .last()?
        .rsplit(',')
        .map(|field| field.trim_matches('"'));
    let p50 = fields.nth(3)?.parse().ok()?;
    let per_second = fields.nth(2)?.parse().ok()?;
    Some(Rate { per_second, p50 })
}

/// Counters of `/metrics`.
#[derive(Debug, PartialEq)]
struct Commits {
    commits: f64,
    commands: f64,
}

impl Commits {
    fn of(node: SocketAddr) -> anyhow::Result<Self> {
        let mut stream = TcpStream::connect(node)?;
        let request = format!("GET /metrics HTTP/1.1\r\nHost: {node}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes())?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Self::in_metrics(&text).context("/metrics does not count commits and commands")
    }

    fn in_metrics(text: &str) -> Option<Self> {
        let value = |name: &str| {
            let mut lines = text.lines();
            let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            value?.parse().ok()
        };
        Some(Commits {
            commits: value("tablecast_commit_seconds_count")?,
            commands: value("tablecast_commands_total")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_redis_benchmark_prints_is_read() {
        let csv = "\"test\",\"rps\",\"avg_latency_ms\",\"min_latency_ms\",\"p50_latency_ms\",\
                   \"p95_latency_ms\",\"p99_latency_ms\",\"max_latency_ms\"\n\
                   \"EVALSHA a,b\",\"29211.00\",\"0.66\",\"0.1\",\"0.63\",\"0.9\",\"1.2\",\"9.0\"";
        let expected = Rate {
            per_second: 29_211.0,
            p50: 0.63,
        };
        assert_eq!(rate(csv), Some(expected));
        assert_eq!(rate("no such thing"), None);
    }

    #[test]
    fn counters_are_found_in_the_metrics() {
        let text = "tablecast_commands_total 12\ntablecast_commit_seconds_bucket{le=\"1\"} 4\n\
                    tablecast_commit_seconds_count 5\n# EOF\n";
        let expected = Commits {
            commits: 5.0,
            commands: 12.0,
        };
        assert_eq!(Commits::in_metrics(text), Some(expected));
        assert_eq!(Commits::in_metrics("# EOF\n"), None);
    }
}
