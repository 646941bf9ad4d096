//! What the tests of databases share.
#![allow(clippy::unwrap_used, dead_code)]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use tablecast_sqlite::SqliteOptions;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A folder of a test's own, removed when the test is over.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tablecast-sqlite-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The database of this folder.
    pub(crate) fn database(&self) -> PathBuf {
        self.0.join("rooms.db")
    }

    /// Its options, on a machine that has started once.
    pub(crate) fn options(&self) -> SqliteOptions {
        let mut options = SqliteOptions::new(self.database());
        options.boot_id = Some("the-first-boot".to_owned());
        options
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
