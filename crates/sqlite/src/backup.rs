//! A copy of a database, made while it is in use.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use rusqlite::Connection;
use tablecast_core::id::unique;

use crate::check::{Progress, open_to_look};
use crate::error::{OpenError, Problem, RowError};
use crate::rows::{StoreRow, unusable};

/// How often the progress is told.
const EVERY: Duration = Duration::from_millis(200);

/// Copies a database, which may be in use, as it is at one moment, to a file that is not
/// there yet. The copy is marked: when it is opened, every room begins a new epoch, since
/// members may know what came after. `progress` is told of bytes.
///
/// # Errors
/// The database cannot be read, or the copy not be written. Then there is no copy.
pub fn backup(path: &Path, to: &Path, progress: &mut dyn FnMut(Progress)) -> Result<(), OpenError> {
    let connection = open_to_look(path).map_err(|problem| problem.at(path))?;
    let part = make(to).map_err(|problem| problem.at(to))?;
    let copied = copy(connection, &part, progress)
        .and_then(|()| mark(&part))
        .and_then(|()| finish(&part, to));
    copied.map_err(|problem| {
        let _ = fs::remove_file(&part);
        problem.at(to)
    })
}

/// Makes the file in which the copy is until it is whole, empty. It has a name of its own, since
/// another process may make a backup of the same name.
fn make(to: &Path) -> Result<PathBuf, Problem> {
    if to.exists() {
        return Err(is_there());
    }
    let mut part = to.as_os_str().to_owned();
    part.push(format!("-part-{:016x}", unique()));
    // For its owner alone, as SQLite finds it.
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&part)?;
    Ok(part.into())
}

fn is_there() -> Problem {
    Problem::Other("there is a file of this name already".to_owned())
}

fn copy(
    connection: Connection,
    part: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), Problem> {
    let name = part
        .to_str()
        .ok_or_else(|| Problem::Other("its name is not UTF-8".to_owned()))?
        .to_owned();
    // It changes nothing but the copy, which SQLite counts as a change.
    connection.pragma_update(None, "query_only", false)?;
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let of = (pragma("page_count")? * pragma("page_size")?).cast_unsigned();
    let (done, copied) = channel();
    let copying = thread::Builder::new().spawn(move || {
        let copied = connection.execute("VACUUM INTO ?", [name]);
        // The other end waits for it.
        let _ = done.send(copied);
    })?;
    let copied = loop {
        match copied.recv_timeout(EVERY) {
            Ok(copied) => break copied.map(drop).map_err(Problem::from),
            Err(RecvTimeoutError::Timeout) => {
                let done = part.metadata().map_or(0, |part| part.len());
                progress(Progress { done, of });
            }
            Err(RecvTimeoutError::Disconnected) => {
                break Err(Problem::Other("the copying ended early".to_owned()));
            }
        }
    };
    // It has sent its answer, or cannot any more.
    let _ = copying.join();
    copied
}

fn mark(part: &Path) -> Result<(), Problem> {
    let connection = Connection::open(part)?;
    let row = StoreRow::read(&connection)?;
    let mut row = row.ok_or_else(|| -> RowError { unusable("it holds no store") })?;
    row.is_backup = true;
    row.write(&connection)?;
    connection.close().map_err(|(_, error)| error)?;
    Ok(())
}

fn finish(part: &Path, to: &Path) -> Result<(), Problem> {
    File::open(part)?.sync_all()?;
    match fs::hard_link(part, to) {
        Ok(()) => fs::remove_file(part)?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(is_there()),
        // There are no links on this kind of disk.
        Err(_) => fs::rename(part, to)?,
    }
    match to.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all()?,
        _ => File::open(".")?.sync_all()?,
    }
    Ok(())
}
