//! One peer in one scenario: start, connect, measure, stop.

use std::sync::Arc;
use std::thread;
use std::time::Duration;
use std::{array, env, fs, process};

use anyhow::{Context, anyhow};
use rustix::thread::{CpuSet, sched_setaffinity};

use super::redis::{self, Redis};
use super::scenario::Scenario;
use super::server::Server;
use super::steps::Step;
use crate::figures::Figure;
use crate::load::{Load, Options, Outcome, Pace, Until};
use crate::measure::syscalls::Counting;
use crate::measure::{Usage, callgrind};
use crate::peers::Peer;
use crate::summary::Figures;

/// Keeps a server on the first core.
const PINNED: &str = "taskset -c 0";

/// The core of the load generator, if there are several cores.
const LOAD_CORE: usize = 1;

/// Messages a second in the canary's room: enough for a p99 within the one second that a storm of joins takes, and
/// too few to cost anything.
const CANARY_RATE: f64 = 200.0;

/// No other load has a room of this number.
const CANARY_ROOM: usize = 1_000_000;

/// The server runs for this share of a window before anything is measured.
const WARM_UP: f64 = 0.3;

/// Tracing system calls costs time, so they are counted in a window of their own, which has this share of the
/// usual length.
const TRACED: f64 = 0.3;

/// Under valgrind at least this many deliveries, and this many messages a room, are counted. A tenth of
/// them runs before.
const COUNTED_DELIVERIES: usize = 20_000;
const COUNTED_MESSAGES: usize = 16;

/// [`Options::patience`] under valgrind, where servers are slow.
const COUNTED_PATIENCE: Duration = Duration::from_secs(60);

/// Changes that the starting code makes in a window: it needs more than five seconds for most of them.
const ITS_CHANGES: u64 = 4;

/// After its handshakes the starting code still writes the whole room, as it was before, once for each member.
/// A change before that is lost, so the load waits.
const ITS_JOINS: Duration = Duration::from_secs(1);

/// How to measure.
#[derive(Debug, Clone)]
pub(super) struct Session {
    /// Length of a measured window in seconds.
    pub(super) seconds: f64,
    pub(super) cores: usize,
    pub(super) counts_syscalls: bool,
}

/// Servers under load: one, or nodes on one Redis.
struct Trial {
    servers: Vec<Server>,
    redis: Option<Redis>,
    load: Load,
    /// What the servers used before anybody connected.
    empty: Usage,
    /// Those of the part that is being measured.
    figures: Figures,
}

impl Session {
    /// Runs a step. `found` gets the figures of each part, and keeps them if a later part fails.
    pub(super) fn run(&self, step: &Step<'_>, found: &mut Vec<Figures>) -> anyhow::Result<()> {
        match (step.peer, step.round) {
            (None, _) => {
                self.spread(step.scenario)?;
                found.push(redis::benchmark()?);
            }
            (Some(peer), None) => {
                let counted = self.count(peer, step);
                found.push(counted.context("counting instructions by valgrind")?);
            }
            (Some(peer), Some(round)) => self.measure(peer, step.scenario, round, found)?,
        }
        Ok(())
    }

    /// Runs all parts in timed windows.
    fn measure(
        &self,
        peer: &Peer,
        scenario: &Scenario,
        round: usize,
        found: &mut Vec<Figures>,
    ) -> anyhow::Result<()> {
        let load = &scenario.load;
        let mut trial = self.start(peer, scenario, load.clone(), "")?;
        let mut canary = scenario.canary.then(|| trial.canary()).transpose()?;
        let mut parts = scenario.parts.iter();
        let is_storm = parts.all(|part| part.window.is_none() && part.rate.is_none());
        trial.beside(canary.take_if(|_| is_storm), Trial::join)?;
        trial.load.settle()?;
        trial.grown()?;
        if scenario.nodes.is_some() {
            // There memory and joining are not measured.
            trial.figures.clear();
        }
        if load.lenient {
            thread::sleep(ITS_JOINS);
        }
        let until = match peer.needs_redis {
            true => Until::Messages(ITS_CHANGES),
            false => self.part(1.0),
        };
        let mut most = None;
        for part in &scenario.parts {
            if let Some(window) = part.window {
                let pace = Pace::Window(window);
                trial.beside(canary.take(), |trial| {
                    if load.slow == 0 && !load.lenient {
                        trial.load.run(self.part(WARM_UP), pace)?;
                    }
                    trial.window(until.clone(), pace)
                })?;
                if load.slow > 0 {
                    trial.grown()?;
                }
                if round == 0 && self.counts_syscalls && scenario.nodes.is_none() {
                    trial.traced(self.part(TRACED), pace)?;
                }
            }
            if let Some(of_most) = part.rate {
                if most.is_none() {
                    trial.load.run(self.part(WARM_UP), Pace::Window(1))?;
                    let outcome = trial.load.run(self.part(1.0), Pace::Window(1))?;
                    most = Some(outcome.messages as f64 / outcome.seconds);
                }
                let rate = most.unwrap_or_default() * of_most;
                trial.window(until.clone(), Pace::Rate(rate))?;
                // At a rate the generator waits without sleeping, so its use of the core says nothing.
                trial.figures.remove(&Figure::LoadShare);
            }
            found.push(std::mem::take(&mut trial.figures));
        }
        Ok(())
    }

