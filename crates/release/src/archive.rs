//! Archives that are the same bytes whenever the same files are in them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use flate2::{Compression, GzBuilder};
use tar::{Archive, Builder, EntryType, Header};

/// Packs a folder under its own name. All files are root's, sorted, have this time, and only their owner may write them.
pub(crate) fn pack(folder: &Path, archive: &Path, time: u64) -> Result<()> {
    let name = folder.file_name().context("a folder has a name")?;
    // gzip would else add a name and a time.
    let zipped = GzBuilder::new().write(create(archive)?, Compression::best());
    let mut builder = Builder::new(zipped);
    for path in walk(folder)? {
        let inside = Path::new(name).join(path.strip_prefix(folder)?);
        let (kind, bytes) = match path.is_dir() {
            true => (EntryType::Directory, Vec::new()),
            false => (EntryType::Regular, fs::read(&path)?),
        };
        let mut header = header(kind, mode(&path)?, time);
        header.set_size(bytes.len() as u64);
        builder.append_data(&mut header, inside, &*bytes)?;
    }
    let mut file = builder.into_inner()?.finish()?;
    Ok(file.flush()?)
}

/// Packs files without compressing them.
pub(crate) fn join(files: &BTreeMap<String, Vec<u8>>, archive: &Path, time: u64) -> Result<()> {
    let mut builder = Builder::new(create(archive)?);
    for (name, bytes) in files {
        let mut header = header(EntryType::Regular, 0o644, time);
        header.set_size(bytes.len() as u64);
        builder.append_data(&mut header, name, &**bytes)?;
    }
    Ok(builder.into_inner()?.flush()?)
}

/// The files of an archive that is not compressed.
pub(crate) fn files(archive: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for entry in Archive::new(File::open(archive)?).entries()? {
        let mut entry = entry?;
        if entry.header().entry_type() == EntryType::Regular {
            let name = entry.path()?.to_string_lossy().into_owned();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            files.insert(name, bytes);
        }
    }
    Ok(files)
}

fn create(path: &Path) -> Result<File> {
    File::create(path).with_context(|| format!("cannot write {}", path.display()))
}

fn header(kind: EntryType, mode: u32, time: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_mtime(time);
    header.set_uid(0);
    header.set_gid(0);
    header
}

/// Only whether the file may be run is kept. The other bits are settings of whoever made the file.
fn mode(path: &Path) -> Result<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    let metadata = fs::metadata(path)?;
    let may_run = metadata.is_dir() || metadata.permissions().mode() & 0o100 != 0;
    Ok(if may_run { 0o755 } else { 0o644 })
}

/// The folder and everything in it. Each folder is before what is in it.
fn walk(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = vec![folder.to_owned()];
    let mut inside: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder)? {
        inside.push(entry?.path());
    }
    // Sorted, since each file system has an order of its own.
    inside.sort();
    for path in inside {
        match path.is_dir() {
            true => found.extend(walk(&path)?),
            false => found.push(path),
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::release::put;
    use xtask::invocation::Invocation;

    /// A folder that is removed when this is dropped.
    struct Scratch(PathBuf);

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn the_same_files_give_the_same_archive_whoever_has_made_them() {
        let scratch = std::env::temp_dir().join(format!("dist-archive-{}", std::process::id()));
        let scratch = Scratch(scratch);
        let names = ["b", "a/z", "a/a", "run"];
        let mut archives = Vec::new();
        for (place, mask) in [("one", 0o600), ("two", 0o664)] {
            let folder = scratch.0.join(place).join("thing-1.0");
            let mut order = names.to_vec();
            if place == "two" {
                order.reverse();
            }
            for name in order {
                put(&folder.join(name), name.as_bytes()).unwrap();
                let may_run = if name == "run" { 0o100 } else { 0 };
                let mode = fs::Permissions::from_mode(mask | may_run);
                fs::set_permissions(folder.join(name), mode).unwrap();
            }
            let archive = scratch.0.join(place).join("thing.tar.gz");
            pack(&folder, &archive, 1_700_000_000).unwrap();
            archives.push(archive);
        }
        assert_eq!(
            fs::read(&archives[0]).unwrap(),
            fs::read(&archives[1]).unwrap()
        );
        let list = Invocation::new("env TZ=UTC tar --list --verbose --numeric-owner --file");
        let list = list.with(archives[0].to_str()).output().unwrap();
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        let lines: Vec<String> = list.lines().map(words).collect();
        assert_eq!(
            lines,
            [
                "drwxr-xr-x 0/0 0 2023-11-14 22:13 thing-1.0/",
                "drwxr-xr-x 0/0 0 2023-11-14 22:13 thing-1.0/a",
                "-rw-r--r-- 0/0 3 2023-11-14 22:13 thing-1.0/a/a",
                "-rw-r--r-- 0/0 3 2023-11-14 22:13 thing-1.0/a/z",
                "-rw-r--r-- 0/0 1 2023-11-14 22:13 thing-1.0/b",
                "-rwxr-xr-x 0/0 3 2023-11-14 22:13 thing-1.0/run",
            ]
        );
    }
}
