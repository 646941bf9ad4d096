//! A certificate in files of the operator's, which some other program replaces.

use std::future::pending;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tablecast_http::tls::{Certificate, CertificateError, Tls, load};
use tokio::signal::unix::Signal;
use tokio::time::sleep;

use super::clock::said;

/// How often it looks whether they have changed. A certificate is replaced days before its end.
const LOOK: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Files {
    certificate: PathBuf,
    key: PathBuf,
    /// As they were when they were read.
    read: Stamps,
    again: Option<Signal>,
    every: Duration,
}

/// What changes when a file is written or replaced: its number, length, and time. `None` if it
/// cannot be looked at.
type Stamps = [Option<(u64, u64, i64, i64)>; 2];

impl Files {
    pub(super) fn open(
        certificate: &Path,
        key: &Path,
    ) -> Result<(Self, Certificate), CertificateError> {
        // Looked at first: what is written after this look is read again.
        let read = stamps(certificate, key);
        let found = load(certificate, key)?;
        let files = Files {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            read,
            again: None,
            every: LOOK,
        };
        Ok((files, found))
    }

    pub(super) fn read_again_on(&mut self, signal: Signal) {
        self.again = Some(signal);
    }

    pub(super) async fn keep(mut self, tls: &Tls) {
        let mut seen = self.read;
        loop {
            let asked = tokio::select! {
                () = sleep(self.every) => false,
                () = signalled(&mut self.again) => true,
            };
            let now = stamps(&self.certificate, &self.key);
            // Not between the one file and the other: a change counts when it has stood for a
            // while.
            let changed = now != self.read && now == seen;
            seen = now;
            if asked || changed {
                self.read = now;
                self.read_again(tls);
            }
        }
    }

    fn read_again(&self, tls: &Tls) {
        match load(&self.certificate, &self.key) {
            Ok(found) => {
                let end = said(found.not_after());
                tracing::info!("the certificate was read again; it ends at {end}");
                tls.renewed(found);
            }
            Err(error) => {
                tracing::warn!("the certificate was not read again, the old one stays: {error}");
                tls.not_renewed(error.to_string());
            }
        }
    }
}

async fn signalled(signal: &mut Option<Signal>) {
    let came = match signal {
        Some(signal) => signal.recv().await,
        None => None,
    };
    if came.is_none() {
        pending().await
    }
}

fn stamps(certificate: &Path, key: &Path) -> Stamps {
    [certificate, key].map(|path| {
        let found = std::fs::metadata(path).ok()?;
        Some((found.ino(), found.len(), found.mtime(), found.mtime_nsec()))
    })
}

#[cfg(test)]
mod tests;
