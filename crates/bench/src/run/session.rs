//! One peer under one scenario: start, connect, measure, stop.

use anyhow::Context;

use super::generator::{Generator, PATIENCE, Shape};
use super::scenario::Scenario;
use super::server::{SERVER_CORE, Server, load_core, pinned, wrapped};
use crate::load::control::{Outcome, Pace, Until};
use crate::measure::Usage;
use crate::measure::callgrind;
use crate::measure::perf::{self, Counting};
use crate::peers::{Paths, Peer, Protocol};
use crate::port;
use crate::results::{Figure, Means};
use crate::summary::{Figures, Sample};

/// Messages a second in the canary's room: enough for a p99 of a second's storm, few
/// enough to cost nothing.
const CANARY_RATE: f64 = 200.0;

/// No load has a room of this number.
const CANARY: &str = "--rooms 1 --members 10 --first-room 1000000";

/// Nothing is measured before the server has run this part of a window.
const WARM_UP: f64 = 0.3;

/// Tracing system calls costs time, so they are counted in a window of their own, this
/// part of the others.
const TRACED: f64 = 0.3;

/// At least so many deliveries are counted under valgrind, and so many messages a room;
/// a tenth of it runs before.
const COUNTED_DELIVERIES: usize = 20_000;
const COUNTED_MESSAGES: usize = 16;

/// Seconds: valgrind is slow.
const COUNTED_PATIENCE: &str = "60";

/// How to measure.
#[derive(Debug, Clone)]
pub(super) struct Session<'a> {
    pub(super) paths: &'a Paths,
    /// Length of a measured window in seconds.
    pub(super) seconds: f64,
    pub(super) has_hardware_counters: bool,
    pub(super) has_tracepoint: bool,
}

/// What a part of a scenario gave.
pub(super) type Found<'f> = &'f mut dyn FnMut(&str, Figures);

/// A server under load.
struct Trial<'a> {
    session: &'a Session<'a>,
    server: Server,
    load: Generator,
    /// What the server used before anybody came.
    empty: Usage,
    /// Of the part that is measured.
    figures: Figures,
}

