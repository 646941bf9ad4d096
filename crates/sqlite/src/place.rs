//! That the files are where they were opened. One that was removed or moved away still takes
//! changes, and no later process would find them.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::error;

/// The database, and what SQLite keeps beside it.
const ENDS: [&str; 3] = ["", "-wal", "-shm"];

/// A file by its number, and the number of its disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Inode(u64, u64);

impl Inode {
    fn of(path: &Path) -> io::Result<Inode> {
        let found = path.metadata()?;
        Ok(Inode(found.dev(), found.ino()))
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
            let inode = Inode::of(&path)?;
            Ok::<_, io::Error>((path, inode))
        });
        Ok(Place {
            files: [file?, log?, index?],
        })
    }

    /// # Errors
    /// One of the files is not there any more, or another is in its place.
    pub(crate) fn look(&self) -> rusqlite::Result<()> {
        for (path, inode) in &self.files {
            if Inode::of(path).ok() != Some(*inode) {
                return Err(error::moved(path));
            }
        }
        Ok(())
    }

    /// How long the file of SQLite's log is. 0 if it is not there.
    pub(crate) fn log_bytes(&self) -> u64 {
        let [_, (log, _), _] = &self.files;
        log.metadata().map_or(0, |log| log.len())
    }
}

/// The file beside the database with this at the end of its name.
pub(crate) fn beside(database: &Path, end: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(end);
    name.into()
}
