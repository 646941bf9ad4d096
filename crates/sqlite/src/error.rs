//! Why a database cannot be opened, and what SQLite's errors mean.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use tablecast_core::backend::{BackendError, Health};

/// Why a database cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", path.display())]
pub struct OpenError {
    /// Which database.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a database.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The file is something else.
    #[error("this is no SQLite database; name another file")]
    NotADatabase,
    /// It is a database with something else in it.
    #[error("this is a database of another program; name another file")]
    OtherProgram,
    /// A newer version has written it.
    #[error("a newer version has written this: format {found}, and this one knows {known} at most")]
    Newer {
        /// Its format.
        found: i64,
        /// The newest that this version knows.
        known: i64,
    },
    /// It cannot be written to.
    #[error("it cannot be written to: {0}")]
    ReadOnly(String),
    /// Another process serves it.
    #[error("process {process} has it; a database is one process' at a time")]
    InUse {
        /// The id of that process, or `unknown`.
        process: String,
    },
    /// A program that is no Tablecast is in the midst of a change.
    #[error("another program has locked it: {0}")]
    Locked(String),
    /// There is no space to write to it.
    #[error("there is no space left for it: {0}")]
    NoSpace(String),
    /// What it holds is not what was written.
    #[error("it is damaged: {0}; a backup can be put in its place")]
    Damaged(String),
    /// SQLite's log of another database lies beside it, and would be taken over into it.
    #[error(
        "the log beside it, {}, is not its own, as after a backup was put in its place: move the \
         log and what ends in -shm away",
        log.display()
    )]
    ForeignLog {
        /// Where the log is.
        log: PathBuf,
    },
    /// There is no such file, where one must be there already.
    #[error("there is no such file")]
    Missing,
    /// Something else, in the words of the system or of SQLite.
    #[error("{0}")]
    Other(String),
}

impl Problem {
    pub(crate) fn at(self, path: &Path) -> OpenError {
        OpenError {
            path: path.to_owned(),
            problem: self,
        }
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Problem::ReadOnly(error.to_string())
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Problem::NoSpace(error.to_string())
            }
            _ => Problem::Other(error.to_string()),
        }
    }
}

impl From<rusqlite::Error> for Problem {
    fn from(error: rusqlite::Error) -> Self {
        let words = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Problem::NotADatabase,
            Some(ErrorCode::DatabaseCorrupt) => Problem::Damaged(words),
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Problem::ReadOnly(words),
            Some(ErrorCode::DiskFull) => Problem::NoSpace(words),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Problem::Locked(words),
            _ => Problem::Other(words),
        }
    }
}

impl From<RowError> for Problem {
    fn from(error: RowError) -> Self {
        match error {
            RowError::Sqlite(error) => error.into(),
            RowError::Unusable(what) => Problem::Damaged(what),
        }
    }
}

/// Why rows could not be read or changed.
#[derive(Debug)]
pub(crate) enum RowError {
    /// SQLite says so.
    Sqlite(rusqlite::Error),
    /// They do not hold what they should, or what is asked of them cannot be.
    Unusable(String),
}

impl From<rusqlite::Error> for RowError {
    fn from(error: rusqlite::Error) -> Self {
        RowError::Sqlite(error)
    }
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RowError::Sqlite(error) => error.fmt(f),
            RowError::Unusable(what) => f.write_str(what),
        }
    }
}

/// Another program has written to the database, past all locks.
pub(crate) fn changed_by_another() -> rusqlite::Error {
    let words = "the numbers of its last transaction and of its last room are not what this \
                 process has written: another program writes to this file; end that, and \
                 restart this one";
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_PROTOCOL);
    rusqlite::Error::SqliteFailure(code, Some(words.to_owned()))
}

/// A file of the database was moved or removed while it is open.
pub(crate) fn moved(file: &Path) -> rusqlite::Error {
    let words = format!(
        "{} is not the file any more that this process has opened: put that back, or restart \
         this process with what is there now",
        file.display()
    );
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_READONLY_DBMOVED);
    rusqlite::Error::SqliteFailure(code, Some(words))
}

/// The system does not tell whether a file of the database is where it was opened.
pub(crate) fn not_told(file: &Path, error: &io::Error) -> rusqlite::Error {
    let words = format!("{}: {error}", file.display());
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_FSTAT);
    rusqlite::Error::SqliteFailure(code, Some(words))
}

/// SQLite could not write, and the system allows nobody to: it says so of files that are opened
/// alone, while SQLite has its own open.
pub(crate) fn read_only(error: &rusqlite::Error, why: &io::Error) -> rusqlite::Error {
    let words = format!("{error}: {why}");
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_READONLY);
    rusqlite::Error::SqliteFailure(code, Some(words))
}

fn is_moved(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    code == Some(rusqlite::ffi::SQLITE_READONLY_DBMOVED)
}

/// Whether it is about the pages or rows that were touched, so that others may be well.
pub(crate) fn is_local(error: &rusqlite::Error) -> bool {
    match error.sqlite_error_code() {
        Some(
            ErrorCode::DiskFull
            | ErrorCode::ReadOnly
            | ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::PermissionDenied
            | ErrorCode::OutOfMemory
            | ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::FileLockingProtocolFailed,
        ) => false,
        Some(_) | None => true,
    }
}

/// What the members are told who asked for a change that was not made.
pub(crate) fn why(error: &rusqlite::Error) -> &'static str {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "its disk is full",
        Some(ErrorCode::ReadOnly) if is_moved(error) => "its database was moved or removed",
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => "its disk is read-only",
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "another program has locked its database"
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => "its database is damaged",
        Some(ErrorCode::FileLockingProtocolFailed) => "another program has changed its database",
        _ => "its disk does not work",
    }
}

/// What it says of the store's health.
pub(crate) fn health(error: &rusqlite::Error) -> Health {
    Health::Refusing {
        why: why(error).to_owned(),
        words: error.to_string(),
    }
}

/// Nobody answers any more.
pub(crate) fn closed() -> BackendError {
    BackendError::Unavailable("the database was closed".to_owned())
}

/// The answer to a question that only reads.
pub(crate) fn of_reading(error: RowError) -> BackendError {
    match error {
        RowError::Unusable(what) => BackendError::Corrupt(what),
        RowError::Sqlite(error) if is_local(&error) => BackendError::Corrupt(error.to_string()),
        RowError::Sqlite(error) => BackendError::Unavailable(error.to_string()),
    }
}

/// The answer to a change that was not made.
pub(crate) fn of_writing(error: RowError) -> BackendError {
    match error {
        RowError::Sqlite(error) if !is_local(&error) => BackendError::Refused(why(&error).into()),
        other => of_reading(other),
    }
}
