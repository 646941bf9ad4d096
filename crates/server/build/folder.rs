//! The files of a folder.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

/// All files in this folder and below, by their path from it, with `/` on every system.
pub(crate) fn read(folder: &Path) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() {
            let below = read(&entry.path())?;
            files.extend(
                below
                    .into_iter()
                    .map(|(path, file)| (format!("{name}/{path}"), file)),
            );
        } else {
            files.insert(name, fs::read(entry.path())?);
        }
    }
    Ok(files)
}
