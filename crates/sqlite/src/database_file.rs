//! The database file, opened past SQLite. Nothing else may open it so.
//!
//! The system drops all locks that SQLite has on a file when this process closes any handle to
//! it, whoever opened that. So no handle is closed as long as the file has a name: one that
//! is not used any more is used for the next one who opens the file.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::place::Inode;

/// All handles of this process. Those that nobody else has are not used.
static HANDLES: Mutex<Vec<Arc<File>>> = Mutex::new(Vec::new());

/// A handle that nobody else uses. Its lock ends with it.
pub(crate) struct DatabaseFile(Arc<File>);

impl DatabaseFile {
    pub(crate) fn open(path: &Path) -> io::Result<DatabaseFile> {
        let wanted = Inode::at(path)?;
        let mut handles = HANDLES.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody comes to a file without a name, so it needs no locks.
        handles.retain(|file| file.metadata().map_or(true, |found| found.nlink() > 0));
        let unused = handles.iter().find(|file| {
            let inode = file.metadata().map(|found| Inode::of(&found));
            Arc::strong_count(file) == 1 && inode.is_ok_and(|inode| inode == wanted)
        });
        if let Some(file) = unused {
            return Ok(DatabaseFile(Arc::clone(file)));
        }
        let file = Arc::new(File::open(path)?);
        handles.push(Arc::clone(&file));
        Ok(DatabaseFile(file))
    }

    /// Locks it, by a lock that SQLite does not look at. Whether it is locked now; not if
    /// somebody else has.
    pub(crate) fn try_lock(&self) -> io::Result<bool> {
        try_lock(&self.0)
    }

    /// Whether somebody has it locked.
    pub(crate) fn is_locked(&self) -> io::Result<bool> {
        match self.0.try_lock_shared() {
            Ok(()) => self.0.unlock().map(|()| false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Reads what stands there. Not if the file ends before.
    pub(crate) fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<bool> {
        is_whole(self.0.read_exact_at(buffer, at))
    }
}

/// Whether a buffer was filled by this. Not if the file ends before.
pub(crate) fn is_whole(read: io::Result<()>) -> io::Result<bool> {
    match read {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

impl Drop for DatabaseFile {
    fn drop(&mut self) {
        // It fails only if it has no lock.
        let _ = self.0.unlock();
    }
}

/// Whether it is locked now; not if somebody else has.
pub(crate) fn try_lock(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use tablecast_testing::Directory;

    use super::*;

    #[test]
    fn handles_are_used_again_and_each_locks_for_itself() {
        let directory = Directory::new();
        let path = directory.path().join("one.db");
        fs::write(&path, "").unwrap();
        let inode = Inode::at(&path).unwrap();
        let count = || {
            let handles = HANDLES.lock().unwrap();
            let inodes = handles.iter().map(|file| file.metadata().unwrap());
            inodes.filter(|found| Inode::of(found) == inode).count()
        };
        for _ in 0..3 {
            let first = DatabaseFile::open(&path).unwrap();
            let second = DatabaseFile::open(&path).unwrap();
            assert!(first.try_lock().unwrap());
            assert!(!second.try_lock().unwrap());
            drop(first);
            assert!(second.try_lock().unwrap());
            assert_eq!(count(), 2);
        }
        fs::remove_file(&path).unwrap();
        let other = directory.path().join("other.db");
        fs::write(&other, "").unwrap();
        drop(DatabaseFile::open(&other).unwrap());
        assert_eq!(count(), 0, "its space is free");
    }
}