    /// Counts the instructions of a program by valgrind, in a run of a fixed number of messages.
    fn count(&self, peer: &Peer, step: &Step<'_>) -> anyhow::Result<Figures> {
        let out = env::temp_dir().join(format!("callgrind.{}.{}", process::id(), peer.name));
        let mut load = step.scenario.load.clone();
        load.patience = COUNTED_PATIENCE;
        let messages = COUNTED_DELIVERIES / load.members;
        let messages = messages.max(COUNTED_MESSAGES * load.rooms) as u64;
        let pace = Pace::Window(step.parts[0].window.context("a part without a window")?);
        let callgrind = callgrind::wrapper(&out);
        let mut trial = self.start(peer, step.scenario, load, &callgrind)?;
        let pid = trial.servers[0].pid();
        trial.join()?;
        trial.load.settle()?;
        trial.load.run(Until::Messages(messages / 10), pace)?;
        callgrind::switch(pid, "on")?;
        let outcome = trial.load.run(Until::Messages(messages), pace)?;
        callgrind::switch(pid, "off")?;
        let each = callgrind::count(pid, &out)? as f64 / outcome.deliveries as f64;
        drop(trial);
        // valgrind has written it at the start; it is empty.
        fs::remove_file(&out)?;
        Ok(Figures::from([(Figure::UserInstructions, each)]))
    }

    /// Starts the servers. One server without Redis has a core, and the load another. Nodes on a Redis and
    /// their load share all cores, as `redis-benchmark` and its Redis do.
    fn start(
        &self,
        peer: &Peer,
        scenario: &Scenario,
        mut load: Options,
        wrapper: &str,
    ) -> anyhow::Result<Trial> {
        self.spread(scenario)?;
        let redis = scenario.nodes.map(|_| Redis::start()).transpose()?;
        let pinned = if redis.is_some() { "" } else { PINNED };
        let url = redis.as_ref().map(Redis::url);
        let servers = (0..scenario.nodes.unwrap_or(1)).map(|_| {
            let wrapper = format!("{pinned} {wrapper}");
            Server::start(|port| peer.command(&wrapper, port, url.as_deref()))
        });
        let servers: Vec<Server> = servers.collect::<anyhow::Result<_>>()?;
        load.to = servers.iter().map(|server| server.address).collect();
        load.protocol = peer.protocol;
        Ok(Trial {
            empty: Usage::of(servers.iter().map(Server::pid))?,
            servers,
            redis,
            load: Load::new(load)?,
            figures: Figures::new(),
        })
    }

    /// Puts this thread, and what it starts, on its core; or on all, where there is a Redis.
    fn spread(&self, scenario: &Scenario) -> anyhow::Result<()> {
        let mut cores = CpuSet::new();
        for core in 0..self.cores {
            if scenario.nodes.is_some() || core == LOAD_CORE.min(self.cores - 1) {
                cores.set(core);
            }
        }
        Ok(sched_setaffinity(None, &cores)?)
    }

    fn part(&self, of_a_window: f64) -> Until {
        Until::Seconds(self.seconds * of_a_window)
    }
}

impl Trial {
    /// A small room beside the load.
    fn canary(&self) -> anyhow::Result<Load> {
        let mut canary = Load::new(Options {
            to: vec![self.servers[0].address],
            first_room: CANARY_ROOM,
            protocol: self.load.options().protocol,
            ..Options::default()
        })?;
        canary.connect()?;
        canary.settle()?;
        Ok(canary)
    }

    /// Does something while a small room talks, if there is one.
    fn beside(
        &mut self,
        canary: Option<Load>,
        work: impl FnOnce(&mut Self) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let Some(mut canary) = canary else {
            return work(self);
        };
        let until = Arc::new(());
        let gone = Until::Gone(Arc::downgrade(&until));
        let room = thread::spawn(move || canary.run(gone, Pace::Rate(CANARY_RATE)));
        work(self)?;
        drop(until);
        let outcome = room.join().map_err(|_| anyhow!("it panicked"));
        let outcome = outcome.flatten().context("the room beside the load")?;
        let p99 = outcome.latency.quantile(0.99);
        self.figures.insert(Figure::CanaryP99, p99);
        Ok(())
    }

