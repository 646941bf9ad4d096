//! The load generator as the orchestrator sees it: a process that is asked by lines.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, bail};
use clap::{Parser, ValueEnum};
use serde::Deserialize;

use super::server::{pinned, wrapped};
use crate::load::Options;
use crate::load::control::{Joined, Outcome, Pace, Reply, Request, Run, Until};
use crate::peers::Protocol;

/// Whom a generator connects: options of its command line.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Shape {
    words: String,
    pub(super) options: Options,
}

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    options: Options,
}

impl TryFrom<String> for Shape {
    type Error = clap::Error;

    fn try_from(words: String) -> Result<Self, clap::Error> {
        let line = "load --to 127.0.0.1:1".split(' ').chain(words.split(' '));
        let Line { options } = Line::try_parse_from(line)?;
        Ok(Shape { words, options })
    }
}

impl Shape {
    pub(super) fn connections(&self) -> usize {
        self.options.rooms * self.options.members
    }
}

/// Seconds without a delivery, after which one is missing.
pub(super) const PATIENCE: &str = "20";

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
        patience: &str,
        core: Option<&str>,
    ) -> anyhow::Result<Self> {
        let mut load = Command::new(std::env::current_exe()?);
        let protocol = protocol.to_possible_value();
        let protocol = protocol.context("a protocol without a name")?;
        load.args(["load", "--protocol", protocol.get_name()]);
        for address in to {
            load.args(["--to", &address.to_string()]);
        }
        load.args(["--patience", patience]);
        load.args(shape.words.split(' '));
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
