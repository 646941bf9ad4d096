//! Directories of a test's own.

use std::fs;
use std::path::{Path, PathBuf};

use tablecast_core::id::unique;

/// A directory for temporary files. It is removed with all in it when this is dropped.
#[derive(Debug)]
pub struct Directory(PathBuf);

impl Directory {
    /// An empty one.
    ///
    /// # Panics
    /// If it cannot be made.
    #[expect(clippy::new_without_default, reason = "it makes something outside")]
    pub fn new() -> Directory {
        let name = format!("tablecast-test-{:016x}", unique());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("a directory for temporary files");
        Directory(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file: its path.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).expect("a file to write");
        path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
