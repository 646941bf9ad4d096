//! What the tests of databases share.
#![allow(clippy::unwrap_used, dead_code)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use rusqlite::Connection;
use tablecast_core::backend::{
    Backend, BackendError, Commit, Committed, Created, Loaded, NewKeepsake, NewRoom,
};
use tablecast_core::{Position, RoomId};
use tablecast_sqlite::{OpenError, SqliteBackend, SqliteOptions, SyncMode};
use tablecast_testing::Directory;

/// A directory of a test's own for a database.
pub(crate) struct Folder(Directory);

impl Folder {
    pub(crate) fn new() -> Self {
        Folder(Directory::new())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// The database of this folder.
    pub(crate) fn database(&self) -> PathBuf {
        self.path().join("rooms.db")
    }

    /// A file beside it.
    pub(crate) fn beside(&self, end: &str) -> PathBuf {
        self.path().join(format!("rooms.db{end}"))
    }

    /// Its options, on a machine that has started once.
    pub(crate) fn options(&self) -> SqliteOptions {
        let mut options = SqliteOptions::new(self.database());
        options.boot_id = Some("the-first-boot".to_owned());
        // A sync may wait for whatever else the machine writes.
        options.timeout = Duration::from_secs(60);
        options
    }

    /// Its options with this sync, after this start of the machine.
    pub(crate) fn options_of(&self, sync: SyncMode, boot_id: &str) -> SqliteOptions {
        SqliteOptions {
            sync,
            boot_id: Some(boot_id.to_owned()),
            ..self.options()
        }
    }

    pub(crate) fn open(&self) -> SqliteBackend {
        SqliteBackend::open(&self.options()).unwrap()
    }
}

/// What stands in the files of a database while it is open: as after a crash of the process
/// at this moment.
pub(crate) struct Files(Vec<(PathBuf, Vec<u8>)>);

impl Files {
    pub(crate) fn of(folder: &Folder) -> Self {
        let files = ["", "-wal", "-run"].map(|end| folder.beside(end));
        let read = |path: PathBuf| fs::read(&path).ok().map(|bytes| (path, bytes));
        Files(files.into_iter().filter_map(read).collect())
    }

    /// Puts them back into the same files, once the database is closed.
    pub(crate) fn put_back(&self, folder: &Folder) {
        for end in ["-wal", "-shm"] {
            let _ = fs::remove_file(folder.beside(end));
        }
        for (path, bytes) in &self.0 {
            fs::write(path, bytes).unwrap();
        }
    }
}

/// A clock that a test moves by hand.
#[derive(Clone)]
pub(crate) struct Hands(Arc<AtomicU64>);

impl Hands {
    pub(crate) fn at(now: u64) -> Self {
        Hands(Arc::new(AtomicU64::new(now)))
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_millis() as u64, Ordering::Relaxed);
    }

    pub(crate) fn open(&self, options: &SqliteOptions) -> SqliteBackend {
        self.try_open(options).unwrap()
    }

    pub(crate) fn try_open(&self, options: &SqliteOptions) -> Result<SqliteBackend, OpenError> {
        let now = self.0.clone();
        SqliteBackend::open_with_clock(options, move || now.load(Ordering::Relaxed))
    }
}

pub(crate) fn room(id: &str) -> RoomId {
    id.parse().unwrap()
}

pub(crate) const HOUR: Duration = Duration::from_secs(3600);

pub(crate) async fn try_create(
    backend: &dyn Backend,
    id: &str,
    state: Bytes,
) -> Result<Created, BackendError> {
    let new = NewRoom {
        snapshot: state,
        ttl: HOUR,
        max_age: 24 * HOUR,
        alarm: None,
    };
    backend.create(&room(id), new).await
}

pub(crate) async fn create(backend: &dyn Backend, id: &str) -> Position {
    match try_create(backend, id, "the first state".into()).await {
        Ok(Created::New(position, _)) => position,
        other => panic!("{id} was not made: {other:?}"),
    }
}

pub(crate) fn step(expected: Position, event: &str) -> Commit {
    Commit {
        expected,
        events: vec![Bytes::from(event.to_owned()).into()],
        snapshot: None,
        extend: None,
        keepsake: None,
        alarm: None,
    }
}

/// Commits one event, and it is accepted.
pub(crate) async fn commit(
    backend: &dyn Backend,
    id: &str,
    expected: Position,
    event: &str,
) -> Position {
    match backend.commit(&room(id), step(expected, event)).await {
        Ok(Committed::Accepted(_)) => expected.after(1),
        other => panic!("{event} was not accepted: {other:?}"),
    }
}

/// Commits one event with something to be kept.
pub(crate) async fn keep(
    backend: &dyn Backend,
    id: &str,
    expected: Position,
    what: &str,
) -> Position {
    let mut step = step(expected, what);
    step.keepsake = Some(NewKeepsake {
        what: Bytes::from(what.to_owned()).into(),
        ttl: 7 * 24 * HOUR,
    });
    match backend.commit(&room(id), step).await {
        Ok(Committed::Accepted(_)) => expected.after(1),
        other => panic!("{what} was not accepted: {other:?}"),
    }
}

pub(crate) async fn load(backend: &dyn Backend, id: &str) -> Loaded {
    backend.load(&room(id), None).await.unwrap().unwrap()
}

/// The events of a room that was loaded, as text.
pub(crate) fn texts(loaded: &Loaded) -> Vec<String> {
    let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).unwrap();
    loaded
        .events
        .iter()
        .map(|event| text(&event.event))
        .collect()
}

/// Damages the first page of a table.
pub(crate) fn on_root_of(folder: &Folder, table: &str, damage: impl FnOnce(&mut [u8])) {
    let connection = Connection::open(folder.database()).unwrap();
    let query = "SELECT rootpage FROM sqlite_schema WHERE name = ?";
    let root: u32 = connection
        .query_row(query, [table], |row| row.get(0))
        .unwrap();
    drop(connection);
    let mut bytes = fs::read(folder.database()).unwrap();
    damage(&mut bytes[(root as usize - 1) * 4096..][..4096]);
    fs::write(folder.database(), bytes).unwrap();
}
