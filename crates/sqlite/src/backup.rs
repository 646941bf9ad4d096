//! A copy of a database, made while it is in use.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use rusqlite::Connection;

use crate::check::{Progress, open_to_look};
use crate::database_file::try_lock;
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
    let part = part(to);
    let lock = make(&part).map_err(|problem| problem.at(to))?;
    let copied = check_free(to)
        .and_then(|()| copy(connection, &part, progress))
        .and_then(|()| mark(&part))
        .and_then(|()| finish(&part, to));
    let outcome = copied.map_err(|problem| {
        let _ = fs::remove_file(&part);
        problem.at(to)
    });
    drop(lock);
    outcome
}

/// Where the copy is until it is whole.
fn part(to: &Path) -> PathBuf {
    let mut name = to.as_os_str().to_owned();
    name.push("-part");
    name.into()
}

/// Makes the copy's file, empty. No other process copies to it as long as the answer lives.
fn make(part: &Path) -> Result<File, Problem> {
    // For its owner alone, as SQLite finds it. Perhaps left by a copy that was cut off.
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(part)?;
    // Another one may have been finished, under its own name, since this was opened.
    let number = file.metadata()?.ino();
    let is_there = || part.metadata().is_ok_and(|now| now.ino() == number);
    if !try_lock(&file)? || !is_there() {
        return Err(Problem::Other(
            "another process makes a backup of this name".to_owned(),
        ));
    }
    file.set_len(0)?;
    Ok(file)
}

fn check_free(to: &Path) -> Result<(), Problem> {
    match to.exists() {
        true => Err(Problem::Other(
            "there is a file of this name already".to_owned(),
        )),
        false => Ok(()),
    }
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
    fs::rename(part, to)?;
    match to.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all()?,
        _ => File::open(".")?.sync_all()?,
    }
    Ok(())
}
