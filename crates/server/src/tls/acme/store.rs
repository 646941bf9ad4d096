//! What is kept of an ACME server: the account and the certificate, in a directory that only
//! the owner may read. Each file is replaced as a whole.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use instant_acme::AccountCredentials;
use tablecast_http::tls::{Certificate, CertificateError};

const ACCOUNT: &str = "account.json";

/// The chain and the key in one file, so that they are replaced together.
const CERTIFICATE: &str = "certificate.pem";

const LOCK: &str = "lock";

#[derive(Debug)]
pub(super) struct Store {
    /// Of one ACME server: what one gave is not for another.
    dir: PathBuf,
}

impl Store {
    /// What is kept in this directory of the ACME server with this URL. The directory is made if
    /// it is not there.
    pub(super) fn open(dir: &Path, url: &str) -> io::Result<Self> {
        let store = Store::at(dir, url);
        let mut make = DirBuilder::new();
        make.recursive(true).mode(0o700).create(&store.dir)?;
        Ok(store)
    }

    /// As [`Store::open`], but only to look: nothing is made.
    pub(super) fn at(dir: &Path, url: &str) -> Self {
        let name = url.strip_prefix("https://").unwrap_or(url);
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
        let name: String = name
            .chars()
            .map(|c| if plain(c) { c } else { '_' })
            .collect();
        Store {
            dir: dir.join(name),
        }
    }

    /// The files with secrets. The certificate's has its key.
    pub(super) fn secrets(&self) -> [PathBuf; 2] {
        [ACCOUNT, CERTIFICATE].map(|name| self.dir.join(name))
    }

    /// The right to order, until the returned file is dropped; `None` while another process has it.
    pub(super) fn lock(&self) -> io::Result<Option<File>> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(self.dir.join(LOCK))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    pub(super) fn certificate(&self) -> Result<Option<Certificate>, CertificateError> {
        let path = self.dir.join(CERTIFICATE);
        let file = path.display().to_string();
        match fs::read(&path) {
            Ok(text) => Certificate::from_pem(&file, &text).map(Some),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(CertificateError::Read { file, error }),
        }
    }

    pub(super) fn keep_certificate(&self, pem: &str) -> io::Result<()> {
        self.replace(CERTIFICATE, pem.as_bytes())
    }

    pub(super) fn account(&self) -> io::Result<Option<AccountCredentials>> {
        match fs::read(self.dir.join(ACCOUNT)) {
            Ok(text) => Ok(Some(serde_json::from_slice(&text)?)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn keep_account(&self, account: &AccountCredentials) -> io::Result<()> {
        self.replace(ACCOUNT, &serde_json::to_vec(account)?)
    }

    pub(super) fn forget_account(&self) -> io::Result<()> {
        fs::remove_file(self.dir.join(ACCOUNT))
    }

    /// Writes a file, for whoever has the lock.
    fn replace(&self, name: &str, text: &[u8]) -> io::Result<()> {
        let new = self.dir.join(format!("{name}.new"));
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(&new)?;
        file.write_all(text)?;
        file.sync_all()?;
        fs::rename(&new, self.dir.join(name))?;
        File::open(&self.dir)?.sync_all()
    }
}
