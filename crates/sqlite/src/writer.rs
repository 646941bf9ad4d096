//! The one thread that changes the database. It takes all that waits into one transaction
//! and answers when that is committed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode};
use tablecast_core::backend::{
    AlarmHint, BackendError, Committed, Created, Health, NewRoom, Publication,
};
use tablecast_core::id::RoomId;
use tokio::sync::{oneshot, watch};

use crate::checkpoints::{self, Checkpoints};
use crate::clock::Clock;
use crate::error::{self, RowError};
use crate::place::Place;
use crate::pulse::Pulse;
use crate::queue::Taking;
use crate::rows::StoreRow;
use crate::run_file::RunFile;
use crate::sweep::{self, Expired, Forgotten, Sweeper, Swept};
use crate::totals::Totals;
use crate::watchers::Watchers;
use crate::{alarms, self_check, steps};

/// What one transaction takes, at most: enough that its cost is that of the steps, and so
/// few that those which come meanwhile wait for milliseconds.
const GROUP: usize = 256;

/// How often expired rooms are looked for, and a store that takes no changes is tried.
const TICK: Duration = Duration::from_secs(1);

/// A store that nobody has changed for so long is tried, too: health is a change that passes.
const TRY: Duration = Duration::from_secs(5);

/// A change that somebody waits for.
pub(crate) enum Work {
    /// Make a room.
    Create(RoomId, NewRoom, Asked<Created>),
    /// Take a step in a room; the node is not told of its own.
    Commit(u64, RoomId, steps::Step, Asked<Committed>),
    /// Forget a hint; whether it was there.
    ForgetAlarm(AlarmHint, Asked<bool>),
}

/// An answer on its way. If nobody takes it, because whoever asked has given up, those who
/// watch the room on the same node are told: they count as having it.
pub(crate) struct Reply<T> {
    /// `None` when it was taken.
    answer: Option<Result<T, BackendError>>,
    /// Where the room is watched, if it has changed.
    changed: Option<(Arc<Watchers>, u64, RoomId)>,
}

impl<T> Reply<T> {
    /// The answer. `None` only if it was taken before.
    pub(crate) fn take(mut self) -> Option<Result<T, BackendError>> {
        self.answer.take()
    }
}

impl<T> Drop for Reply<T> {
    fn drop(&mut self) {
        if let (Some(_), Some((watchers, node, room))) = (&self.answer, &self.changed) {
            watchers.missed(*node, room);
        }
    }
}

/// Somebody who waits for an answer, and what it will be once it is committed.
pub(crate) struct Asked<T> {
    reply: oneshot::Sender<Reply<T>>,
    answer: Option<Result<T, BackendError>>,
}

impl<T> Asked<T> {
    pub(crate) fn new() -> (Self, oneshot::Receiver<Reply<T>>) {
        let (reply, answer) = oneshot::channel();
        let asked = Asked {
            reply,
            answer: None,
        };
        (asked, answer)
    }

    /// Takes the answer; what concerns the whole transaction is no answer. It is not even
    /// asked for if nobody waits any more: what was given up does not happen later, when
    /// the room may have been told something else.
    fn decide(&mut self, answer: impl FnOnce() -> Result<T, RowError>) -> rusqlite::Result<()> {
        // Of an attempt that was rolled back.
        self.answer = None;
        if self.reply.is_closed() {
            return Ok(());
        }
        match answer() {
            Ok(answer) => self.answer = Some(Ok(answer)),
            Err(RowError::Sqlite(error)) => return Err(error),
            Err(unusable) => self.answer = Some(Err(error::of_writing(unusable))),
        }
        Ok(())
    }

    fn reply(self, changed: Option<(Arc<Watchers>, u64, RoomId)>) {
        if let answer @ Some(_) = self.answer {
            // Whoever asked may have gone.
            let _ = self.reply.send(Reply { answer, changed });
        }
    }

    fn fail(mut self, error: BackendError) {
        self.answer = Some(Err(error));
        self.reply(None);
    }
}

