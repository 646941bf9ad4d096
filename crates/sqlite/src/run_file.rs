//! The file beside the database, `…-run`: who has the database, and what it must hold at
//! least. So a start can tell whether the database is as its last process left it.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::database_file::{DatabaseFile, try_lock};
use crate::error::Problem;
use crate::options::SyncMode;
use crate::place::beside;

/// How the last changes were kept when the file was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// By a process that may have died since.
    By(SyncMode),
    /// It has closed the database, and all is on the disk.
    Closed,
}

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) process: u32,
    /// Empty where the system does not say.
    pub(crate) boot_id: String,
    /// The database file's number on its disk: a copy has another.
    pub(crate) inode: u64,
    pub(crate) kept: Kept,
    /// Transactions that were committed, at least.
    pub(crate) commits: u64,
}

/// Why a database may not be what its last process left, so that every room must begin a
/// new epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewRun {
    /// It was made just now.
    New,
    /// It is a backup that was put in its place.
    Backup,
    /// The file beside it is missing or cannot be read.
    NoRunFile,
    /// It is another file than that which the file beside it tells of: a copy.
    Copy,
    /// It has fewer changes than were acknowledged.
    Behind,
    /// The machine started again without closing it, and its last changes may not have
    /// reached the disk.
    Reboot,
}

impl fmt::Display for NewRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NewRun::New => "it is new",
            NewRun::Backup => "it is a backup",
            NewRun::NoRunFile => "the file beside it that ends in -run is missing or unreadable",
            NewRun::Copy => "it is a copy, not the file that was last open",
            NewRun::Behind => "it has fewer changes than were acknowledged",
            NewRun::Reboot => {
                "the machine has started again, and the last changes may not have reached the disk"
            }
        })
    }
}

impl Record {
    /// Whether a database with this many transactions lacks something that was
    /// acknowledged, or may.
    pub(crate) fn doubt(&self, commits: u64, inode: u64, boot_id: &str) -> Option<NewRun> {
        if self.inode != inode {
            return Some(NewRun::Copy);
        }
        if commits < self.commits {
            return Some(NewRun::Behind);
        }
        let same_boot = !boot_id.is_empty() && self.boot_id == boot_id;
        match self.kept {
            Kept::By(SyncMode::Normal) if !same_boot => Some(NewRun::Reboot),
            Kept::By(SyncMode::Normal | SyncMode::Full) | Kept::Closed => None,
        }
    }

    fn encode(&self) -> String {
        let kept = match self.kept {
            Kept::By(sync) => sync.to_string(),
            Kept::Closed => "closed".to_owned(),
        };
        // Of one length, so that a shorter one leaves nothing of a longer one behind it.
        let text = format!(
            "tablecast 1 process={:<10} boot={:<36.36} inode={:<20} kept={kept:<6} commits={:<20}",
            self.process, self.boot_id, self.inode, self.commits
        );
        format!("{text} sum={:08x}\n", crc32fast::hash(text.as_bytes()))
    }

    pub(crate) fn decode(text: &str) -> Option<Record> {
        let (text, sum) = text.strip_suffix('\n')?.rsplit_once(" sum=")?;
        if u32::from_str_radix(sum, 16).ok()? != crc32fast::hash(text.as_bytes()) {
            return None;
        }
        let mut fields = text.strip_prefix("tablecast 1 ")?.split_whitespace();
        let mut field = |name: &str| fields.next()?.strip_prefix(name)?.strip_prefix('=');
        Some(Record {
            process: field("process")?.parse().ok()?,
            boot_id: field("boot")?.to_owned(),
            inode: field("inode")?.parse().ok()?,
            kept: match field("kept")? {
                "normal" => Kept::By(SyncMode::Normal),
                "full" => Kept::By(SyncMode::Full),
                "closed" => Kept::Closed,
                _ => return None,
            },
            commits: field("commits")?.parse().ok()?,
        })
    }
}

/// What stood in the file.
pub(crate) struct Found {
    /// `None` if it is no record.
    pub(crate) record: Option<Record>,
    /// Nothing: it was made just now.
    pub(crate) is_empty: bool,
}

/// The file, locked: as long as this lives no other process opens the database.
///
/// To be dropped after the last of SQLite's connections.
pub(crate) struct RunFile {
    file: File,
    record: Record,
    /// The database itself, locked too.
    database: Option<DatabaseFile>,
}

