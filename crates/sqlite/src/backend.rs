//! The port, on SQLite.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use rusqlite::Connection;
use tablecast_core::Forms;
use tablecast_core::backend::{
    AlarmHint, Backend, BackendError, BackendFuture, Commit, Committed, Created, DueAlarms, Health,
    HealthChanges, Keepsake, LOG_EVENTS, Listener, LiveNode, Loaded, NewRoom, Watch,
};
use tablecast_core::id::{NodeId, RoomId};
use tablecast_core::position::Position;
use tokio::sync::{oneshot, watch};

use crate::alarms;
use crate::checkpoints::Checkpoints;
use crate::clock::Clock;
use crate::error::{OpenError, Problem, closed};
use crate::leases::Leases;
use crate::open::{self, Opened};
use crate::options::SqliteOptions;
use crate::pulse::Pulse;
use crate::queue::{self, Asking, Refused, queue};
use crate::readers::Readers;
use crate::rows;
use crate::run_file::NewRun;
use crate::self_check::SelfCheck;
use crate::steps::{self, Step};
use crate::sweep::Sweeper;
use crate::totals::Totals;
use crate::watchers::Watchers;
use crate::writer::{Asked, Reply, Work, Writer};

/// Half the log, so that what follows a snapshot is in it with room to spare.
const SNAPSHOT_INTERVAL: usize = LOG_EVENTS / 2;

/// One piece of the writer's work takes so many times as long as an answer may: the disk hangs. A slow
/// disk alone does not take as long, and then the changes are late, and pass.
const HANGS: u32 = 3;

/// How far the system's clock may be behind the rooms' without a word, in milliseconds: it is
/// set by a little now and then.
const NOTABLE: u64 = 60_000;

/// Rooms in a SQLite database, of which this process is the only one to change it. One
/// value is one node's access to them; nodes within one process share rooms by
/// [`SqliteBackend::another_node`]. The database is closed when the last of them is dropped,
/// which waits for the disk.
pub struct SqliteBackend {
    store: Arc<Store>,
    /// Tells this node's watchers from those of others.
    node: u64,
}

impl SqliteBackend {
    /// Opens the database, or makes it.
    ///
    /// # Errors
    /// It cannot be used: see [`Problem`].
    pub fn open(options: &SqliteOptions) -> Result<SqliteBackend, OpenError> {
        Self::open_at(options, Clock::system())
    }