impl Work {
    /// Does it, within a transaction.
    fn perform(
        &mut self,
        connection: &Connection,
        totals: &mut Totals,
        now: u64,
    ) -> rusqlite::Result<()> {
        match self {
            Work::Create(id, new, asked) => {
                asked.decide(|| steps::create(connection, totals, id.as_str(), new, now))
            }
            Work::Commit(_, id, step, asked) => {
                let run = totals.row.run;
                asked.decide(|| steps::commit(connection, run, id.as_str(), step, now))
            }
            Work::ForgetAlarm(hint, asked) => {
                asked.decide(|| Ok(alarms::forget(connection, hint)?))
            }
        }
    }

    fn has_changed(&self) -> bool {
        match self {
            Work::Create(_, _, asked) => matches!(asked.answer, Some(Ok(Created::New(..)))),
            Work::Commit(_, _, _, asked) => {
                matches!(asked.answer, Some(Ok(Committed::Accepted(_))))
            }
            Work::ForgetAlarm(_, asked) => matches!(asked.answer, Some(Ok(true))),
        }
    }

    /// It is committed: tells whoever watches the room, and whoever asked.
    fn settle(self, watchers: &Arc<Watchers>) {
        match self {
            Work::Create(_, _, asked) => asked.reply(None),
            Work::ForgetAlarm(_, asked) => asked.reply(None),
            Work::Commit(node, id, step, asked) => {
                let mut changed = None;
                if let Some(Ok(Committed::Accepted(stamp))) = asked.answer {
                    watchers.publish(node, &id, || Publication {
                        epoch: step.expected.epoch,
                        first: step.expected.seq + 1,
                        events: step.events,
                        stamp,
                    });
                    changed = Some((Arc::clone(watchers), node, id));
                }
                asked.reply(changed);
            }
        }
    }

    fn fail(self, error: BackendError) {
        match self {
            Work::Create(_, _, asked) => asked.fail(error),
            Work::Commit(_, _, _, asked) => asked.fail(error),
            Work::ForgetAlarm(_, asked) => asked.fail(error),
        }
    }
}

/// Why a transaction was not committed.
enum Failed {
    /// It has not happened and will not.
    Before(rusqlite::Error),
    /// It may have happened: after a crash it may be found in SQLite's log.
    Perhaps(rusqlite::Error),
}

impl Failed {
    fn explained(self, place: &Place) -> Failed {
        match self {
            Failed::Before(error) => Failed::Before(place.explain(error)),
            Failed::Perhaps(error) => Failed::Perhaps(place.explain(error)),
        }
    }

    fn error(&self) -> &rusqlite::Error {
        match self {
            Failed::Before(error) | Failed::Perhaps(error) => error,
        }
    }

    fn into_error(self) -> rusqlite::Error {
        match self {
            Failed::Before(error) | Failed::Perhaps(error) => error,
        }
    }

    fn answer(&self) -> BackendError {
        match self {
            Failed::Perhaps(error) => BackendError::Unknown(error.to_string()),
            Failed::Before(error) if error::is_local(error) => {
                BackendError::Corrupt(error.to_string())
            }
            Failed::Before(error) => BackendError::Refused(error::why(error).to_owned()),
        }
    }
}

/// What the writer works with.
pub(crate) struct Writer {
    pub(crate) connection: Connection,
    pub(crate) place: Place,
    pub(crate) checkpoints: Checkpoints,
    pub(crate) totals: Totals,
    pub(crate) run_file: RunFile,
    pub(crate) clock: Arc<Clock>,
    pub(crate) watchers: Arc<Watchers>,
    /// [`Totals::stored`], for others to see.
    pub(crate) stored: Arc<AtomicUsize>,
    pub(crate) health: watch::Sender<Health>,
    /// For others to see when it hangs.
    pub(crate) pulse: Arc<Pulse>,
    pub(crate) sweeper: Sweeper,
    /// Pages were given back, and the file is as long as before.
    pub(crate) is_longer: bool,
}