    /// Connects all, and measures that.
    fn join(&mut self) -> anyhow::Result<()> {
        let before = self.usage()?;
        let seconds = self.load.connect()?;
        let cpu = self.usage()?.cpu - before.cpu;
        let connections = self.load.options().connections() as f64;
        self.figures.extend([
            (Figure::JoinCpu, cpu / connections * 1e6),
            (Figure::Joins, connections / seconds),
        ]);
        Ok(())
    }

    /// One measured window.
    fn window(&mut self, until: Until, pace: Pace) -> anyhow::Result<()> {
        let (before, commits_before) = (self.usage()?, self.commits()?);
        let outcome = self.load.run(until, pace)?;
        let (after, commits_after) = (self.usage()?, self.commits()?);
        let cpu = after.cpu - before.cpu;
        let kernel = ((after.system - before.system) / cpu).clamp(0.0, 1.0);
        self.figures.extend([
            (Figure::Cpu, cpu / outcome.deliveries as f64 * 1e6),
            (Figure::KernelShare, kernel),
            (Figure::ServerShare, cpu / outcome.seconds),
        ]);
        if let Some((before, after)) = commits_before.zip(commits_after) {
            let [commits, commands, cpu] = array::from_fn(|at| after[at] - before[at]);
            self.figures.extend([
                (Figure::Commits, commits / outcome.seconds),
                (Figure::CommandsPerCommit, commands / commits),
                (Figure::RedisCpu, cpu / commits * 1e6),
            ]);
        }
        self.figures.extend(seen(&outcome));
        Ok(())
    }

    fn usage(&self) -> anyhow::Result<Usage> {
        let usage = Usage::of(self.servers.iter().map(Server::pid));
        usage.context("the server has ended")
    }

    /// What several nodes have done until now. The starting code, which is one node, counts nothing.
    fn commits(&self) -> anyhow::Result<Option<[f64; 3]>> {
        let redis = self.redis.as_ref().filter(|_| self.servers.len() > 1);
        redis.map(|redis| redis.done(&self.servers)).transpose()
    }

    /// Counts system calls, in a window of their own.
    fn traced(&mut self, until: Until, pace: Pace) -> anyhow::Result<()> {
        let counting = Counting::start(self.servers[0].pid())?;
        let outcome = self.load.run(until, pace)?;
        let each = counting.stop()? as f64 / outcome.deliveries as f64;
        self.figures.insert(Figure::Syscalls, each);
        Ok(())
    }

    /// By how much the memory of the servers has grown since nobody was connected.
    fn grown(&mut self) -> anyhow::Result<()> {
        let grown = self.usage()?.rss.saturating_sub(self.empty.rss);
        let each = grown as f64 / self.load.options().connections() as f64;
        self.figures.insert(Figure::Memory, each);
        Ok(())
    }
}

/// The figures that the load generator has measured.
fn seen(outcome: &Outcome) -> Figures {
    let (messages, deliveries) = (outcome.messages as f64, outcome.deliveries as f64);
    let (latency, all) = (&outcome.latency, &outcome.seen_by_all);
    let (p50, p99) = (latency.quantile(0.5), latency.quantile(0.99));
    let mut figures = Figures::from([
        (Figure::Deliveries, deliveries / outcome.seconds),
        (Figure::Messages, messages / outcome.seconds),
        (Figure::LoadShare, outcome.cpu / outcome.seconds),
        (Figure::P50, p50),
        (Figure::P90, latency.quantile(0.9)),
        (Figure::P99, p99),
        (Figure::P999, latency.quantile(0.999)),
        (Figure::Longest, latency.quantile(1.0)),
        (Figure::Fairness, p99 / p50),
        (Figure::SeenByAllP50, all.quantile(0.5)),
        (Figure::SeenByAllP99, all.quantile(0.99)),
    ]);
    let (same, other) = (&outcome.same_node, &outcome.other_node);
    // With one node there is no other, and the latency on the same is that of all.
    if other.quantile(0.5) > 0.0 {
        figures.extend([
            (Figure::SameNodeP50, same.quantile(0.5)),
            (Figure::SameNodeP99, same.quantile(0.99)),
            (Figure::OtherNodeP50, other.quantile(0.5)),
            (Figure::OtherNodeP99, other.quantile(0.99)),
        ]);
    }
    if outcome.slow > 0 {
        figures.insert(Figure::CutOff, outcome.cut_off as f64 / outcome.slow as f64);
    }
    figures
}
