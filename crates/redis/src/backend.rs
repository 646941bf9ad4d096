//! The backend on Redis.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use redis::Value;
use tablecast_core::Forms;
use tablecast_core::backend::{
    AlarmHint, Backend, BackendError, BackendFuture, Commit, Committed, Created, DueAlarms,
    HealthChanges, Keepsake, LOG_EVENTS, Listener, LiveNode, Loaded, NewRoom, Watch,
};
use tablecast_core::id::{NodeId, RoomId};
use tablecast_core::position::Position;
use tablecast_core::stored::Record;

use crate::config::RedisConfig;
use crate::connection::Told;
use crate::context::Context;
use crate::keys::{Keys, SLOTS};
use crate::router::{Router, Topology};
use crate::scripts::{
    COMMIT, CREATE, Call, DUE, FORGET, KEEPSAKE, LOAD, NOTE, RELEASE, RENEW, RoomScript, SIGNAL,
};
use crate::server::Server;
use crate::url::{Deployment, UrlError};
use crate::{discovery, encoding, url};

/// How often an idle room is compared with Redis, in case a publication was lost.
/// Publications are lost only with their connection, which is probed twice a second, so
/// this is an additional safeguard.
const RESYNC: Duration = Duration::from_secs(5);

/// A snapshot is mostly larger than an event: with a snapshot in each commit, a vote of 60
/// bytes on a large menu would move a hundred kilobytes. The log holds the events after the
/// snapshot; a quarter of the log leaves the rest for readers that are behind.
const SNAPSHOT_INTERVAL: usize = LOG_EVENTS / 4;

/// Rooms in Redis. Its connections end when it is dropped.
pub struct RedisBackend {
    router: Arc<Router>,
}

impl RedisBackend {
    /// Starts to connect to `url` and returns at once, whether Redis can be reached or not;
    /// [`Backend::health`] reports it. Must be called within a tokio runtime.
    ///
    /// - `redis://[USER[:PASSWORD]@]HOST[:PORT][/DATABASE]`, port 6379 unless given
    /// - `rediss://…`, the same over TLS, trusting what the system trusts
    /// - `redis+unix:///PATH/OF/THE/SOCKET[?db=…&user=…&pass=…]`
    /// - `redis-cluster://[USER[:PASSWORD]@]HOST[:PORT],HOST[:PORT],…`, a Cluster
    ///   by one or more of its servers; `rediss-cluster://…` over TLS
    ///
    /// # Errors
    /// The error names the wrong part of the URL and what is allowed.
    pub fn connect(url: &str) -> Result<RedisBackend, UrlError> {
        Self::connect_with(url, &RedisConfig::default())
    }

    /// As [`RedisBackend::connect`], with these settings.
    ///
    /// # Errors
    /// As [`RedisBackend::connect`]; and if the prefix holds a brace.
    pub fn connect_with(url: &str, config: &RedisConfig) -> Result<RedisBackend, UrlError> {
        if config.key_prefix.contains(['{', '}']) {
            return url::wrong("the key prefix", "holds a brace, which is not allowed");
        }
        let deployment = Deployment::parse(url)?;
        if deployment.is_encrypted() {
            // redis-rs uses the process' default, which may be ambiguous. This fails only
            // if the program has chosen one before; then that one is used.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let is_cluster = matches!(deployment, Deployment::Cluster(_));
        let context = Context::new(config, is_cluster);
        let router = Router::new(context, deployment.any().cloned());
        let context = &router.context;
        match deployment {
            Deployment::Standalone(info) => {
                let server = Server::start(context, *info, None);
                router.apply(Topology::new([(0..=SLOTS - 1, server)]));
            }
            Deployment::Cluster(seeds) => {
                let keep = discovery::keep(Arc::clone(&router), seeds);
                context.spawn_vital(context.cancel.clone(), keep);
            }
        }
        Ok(RedisBackend { router })
    }

    /// The servers that commands can be sent to just now, by their addresses, and what each told
    /// of itself when it was connected to.
    pub fn servers(&self) -> Vec<(String, Told)> {
        let topology = self.router.topology();
        let servers = topology.servers().iter();
        servers.filter_map(|server| server.told()).collect()
    }

    async fn call(
        &self,
        slot: u16,
        script: &'static RoomScript,
        keys: &[&str],
        args: &[&[u8]],
    ) -> Result<Value, BackendError> {
        let call = Call { script, keys, args };
        self.router.call(slot, &call).await
    }

    /// Notes a hint of an alarm, on another server than the room's perhaps. So this comes before
    /// the step that sets the alarm: without the note it does not happen.
    async fn note_alarm(&self, hint: AlarmHint) -> Result<(), BackendError> {
        let keys = self.keys().nodes();
        // As a score it must be a number that Redis holds exactly, and may use as an expiry.
        let (at, hint_text) = (hint.at.min(LATEST), encoding::encode_hint(&hint));
        let at = at.to_string();
        let args = [at.as_bytes(), hint_text.as_bytes()];
        let noted = self.call(keys.slot, &NOTE, &[&keys.alarms], &args).await;
        noted.map(drop).map_err(|error| match error {
            BackendError::Unknown(why) => BackendError::Unavailable(why),
            error => error,
        })
    }

    /// The command that publishes to a room's channel.
    fn publish(&self) -> &'static [u8] {
        match self.router.context.is_cluster {
            true => b"SPUBLISH",
            false => b"PUBLISH",
        }
    }