/// An event of perf's, and the figure that it makes, a delivery.
type Counted = (Figure, &'static str);

const INSTRUCTIONS: &[Counted] = &[
    (Figure::UserInstructions, perf::USER_INSTRUCTIONS),
    (Figure::KernelInstructions, perf::KERNEL_INSTRUCTIONS),
];
const SYSCALLS: &[Counted] = &[(Figure::Syscalls, perf::SYSCALLS)];

impl Session<'_> {
    /// Runs all parts. Figures are handed over as they are found, so that a failure
    /// takes away only what comes after it.
    pub(super) fn measure(
        &self,
        peer: &Peer,
        scenario: &Scenario,
        with_syscalls: bool,
        found: Found<'_>,
    ) -> anyhow::Result<()> {
        let shape = &scenario.shape;
        let mut trial = self.start(peer, shape, PATIENCE, &pinned(SERVER_CORE))?;
        trial.load.prepare()?;
        let mut canary = match scenario.canary {
            true => Some(trial.canary(peer.protocol)?),
            false => None,
        };
        let mut parts = scenario.parts.iter();
        let is_storm = parts.all(|part| part.window.is_none() && part.rate.is_none());
        trial.join(canary.take_if(|_| is_storm))?;

        let mut saturation = None;
        for part in &scenario.parts {
            if let Some(window) = part.window {
                let canary = canary.take().map(sing).transpose()?;
                let pace = Pace::Window(window);
                if shape.options.slow == 0 {
                    trial.warm_up(pace)?;
                }
                trial.window(pace)?;
                if shape.options.slow > 0 {
                    trial.grown(shape.connections())?;
                }
                trial.heard(canary)?;
                if with_syscalls && self.has_tracepoint {
                    trial.run(TRACED, pace, SYSCALLS, Means::Tracepoint)?;
                }
            }
            if let Some(of_saturation) = part.rate {
                if saturation.is_none() {
                    trial.warm_up(Pace::Window(1))?;
                    let most = trial.run(1.0, Pace::Window(1), &[], Means::Load)?;
                    saturation = Some(most.messages as f64 / most.seconds);
                }
                let most = saturation.unwrap_or_default();
                trial.window(Pace::Rate(most * of_saturation))?;
                // It waits for the right moment without sleeping.
                trial.figures.remove(&Figure::LoadShare);
            }
            found(&part.name, std::mem::take(&mut trial.figures));
        }
        Ok(())
    }

    /// Counts instructions of a program by valgrind, in a run of fixed work.
    pub(super) fn count(
        &self,
        peer: &Peer,
        shape: &Shape,
        window: usize,
    ) -> anyhow::Result<Figures> {
        std::fs::create_dir_all(&self.paths.scratch)?;
        let out = self.paths.scratch.join(format!("callgrind.{}", peer.name));
        let callgrind = callgrind::wrapper(&out);
        let callgrind = callgrind.iter().map(String::as_str);
        let wrapper: Vec<&str> = pinned(SERVER_CORE).into_iter().chain(callgrind).collect();
        let mut trial = self.start(peer, shape, COUNTED_PATIENCE, &wrapper)?;
        let pid = trial.server.tree().0;
        trial.load.join()?;
        let messages = COUNTED_DELIVERIES / shape.options.members;
        let messages = messages.max(COUNTED_MESSAGES * shape.options.rooms) as u64;
        let pace = Pace::Window(window);
        trial.load.run(Until::Messages(messages / 10), pace)?;
        callgrind::switch(pid, "on")?;
        let outcome = trial.load.run(Until::Messages(messages), pace)?;
        callgrind::switch(pid, "off")?;
        let each = callgrind::count(pid, &out)? as f64 / outcome.deliveries as f64;
        drop(trial);
        // Written when the program begins; empty.
        std::fs::remove_file(&out)?;
        let means = Means::Callgrind;
        Ok([(Figure::UserInstructions, Sample { value: each, means })].into())
    }

    fn start<'a>(
        &'a self,
        peer: &Peer,
        shape: &Shape,
        patience: &str,
        wrapper: &[&str],
    ) -> anyhow::Result<Trial<'a>> {
        let port = port::free()?;
        let command = peer.command(self.paths, port, None)?;
        let server = Server::start(wrapped(wrapper, &command), port)?;
        let (to, core) = ([server.address], Some(load_core()));
        Ok(Trial {
            session: self,
            empty: server.usage()?,
            load: Generator::start(&to, peer.protocol, shape, patience, core)?,
            server,
            figures: Figures::new(),
        })
    }
}

impl Trial<'_> {
    fn add(&mut self, figure: Figure, value: f64, means: Means) {
        sample(&mut self.figures, figure, value, means);
    }

    /// A small room that knows nothing of the load.
    fn canary(&self, protocol: Protocol) -> anyhow::Result<Generator> {
        let shape = Shape::try_from(CANARY.to_owned())?;
        let to = [self.server.address];
        let mut canary = Generator::start(&to, protocol, &shape, PATIENCE, Some(load_core()))?;
        canary.join()?;
        Ok(canary)
    }

    /// All join, and a small room may talk meanwhile.
    fn join(&mut self, canary: Option<Generator>) -> anyhow::Result<()> {
        let before = self.server.usage()?;
        let canary = canary.map(sing).transpose()?;
        let joined = self.load.connect()?;
        let after = self.server.usage()?;
        self.heard(canary)?;
        self.load.settle()?;
        let connections = joined.connections as f64;
        let cpu = (after.cpu - before.cpu) / connections * 1e6;
        self.add(Figure::JoinCpu, cpu, Means::Proc);
        self.add(Figure::Joins, connections / joined.seconds, Means::Load);
        self.grown(joined.connections)
    }

    fn warm_up(&mut self, pace: Pace) -> anyhow::Result<Outcome> {
        self.run(WARM_UP, pace, &[], Means::Load)
    }

    /// One measured window.
    fn window(&mut self, pace: Pace) -> anyhow::Result<()> {
        let counted = match self.session.has_hardware_counters {
            true => INSTRUCTIONS,
            false => &[],
        };
        let before = self.server.usage()?;
        let outcome = self.run(1.0, pace, counted, Means::Counters)?;
        let after = self.server.usage()?;
        used(&mut self.figures, &before, &after, &outcome);
        timed(&mut self.figures, &outcome);
        Ok(())
    }

    /// Runs for a part of a window while perf counts.
    fn run(
        &mut self,
        part: f64,
        pace: Pace,
        counted: &[Counted],
        means: Means,
    ) -> anyhow::Result<Outcome> {
        let events: Vec<&str> = counted.iter().map(|(_, event)| *event).collect();
        let counting = match events.is_empty() {
            true => None,
            false => Some(Counting::start(self.server.tree(), &events)?),
        };
        let until = Until::Seconds(self.session.seconds * part);
        let outcome = self.load.run(until, pace)?;
        let counts = counting
            .map(Counting::stop)
            .transpose()?
            .unwrap_or_default();
        for (figure, event) in counted {
            let count = counts.get(*event);
            let count = *count.context("the counters have stopped counting")?;
            self.add(*figure, count as f64 / outcome.deliveries as f64, means);
        }
        Ok(outcome)
    }

    /// The small room is over.
    fn heard(&mut self, canary: Option<Generator>) -> anyhow::Result<()> {
        if let Some(canary) = canary {
            let outcome = canary.end().context("the room beside the load")?;
            let p99 = microseconds(outcome.latency.p99);
            self.add(Figure::CanaryP99, p99, Means::Load);
        }
        Ok(())
    }

    /// Memory of the server since it was empty.
    fn grown(&mut self, connections: usize) -> anyhow::Result<()> {
        let grown = self.server.usage()?.rss.saturating_sub(self.empty.rss);
        let each = grown as f64 / connections as f64;
        self.add(Figure::Memory, each, Means::Proc);
        Ok(())
    }
}

