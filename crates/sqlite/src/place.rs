//! That the files are where they were opened. One that was removed or moved away still takes
//! changes, and no later process would find them.

use std::fs::{Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use crate::error;

/// The database, and what SQLite keeps beside it.
const ENDS: [&str; 3] = ["", "-wal", "-shm"];

/// A file by its number, and the number of its disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Inode(u64, u64);

impl Inode {
    pub(crate) fn of(found: &Metadata) -> Inode {
        Inode(found.dev(), found.ino())
    }

    /// Of the file that is there.
    pub(crate) fn at(path: &Path) -> io::Result<Inode> {
        Ok(Inode::of(&path.metadata()?))
    }
}

/// Where the files are, and which they are.
pub(crate) struct Place {
    files: [(PathBuf, Inode); ENDS.len()],
}

impl Place {
    /// Of a database that is open.
    pub(crate) fn of(database: &Path) -> io::Result<Place> {
        let [file, log, index] = ENDS.map(|end| {
            let path = beside(database, end);
            let inode = Inode::at(&path)?;
            Ok::<_, io::Error>((path, inode))
        });
        Ok(Place {
            files: [file?, log?, index?],
        })
    }

    /// # Errors
    /// One of the files is not there any more, or another is in its place; or the system does
    /// not tell.
    pub(crate) fn look(&self) -> rusqlite::Result<()> {
        for (path, inode) in &self.files {
            match Inode::at(path) {
                Ok(found) if found == *inode => {}
                Ok(_) => return Err(error::moved(path)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Err(error::moved(path));
                }
                Err(error) => return Err(error::not_told(path, &error)),
            }
        }
        Ok(())
    }

    /// The same, or that the disk is read-only, if it is this that does not work: one that has had
    /// an error becomes so by itself, and SQLite is told no more than that it could not write.
    pub(crate) fn explain(&self, error: rusqlite::Error) -> rusqlite::Error {
        if error.sqlite_error_code() != Some(ErrorCode::SystemIoFailure) {
            return error;
        }
        // SQLite has no locks on its log, which would end with this handle.
        let [_, (log, _), _] = &self.files;
        match OpenOptions::new().write(true).open(log) {
            Err(why) if is_read_only(&why) => error::read_only(&error, &why),
            _ => error,
        }
    }

    /// How long the file of SQLite's log is. 0 if it is not there.
    pub(crate) fn log_bytes(&self) -> u64 {
        let [_, (log, _), _] = &self.files;
        log.metadata().map_or(0, |log| log.len())
    }
}

fn is_read_only(error: &io::Error) -> bool {
    use io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    matches!(error.kind(), PermissionDenied | ReadOnlyFilesystem)
}

/// The file beside the database with this at the end of its name.
pub(crate) fn beside(database: &Path, end: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(end);
    name.into()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use tablecast_testing::Directory;

    use super::*;

    #[test]
    fn what_cannot_be_looked_at_is_not_taken_for_moved() {
        let directory = Directory::new();
        let database = directory.path().join("one.db");
        for end in ENDS {
            fs::write(beside(&database, end), "").unwrap();
        }
        let place = Place::of(&database).unwrap();
        place.look().unwrap();
        let log = beside(&database, "-wal");
        fs::remove_file(&log).unwrap();
        assert_eq!(
            error::why(&place.look().unwrap_err()),
            "its database was moved or removed"
        );
        // A system's error that even the superuser gets.
        symlink(&log, &log).unwrap();
        let error = place.look().unwrap_err();
        assert_eq!(error::why(&error), "its disk does not work");
        assert!(error.to_string().contains("one.db-wal"), "{error}");
        assert!(!error::is_local(&error));
    }

    #[test]
    fn that_a_file_may_not_be_written_is_told_beside_sqlites_words() {
        let failed = || {
            let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_WRITE);
            rusqlite::Error::SqliteFailure(code, None)
        };
        let with_log = |log: &Path| {
            let files = [Path::new("/"), log, Path::new("/")];
            let files = files.map(|file| (file.to_owned(), Inode::at(file).unwrap()));
            Place { files }.explain(failed())
        };
        // The kernel's: not even root opens it to write.
        let told = with_log(Path::new("/sys/kernel/uevent_seqnum"));
        assert_eq!(error::why(&told), "its disk is read-only");
        assert!(told.to_string().contains("I/O"), "{told}");
        assert!(!error::is_local(&told));
        let told = with_log(Path::new("/dev/null"));
        assert_eq!(told, failed());
    }
}