    fn keys(&self) -> &Keys {
        &self.router.context.keys
    }
}

/// The latest time of an alarm that is told to Redis (ms since 1970): in the year 5138.
const LATEST: u64 = 100_000_000_000_000;

/// In milliseconds, within the range that Redis accepts for an expiry: at least one, and at
/// most a century, so that no sum overflows.
fn millis(duration: Duration) -> Vec<u8> {
    const CENTURY: u128 = 100 * 365 * 24 * 60 * 60 * 1000;
    duration
        .as_millis()
        .clamp(1, CENTURY)
        .to_string()
        .into_bytes()
}

/// Logged only by the node whose call has found it.
fn warn_of_loss(room: &RoomId, answer: &Value) {
    if let Some(lost) = encoding::lost(answer) {
        tracing::error!(
            %room, lost,
            "the room's log is gone from redis: it goes on from its snapshot, without its last events; was it evicted? maxmemory-policy should be noeviction"
        );
    }
}

fn corrupt(room: &RoomId) -> impl FnOnce(encoding::Malformed) -> BackendError {
    move |error| BackendError::Corrupt(format!("room {room}: {error}"))
}

impl Drop for RedisBackend {
    fn drop(&mut self) {
        self.router.context.cancel.cancel();
    }
}

impl Backend for RedisBackend {
    fn create<'a>(&'a self, room: &'a RoomId, new: NewRoom) -> BackendFuture<'a, Created> {
        BackendFuture::later(async move {
            if let Some(at) = new.alarm {
                let (room, seq) = (room.clone(), 0);
                self.note_alarm(AlarmHint { at, room, seq }).await?;
            }
            let keys = self.keys().room(room);
            let all = [&*keys.state, &keys.log, &keys.keepsake()];
            let alarm = new.alarm.unwrap_or(0).min(LATEST).to_string();
            let args: [&[u8]; 4] = [
                &millis(new.ttl),
                &millis(new.max_age),
                &new.snapshot,
                alarm.as_bytes(),
            ];
            let answer = self.call(keys.slot, &CREATE, &all, &args).await?;
            encoding::created(answer).map_err(corrupt(room))
        })
    }

