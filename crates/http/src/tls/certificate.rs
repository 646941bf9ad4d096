//! A certificate with its chain and its key, and how it is read.

use std::fmt;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio_rustls::rustls;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{Error as PemError, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::CertifiedKey;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::time::ASN1Time;

/// A certificate with the chain behind it and its key. A clone shares them.
#[derive(Clone)]
pub struct Certificate {
    key: Arc<CertifiedKey>,
    names: Arc<[String]>,
    not_before: SystemTime,
    not_after: SystemTime,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("names", &self.names)
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}

/// Why a certificate cannot be used. The words are for the operator, and name the file.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("cannot read {file}: {error}")]
    Read {
        /// The file.
        file: String,
        /// What the system says.
        error: io::Error,
    },
    /// No certificate in a file.
    #[error(
        "{0} holds no certificate in PEM, which begins with a line -----BEGIN CERTIFICATE-----"
    )]
    NoCertificate(String),
    /// No key in a file.
    #[error(
        "{0} holds no private key in PEM, which begins with a line -----BEGIN PRIVATE KEY-----"
    )]
    NoKey(String),
    /// The key is encrypted.
    #[error("the key in {0} is encrypted; write it without a password: openssl pkey -in {0}")]
    Encrypted(String),
    /// What is in a file cannot be understood.
    #[error("{file} cannot be understood: {error}")]
    Damaged {
        /// The file.
        file: String,
        /// What is wrong.
        error: String,
    },
    /// The key is another certificate's.
    #[error("the key in {key} does not belong to the first certificate in {certificate}")]
    OtherKey {
        /// The file with the key.
        key: String,
        /// The file with the certificate.
        certificate: String,
    },
}

/// Reads a certificate, with the chain behind it, and its key from PEM files. Both may be the
/// same file. Its time is not checked: see [`Certificate::not_after`].
///
/// # Errors
/// A file cannot be read, is not what is expected, or the key is another certificate's.
pub fn load(certificate: &Path, key: &Path) -> Result<Certificate, CertificateError> {
    let read = |path: &Path| {
        let file = path.display().to_string();
        match fs::read(path) {
            Ok(text) => Ok((file, text)),
            Err(error) => Err(CertificateError::Read { file, error }),
        }
    };
    let (certificate, chain) = read(certificate)?;
    let (key, secret) = read(key)?;
    understand((&certificate, &chain), (&key, &secret))
}

impl Certificate {
    /// Reads one PEM text with a certificate, the chain behind it and the key; `name` says in an
    /// error where the text is from.
    ///
    /// # Errors
    /// As [`load`].
    pub fn from_pem(name: &str, text: &[u8]) -> Result<Self, CertificateError> {
        understand((name, text), (name, text))
    }

    /// The DNS names and IP addresses that it is for.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// From when it is valid.
    pub fn not_before(&self) -> SystemTime {
        self.not_before
    }

    /// Until when it is valid.
    pub fn not_after(&self) -> SystemTime {
        self.not_after
    }

    /// The certificate itself, in DER.
    pub fn der(&self) -> &[u8] {
        self.key.cert.first().map_or(&[], |first| first)
    }

    pub(super) fn key(&self) -> &Arc<CertifiedKey> {
        &self.key
    }
}

fn understand(
    (file, chain): (&str, &[u8]),
    (key_file, key): (&str, &[u8]),
) -> Result<Certificate, CertificateError> {
    let damaged = |file: &str, error: &dyn fmt::Display| CertificateError::Damaged {
        file: file.to_owned(),
        error: error.to_string(),
    };
    let chain: Vec<_> = CertificateDer::pem_slice_iter(chain)
        .collect::<Result<_, _>>()
        .map_err(|error| damaged(file, &error))?;
    let Some(first) = chain.first() else {
        return Err(CertificateError::NoCertificate(file.to_owned()));
    };
    let (names, not_before, not_after) = facts(first).map_err(|error| damaged(file, &error))?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| match error {
        PemError::NoItemsFound if is_encrypted(key) => {
            CertificateError::Encrypted(key_file.to_owned())
        }
        PemError::NoItemsFound => CertificateError::NoKey(key_file.to_owned()),
        error => damaged(key_file, &error),
    })?;
    let key = CertifiedKey::from_der(chain, key, &ring::default_provider());
    let key = key.map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => CertificateError::OtherKey {
            key: key_file.to_owned(),
            certificate: file.to_owned(),
        },
        error => damaged(key_file, &error),
    })?;
    Ok(Certificate {
        key: Arc::new(key),
        names,
        not_before,
        not_after,
    })
}

fn is_encrypted(pem: &[u8]) -> bool {
    let text = String::from_utf8_lossy(pem);
    text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED")
}

/// The names of a certificate, and from when until when it is valid.
fn facts(der: &[u8]) -> Result<(Arc<[String]>, SystemTime, SystemTime), String> {
    let (_, parsed) = X509Certificate::from_der(der).map_err(|error| error.to_string())?;
    let names = parsed.subject_alternative_name();
    let names = names.map_err(|error| error.to_string())?;
    let names = names.iter().flat_map(|names| &names.value.general_names);
    let names = names.filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        GeneralName::IPAddress(address) => ip(address).map(|ip| ip.to_string()),
        _ => None,
    });
    let names = names.collect();
    let validity = parsed.validity();
    Ok((names, time(validity.not_before), time(validity.not_after)))
}

fn ip(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from))
        .ok()
}

fn time(time: ASN1Time) -> SystemTime {
    // No certificate is older than the epoch.
    let seconds = u64::try_from(time.timestamp()).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}