/// The canary talks from now on.
fn sing(mut canary: Generator) -> anyhow::Result<Generator> {
    canary.begin(Until::Closed, Pace::Rate(CANARY_RATE))?;
    Ok(canary)
}

pub(super) fn sample(figures: &mut Figures, figure: Figure, value: f64, means: Means) {
    figures.insert(figure, Sample { value, means });
}

/// What the server needed.
pub(super) fn used(figures: &mut Figures, before: &Usage, after: &Usage, outcome: &Outcome) {
    let cpu = after.cpu - before.cpu;
    let each = cpu / outcome.deliveries as f64 * 1e6;
    sample(figures, Figure::Cpu, each, Means::Proc);
    let kernel = ((after.system - before.system) / cpu).clamp(0.0, 1.0);
    sample(figures, Figure::KernelShare, kernel, Means::Proc);
    let share = cpu / outcome.seconds;
    sample(figures, Figure::ServerShare, share, Means::Proc);
}

/// What the load generator saw.
pub(super) fn timed(figures: &mut Figures, outcome: &Outcome) {
    let (seconds, latency) = (outcome.seconds, &outcome.latency);
    let mut load = |figure, value| sample(figures, figure, value, Means::Load);
    load(Figure::Deliveries, outcome.deliveries as f64 / seconds);
    load(Figure::Messages, outcome.messages as f64 / seconds);
    load(Figure::Fairness, latency.p99 as f64 / latency.p50 as f64);
    load(Figure::LoadShare, outcome.cpu / seconds);
    if outcome.slow > 0 {
        load(Figure::CutOff, outcome.cut_off as f64 / outcome.slow as f64);
    }
    let mut times = vec![
        (Figure::P50, latency.p50),
        (Figure::P90, latency.p90),
        (Figure::P99, latency.p99),
        (Figure::P999, latency.p999),
        (Figure::Longest, latency.longest),
        (Figure::SeenByAllP50, outcome.seen_by_all.p50),
        (Figure::SeenByAllP99, outcome.seen_by_all.p99),
    ];
    if outcome.other_node.p50 > 0 {
        times.extend([
            (Figure::SameNodeP50, outcome.same_node.p50),
            (Figure::SameNodeP99, outcome.same_node.p99),
            (Figure::OtherNodeP50, outcome.other_node.p50),
            (Figure::OtherNodeP99, outcome.other_node.p99),
        ]);
    }
    for (figure, time) in times {
        load(figure, microseconds(time));
    }
}

fn microseconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e3
}