    /// As [`SqliteBackend::open`], with time as this clock tells it: milliseconds since
    /// 1970, never going back.
    ///
    /// # Errors
    /// As [`SqliteBackend::open`].
    pub fn open_with_clock(
        options: &SqliteOptions,
        clock: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Result<SqliteBackend, OpenError> {
        Self::open_at(options, Clock::new(clock))
    }

    fn open_at(options: &SqliteOptions, clock: Clock) -> Result<SqliteBackend, OpenError> {
        let opened = open::open(options)?;
        let store = Store::start(opened, clock, options.timeout).map_err(|problem| OpenError {
            path: options.path.clone(),
            problem,
        })?;
        Ok(SqliteBackend {
            store: Arc::new(store),
            node: 0,
        })
    }

    /// The same rooms, clock and leases, for another node in this process.
    pub fn another_node(&self) -> SqliteBackend {
        SqliteBackend {
            store: Arc::clone(&self.store),
            node: self.store.nodes.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// Why all rooms began a new epoch when the database was opened. `None`: it was as its
    /// last process left it, and members go on where they were.
    pub fn new_run(&self) -> Option<NewRun> {
        self.store.new_run
    }

    /// How many rooms are stored. Those that have expired count for about a second more.
    pub fn rooms(&self) -> usize {
        self.store.stored.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for SqliteBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteBackend").finish_non_exhaustive()
    }
}

/// What the nodes of this process share.
struct Store {
    /// Taken when the writer is to end.
    queue: Option<Asking<Work>>,
    writer: Option<JoinHandle<()>>,
    /// Taken when they are to end, which is before the writer closes the database.
    readers: Option<Readers>,
    /// As the readers.
    self_check: Option<SelfCheck>,
    run: i64,
    new_run: Option<NewRun>,
    clock: Arc<Clock>,
    watchers: Arc<Watchers>,
    leases: Leases,
    stored: Arc<AtomicUsize>,
    /// What the writer tells.
    health: watch::Receiver<Health>,
    pulse: Arc<Pulse>,
    /// How long the disk may take to answer.
    timeout: Duration,
    /// The next node.
    nodes: AtomicU64,
}

impl Store {
    fn start(opened: Opened, clock: Clock, timeout: Duration) -> Result<Store, Problem> {
        let Opened {
            // First, since what fails below drops it last.
            run_file,
            path,
            mut connection,
            place,
            row,
            rooms,
            new_run,
        } = opened;
        say(&path, rooms, new_run);
        say_clock(&connection, clock.now(), row.clock);
        if run_file.takes_crash_for_reboot() {
            tracing::warn!(
                "the system tells no boot id (/proc may be hidden): after a crash of this process \
                 every room begins a new epoch, as after one of the machine; not with ?sync=full"
            );
        }
        let clock = Arc::new(clock.not_before(row.clock));
        let watchers = Arc::new(Watchers::default());
        let stored = Arc::new(AtomicUsize::new(rooms));
        let health = watch::Sender::new(Health::Up);
        let heard = health.subscribe();
        let pulse = Arc::new(Pulse::new());
        let readers = Readers::start(|| open::connect_beside(&path))?;
        let self_check = match new_run {
            Some(NewRun::New) => None,
            _ => Some(SelfCheck::start(open::connect_beside(&path)?)?),
        };
        let checkpoints = Checkpoints::start(open::connect_beside(&path)?, &mut connection)?;
        let writer = Writer {
            checkpoints,
            connection,
            place,
            totals: Totals { row, stored: rooms },
            run_file,
            clock: Arc::clone(&clock),
            watchers: Arc::clone(&watchers),
            stored: Arc::clone(&stored),
            health,
            pulse: Arc::clone(&pulse),
            sweeper: Sweeper::new(),
            is_longer: false,
        };
        let (queue, work) = queue();
        let writer = thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || writer.run(&work))?;
        Ok(Store {
            queue: Some(queue),
            writer: Some(writer),
            readers: Some(readers),
            self_check,
            run: row.run,
            new_run,
            clock,
            watchers,
            leases: Leases::default(),
            stored,
            health: heard,
            pulse,
            timeout,
            nodes: AtomicU64::new(1),
        })
    }

    /// Has the writer do it. When this ends the writer is awake, also if it is given up before.
    async fn send(&self, work: Work) -> Result<(), BackendError> {
        let sent = self.queue.as_ref().map(|queue| queue.send(work));
        match sent {
            Some(Ok(None)) => Ok(()),
            Some(Ok(Some(waking))) => {
                // Others who are about to ask come first.
                tokio::task::yield_now().await;
                drop(waking);
                Ok(())
            }
            Some(Err(Refused::Full)) => Err(BackendError::Unavailable(format!(
                "{} changes wait for the database already",
                queue::CAPACITY
            ))),
            None | Some(Err(Refused::Closed)) => Err(closed()),
        }
    }

    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, crate::error::RowError> + Send + 'static,
    ) -> Result<T, BackendError> {
        let Some(readers) = &self.readers else {
            return Err(closed());
        };
        let answer = tokio::time::timeout(self.timeout, readers.ask(question)).await;
        answer.unwrap_or_else(|_| Err(BackendError::Unavailable(slow())))
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.self_check = None;
        self.readers = None;
        self.queue = None;
        if let Some(writer) = self.writer.take() {
            // If it has panicked, its health has ended and told so.
            let _ = writer.join();
        }
    }
}

/// Waits for the writer's answer. After an unknown outcome the room may be loaded where it
/// was: a change that waits is given up, and of one that is under way the room's watchers
/// on this node hear when it is committed. See [`Reply`].
async fn settled<T>(
    answer: oneshot::Receiver<Reply<T>>,
    timeout: Duration,
) -> Result<T, BackendError> {
    let unknown = |why| Err(BackendError::Unknown(why));
    match tokio::time::timeout(timeout, answer).await {
        Ok(Ok(reply)) => reply.take().unwrap_or_else(|| unknown(slow())),
        Ok(Err(_)) => unknown("the database was closed".to_owned()),
        Err(_) => unknown(slow()),
    }
}

fn slow() -> String {
    "the disk did not answer in time".to_owned()
}

/// Tells whoever runs it what was opened.
fn say(path: &Path, rooms: usize, new_run: Option<NewRun>) {
    let path = path.display();
    match new_run {
        None => tracing::info!(%path, rooms, "the database goes on where it was"),
        Some(NewRun::New) => tracing::info!(%path, "the database was made"),
        Some(why) => tracing::warn!(
            %path, rooms, %why,
            "the database may lack its last changes: every room begins a new epoch"
        ),
    }
}

/// Tells whoever runs it that the rooms' clock is not the system's.
fn say_clock(connection: &Connection, system: u64, database: u64) {
    if database.saturating_sub(system) <= NOTABLE {
        return;
    }
    let utc = |ms: u64| {
        let text = "SELECT strftime('%Y-%m-%dT%H:%M:%SZ', ?, 'unixepoch')";
        let text = connection.query_row(text, [rows::signed(ms / 1000)], |row| row.get(0));
        // Beyond the year 9999 it has no other name.
        text.unwrap_or_else(|_| format!("{ms} ms since 1970"))
    };
    let (system, database): (String, String) = (utc(system), utc(database));
    tracing::warn!(
        %system, %database,
        "the system's clock is behind the database's last change: the rooms' clock never goes \
         back, and goes on from there"
    );
}

impl Backend for SqliteBackend {
    fn create<'a>(&'a self, room: &'a RoomId, new: NewRoom) -> BackendFuture<'a, Created> {
        BackendFuture::later(async move {
            let (asked, answer) = Asked::new();
            let work = Work::Create(room.clone(), new, asked);
            self.store.send(work).await?;
            settled(answer, self.store.timeout).await
        })
    }

