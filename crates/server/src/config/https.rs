//! Whether TLS is spoken, and where its certificates come from.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use clap::Args;
use clap::ValueEnum;

use super::store::Store;
use super::value::{self, HttpListen};

/// Where the certificates come from.
#[derive(Debug, Clone, PartialEq)]
pub enum Https {
    /// From files of the operator's.
    Files {
        /// The certificate, and the chain behind it.
        certificate: PathBuf,
        /// Its key.
        key: PathBuf,
    },
    /// From an ACME server, such as Let's Encrypt.
    Acme(AcmeOptions),
}

/// How certificates are got from an ACME server.
#[derive(Debug, Clone, PartialEq)]
pub struct AcmeOptions {
    /// The names that the certificate is for; at least one.
    pub domains: Vec<String>,
    /// The operator's mail address, for the ACME server.
    pub contact: Option<String>,
    /// The URL of the ACME server's directory.
    pub directory: String,
    /// A PEM file with roots that are trusted for the directory, beside the public ones.
    pub root: Option<PathBuf>,
    /// How the ACME server sees that the names lead here.
    pub challenge: ChallengeKind,
    /// The directory for account and certificate.
    pub store: PathBuf,
}

/// How an ACME server sees that a name leads here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ChallengeKind {
    /// It makes a TLS handshake with port 443 of the name.
    #[value(name = "tls-alpn-01")]
    TlsAlpn01,
    /// It gets a page from port 80 of the name.
    #[value(name = "http-01")]
    Http01,
}

// The options under the heading TLS. No text for the help: each command has its own.
#[derive(Debug, Args)]
#[command(next_help_heading = "TLS")]
pub(super) struct TlsOptions {
    /// A PEM file with the certificate and the chain behind it; with --tls-key. Both files are
    /// read again when they change, and on SIGHUP, which then does not end the server
    #[arg(long, env = "TABLECAST_TLS_CERT", value_name = "FILE")]
    tls_cert: Option<PathBuf>,

    /// A PEM file with the key of the certificate; with --tls-cert
    #[arg(long, env = "TABLECAST_TLS_KEY", value_name = "FILE")]
    tls_key: Option<PathBuf>,

    /// A name of this site, such as lunch.example, for which a certificate is got and kept new
    /// by ACME, from Let's Encrypt unless another directory is given; may be repeated. Its use
    /// means consent to the terms of that service
    #[arg(
        long,
        env = "TABLECAST_DOMAIN",
        value_name = "NAME",
        value_delimiter = ',',
        value_parser = value::domain
    )]
    domain: Vec<String>,

    /// A mail address for the ACME server, which may write to it when something is wrong
    #[arg(long, env = "TABLECAST_ACME_CONTACT", value_name = "EMAIL", value_parser = value::contact)]
    acme_contact: Option<String>,

    /// The directory of the ACME server
    #[arg(long, env = "TABLECAST_ACME_DIRECTORY", value_name = "URL",
          default_value = "https://acme-v02.api.letsencrypt.org/directory", value_parser = value::directory)]
    acme_directory: String,

    /// A PEM file with a root to trust for the directory, beside the public ones
    #[arg(long, env = "TABLECAST_ACME_ROOT", value_name = "FILE")]
    acme_root: Option<PathBuf>,

    /// How the ACME server sees that the names lead here: by a handshake with port 443 or by a
    /// page on port 80
    #[arg(
        long,
        env = "TABLECAST_ACME_CHALLENGE",
        value_name = "CHALLENGE",
        default_value = "tls-alpn-01",
        value_enum
    )]
    acme_challenge: ChallengeKind,

    /// The directory where account and certificate are kept; it is made if it is not there
    /// [default: tablecast-acme, beside the database if there is one, else in this directory]
    #[arg(long, env = "TABLECAST_ACME_STORE", value_name = "DIR")]
    acme_store: Option<PathBuf>,

    /// Where plain HTTP is answered with the way to https, and the ACME server's question by
    /// http-01; `off` for nowhere [default: with --domain port 80 on the host of --listen, else
    /// off]
    #[arg(long, env = "TABLECAST_HTTP_LISTEN", value_name = "ADDRESS:PORT", value_parser = value::http_listen)]
    http_listen: Option<HttpListen>,
}

/// Where a server listens by default.
pub(super) const LOCAL: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8000);

/// Where an https server with names of its own listens by default: port 443 of all addresses.
const PUBLIC: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 443);

/// What [`TlsOptions::resolve`] finds.
pub(super) struct Listening {
    pub(super) listen: SocketAddr,
    pub(super) https: Option<Https>,
    pub(super) http_listen: Option<SocketAddr>,
}

impl TlsOptions {
    /// Checks the options together, with where `--listen` says to listen; or says what cannot go
    /// together.
    pub(super) fn resolve(
        self,
        listen: Option<SocketAddr>,
        store: &Store,
    ) -> Result<Listening, &'static str> {
        let https = match (self.tls_cert, self.tls_key) {
            (Some(_), Some(_)) if !self.domain.is_empty() => {
                return Err(
                    "--domain gets a certificate by ACME, and --tls-cert names one in a file; give one of them",
                );
            }
            (Some(certificate), Some(key)) => Some(Https::Files { certificate, key }),
            (Some(_), None) => {
                return Err("--tls-cert needs --tls-key, the file with its key");
            }
            (None, Some(_)) => {
                return Err("--tls-key needs --tls-cert, the file with the certificate");
            }
            (None, None) if self.domain.is_empty() => None,
            (None, None) => Some(Https::Acme(AcmeOptions {
                domains: self.domain,
                contact: self.acme_contact,
                directory: self.acme_directory,
                root: self.acme_root,
                challenge: self.acme_challenge,
                store: self.acme_store.unwrap_or_else(|| acme_store(store)),
            })),
        };
        let is_acme = matches!(https, Some(Https::Acme(_)));
        let listen = listen.unwrap_or(if is_acme { PUBLIC } else { LOCAL });
        let http_listen = match self.http_listen {
            Some(HttpListen::At(_)) if https.is_none() => {
                return Err(
                    "--http-listen leads to https, so it needs --domain or --tls-cert; plain HTTP is served at --listen",
                );
            }
            Some(HttpListen::At(address)) => Some(address),
            None if is_acme => Some(SocketAddr::new(listen.ip(), 80)),
            Some(HttpListen::Off) | None => None,
        };
        if let (Some(Https::Acme(acme)), None) = (&https, http_listen)
            && acme.challenge == ChallengeKind::Http01
        {
            return Err(
                "--acme-challenge http-01 is answered at --http-listen, which is off; give it an address",
            );
        }
        Ok(Listening {
            listen,
            https,
            http_listen,
        })
    }
}

/// Where account and certificate are kept by default.
fn acme_store(store: &Store) -> PathBuf {
    let beside = match store {
        Store::Sqlite(options) => options.path.parent(),
        Store::Memory | Store::Redis(_) => None,
    };
    beside.unwrap_or(Path::new("")).join("tablecast-acme")
}
