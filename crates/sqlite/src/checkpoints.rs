//! SQLite's log is taken over into the database by a thread of its own, so that nobody who
//! waits for the writer waits for the disk as well.
//!
//! The log begins anew when all of it was taken over at a moment at which the writer begins.
//! While changes come without a pause there is no such moment: then the writer takes the rest
//! over itself, at a moment when it is little, and so a matter of milliseconds.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::hooks::Wal;

use crate::error::Problem;
use crate::open::BUSY;

/// Bytes of the log's file from which on it is emptied when nobody waits. It stays as long as
/// it was when it begins anew, so its pages do not tell.
pub(crate) const WORTH_EMPTYING: u64 = 2 << 20;

/// Pages of the log that are not taken over, from which on the thread is woken: 16 MB. A page
/// that was changed often is written to the database once: with 500 pages the thread takes a
/// fifth of a busy store's CPU time, with these a twelfth.
const BEHIND: i64 = 4000;

/// Pages of the log from which on the writer takes over a rest that is little: 24 MB. As
/// long as it is more, the thread is woken for it, and leaves less each time.
const LONG: i64 = 6000;

/// A rest that is little, in pages: 1 MB.
const LITTLE: i64 = 250;

/// Pages of the log at which the writer takes over any rest: 48 MB.
const TOO_LONG: i64 = 12_000;

pub(crate) struct Checkpoints {
    failures: Arc<Failures>,
    /// Taken when the thread is to end.
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    /// How many pages the log has since the writer's last transaction, as SQLite tells by itself.
    /// Before the first it may be any number.
    pages: Arc<AtomicI64>,
    /// Locked while the thread takes over: SQLite lets nobody else do so meanwhile, nor wait.
    under_way: Arc<Mutex<()>>,
}

/// How long the log is, and how much of it was taken over, in pages.
#[derive(Debug, Clone, Copy)]
struct Log {
    pages: i64,
    done: i64,
}

/// Whether the last attempt failed, of the thread's and the writer's.
#[derive(Default)]
struct Failures(AtomicBool);

impl Failures {
    /// Notes an attempt. Whether it is the first that failed since one did not.
    fn begin(&self, has_failed: bool) -> bool {
        !self.0.swap(has_failed, Ordering::Relaxed) && has_failed
    }
}

impl Checkpoints {
    /// `writer` is the connection that has all changes.
    pub(crate) fn start(
        connection: Connection,
        writer: &mut Connection,
    ) -> Result<Checkpoints, Problem> {
        let pages = Arc::new(AtomicI64::new(i64::MAX));
        let written = Arc::clone(&pages);
        writer.wal_hook(Some(move |_: &mut Wal, pages| {
            written.store(i64::from(pages), Ordering::Relaxed);
            Ok(())
        }))?;
        let failures = Arc::new(Failures::default());
        // One that waits is as good as many.
        let (wake, woken) = sync_channel(1);
        let under_way = Arc::new(Mutex::new(()));
        let its_own = Arc::clone(&under_way);
        let thread = thread::Builder::new()
            .name("sqlite-checkpoints".to_owned())
            .spawn({
                let failures = Arc::clone(&failures);
                move || {
                    while woken.recv().is_ok() {
                        let _under_way = its_own.lock().unwrap_or_else(PoisonError::into_inner);
                        take_over(&connection, &failures);
                    }
                }
            })?;
        Ok(Checkpoints {
            failures,
            wake: Some(wake),
            thread: Some(thread),
            pages,
            under_way,
        })
    }

    /// To be called by the writer after each transaction.
    pub(crate) fn keep_up(&self, writer: &Connection) -> rusqlite::Result<()> {
        if self.pages.load(Ordering::Relaxed) < BEHIND {
            return Ok(());
        }
        let log = checkpoint(writer, "NOOP")?;
        let rest = log.pages - log.done;
        if (rest >= BEHIND || log.pages >= LONG && rest >= LITTLE)
            && let Some(wake) = &self.wake
        {
            // Full: it is about to begin.
            let _ = wake.try_send(());
        }
        let _not_under_way = if log.pages >= TOO_LONG {
            self.not_under_way()
        } else if log.pages >= LONG && rest < LITTLE {
            match self.under_way.try_lock() {
                Ok(not_under_way) => not_under_way,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => return Ok(()),
            }
        } else {
            return Ok(());
        };
        take_over(writer, &self.failures);
        Ok(())
    }

