//! The compressed files in the binary; `build.rs` makes those of folders. In debug builds these
//! are read from the sources each time, so that reloading the page shows a change.

#[cfg(debug_assertions)]
#[path = "../build/folder.rs"]
mod folder;

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::{Arc, OnceLock};

use bytes::{Buf, Bytes};
use flate2::read::GzDecoder;
use lzma_rust2::LzmaReader;

/// Files by their path in a folder.
pub(crate) type Files = BTreeMap<String, Bytes>;

/// A folder in the binary. Its files share one memory.
pub(crate) struct Folder {
    name: &'static str,
    gzip: &'static [u8],
    files: OnceLock<Arc<Files>>,
}

impl Folder {
    /// The folder of this name beside the sources, and what became of it.
    pub(crate) const fn new(name: &'static str, gzip: &'static [u8]) -> Self {
        Self {
            name,
            gzip,
            files: OnceLock::new(),
        }
    }

    pub(crate) fn files(&self) -> Arc<Files> {
        #[cfg(debug_assertions)]
        if let Ok(files) = folder::read(&self.sources()) {
            let files = files.into_iter();
            return Arc::new(files.map(|(path, file)| (path, file.into())).collect());
        }
        let files = self.files.get_or_init(|| {
            let files = files(inflated(self.gzip));
            if files.is_none() {
                tracing::error!(folder = self.name, "a folder is not what was packed");
            }
            Arc::new(files.unwrap_or_default())
        });
        Arc::clone(files)
    }

    /// The file at this path.
    pub(crate) fn get(&self, path: &str) -> Option<Bytes> {
        #[cfg(debug_assertions)]
        if self.sources().is_dir() {
            // As in the binary: no path leads out of the folder, and each file has one.
            let is_plain = !path.split('/').any(|part| matches!(part, "" | "." | ".."));
            let read = || std::fs::read(self.sources().join(path)).ok();
            return is_plain.then(read)?.map(Bytes::from);
        }
        self.files().get(path).cloned()
    }

    #[cfg(debug_assertions)]
    fn sources(&self) -> std::path::PathBuf {
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(self.name)
    }
}

/// Each file is its path and what is in it, each with its length before it.
fn files(mut packed: Bytes) -> Option<Files> {
    let mut files = Files::new();
    while !packed.is_empty() {
        let path = piece(&mut packed)?;
        files.insert(str::from_utf8(&path).ok()?.to_owned(), piece(&mut packed)?);
    }
    Some(files)
}

fn piece(packed: &mut Bytes) -> Option<Bytes> {
    let length = usize::try_from(packed.try_get_u32_le().ok()?).ok()?;
    (length <= packed.len()).then(|| packed.split_to(length))
}

/// What was in this gzip file.
pub(crate) fn inflated(gzip: &[u8]) -> Bytes {
    read(Ok(GzDecoder::new(gzip)))
}

/// What was in this `.lzma` file, of this program's own: the memory it asks for is not limited.
pub(crate) fn from_lzma(file: &[u8]) -> Bytes {
    read(LzmaReader::new_mem_limit(file, u32::MAX, None))
}

fn read(file: io::Result<impl Read>) -> Bytes {
    let mut plain = Vec::new();
    if let Err(error) = file.and_then(|mut file| file.read_to_end(&mut plain)) {
        tracing::error!(%error, "a file is not what it was compressed to");
    }
    plain.into()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// A page has dozens of files, of which an editor may be replacing another one just now.
    #[cfg(debug_assertions)]
    #[test]
    fn a_file_is_read_from_the_sources_without_the_others_and_from_nowhere_else() {
        let directory = tablecast_testing::Directory::new();
        let web = directory.path().join("web");
        std::fs::create_dir_all(web.join("i18n")).unwrap();
        directory.write("secret.js", "not of the page");
        directory.write("web/i18n/ko.js", "ko");
        std::os::unix::fs::symlink("nothing", web.join("being-replaced.js")).unwrap();
        let name = web.to_string_lossy().into_owned().leak();
        let folder = Folder::new(name, b"");
        assert_eq!(folder.get("i18n/ko.js"), Some("ko".into()));
        let beyond = directory.path().join("secret.js");
        for none in [
            "../secret.js",
            "i18n/../../secret.js",
            "i18n//ko.js",
            "./i18n/ko.js",
            "i18n",
            "",
            beyond.to_str().unwrap(),
        ] {
            assert_eq!(folder.get(none), None, "{none}");
        }
    }

    #[test]
    fn what_was_packed_is_read_and_nothing_else() {
        let packed = b"\x01\0\0\0a\x02\0\0\0bc\x03\0\0\0d/e\0\0\0\0";
        let read = files(Bytes::from_static(packed)).unwrap();
        let read: Vec<(&str, &[u8])> = read.iter().map(|(path, file)| (&**path, &**file)).collect();
        assert_eq!(read, [("a", &b"bc"[..]), ("d/e", b"")]);
        for end in (1..packed.len()).filter(|end| *end != 11) {
            assert_eq!(files(Bytes::from_static(&packed[..end])), None, "{end}");
        }
    }
}