impl RunFile {
    /// Locks the file of this database, and reads what the last process wrote.
    ///
    /// # Errors
    /// Another process has it, or it cannot be written.
    pub(crate) fn lock(
        database: &Path,
        boot_id: Option<&str>,
        sync: SyncMode,
    ) -> Result<(RunFile, Found), Problem> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(of(database))?;
        let is_locked = try_lock(&file)?;
        let mut text = String::new();
        // Whatever else stands there is as good as nothing.
        let is_read = file.read_to_string(&mut text).is_ok();
        let found = Found {
            record: Record::decode(&text).filter(|_| is_read),
            is_empty: is_read && text.is_empty(),
        };
        if !is_locked {
            let process = found
                .record
                .map_or_else(|| "unknown".to_owned(), |record| record.process.to_string());
            return Err(Problem::InUse { process });
        }
        if let Some(found) = &found.record {
            // It may take a while to open: whoever comes meanwhile is told of this process.
            let found = Record {
                process: std::process::id(),
                ..found.clone()
            };
            file.write_all_at(found.encode().as_bytes(), 0)?;
        }
        let boot_id = boot_id.map_or_else(system_boot_id, str::to_owned);
        let record = Record {
            process: std::process::id(),
            boot_id,
            inode: 0,
            kept: Kept::By(sync),
            commits: 0,
        };
        let run_file = RunFile {
            file,
            record,
            database: None,
        };
        Ok((run_file, found))
    }

    /// Locks the database itself, by a lock that SQLite does not look at: the file beside it
    /// may be removed, and a hard link to the database has another one beside it.
    ///
    /// # Errors
    /// Another process has it, or it cannot be read.
    pub(crate) fn lock_database(&mut self, database: &Path) -> Result<(), Problem> {
        let file = DatabaseFile::open(database)?;
        if !file.try_lock()? {
            return Err(Problem::InUse {
                process: "unknown".to_owned(),
            });
        }
        self.database = Some(file);
        Ok(())
    }

    /// What is written, except for the commits.
    pub(crate) fn boot_id(&self) -> &str {
        &self.record.boot_id
    }

    /// Whether the end of the process, if it is not orderly, will be taken for one of the
    /// machine: the system does not tell which start of it this is.
    pub(crate) fn takes_crash_for_reboot(&self) -> bool {
        self.record.boot_id.is_empty() && self.record.kept == Kept::By(SyncMode::Normal)
    }

    /// From here on the file tells of this database with so many transactions, which are
    /// on the disk. Waits until the file is, too.
    pub(crate) fn begin(&mut self, inode: u64, commits: u64) -> io::Result<()> {
        self.record.inode = inode;
        self.record.commits = commits;
        let text = self.record.encode();
        self.file.set_len(text.len() as u64)?;
        self.file.write_all_at(text.as_bytes(), 0)?;
        self.file.sync_all()
    }

    /// So many transactions are committed.
    pub(crate) fn advance(&mut self, commits: u64) -> io::Result<()> {
        self.record.commits = commits;
        self.file.write_all_at(self.record.encode().as_bytes(), 0)
    }

    /// The database was closed, and is on the disk.
    pub(crate) fn close(mut self) -> io::Result<()> {
        self.record.kept = Kept::Closed;
        self.file.write_all_at(self.record.encode().as_bytes(), 0)?;
        self.file.sync_all()
    }
}

/// Where the file is.
pub(crate) fn of(database: &Path) -> PathBuf {
    beside(database, "-run")
}

/// The file's number on its disk.
pub(crate) fn inode(path: &Path) -> io::Result<u64> {
    Ok(path.metadata()?.ino())
}

/// What tells one start of the machine from the next. Empty where the system does not say.
fn system_boot_id() -> String {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
    id.unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kept: Kept, commits: u64) -> Record {
        Record {
            process: 7,
            boot_id: "one".to_owned(),
            inode: 3,
            kept,
            commits,
        }
    }

    #[test]
    fn what_is_written_is_read_and_has_one_length() {
        let normal = record(Kept::By(SyncMode::Normal), 0);
        let text = normal.encode();
        assert_eq!(Record::decode(&text), Some(normal));
        let closed = record(Kept::Closed, u64::MAX);
        assert_eq!(Record::decode(&closed.encode()), Some(closed.clone()));
        assert_eq!(closed.encode().len(), text.len());
    }

    #[test]
    fn a_byte_that_has_changed_is_found() {
        let text = record(Kept::By(SyncMode::Full), 12).encode().into_bytes();
        for at in 0..text.len() {
            let mut changed = text.clone();
            changed[at] ^= 1;
            let read = String::from_utf8(changed).ok();
            assert_eq!(read.and_then(|text| Record::decode(&text)), None, "at {at}");
        }
        assert_eq!(Record::decode(""), None);
    }

    #[test]
    fn a_doubt_has_its_reason() {
        let normal = record(Kept::By(SyncMode::Normal), 10);
        assert_eq!(normal.doubt(10, 3, "one"), None);
        assert_eq!(normal.doubt(11, 3, "one"), None, "killed before it wrote");
        assert_eq!(normal.doubt(9, 3, "one"), Some(NewRun::Behind));
        assert_eq!(normal.doubt(10, 4, "one"), Some(NewRun::Copy));
        assert_eq!(normal.doubt(10, 3, "two"), Some(NewRun::Reboot));
        let full = record(Kept::By(SyncMode::Full), 10);
        assert_eq!(full.doubt(10, 3, "two"), None);
        assert_eq!(full.doubt(9, 3, "two"), Some(NewRun::Behind));
        let closed = record(Kept::Closed, 10);
        assert_eq!(closed.doubt(10, 3, "two"), None);
        assert_eq!(closed.doubt(9, 3, "two"), Some(NewRun::Behind));
        let nowhere = Record {
            boot_id: String::new(),
            ..normal
        };
        assert_eq!(nowhere.doubt(10, 3, ""), Some(NewRun::Reboot), "not told");
    }
}
