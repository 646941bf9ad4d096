//! Why there can be no TLS.

use std::io;
use std::path::PathBuf;

use tablecast_http::tls::CertificateError;

/// Why there can be no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is not what it should be.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The root to trust is not one.
    #[error("{} (--acme-root) is no certificate in PEM: {error}", path.display())]
    Root {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: String,
    },
    /// The directory for account and certificate cannot be used.
    #[error("cannot use the directory {} (--acme-store): {error}", path.display())]
    Store {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// There is no randomness.
    #[error("TLS cannot be set up: {0}")]
    SetUp(#[from] io::Error),
}
