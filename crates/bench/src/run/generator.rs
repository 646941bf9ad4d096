//! The load generator as the orchestrator sees it: a process that is asked by lines.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, bail};
use clap::ValueEnum;
use serde::Deserialize;

use super::server::{pinned, wrapped};
use crate::load::control::{Joined, Outcome, Pace, Reply, Request, Run, Until};
use crate::peers::Protocol;

/// Whom a generator connects; the options of its command line say what each means.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default)]
pub(super) struct Shape {
    pub(super) rooms: usize,
    pub(super) members: usize,
    pub(super) payload: usize,
    pub(super) slow: usize,
    pub(super) first_room: usize,
    pub(super) lenient: bool,
    pub(super) patience: usize,
}

impl Default for Shape {
    fn default() -> Self {
        Shape {
            rooms: 1,
            members: 10,
            payload: 32,
            slow: 0,
            first_room: 0,
            lenient: false,
            patience: 20,
        }
    }
}

impl Shape {
    pub(super) fn connections(&self) -> usize {
        self.rooms * self.members
    }
}

#[derive(Debug)]
pub(super) struct Generator {
    process: Child,
    requests: Option<ChildStdin>,
    replies: BufReader<ChildStdout>,
}

impl Generator {
    /// Starts it on a core, or on any; nothing is connected yet.
    pub(super) fn start(
        to: &[SocketAddr],
        protocol: Protocol,
        shape: &Shape,
        core: Option<&str>,
    ) -> anyhow::Result<Self> {
        let mut load = Command::new(std::env::current_exe()?);
        let protocol = protocol.to_possible_value();
        let protocol = protocol.context("a protocol without a name")?;
        load.args(["load", "--protocol", protocol.get_name()]);
        for address in to {
            load.args(["--to", &address.to_string()]);
        }
        for (option, value) in [
            ("--rooms", shape.rooms),
            ("--members", shape.members),
            ("--payload", shape.payload),
            ("--slow", shape.slow),
            ("--first-room", shape.first_room),
            ("--patience", shape.patience),
        ] {
            load.args([option, &value.to_string()]);
        }
        load.args(shape.lenient.then_some("--lenient"));
        let core = core.map(pinned);
        let wrapper: &[&str] = core.as_ref().map_or(&[], |core| core);
        let mut process = wrapped(wrapper, &load)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // The last reply says what went wrong.
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start the load generator")?;
        let replies = process.stdout.take().context("no stdout")?;
        Ok(Generator {
            requests: process.stdin.take(),
            replies: BufReader::new(replies),
            process,
        })
    }

    pub(super) fn prepare(&mut self) -> anyhow::Result<()> {
        self.ask(Request::Prepare).map(drop)
    }

    pub(super) fn connect(&mut self) -> anyhow::Result<Joined> {
        match self.ask(Request::Connect)? {
            Reply::Joined(joined) => Ok(joined),
            other => bail!("it answers with something else: {other:?}"),
        }
    }

    pub(super) fn settle(&mut self) -> anyhow::Result<()> {
        self.ask(Request::Settle).map(drop)
    }

    /// All of it, where nothing is measured in between.
    pub(super) fn join(&mut self) -> anyhow::Result<()> {
        self.prepare()?;
        self.connect()?;
        self.settle()
    }

    pub(super) fn run(&mut self, until: Until, pace: Pace) -> anyhow::Result<Outcome> {
        self.begin(until, pace)?;
        self.finished()
    }

    /// Does not wait for the end.
    pub(super) fn begin(&mut self, until: Until, pace: Pace) -> anyhow::Result<()> {
        self.request(Request::Run(Run { until, pace }))
    }

    /// Ends a run that lasts until then, and the generator.
    pub(super) fn end(mut self) -> anyhow::Result<Outcome> {
        self.requests = None;
        self.finished()
    }

    fn finished(&mut self) -> anyhow::Result<Outcome> {
        match self.reply()? {
            Reply::Done(outcome) => Ok(outcome),
            other => bail!("it answers with something else: {other:?}"),
        }
    }

    fn ask(&mut self, request: Request) -> anyhow::Result<Reply> {
        self.request(request)?;
        self.reply()
    }

    fn request(&mut self, request: Request) -> anyhow::Result<()> {
        let line = serde_json::to_string(&request)?;
        let requests = self.requests.as_mut().context("it has been ended")?;
        // If it has failed, its last reply is waiting to be read.
        let _ = writeln!(requests, "{line}");
        Ok(())
    }

    fn reply(&mut self) -> anyhow::Result<Reply> {
        let mut line = String::new();
        if self.replies.read_line(&mut line)? == 0 {
            bail!("the load generator has ended: {}", self.process.wait()?);
        }
        match serde_json::from_str(&line).context(line)? {
            Reply::Failed(error) => bail!(error),
            reply => Ok(reply),
        }
    }
}

impl Drop for Generator {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