    fn load<'a>(
        &'a self,
        room: &'a RoomId,
        known: Option<Position>,
    ) -> BackendFuture<'a, Option<Loaded>> {
        BackendFuture::later(async move {
            let (id, run, clock) = (room.clone(), self.store.run, self.store.clock.clone());
            self.store
                .ask(move |connection| {
                    steps::load(connection, run, id.as_str(), known, clock.now())
                })
                .await
        })
    }

    fn commit<'a>(&'a self, room: &'a RoomId, commit: Commit) -> BackendFuture<'a, Committed> {
        BackendFuture::later(async move {
            let step = Step::new(commit)?;
            let (asked, answer) = Asked::new();
            let work = Work::Commit(self.node, room.clone(), step, asked);
            self.store.send(work).await?;
            settled(answer, self.store.timeout).await
        })
    }

    fn keepsake<'a>(&'a self, room: &'a RoomId) -> BackendFuture<'a, Option<Keepsake>> {
        BackendFuture::later(async move {
            let (id, clock) = (room.clone(), self.store.clock.clone());
            let kept = self
                .store
                .ask(move |connection| rows::keepsake(connection, id.as_str()));
            let kept = kept.await?;
            Ok(kept.filter(|kept| kept.kept_until > clock.now()))
        })
    }

    fn due_alarms(&self, limit: usize) -> BackendFuture<'_, DueAlarms> {
        BackendFuture::later(async move {
            let now = self.store.clock.now();
            let due = self
                .store
                .ask(move |connection| alarms::due(connection, now, limit));
            due.await.map(|hints| DueAlarms { now, hints })
        })
    }

    fn forget_alarm<'a>(&'a self, hint: &'a AlarmHint) -> BackendFuture<'a, ()> {
        BackendFuture::later(async move {
            let (asked, answer) = Asked::new();
            self.store
                .send(Work::ForgetAlarm(hint.clone(), asked))
                .await?;
            settled(answer, self.store.timeout).await.map(drop)
        })
    }

    fn watch<'a>(
        &'a self,
        room: &'a RoomId,
        listener: Arc<dyn Listener>,
    ) -> (Watch, BackendFuture<'a, ()>) {
        let watch = self.store.watchers.watch(self.node, room, listener);
        (watch, BackendFuture::now(Ok(())))
    }

    fn signal<'a>(&'a self, room: &'a RoomId, signal: Bytes) -> BackendFuture<'a, ()> {
        self.store.watchers.signal(self.node, room, &signal);
        BackendFuture::now(Ok(()))
    }

    fn health(&self) -> HealthChanges {
        let (timeout, pulse) = (self.store.timeout, Arc::clone(&self.store.pulse));
        let heard = (self.store.health.clone(), Health::Up);
        Box::pin(stream::unfold(heard, move |(mut heard, told)| {
            let pulse = Arc::clone(&pulse);
            async move {
                loop {
                    let now = match pulse.is_longer_than(timeout * HANGS) {
                        true => Health::Down("the disk does not answer".to_owned()),
                        false => heard.borrow_and_update().clone(),
                    };
                    if now != told {
                        return Some((now.clone(), (heard, now)));
                    }
                    // A writer that hangs tells nothing.
                    if let Ok(changed) = tokio::time::timeout(timeout, heard.changed()).await {
                        changed.ok()?;
                    }
                }
            }
        }))
    }

    fn renew<'a>(
        &'a self,
        node: &'a NodeId,
        forms: Forms,
        lease: Duration,
    ) -> BackendFuture<'a, Vec<LiveNode>> {
        let store = &self.store;
        let live = store.leases.renew(node, forms, lease, store.clock.now());
        BackendFuture::now(Ok(live))
    }

    fn release<'a>(&'a self, node: &'a NodeId) -> BackendFuture<'a, ()> {
        self.store.leases.release(node);
        BackendFuture::now(Ok(()))
    }

    fn snapshot_interval(&self) -> usize {
        SNAPSHOT_INTERVAL
    }

    fn resync_interval(&self) -> Option<Duration> {
        None
    }

    fn stored_rooms(&self) -> Option<usize> {
        Some(self.rooms())
    }

    fn is_exclusive(&self) -> bool {
        self.store.nodes.load(Ordering::Relaxed) == 1
    }
}
