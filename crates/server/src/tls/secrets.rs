//! Files that only the owner, or a group of the operator's choice, should be able to read.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::sleep;

/// How often it looks at them.
const LOOK: Duration = Duration::from_secs(5);

/// Files with secrets, each of which may not be there yet.
#[derive(Debug)]
pub(super) struct Secrets(Vec<Secret>);

#[derive(Debug)]
struct Secret {
    file: PathBuf,
    /// Others may read it, and that was said.
    is_open: bool,
}

impl Secrets {
    pub(super) fn in_files(files: impl IntoIterator<Item = PathBuf>) -> Self {
        let secret = |file| Secret {
            file,
            is_open: false,
        };
        Secrets(files.into_iter().map(secret).collect())
    }

    /// Warns of each that others may read, at once or when it becomes so. It never ends.
    pub(super) async fn watch(mut self) {
        loop {
            for words in self.opened() {
                tracing::warn!("{words}");
            }
            sleep(LOOK).await;
        }
    }

    /// Which of them others may read who could not at the last look, in words.
    fn opened(&mut self) -> Vec<String> {
        let opened = self.0.iter_mut().filter_map(|secret| {
            let words = open_to_others(&secret.file);
            let was_open = std::mem::replace(&mut secret.is_open, words.is_some());
            words.filter(|_| !was_open)
        });
        opened.collect()
    }
}

/// Whether a file can be read or changed by everybody on this machine, in words.
pub(crate) fn open_to_others(file: &Path) -> Option<String> {
    let mode = std::fs::metadata(file).ok()?.permissions().mode();
    let shown = file.display();
    (mode & 0o007 != 0)
        .then(|| format!("everybody on this machine may read or change {shown}: chmod o= {shown}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use tablecast_testing::Directory;

    use super::*;

    #[test]
    fn a_file_that_becomes_readable_for_everybody_is_told_once() {
        let dir = Directory::new();
        let key = dir.path().join("key.pem");
        let account = dir.path().join("account.json");
        let mut secrets = Secrets::in_files([key.clone(), account.clone()]);
        assert!(secrets.opened().is_empty(), "neither is there");
        fs::write(&key, "a key").unwrap();
        let mut told = |file: &Path, mode| {
            fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
            secrets.opened().pop()
        };
        assert_eq!(
            told(&key, 0o640),
            None,
            "a group is the operator's own choice"
        );
        let words = told(&key, 0o644).expect("everybody may read it");
        assert!(words.contains("key.pem: chmod o= "), "{words}");
        assert_eq!(told(&key, 0o666), None, "it was said");
        fs::write(&account, "an account").unwrap();
        let words = told(&account, 0o604).expect("the other one is told too");
        assert!(words.contains("account.json: chmod o= "), "{words}");
        assert_eq!(told(&key, 0o600), None);
        assert!(told(&key, 0o604).is_some(), "it is another time");
    }
}