impl Writer {
    /// Works until nobody can ask any more, then closes the database.
    pub(crate) fn run(mut self, queue: &Taking<Work>) {
        let mut changed_at = Instant::now();
        let mut next_tick = changed_at;
        // Nobody has changed anything since the last tick.
        let mut is_idle = true;
        while let Some(group) = queue.take(GROUP, next_tick) {
            self.pulse.begin();
            if !group.is_empty() && self.take(group) {
                changed_at = Instant::now();
                is_idle = false;
                // After the answers, since it may take a while.
                self.keep_up();
            }
            let now = Instant::now();
            if next_tick <= now {
                let is_tried = changed_at + TRY <= now || !self.health.borrow().is_up();
                let rest = self.sweep(is_tried, is_idle);
                self.keep_up();
                is_idle = true;
                if is_tried {
                    changed_at = now;
                }
                // What is left is done step by step, so that nobody waits for all of it.
                next_tick = if rest { now } else { now + TICK };
            }
            self.pulse.end();
        }
        self.close();
    }

    /// Does what waits in one transaction. Whether something was changed.
    fn take(&mut self, mut group: Vec<Work>) -> bool {
        let done = self.transaction(|connection, totals, now| {
            let mut has_changed = false;
            for work in &mut group {
                work.perform(connection, totals, now)?;
                has_changed |= work.has_changed();
            }
            Ok(has_changed)
        });
        match done {
            Ok(has_changed) => {
                for work in group {
                    work.settle(&self.watchers);
                }
                has_changed
            }
            // The others must not suffer for the one whose pages are damaged.
            Err(Failed::Before(error)) if error::is_local(&error) && group.len() > 1 => {
                let mut has_changed = false;
                for work in group {
                    has_changed |= self.take(vec![work]);
                }
                has_changed
            }
            Err(failed) => {
                for work in group {
                    work.fail(failed.answer());
                }
                let error = failed.error();
                if !error::is_local(error) {
                    self.tell(error::health(error));
                }
                if error.sqlite_error_code() == Some(ErrorCode::DiskFull) {
                    // The log cannot grow, but the database may have free pages.
                    self.checkpoints.make_space(&self.connection);
                }
                false
            }
        }
    }

    /// Runs a transaction; `body` says whether it has changed something.
    fn transaction(
        &mut self,
        body: impl FnOnce(&Connection, &mut Totals, u64) -> rusqlite::Result<bool>,
    ) -> Result<bool, Failed> {
        let mut totals = self.totals;
        let now = self.clock.now();
        let connection = &self.connection;
        let begun = self.place.look();
        let begun = begun.and_then(|()| execute(connection, "BEGIN IMMEDIATE"));
        let changed = begun.and_then(|()| {
            // Whoever else writes here counts rooms as well, and would give two of them one
            // number.
            match StoreRow::read(connection) {
                Ok(Some(row)) if row == totals.row => {}
                Err(RowError::Sqlite(error)) => return Err(error),
                Ok(_) | Err(RowError::Unusable(_)) => return Err(error::changed_by_another()),
            }
            let has_changed = body(connection, &mut totals, now)?;
            if has_changed {
                totals.row.commits += 1;
                totals.row.clock = now;
                totals.row.write(connection)?;
            }
            Ok(has_changed)
        });
        let committed = changed.map_err(Failed::Before).and_then(|has_changed| {
            match execute(connection, "COMMIT") {
                Ok(()) => Ok(has_changed),
                Err(error) if is_certain(&error) => Err(Failed::Before(error)),
                Err(error) => Err(Failed::Perhaps(error)),
            }
        });
        if committed.is_err() && !connection.is_autocommit() {
            // It fails only if SQLite has done so already.
            let _ = connection.execute_batch("ROLLBACK");
        }
        let has_changed = committed.map_err(|failed| failed.explained(&self.place))?;
        if has_changed {
            self.totals = totals;
            self.stored.store(totals.stored, Ordering::Relaxed);
            if let Err(error) = self.run_file.advance(totals.row.commits) {
                // It then says less than is true, which costs no more than that a loss may
                // not be noticed.
                tracing::warn!(%error, "the file beside the database cannot be written");
            }
            self.tell(Health::Up);
        }
        Ok(has_changed)
    }

