//! Connections: how they are made, probed, given up and made again.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use redis::aio::{MultiplexedConnection, SendError};
use redis::{AsyncConnectionConfig, ConnectionInfo, PushInfo, PushKind, RedisResult, Value};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::pipeline::Pipeline;
use crate::refusal::{Trouble, explain};
use crate::scripts::Call;

/// How often each connection is probed. With a second for the answer, one that died
/// silently is found within 1.5 s.
const PROBE_EVERY: Duration = Duration::from_millis(500);

/// How many commands may wait for a connection's writer; more wait outside, each with its
/// own deadline.
const WAITING: usize = 1024;

/// A connection to Redis, for commands or for subscriptions.
pub(crate) struct Connection {
    pub(crate) commands: MultiplexedConnection,
    /// Cancelled as soon as the connection has ended.
    pub(crate) closed: CancellationToken,
    /// How long Redis may take to answer.
    timeout: Duration,
}

/// Why a connection cannot be used any more.
pub(crate) enum Loss {
    /// It ended. Perhaps a new one can be made at once.
    Closed,
    /// It does not answer, or the answer shows that it is useless.
    Sick(Trouble),
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Loss::Closed => f.write_str("the connection ended"),
            Loss::Sick(trouble) => trouble.fmt(f),
        }
    }
}

impl Connection {
    /// Makes a connection. Messages that Redis sends on its own go to `on_push`, which must
    /// not block.
    pub(crate) async fn dial(
        info: &ConnectionInfo,
        timeout: Duration,
        on_push: impl Fn(PushInfo) + Send + Sync + 'static,
    ) -> RedisResult<Connection> {
        let closed = CancellationToken::new();
        let ended = closed.clone();
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(timeout))
            // The deadline of a command spans its retries, so it is kept there.
            .set_response_timeout(None)
            .set_pipeline_buffer_size(WAITING)
            .set_push_sender(move |push: PushInfo| {
                match push.kind {
                    PushKind::Disconnection => ended.cancel(),
                    _ => on_push(push),
                }
                Ok::<(), SendError>(())
            });
        #[cfg(feature = "fuzzing")]
        if let Some(stream) = crate::fuzzing::connect() {
            return Ok(Connection {
                commands: crate::fuzzing::over(stream?, info, config, timeout).await?,
                closed,
                timeout,
            });
        }
        let client = redis::Client::open(info.clone())?;
        let commands = client
            .get_multiplexed_async_connection_with_config(&config)
            .await?;
        Ok(Connection {
            commands,
            closed,
            timeout,
        })
    }

    /// Probes it until it fails or leads to a replica, which may hear nothing from its primary any
    /// more. Only this finds a peer that silently swallows everything. Even a refusal (`BUSY`,
    /// `LOADING`) shows that the connection works. `look` sees each report on the replication.
    pub(crate) async fn probe(&self, look: impl Fn(&str)) -> Loss {
        let mut question = redis::cmd("INFO");
        question.arg("replication");
        let mut commands = self.commands.clone();
        loop {
            tokio::select! {
                () = self.closed.cancelled() => return Loss::Closed,
                () = sleep(PROBE_EVERY) => {}
            }
            let answer = question.query_async::<Value>(&mut commands);
            match timeout(self.timeout, answer).await {
                Ok(Ok(answer)) => {
                    // A proxy may answer something else; still, the connection works.
                    if let Ok(report) = redis::from_redis_value::<String>(answer) {
                        if is_replica(&report) {
                            return Loss::Sick(Trouble::replica());
                        }
                        look(&report);
                    }
                }
                Ok(Err(error)) if error.code().is_some() => {}
                Ok(Err(_)) if self.closed.is_cancelled() => return Loss::Closed,
                Ok(Err(error)) => return Loss::Sick(Trouble::Away(explain(&error))),
                Err(_) => {
                    return Loss::Sick(Trouble::Away(late("no answer to a probe", self.timeout)));
                }
            }
        }
    }
}

/// A connection for commands, with the history of its Redis process.
///
/// The history is the `run_id` of the server process and its `master_replid`. Both are
/// passed to every script, because calling `INFO` in the scripts would cost more than a
/// quarter of all commits a second. The run stays true, because a TCP connection cannot
/// outlive its server process. The replid may change meanwhile, and the next probe learns
/// that; where it differs from the stored one, the scripts ask Redis itself.
pub(crate) struct Live {
    pub(crate) commands: MultiplexedConnection,
    pipeline: Pipeline,
    run: Box<str>,
    history: Mutex<Arc<str>>,
    /// Cancelled when the server has refused a write.
    refuses: CancellationToken,
    /// What the server told of itself when it was connected to.
    pub(crate) told: Told,
}

/// What a server tells of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Told {
    /// Which version it is: `7.0.15`.
    pub version: Option<String>,
    /// Which keys it deletes when its memory is full: `maxmemory-policy`.
    pub eviction: Option<String>,
    /// Whether it writes each change to a log on its disk: `appendonly`.
    pub appends: Option<bool>,
}

impl Told {
    fn by(report: &str) -> Told {
        let field = |name| info_field(report, name).map(str::to_owned);
        Told {
            version: field("redis_version"),
            eviction: field("maxmemory_policy"),
            appends: field("aof_enabled").map(|enabled| enabled == "1"),
        }
    }
}

