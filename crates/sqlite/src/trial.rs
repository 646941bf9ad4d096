//! Finds out whether a database could be opened, without opening it for good.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, TransactionBehavior};
use tablecast_core::id::unique;

use crate::database_file::{DatabaseFile, try_lock};
use crate::error::{OpenError, Problem};
use crate::open::{connect, real_path};
use crate::options::SqliteOptions;
use crate::place::beside;
use crate::rows::StoreRow;
use crate::run_file::{self, Record};
use crate::{foreign_log, schema};

/// A larger database is not read as a whole: that takes too long for a look before a start.
const QUICK: u64 = 64 << 20;

/// What opening a database would find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// Where it is, whatever links lead to it.
    pub path: PathBuf,
    /// What is there.
    pub found: Found,
}

/// What is where a database should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Nothing, or nothing yet: a database will be made.
    Nothing,
    /// One that this process could open.
    Database {
        /// How many rooms are stored, some of which may have expired.
        rooms: u64,
        /// When it was last changed, in milliseconds since 1970.
        clock: u64,
        /// An older version has made it; it will be brought to this one, which the older
        /// cannot read any more.
        is_older: bool,
        /// How SQLite's pages hang together was looked at. Not if it is large.
        is_whole: bool,
    },
    /// Another process serves it.
    InUse {
        /// The id of that process, or `unknown`.
        process: String,
    },
}

/// Tries everything that [`SqliteBackend::open`](crate::SqliteBackend::open) does, and takes it
/// back. A database that is in use is only found to be so. For a moment the database is locked:
/// a server that starts right then may be refused it.
///
/// # Errors
/// Opening would fail: see [`Problem`].
pub fn trial(options: &SqliteOptions) -> Result<Trial, OpenError> {
    let named = &options.path;
    let tried = real_path(named).and_then(|path| {
        let found = look(&path)?;
        Ok(Trial { path, found })
    });
    tried.map_err(|problem| problem.at(named))
}

fn look(path: &Path) -> Result<Found, Problem> {
    if let Some(process) = user(path)? {
        return Ok(Found::InUse { process });
    }
    foreign_log::refuse(path)?;
    // SQLite makes files beside it, and so do we.
    write_beside(path)?;
    if !path.exists() {
        return Ok(Found::Nothing);
    }
    let mut connection = connect(path)?;
    let version = schema::version(&connection)?;
    if version == Some(schema::NEWEST) {
        schema::verify(&connection)?;
    }
    // It is dropped, and with it what is changed.
    let change = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let Some(version) = version else {
        return Ok(Found::Nothing);
    };
    change.pragma_update(None, "user_version", version)?;
    let row = StoreRow::read(&change)?;
    let rooms: i64 = change.query_row("SELECT count(*) FROM rooms", (), |row| row.get(0))?;
    drop(change);
    let is_whole = path.metadata()?.len() <= QUICK;
    if is_whole {
        look_at_pages(&connection)?;
    }
    Ok(Found::Database {
        rooms: rooms.cast_unsigned(),
        clock: row.map_or(0, |row| row.clock),
        is_older: version < schema::NEWEST,
        is_whole,
    })
}

/// The process that has the database.
fn user(path: &Path) -> Result<Option<String>, Problem> {
    match OpenOptions::new()
        .read(true)
        .write(true)
        .open(run_file::of(path))
    {
        Ok(mut file) if !try_lock(&file)? => {
            let mut text = String::new();
            // Whatever else stands there tells of no process.
            let _ = file.read_to_string(&mut text);
            let process = Record::decode(&text).map(|record| record.process.to_string());
            return Ok(Some(process.unwrap_or_else(|| "unknown".to_owned())));
        }
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error.into()),
    }
    // By another name, perhaps.
    match DatabaseFile::open(path) {
        Ok(file) => Ok((!file.try_lock()?).then(|| "unknown".to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Makes a file as large as a page beside it, and removes it.
fn write_beside(path: &Path) -> io::Result<()> {
    let probe = beside(path, &format!("-check-{:016x}", unique()));
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&probe)?;
    let written = file.write_all(&[0; 4096]).and_then(|()| file.sync_all());
    fs::remove_file(&probe)?;
    written
}

fn look_at_pages(connection: &Connection) -> Result<(), Problem> {
    let words: String = connection.query_row("PRAGMA quick_check(1)", (), |row| row.get(0))?;
    match words.as_str() {
        "ok" => Ok(()),
        _ => Err(Problem::Damaged(words)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use tablecast_testing::Directory;

    use super::*;
    use crate::SqliteBackend;

    fn names(directory: &Directory) -> Vec<String> {
        let entries = fs::read_dir(directory.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn it_leaves_everything_as_it_was() {
        let directory = Directory::new();
        let options = SqliteOptions::new(directory.path().join("one.db"));
        assert_eq!(trial(&options).unwrap().found, Found::Nothing);
        assert!(names(&directory).is_empty());
        let backend = SqliteBackend::open(&options).unwrap();
        let process = std::process::id().to_string();
        assert_eq!(trial(&options).unwrap().found, Found::InUse { process });
        drop(backend);
        let before = (names(&directory), fs::read(&options.path).unwrap());
        let Found::Database {
            rooms: 0,
            is_older: false,
            is_whole: true,
            ..
        } = trial(&options).unwrap().found
        else {
            panic!("another database is found");
        };
        assert_eq!(
            (names(&directory), fs::read(&options.path).unwrap()),
            before
        );
        let again = SqliteBackend::open(&options).unwrap();
        assert_eq!(again.new_run(), None, "members go on where they were");
    }
}
