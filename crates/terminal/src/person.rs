//! Who the user is in every room: a secret in a file of theirs, so that whoever joins again is the
//! same member with the same votes.

use std::env;
use std::ffi::OsString;
use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tablecast_client::protocol::PersonKey;
use tablecast_client::url::Url;

use crate::failed::Failed;
use crate::room_url::is_this_machine;
use crate::words::Lang;

/// The file in the user's state folder. It holds 32 hex digits.
const FILE: &str = "tablecast/person";

/// Where that folder is in the user's home, unless `XDG_STATE_HOME` says so.
const STATE: &str = ".local/state";

/// More than this is not read: it is another file.
const MOST_BYTES: u64 = 64;

/// Only the user may read and write it.
const PRIVATE: u32 = 0o600;

/// The secret from which the keys of all sites follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Person(PersonKey);

impl Person {
    /// Somebody new.
    pub(crate) fn new() -> Result<Self, Failed> {
        let mut secret = [0; 16];
        getrandom::fill(&mut secret)
            .map_err(|error| Failed::Refused(format!("no random numbers: {error}")))?;
        Ok(Person(PersonKey(u128::from_be_bytes(secret))))
    }

    /// The user of this program, and what to tell them of their file. If it cannot be used,
    /// they are somebody new.
    ///
    /// # Errors
    /// The file holds something else. To put a new secret there could destroy what the user
    /// wants to keep, and would silently make a second person of them.
    pub(crate) fn of_user(lang: &Lang) -> Result<(Self, Option<String>), Failed> {
        let new = Person::new()?;
        let Some(path) = path(env::var_os) else {
            return Ok((new, Some((lang.person_not_kept)("HOME is not set"))));
        };
        let shown = path.display().to_string();
        match kept(&path, new) {
            Ok((person, was_open)) => {
                Ok((person, was_open.then(|| (lang.person_was_open)(&shown))))
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                Err(Failed::Refused((lang.person_damaged)(&shown)))
            }
            Err(error) => {
                let why = format!("{shown}: {error}");
                Ok((new, Some((lang.person_not_kept)(&why))))
            }
        }
    }

    /// Who they are in the rooms of a site. Each host gets a key of its own, and can be nobody
    /// elsewhere with it. A site of this machine is the same by all its names.
    pub(crate) fn at(self, site: &Url) -> PersonKey {
        let host = match is_this_machine(site) {
            true => "localhost",
            false => site.host_str().unwrap_or_default(),
        };
        let hash = Sha256::digest(format!("tablecast person\n{host}\n{}\n", self.0));
        let bytes = hash.iter().take(16);
        PersonKey(bytes.fold(0, |key, byte| (key << 8) | u128::from(*byte)))
    }
}

/// The file, by the environment (XDG Base Directory Specification: a path that is not absolute
/// does not count).
fn path(variable: impl Fn(&'static str) -> Option<OsString>) -> Option<PathBuf> {
    let folder = |name| {
        variable(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let state = folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(STATE)))?;
    Some(state.join(FILE))
}

/// The person in the file, who is this one if nobody is there yet; and whether others could
/// read it until now.
fn kept(path: &Path, new: Person) -> io::Result<(Person, bool)> {
    if let Some(folder) = path.parent() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    let mut options = OpenOptions::new();
    let mut file = options
        .read(true)
        .write(true)
        .create(true)
        .mode(PRIVATE)
        .open(path)?;
    // Of several programs that begin at once, the first writes and the others read.
    file.lock()?;
    let was_open = file.metadata()?.permissions().mode() & 0o077 != 0;
    if was_open {
        file.set_permissions(Permissions::from_mode(PRIVATE))?;
    }
    let mut text = String::new();
    Read::by_ref(&mut file)
        .take(MOST_BYTES)
        .read_to_string(&mut text)?;
    if text.is_empty() {
        file.write_all(format!("{}\n", new.0).as_bytes())?;
        return Ok((new, was_open));
    }
    let secret = text.trim_end().parse();
    let secret = secret.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    Ok((Person(secret), was_open))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_in_the_state_folder_or_below_the_home() {
        for (state, home, expected) in [
            (Some("/s"), Some("/h"), Some("/s/tablecast/person")),
            (None, Some("/h"), Some("/h/.local/state/tablecast/person")),
            (
                Some("s"),
                Some("/h"),
                Some("/h/.local/state/tablecast/person"),
            ),
            (Some(""), Some(""), None),
            (None, None, None),
        ] {
            let found = path(|name| match name {
                "HOME" => home.map(Into::into),
                _ => state.map(Into::into),
            });
            assert_eq!(found, expected.map(PathBuf::from), "{state:?} {home:?}");
        }
    }

    #[test]
    fn each_host_knows_another_key_and_this_machine_has_one() {
        let person = Person(PersonKey(7));
        let key = |site: &str| person.at(&site.parse().unwrap());
        assert_eq!(
            key("http://lunch.example/"),
            key("https://lunch.example:8443/a")
        );
        assert_eq!(key("http://localhost:8000"), key("http://127.0.0.1:8001"));
        assert_ne!(key("http://lunch.example/"), key("http://dinner.example/"));
        assert_ne!(key("http://lunch.example/"), person.0);
    }
}
