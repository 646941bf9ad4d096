//! SQLite's log is taken over into the database by a thread of its own, so that nobody who
//! waits for the writer waits for the disk as well.
//!
//! The log begins anew when all of it was taken over at a moment at which the writer begins.
//! While changes come without a pause there is no such moment: then the writer takes the rest
//! over itself, at a moment when it is little, and so a matter of milliseconds.

use std::io;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;

/// Pages of the log that are not taken over, from which on the thread is woken: 2 MB.
const BEHIND: i64 = 500;

/// Pages of the log from which on the writer takes over a rest that is little: 8 MB.
const LONG: i64 = 2000;

/// A rest that is little, in pages: 1 MB.
const LITTLE: i64 = 250;

/// Pages of the log at which the writer takes over any rest: 32 MB.
const TOO_LONG: i64 = 8000;

pub(crate) struct Checkpoints {
    /// Taken when the thread is to end.
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    /// Locked while the thread takes over: SQLite lets nobody else do so meanwhile, nor wait.
    under_way: Arc<Mutex<()>>,
}

/// How long the log is, and how much of it was taken over, in pages.
#[derive(Debug, Clone, Copy)]
struct Log {
    pages: i64,
    done: i64,
}

impl Checkpoints {
    pub(crate) fn start(connection: Connection) -> io::Result<Checkpoints> {
        // One that waits is as good as many.
        let (wake, woken) = sync_channel(1);
        let under_way = Arc::new(Mutex::new(()));
        let its_own = Arc::clone(&under_way);
        let thread = thread::Builder::new()
            .name("sqlite-checkpoints".to_owned())
            .spawn(move || {
                while woken.recv().is_ok() {
                    let _under_way = its_own.lock().unwrap_or_else(PoisonError::into_inner);
                    if let Err(error) = checkpoint(&connection, "PASSIVE") {
                        // The writer tells, when it cannot go on for it.
                        tracing::debug!(%error, "the log was not taken over");
                    }
                }
            })?;
        Ok(Checkpoints {
            wake: Some(wake),
            thread: Some(thread),
            under_way,
        })
    }

    /// To be called by the writer after each transaction.
    pub(crate) fn keep_up(&self, writer: &Connection) -> rusqlite::Result<()> {
        let log = checkpoint(writer, "NOOP")?;
        let rest = log.pages - log.done;
        if rest >= BEHIND
            && let Some(wake) = &self.wake
        {
            // Full: it is about to begin.
            let _ = wake.try_send(());
        }
        let _not_under_way = if log.pages >= TOO_LONG {
            self.under_way
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        } else if log.pages >= LONG && rest < LITTLE {
            match self.under_way.try_lock() {
                Ok(not_under_way) => not_under_way,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => return Ok(()),
            }
        } else {
            return Ok(());
        };
        checkpoint(writer, "PASSIVE").map(drop)
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

/// Takes all of the log over and empties its file, if nobody reads at this moment; the
/// database becomes shorter only then. Whether it was possible.
pub(crate) fn empty_log(writer: &Connection) -> rusqlite::Result<bool> {
    Ok(checkpoint(writer, "TRUNCATE")?.pages == 0)
}

/// Whether so much stands in the log that it is worth emptying while nobody waits.
pub(crate) fn is_log_long(writer: &Connection) -> rusqlite::Result<bool> {
    Ok(checkpoint(writer, "NOOP")?.pages >= BEHIND)
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