    /// Has the writer take the rest over, so that the log begins anew with what is written
    /// next.
    pub(crate) fn make_space(&self, writer: &Connection) {
        let _not_under_way = self.not_under_way();
        take_over(writer, &self.failures);
    }

    /// Waits until the thread does not take over.
    fn not_under_way(&self) -> MutexGuard<'_, ()> {
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            // It does not panic.
            let _ = thread.join();
        }
    }
}

/// Takes over what can be taken over at this moment.
fn take_over(connection: &Connection, failures: &Failures) {
    let taken = checkpoint(connection, "PASSIVE");
    let is_new = failures.begin(taken.is_err());
    match taken {
        Err(error) if is_new => tracing::warn!(
            %error,
            "SQLite's log cannot be taken over into the database: it grows until that is possible"
        ),
        // It is tried again. The writer tells, when it cannot go on for it.
        Err(error) => tracing::debug!(%error, "the log was not taken over"),
        Ok(_) => {}
    }
}

/// Takes all of the log over and empties its file, if nobody reads at this moment; the
/// database becomes shorter only then. Whether it was possible. Nobody is waited for:
/// changes would wait, too.
pub(crate) fn empty_log(writer: &Connection) -> rusqlite::Result<bool> {
    writer.busy_timeout(Duration::ZERO)?;
    let emptied = checkpoint(writer, "TRUNCATE");
    writer.busy_timeout(BUSY)?;
    Ok(emptied?.pages == 0)
}

fn checkpoint(connection: &Connection, how: &str) -> rusqlite::Result<Log> {
    let mut checkpoint = connection.prepare_cached(&format!("PRAGMA wal_checkpoint({how})"))?;
    checkpoint.query_row((), |row| {
        Ok(Log {
            pages: row.get(1)?,
            done: row.get(2)?,
        })
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::path::PathBuf;

    use tablecast_testing::Directory;

    use super::*;

    /// A database with something in its log.
    fn written() -> (Directory, PathBuf, Connection) {
        let directory = Directory::new();
        let path = directory.path().join("one.db");
        let writer = Connection::open(&path).unwrap();
        writer
            .execute_batch(
                "PRAGMA journal_mode = WAL; CREATE TABLE one (a); INSERT INTO one VALUES (1);",
            )
            .unwrap();
        (directory, path, writer)
    }

    #[test]
    fn of_attempts_that_fail_one_after_the_other_the_first_is_told() {
        let (_directory, path, writer) = written();
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let powerless = Connection::open_with_flags(&path, flags).unwrap();
        let failures = Failures::default();
        let told = [&powerless, &powerless, &writer, &powerless].map(|connection| {
            writer.execute_batch("INSERT INTO one VALUES (2)").unwrap();
            let has_failed = checkpoint(connection, "PASSIVE").is_err();
            failures.begin(has_failed)
        });
        assert_eq!(told, [true, false, false, true]);
    }

    #[test]
    fn the_log_is_not_waited_for_while_somebody_reads() {
        let (_directory, path, writer) = written();
        // For ever, as far as a test can tell.
        writer.busy_timeout(Duration::from_secs(3600)).unwrap();
        let reader = Connection::open(&path).unwrap();
        reader.execute_batch("BEGIN; SELECT * FROM one;").unwrap();
        writer.execute_batch("INSERT INTO one VALUES (2)").unwrap();
        assert!(!empty_log(&writer).unwrap());
        reader.execute_batch("COMMIT").unwrap();
        assert!(empty_log(&writer).unwrap());
    }
}
