//! Connections: how one is made, probed, given up and made again.

use std::fmt;
use std::time::Duration;

use redis::aio::{MultiplexedConnection, SendError};
use redis::{
    AsyncConnectionConfig, ConnectionInfo, PushInfo, PushKind, RedisError, RedisResult, Value,
};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::scripts::Call;
use crate::turns::{Turns, turns};

/// How long a connection may take to be made, and a command to be answered.
pub(crate) const DEADLINE: Duration = Duration::from_secs(1);

/// How often each connection is probed. With [`DEADLINE`] for the answer, one
/// that died silently is found within 1.5 s.
const PROBE_EVERY: Duration = Duration::from_millis(500);

/// Commands that may wait for a connection's writer; more wait outside, each
/// under its own deadline.
const PIPELINE: usize = 1024;

/// A connection without a purpose yet.
pub(crate) struct Connection {
    pub(crate) commands: MultiplexedConnection,
    /// Cancelled as soon as the connection has ended.
    pub(crate) closed: CancellationToken,
}

/// Why a connection is of no use any more.
pub(crate) enum Loss {
    /// It ended, so that another one may well be made at once.
    Closed,
    /// It does not answer, or not with what it should.
    Sick(String),
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Loss::Closed => f.write_str("the connection ended"),
            Loss::Sick(reason) => f.write_str(reason),
        }
    }
}

impl Connection {
    /// Makes one. What Redis sends without being asked goes to `on_push`, which
    /// must not block.
    pub(crate) async fn dial(
        info: &ConnectionInfo,
        on_push: impl Fn(PushInfo) + Send + Sync + 'static,
    ) -> RedisResult<Connection> {
        let closed = CancellationToken::new();
        let ended = closed.clone();
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(DEADLINE))
            // The deadline of a command spans its retries, so it is kept there.
            .set_response_timeout(None)
            .set_pipeline_buffer_size(PIPELINE)
            .set_push_sender(move |push: PushInfo| {
                match push.kind {
                    PushKind::Disconnection => ended.cancel(),
                    _ => on_push(push),
                }
                Ok::<(), SendError>(())
            });
        let client = redis::Client::open(info.clone())?;
        let commands = client
            .get_multiplexed_async_connection_with_config(&config)
            .await?;
        Ok(Connection { commands, closed })
    }

    /// Probes it until it is of no use. A peer that silently swallows everything
    /// is found like this, and nothing else finds it.
    pub(crate) async fn probe(&self) -> Loss {
        let mut commands = self.commands.clone();
        loop {
            tokio::select! {
                () = self.closed.cancelled() => return Loss::Closed,
                () = sleep(PROBE_EVERY) => {}
            }
            let probe = redis::cmd("PING");
            match timeout(DEADLINE, probe.query_async::<Value>(&mut commands)).await {
                Ok(Ok(_)) => {}
                Ok(Err(_)) if self.closed.is_cancelled() => return Loss::Closed,
                Ok(Err(error)) => return Loss::Sick(explain(&error)),
                Err(_) => return Loss::Sick("no answer to a probe within 1 s".into()),
            }
        }
    }
}

/// A connection for commands, and which run of Redis it belongs to.
///
/// The run is the `run_id` of the server process. It is asked once for each
/// connection and handed to every script, instead of being asked in the scripts:
/// `INFO` there costs more than a quarter of all commits a second. It stays true,
/// because a TCP connection cannot outlive the process at its end.
pub(crate) struct Live {
    pub(crate) commands: MultiplexedConnection,
    turns: Turns,
    run: Box<str>,
}

impl Live {
    /// Makes a connection that can be written to.
    pub(crate) async fn dial(info: &ConnectionInfo) -> Result<(Live, Connection), String> {
        match timeout(DEADLINE, Self::greet(info)).await {
            Ok(outcome) => outcome,
            Err(_) => Err("no answer within 1 s".into()),
        }
    }