    fn load<'a>(
        &'a self,
        room: &'a RoomId,
        known: Option<Position>,
    ) -> BackendFuture<'a, Option<Loaded>> {
        BackendFuture::later(async move {
            let keys = self.keys().room(room);
            let (epoch, seq) = match known {
                Some(position) => (position.epoch.to_string(), position.seq.to_string()),
                None => (String::new(), "0".to_owned()),
            };
            let args = [epoch.as_bytes(), seq.as_bytes()];
            let stored = [&*keys.state, &keys.log];
            let answer = self.call(keys.slot, &LOAD, &stored, &args).await?;
            warn_of_loss(room, &answer);
            encoding::loaded(answer, known).map_err(corrupt(room))
        })
    }

    fn commit<'a>(&'a self, room: &'a RoomId, commit: Commit) -> BackendFuture<'a, Committed> {
        BackendFuture::later(async move {
            if let Some(at) = commit.alarm {
                let (room, seq) = (room.clone(), commit.expected.seq + 1);
                self.note_alarm(AlarmHint { at, room, seq }).await?;
            }
            let context = &self.router.context;
            let keys = context.keys.room(room);
            let publish = self.publish();
            let epoch = commit.expected.epoch.to_string();
            let seq = commit.expected.seq.to_string();
            let count = commit.events.len().to_string();
            let events = commit.events.iter().map(Record::encode);
            let events = encoding::encode_events(&events.collect::<Result<Vec<_>, _>>()?);
            let snapshot = commit.snapshot.map(|state| state.encode()).transpose()?;
            let keepsake = match commit.keepsake {
                None => None,
                Some(new) => Some((keys.keepsake(), millis(new.ttl), new.what.encode()?)),
            };
            let extend = commit.extend.map(millis).unwrap_or_default();
            let keep = LOG_EVENTS.to_string();
            let mut stored = vec![&*keys.state, &keys.log];
            let mut args: Vec<&[u8]> = vec![
                publish,
                keys.channel.as_bytes(),
                epoch.as_bytes(),
                seq.as_bytes(),
                count.as_bytes(),
                &events,
                &extend,
                keep.as_bytes(),
                context.name.as_bytes(),
            ];
            if let Some((key, ttl, what)) = &keepsake {
                stored.push(key);
                args.extend([ttl.as_slice(), what]);
            }
            args.extend(snapshot.as_deref());
            let answer = self.call(keys.slot, &COMMIT, &stored, &args).await?;
            warn_of_loss(room, &answer);
            encoding::committed(answer, commit.expected).map_err(corrupt(room))
        })
    }

    fn keepsake<'a>(&'a self, room: &'a RoomId) -> BackendFuture<'a, Option<Keepsake>> {
        BackendFuture::later(async move {
            let keys = self.keys().room(room);
            let key = keys.keepsake();
            let answer = self.call(keys.slot, &KEEPSAKE, &[&key], &[]).await?;
            encoding::keepsake(answer).map_err(corrupt(room))
        })
    }

    fn due_alarms(&self, limit: usize) -> BackendFuture<'_, DueAlarms> {
        BackendFuture::later(async move {
            let (keys, limit) = (self.keys().nodes(), limit.to_string());
            let args = [limit.as_bytes()];
            let answer = self.call(keys.slot, &DUE, &[&keys.alarms], &args).await?;
            encoding::due(answer)
                .map_err(|error| BackendError::Corrupt(format!("the alarms: {error}")))
        })
    }

    fn forget_alarm<'a>(&'a self, hint: &'a AlarmHint) -> BackendFuture<'a, ()> {
        BackendFuture::later(async move {
            let (keys, hint) = (self.keys().nodes(), encoding::encode_hint(hint));
            let args = [hint.as_bytes()];
            let answer = self.call(keys.slot, &FORGET, &[&keys.alarms], &args).await;
            answer.map(drop)
        })
    }

    fn watch<'a>(
        &'a self,
        room: &'a RoomId,
        listener: Arc<dyn Listener>,
    ) -> (Watch, BackendFuture<'a, ()>) {
        let (watch, begun) = self.router.watch(room, listener);
        (watch, BackendFuture::later(begun))
    }

    fn signal<'a>(&'a self, room: &'a RoomId, signal: Bytes) -> BackendFuture<'a, ()> {
        BackendFuture::later(async move {
            let context = &self.router.context;
            let keys = context.keys.room(room);
            let signal = encoding::encode_signal(&context.name, &signal);
            let args = [self.publish(), keys.channel.as_bytes(), &signal];
            let answer = self.call(keys.slot, &SIGNAL, &[&keys.state], &args).await;
            answer.map(drop)
        })
    }

    fn health(&self) -> HealthChanges {
        Box::pin(self.router.health_changes())
    }

    fn renew<'a>(
        &'a self,
        node: &'a NodeId,
        forms: Forms,
        lease: Duration,
    ) -> BackendFuture<'a, Vec<LiveNode>> {
        BackendFuture::later(async move {
            let keys = self.keys().nodes();
            let (id, forms) = (node.as_str().as_bytes(), forms.to_string());
            let args: [&[u8]; 3] = [id, &millis(lease), forms.as_bytes()];
            let both = [&*keys.leases, &keys.forms];
            let answer = self.call(keys.slot, &RENEW, &both, &args).await?;
            encoding::nodes(answer)
                .map_err(|error| BackendError::Corrupt(format!("the nodes: {error}")))
        })
    }

    fn release<'a>(&'a self, node: &'a NodeId) -> BackendFuture<'a, ()> {
        BackendFuture::later(async move {
            let keys = self.keys().nodes();
            let args = [node.as_str().as_bytes()];
            let answer = self.call(keys.slot, &RELEASE, &[&keys.leases], &args).await;
            answer.map(drop)
        })
    }

    fn snapshot_interval(&self) -> usize {
        SNAPSHOT_INTERVAL
    }

    fn resync_interval(&self) -> Option<Duration> {
        Some(RESYNC)
    }
}