impl Live {
    /// Makes a connection to a server that takes writes.
    pub(crate) async fn dial(
        info: &ConnectionInfo,
        limit: Duration,
    ) -> Result<(Live, Connection), Trouble> {
        let greeted = timeout(limit, Self::greet(info, limit)).await;
        greeted.unwrap_or_else(|_| Err(Trouble::Away(late("no answer", limit))))
    }

    async fn greet(info: &ConnectionInfo, limit: Duration) -> Result<(Live, Connection), Trouble> {
        let connection = Connection::dial(info, limit, |_| {}).await;
        let connection = connection.map_err(|error| Trouble::Away(explain(&error)))?;
        let mut commands = connection.commands.clone();
        let of = |error| Trouble::of(&error);
        let report = redis::cmd("INFO").query_async(&mut commands).await;
        let report: String = report.map_err(of)?;
        // Unlike INFO, PING fails while Redis is still loading its data.
        let ready = redis::cmd("PING").query_async(&mut commands).await;
        let _: Value = ready.map_err(of)?;
        if is_replica(&report) {
            return Err(Trouble::replica());
        }
        let run = info_field(&report, "run_id")
            .ok_or_else(|| Trouble::Away("INFO does not tell a run_id".into()))?;
        let live = Live {
            pipeline: Pipeline::start(commands.clone()),
            commands,
            run: run.into(),
            history: Mutex::new(history(run, &report)),
            refuses: CancellationToken::new(),
            told: Told::by(&report),
        };
        Ok((live, connection))
    }

    /// Probes its connection until it fails or leads to a replica; also learns of a new
    /// replid.
    pub(crate) async fn probe(&self, connection: &Connection) -> Loss {
        let look = |report: &str| *self.history.lock() = history(&self.run, report);
        connection.probe(look).await
    }

    /// Has this connection replaced, because its server does not take writes: the name may lead
    /// to another server now. However many commands were refused, the next connection stays.
    pub(crate) fn replace(&self) {
        self.refuses.cancel();
    }

    /// Waits until it is to be replaced.
    pub(crate) async fn replaced(&self) {
        self.refuses.cancelled().await;
    }

    /// Calls a script by its hash, or with its code if Redis does not know the hash.
    pub(crate) async fn call(&self, call: &Call<'_>) -> RedisResult<Value> {
        let history = Arc::clone(&self.history.lock());
        match self.pipeline.send(call.by_hash(&history)).await {
            Err(error) if error.code() == Some("NOSCRIPT") => {
                self.pipeline.send(call.by_code(&history)).await
            }
            answer => answer,
        }
    }

    /// Calls a script on a server that is just taking over the slot. Both commands are sent
    /// together, because `ASKING` applies only to the next command.
    pub(crate) async fn call_asking(&self, call: &Call<'_>) -> RedisResult<Value> {
        let mut commands = self.commands.clone();
        let mut pair = redis::pipe();
        pair.cmd("ASKING")
            .ignore()
            .add_command(call.by_code(&self.history.lock()));
        let mut answers: Vec<Value> = pair.query_async(&mut commands).await?;
        Ok(answers.pop().unwrap_or(Value::Nil))
    }
}

/// What to say of something that was not there in time.
pub(crate) fn late(what: &str, limit: Duration) -> String {
    format!("{what} within {} s", limit.as_secs_f64())
}

/// The history for the scripts: `RUN REPLID`.
fn history(run: &str, report: &str) -> Arc<str> {
    let replid = info_field(report, "master_replid").unwrap_or_default();
    format!("{run} {replid}").into()
}

fn is_replica(report: &str) -> bool {
    info_field(report, "role") == Some("slave")
}

fn info_field<'a>(report: &'a str, name: &str) -> Option<&'a str> {
    report
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .map(str::trim)
}

/// The wait before the next attempt: full jitter, so that the nodes of a site do not all
/// come back at once.
pub(crate) struct Backoff {
    bound: Duration,
    since: Instant,
}

impl Backoff {
    const FIRST: Duration = Duration::from_millis(50);
    const LAST: Duration = Duration::from_secs(2);
    /// A random wait is never shorter than this, so that there is no busy loop.
    const LEAST: Duration = Duration::from_millis(5);

    pub(crate) fn new() -> Self {
        Backoff {
            bound: Self::FIRST,
            since: Instant::now(),
        }
    }

    /// A connection was made. The waits become short again only if it lasts.
    pub(crate) fn connected(&mut self) {
        self.since = Instant::now();
    }

    /// The connection has ended: the next attempt is at once if it had lasted, else after a
    /// wait.
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
    fn the_run_and_the_role_are_read_from_info() {
        let report = "# Server\r\nredis_version:7.0.15\r\nrun_id:abc\r\n\r\n# Replication\r\nrole:master\r\n";
        assert_eq!(info_field(report, "run_id"), Some("abc"));
        assert_eq!(info_field(report, "role"), Some("master"));
        assert_eq!(info_field(report, "run"), None);
        let told = Told::by(report);
        assert_eq!(told.version.as_deref(), Some("7.0.15"));
        assert_eq!((told.eviction, told.appends), (None, None));
    }
}
