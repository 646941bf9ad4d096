//! Opens a database: locks it, brings it to this version, and finds out whether it is as
//! its last process left it.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use tablecast_core::id::unique;

use crate::error::{OpenError, Problem};
use crate::options::{SqliteOptions, SyncMode};
use crate::place::{Place, beside};
use crate::rows::StoreRow;
use crate::run_file::{self, NewRun, RunFile};
use crate::{foreign_log, schema};

/// How long a program that is no Tablecast may have the database locked, such as `sqlite3`
/// in the midst of a change.
pub(crate) const BUSY: Duration = Duration::from_millis(500);

/// What the writer keeps of the database in memory, in KiB.
const CACHE_KIB: i64 = 16 * 1024;

/// SQLite's log is cut to this when it begins anew, in bytes. It is seldom longer (see
/// `checkpoints.rs`): cutting it while there is much to do would only cost time.
const WAL_BYTES: i64 = 48 << 20;

/// A database that is ready to be written to.
pub(crate) struct Opened {
    /// Where it is, whatever links lead to it.
    pub(crate) path: PathBuf,
    pub(crate) connection: Connection,
    pub(crate) place: Place,
    pub(crate) row: StoreRow,
    /// How many rooms are stored, some of which may have expired.
    pub(crate) rooms: usize,
    pub(crate) run_file: RunFile,
    pub(crate) new_run: Option<NewRun>,
}

pub(crate) fn open(options: &SqliteOptions) -> Result<Opened, OpenError> {
    let named = &options.path;
    let path = real_path(named).map_err(|problem| problem.at(named))?;
    let (run_file, found) = RunFile::lock(&path, options.boot_id.as_deref(), options.sync)
        .map_err(|problem| problem.at(named))?;
    let opened = open_locked(options, path.clone(), run_file, found.record);
    opened.map_err(|problem| {
        let is_another = matches!(
            problem,
            Problem::NotADatabase | Problem::OtherProgram | Problem::InUse { .. }
        );
        if found.is_empty && is_another {
            // Nothing is to be left beside a file that was named by mistake.
            let _ = fs::remove_file(run_file::of(&path));
        }
        problem.at(named)
    })
}

fn open_locked(
    options: &SqliteOptions,
    path: PathBuf,
    mut run_file: RunFile,
    found: Option<run_file::Record>,
) -> Result<Opened, Problem> {
    foreign_log::refuse(&path)?;
    make_file(&path)?;
    run_file.lock_database(&path)?;
    let mut connection = connect(&path)?;
    let version = schema::version(&connection)?;
    for end in ["", "-wal", "-shm", "-run"] {
        keep_from_others(&beside(&path, end));
    }
    if version.is_none() {
        // Only before there is any page.
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        return Err(Problem::Other(format!(
            "SQLite keeps its journal as {mode} here, and not as wal"
        )));
    }
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.pragma_update(None, "journal_size_limit", WAL_BYTES)?;
    // See `checkpoints.rs`.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    // What is written now must not be lost, since it tells whether something was.
    connection.pragma_update(None, "synchronous", "FULL")?;

    let inode = run_file::inode(&path)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if version != Some(schema::NEWEST) {
        schema::migrate(&transaction, version)?;
    }
    schema::verify(&transaction)?;
    let stored = StoreRow::read(&transaction)?;
    let new_run = match (&stored, &found) {
        (None, _) => Some(NewRun::New),
        (Some(row), _) if row.is_backup => Some(NewRun::Backup),
        (Some(_), None) => Some(NewRun::NoRunFile),
        (Some(row), Some(found)) => found.doubt(row.commits, inode, run_file.boot_id()),
    };
    let mut row = stored.unwrap_or(StoreRow {
        run: 0,
        commits: 0,
        rooms: 0,
        clock: 0,
        is_backup: false,
    });
    if new_run.is_some() {
        row.run = unique().cast_signed();
        row.is_backup = false;
    }
    row.commits += 1;
    // Not over the old one: damage of its page, which is in the way of all changes once the
    // row has another length, is found now.
    transaction.execute("DELETE FROM store", ())?;
    row.write(&transaction)?;
    let rooms: i64 = transaction.query_row("SELECT count(*) FROM rooms", (), |row| row.get(0))?;
    transaction.commit()?;

    run_file.begin(inode, row.commits)?;
    sync_directory(&path)?;
    if let Some(pages) = options.max_pages {
        connection.pragma_update(None, "max_page_count", pages)?;
    }
    if options.sync == SyncMode::Normal {
        connection.pragma_update(None, "synchronous", "NORMAL")?;
    }
    let place = Place::of(&path)?;
    Ok(Opened {
        path,
        place,
        connection,
        row,
        rooms: usize::try_from(rooms).unwrap_or(0),
        run_file,
        new_run,
    })
}

/// A connection that does not yet change anything.
pub(crate) fn connect(path: &Path) -> Result<Connection, Problem> {
    let how = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, how)?;
    connection.busy_timeout(BUSY)?;
    // Damage is found where it is read, and no table is trusted to call functions.
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// A connection that changes no rows. It has all files open, so that it knows the right ones
/// even if others are in their places later.
pub(crate) fn connect_beside(path: &Path) -> Result<Connection, Problem> {
    let connection = connect(path)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", (), |_| Ok(()))?;
    Ok(connection)
}

/// The file itself: two links to one database are one database.
pub(crate) fn real_path(path: &Path) -> Result<PathBuf, Problem> {
    match fs::canonicalize(path) {
        Ok(path) if path.is_dir() => Err(Problem::Other("this is a directory".to_owned())),
        Ok(path) => Ok(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let parent = match path.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent,
                _ => Path::new("."),
            };
            let name = path
                .file_name()
                .ok_or_else(|| Problem::Other("this names no file".to_owned()))?;
            let parent = fs::canonicalize(parent).map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => {
                    Problem::Other(format!("there is no directory {}", parent.display()))
                }
                _ => error.into(),
            })?;
            Ok(parent.join(name))
        }
        Err(error) => Err(error.into()),
    }
}

/// Makes the file, if it is not there, for its owner alone. SQLite gives those beside it
/// the same rights.
fn make_file(path: &Path) -> io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map(drop)
}

/// Seats' secrets are in it: a file that others may read, such as a copy which `sqlite3` has
/// made, becomes its owner's alone.
fn keep_from_others(path: &Path) {
    let Ok(found) = fs::metadata(path) else {
        // Not made yet.
        return;
    };
    let mode = found.permissions().mode();
    if mode & 0o077 == 0 {
        return;
    }
    if let Err(error) = fs::set_permissions(path, Permissions::from_mode(mode & 0o700)) {
        tracing::warn!(
            path = %path.display(), %error,
            "others may read or change this, and it cannot be kept from them"
        );
    }
}

/// Waits until the names of new files are on the disk.
fn sync_directory(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}