    /// Forgets some of what has expired, gives some free pages back, and lets the files become
    /// shorter. With `is_tried` it changes something in any case. Whether more is to be done.
    fn sweep(&mut self, is_tried: bool, is_idle: bool) -> bool {
        let (mut sweeper, mut swept) = (self.sweeper.clone(), Swept::default());
        let found = sweeper.find(&self.connection, self.clock.now(), &mut swept);
        let tried = found.and_then(|expired| {
            self.forget(&expired, &mut swept)?;
            self.sweeper = sweeper;
            if is_tried && !swept.some {
                // It touches nothing but the row of the whole store, so it tells of health.
                let tried = self.transaction(|_, _, _| Ok(true));
                tried.map_err(Failed::into_error)?;
            }
            Ok(())
        });
        let tidied = tried.and_then(|()| {
            let freed = self.sweeper.free_pages(&self.connection, &mut swept)?;
            if freed.some {
                self.is_longer = true;
                // It counts, so that no copy from before it is taken for one from after it: see
                // `foreign_log.rs`.
                self.transaction(|_, _, _| Ok(true))
                    .map_err(Failed::into_error)?;
            }
            let is_long = is_idle && self.place.log_bytes() >= checkpoints::WORTH_EMPTYING;
            if is_long || self.is_longer && !freed.rest {
                self.is_longer = !checkpoints::empty_log(&self.connection)?;
            }
            Ok(freed.rest)
        });
        swept.damaged.iter().for_each(self_check::tell);
        match tidied {
            Ok(more) => swept.rest && swept.some || more,
            Err(error) => {
                self.tell(error::health(&error));
                false
            }
        }
    }

    /// Forgets what has expired, in one transaction. Where that comes to damage, each has one
    /// of its own, and what cannot be forgotten is named.
    fn forget(&mut self, expired: &[Expired], swept: &mut Swept) -> rusqlite::Result<()> {
        let mut damage = None;
        for parts in sweep::WAYS {
            let mut forgotten = Forgotten::default();
            let done = self.transaction(|connection, totals, now| {
                for one in expired {
                    one.forget(connection, totals, now, parts, &mut forgotten)?;
                }
                Ok(forgotten.has_changed)
            });
            match done.map_err(Failed::into_error) {
                Ok(has_changed) => {
                    swept.some |= has_changed;
                    swept.damaged.extend(forgotten.damaged);
                    if let (Some(error), [one]) = (damage, expired) {
                        let what = format!("a part of it stays in the file: {error}");
                        swept.find(one.room(), what);
                    }
                    return Ok(());
                }
                Err(error) if !error::is_local(&error) => return Err(error),
                Err(error) if expired.len() <= 1 => damage = Some(error),
                Err(_) => {
                    for one in expired {
                        self.forget(std::slice::from_ref(one), swept)?;
                    }
                    return Ok(());
                }
            }
        }
        if let (Some(error), [one]) = (damage, expired)
            && one.is_named()
        {
            swept.find(one.room(), format!("it stays in the file: {error}"));
        }
        Ok(())
    }

    /// Has SQLite's log taken over, when it is long enough.
    fn keep_up(&self) {
        if let Err(error) = self.checkpoints.keep_up(&self.connection) {
            // It is tried again after the next one. If the disk is full that one tells.
            tracing::debug!(%error, "the log was not looked at");
        }
    }

    /// Tells of a change of the health.
    fn tell(&self, health: Health) {
        self.health.send_if_modified(|known| {
            let differs = *known != health;
            if differs {
                match &health {
                    Health::Up => tracing::info!("the database takes changes again"),
                    Health::Down(words) | Health::Refusing { words, .. } => {
                        tracing::error!(words, "the database takes no changes");
                    }
                }
                *known = health;
            }
            differs
        });
    }

    fn close(self) {
        drop(self.checkpoints);
        // Takes what is in SQLite's log over into the database and waits for the disk.
        let closed = self
            .connection
            .close()
            .map_err(|(_, error)| error.to_string());
        let closed = closed.and_then(|()| self.run_file.close().map_err(|error| error.to_string()));
        if let Err(error) = closed {
            tracing::warn!(
                error,
                "the database was not closed well; nothing is lost by it"
            );
        }
    }
}

/// What is said with each transaction is understood once.
fn execute(connection: &Connection, statement: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(statement)?.execute(()).map(drop)
}

/// Whether a transaction whose COMMIT failed so has certainly not happened.
fn is_certain(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked, DiskFull, ReadOnly};
    matches!(
        error.sqlite_error_code(),
        Some(DatabaseBusy | DatabaseLocked | DiskFull | ReadOnly)
    )
}
