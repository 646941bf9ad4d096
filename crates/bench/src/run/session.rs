//! One peer under one scenario: start, connect, measure, stop.

use anyhow::Context;

use super::generator::{Generator, Shape};
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
const CANARY_ROOM: usize = 1_000_000;

/// Nothing is measured before the server has run this part of a window.
const WARM_UP: f64 = 0.3;

/// Tracing system calls costs time, so they are counted in a window of their own, this
/// part of the others.
const TRACED: f64 = 0.3;

/// At least so many deliveries are counted under valgrind, and so many messages a room;
/// a tenth of it runs before.
const COUNTED_DELIVERIES: usize = 20_000;
const COUNTED_MESSAGES: usize = 16;

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

pub(super) fn sample(figures: &mut Figures, figure: Figure, value: f64, means: Means) {
    figures.insert(figure, Sample { value, means });
}

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
        let server = self.start(peer, &pinned(SERVER_CORE))?;
        let empty = server.usage()?;
        let mut load = self.load(&server, peer.protocol, shape)?;
        load.prepare()?;
        let mut canary = None;
        if scenario.canary {
            canary = Some(self.canary(&server, peer.protocol)?);
        }
        let mut figures = Figures::new();
        let prepared = server.usage()?;
        let mut parts = scenario.parts.iter();
        let is_storm = parts.all(|part| part.window.is_none() && part.rate.is_none());
        let singing = canary.take_if(|_| is_storm).map(sing).transpose()?;
        let joined = load.connect()?;
        let open = server.usage()?;
        if let Some(canary) = singing {
            heard(canary, &mut figures)?;
        }
        load.settle()?;
        let connections = joined.connections as f64;
        let join = (open.cpu - prepared.cpu) / connections * 1e6;
        sample(&mut figures, Figure::JoinCpu, join, Means::Proc);
        let joins = connections / joined.seconds;
        sample(&mut figures, Figure::Joins, joins, Means::Load);
        grown(&server, &empty, connections, &mut figures)?;

        let mut saturation = None;
        for part in &scenario.parts {
            if let Some(window) = part.window {
                let singing = canary.take().map(sing).transpose()?;
                let pace = Pace::Window(window);
                if shape.slow == 0 {
                    load.run(Until::Seconds(self.seconds * WARM_UP), pace)?;
                }
                self.window(&server, &mut load, pace, &mut figures)?;
                if shape.slow > 0 {
                    grown(&server, &empty, connections, &mut figures)?;
                }
                if let Some(canary) = singing {
                    heard(canary, &mut figures)?;
                }
                if with_syscalls && self.has_tracepoint {
                    self.syscalls(&server, &mut load, pace, &mut figures)?;
                }
            }
            if let Some(of_saturation) = part.rate {
                let most = match saturation {
                    Some(most) => most,
                    None => *saturation.insert(self.saturation(&mut load)?),
                };
                let pace = Pace::Rate(most * of_saturation);
                self.window(&server, &mut load, pace, &mut figures)?;
                // It waits for the right moment without sleeping.
                figures.remove(&Figure::LoadShare);
            }
            found(&part.name, std::mem::take(&mut figures));
        }
        Ok(())
    }

    /// Messages a second that the server manages at most.
    fn saturation(&self, load: &mut Generator) -> anyhow::Result<f64> {
        load.run(Until::Seconds(self.seconds * WARM_UP), Pace::Window(1))?;
        let outcome = load.run(Until::Seconds(self.seconds), Pace::Window(1))?;
        Ok(outcome.messages as f64 / outcome.seconds)
    }

    fn start(&self, peer: &Peer, wrapper: &[&str]) -> anyhow::Result<Server> {
        let port = port::free()?;
        let command = peer.command(self.paths, port, None)?;
        Server::start(wrapped(wrapper, &command), port)
    }

    fn load(
        &self,
        server: &Server,
        protocol: Protocol,
        shape: &Shape,
    ) -> anyhow::Result<Generator> {
        Generator::start(&[server.address], protocol, shape, Some(load_core()))
    }

    /// A small room that knows nothing of the load.
    fn canary(&self, server: &Server, protocol: Protocol) -> anyhow::Result<Generator> {
        let shape = Shape {
            first_room: CANARY_ROOM,
            ..Shape::default()
        };
        let mut canary = self.load(server, protocol, &shape)?;
        canary.join()?;
        Ok(canary)
    }

    /// One measured window.
    fn window(
        &self,
        server: &Server,
        load: &mut Generator,
        pace: Pace,
        figures: &mut Figures,
    ) -> anyhow::Result<()> {
        let counting = match self.has_hardware_counters {
            true => {
                let events = [perf::USER_INSTRUCTIONS, perf::KERNEL_INSTRUCTIONS];
                Some(Counting::start(server.tree(), &events)?)
            }
            false => None,
        };
        let before = server.usage()?;
        let outcome = load.run(Until::Seconds(self.seconds), pace)?;
        let after = server.usage()?;
        if let Some(counting) = counting {
            let counts = counting.stop()?;
            for (figure, event) in [
                (Figure::UserInstructions, perf::USER_INSTRUCTIONS),
                (Figure::KernelInstructions, perf::KERNEL_INSTRUCTIONS),
            ] {
                let count = counts
                    .get(event)
                    .context("the counters have stopped counting")?;
                let each = *count as f64 / outcome.deliveries as f64;
                sample(figures, figure, each, Means::Counters);
            }
        }
        used(figures, &before, &after, &outcome);
        timed(figures, &outcome);
        Ok(())
    }

    fn syscalls(
        &self,
        server: &Server,
        load: &mut Generator,
        pace: Pace,
        figures: &mut Figures,
    ) -> anyhow::Result<()> {
        let counting = Counting::start(server.tree(), &[perf::SYSCALLS])?;
        let outcome = load.run(Until::Seconds(self.seconds * TRACED), pace)?;
        let counts = counting.stop()?;
        let count = counts
            .get(perf::SYSCALLS)
            .context("no count of system calls")?;
        let each = *count as f64 / outcome.deliveries as f64;
        sample(figures, Figure::Syscalls, each, Means::Tracepoint);
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
        let mut wrapper: Vec<String> = pinned(SERVER_CORE).map(str::to_owned).into();
        wrapper.extend(callgrind::wrapper(&out));
        let wrapper: Vec<&str> = wrapper.iter().map(String::as_str).collect();
        let server = self.start(peer, &wrapper)?;
        let pid = server.tree().0;
        let shape = Shape {
            patience: 60,
            ..*shape
        };
        let mut load = self.load(&server, peer.protocol, &shape)?;
        load.join()?;
        let messages = COUNTED_DELIVERIES / shape.members;
        let messages = messages.max(COUNTED_MESSAGES * shape.rooms) as u64;
        let pace = Pace::Window(window);
        load.run(Until::Messages(messages / 10), pace)?;
        callgrind::switch(pid, "on")?;
        let outcome = load.run(Until::Messages(messages), pace)?;
        callgrind::switch(pid, "off")?;
        let count = callgrind::count(pid, &out)? as f64;
        drop(server);
        // Written when the program begins; empty.
        std::fs::remove_file(&out)?;
        let mut figures = Figures::new();
        let each = count / outcome.deliveries as f64;
        sample(
            &mut figures,
            Figure::UserInstructions,
            each,
            Means::Callgrind,
        );
        Ok(figures)
    }
}

/// The canary talks from now on.
fn sing(mut canary: Generator) -> anyhow::Result<Generator> {
    canary.begin(Until::Closed, Pace::Rate(CANARY_RATE))?;
    Ok(canary)
}

fn heard(canary: Generator, figures: &mut Figures) -> anyhow::Result<()> {
    let outcome = canary.end().context("the room beside the load")?;
    let p99 = microseconds(outcome.latency.p99);
    sample(figures, Figure::CanaryP99, p99, Means::Load);
    Ok(())
}

/// Memory of the server since it was empty.
fn grown(
    server: &Server,
    empty: &Usage,
    connections: f64,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let grown = server.usage()?.rss.saturating_sub(empty.rss) as f64;
    sample(figures, Figure::Memory, grown / connections, Means::Proc);
    Ok(())
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