    async fn greet(info: &ConnectionInfo) -> Result<(Live, Connection), String> {
        let connection = Connection::dial(info, |_| {})
            .await
            .map_err(|error| explain(&error))?;
        let mut commands = connection.commands.clone();
        let report: RedisResult<String> = redis::cmd("INFO").query_async(&mut commands).await;
        let report = report.map_err(|error| explain(&error))?;
        // Unlike INFO it fails while Redis still loads its data.
        let ready: RedisResult<Value> = redis::cmd("PING").query_async(&mut commands).await;
        ready.map_err(|error| explain(&error))?;
        if info_field(&report, "role") == Some("slave") {
            return Err("this server is a read-only replica".into());
        }
        let run = info_field(&report, "run_id").ok_or("INFO does not tell a run_id")?;
        let live = Live {
            turns: turns(commands.clone()),
            commands,
            run: run.into(),
        };
        Ok((live, connection))
    }

    /// Calls a script; with its code, if Redis does not know its hash.
    pub(crate) async fn call(&self, call: &Call<'_>) -> RedisResult<Value> {
        match self.turns.send(call.by_hash(&self.run)).await {
            Err(error) if error.code() == Some("NOSCRIPT") => {
                self.turns.send(call.by_code(&self.run)).await
            }
            answer => answer,
        }
    }

    /// Calls a script on a server that is only just taking over the slot. Both
    /// commands are sent as one, since `ASKING` counts for the very next.
    pub(crate) async fn call_asking(&self, call: &Call<'_>) -> RedisResult<Value> {
        let mut commands = self.commands.clone();
        let mut pair = redis::pipe();
        pair.cmd("ASKING")
            .ignore()
            .add_command(call.by_code(&self.run));
        let mut answers: Vec<Value> = pair.query_async(&mut commands).await?;
        Ok(answers.pop().unwrap_or(Value::Nil))
    }
}

/// Why Redis cannot be used, on one line of a log, and what to do where Redis'
/// own words do not say it.
pub(crate) fn explain(error: &RedisError) -> String {
    let text = error.to_string();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.contains("NOAUTH") {
        "Redis asks for a password: redis://:PASSWORD@HOST".to_owned()
    } else if text.contains("cluster support disabled") {
        format!("{text}; use redis:// for a single Redis")
    } else {
        text
    }
}

fn info_field<'a>(report: &'a str, name: &str) -> Option<&'a str> {
    report
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .map(str::trim)
}

/// How long to wait before the next attempt: full jitter, so that the nodes of
/// a site do not come back all at once.
pub(crate) struct Backoff {
    bound: Duration,
    since: Instant,
}

impl Backoff {
    const FIRST: Duration = Duration::from_millis(50);
    const LAST: Duration = Duration::from_secs(2);
    /// So that luck never makes a busy loop.
    const LEAST: Duration = Duration::from_millis(5);

    pub(crate) fn new() -> Self {
        Backoff {
            bound: Self::FIRST,
            since: Instant::now(),
        }
    }

    /// A connection was made. Only if it lasts do the waits become short again.
    pub(crate) fn connected(&mut self) {
        self.since = Instant::now();
    }

    /// The connection that was made has ended: the next attempt is at once if
    /// it had lasted, else after a wait.
    pub(crate) async fn lost(&mut self) {
        if self.since.elapsed() >= Self::LAST {
            self.bound = Self::FIRST;
        } else {
            self.wait().await;
        }
    }

    pub(crate) async fn wait(&mut self) {
        sleep(self.bound.mul_f64(fastrand::f64()).max(Self::LEAST)).await;
        self.bound = (self.bound * 2).min(Self::LAST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line_that_says_what_to_do() {
        let error = |text: &str| {
            let text = text.to_owned();
            RedisError::from((redis::ErrorKind::Io, "said", text))
        };
        for (text, part) in [
            ("NOAUTH Authentication required.", "redis://:PASSWORD@HOST"),
            (
                "ERR This instance has cluster support disabled",
                "use redis:// for a single Redis",
            ),
            ("one\r\n  two\n", "one two"),
        ] {
            let explained = explain(&error(text));
            assert!(explained.contains(part), "{explained}");
            assert_eq!(explained.lines().count(), 1, "{explained}");
        }
    }

    #[test]
    fn the_run_and_the_role_are_read_from_info() {
        let report = "# Server\r\nredis_version:7.0.15\r\nrun_id:abc\r\n\r\n# Replication\r\nrole:master\r\n";
        assert_eq!(info_field(report, "run_id"), Some("abc"));
        assert_eq!(info_field(report, "role"), Some("master"));
        assert_eq!(info_field(report, "run"), None);
    }
}
