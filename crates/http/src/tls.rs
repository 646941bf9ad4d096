//! TLS in front of the accept loop: the handshake, and the certificate that it shows, which
//! may be replaced at any time.
//!
//! [`load`] reads a certificate from files. A [`Tls`] is made with it, or without one yet, and
//! given to [`serve_tls`](crate::serve_tls); whoever gets a newer certificate gives it to the
//! same [`Tls`].

mod certificate;

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use parking_lot::{Mutex, RwLock};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert, ServerConfig};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::server::TlsStream;

pub use certificate::{Certificate, CertificateError, load};

/// The only protocol of HTTP that is spoken.
const HTTP: &[u8] = b"http/1.1";

/// The protocol by which an ACME server sees that a name leads here (RFC 8737). It has a
/// handshake and nothing behind it.
const ACME: &[u8] = b"acme-tls/1";

/// The first byte of a TLS record with a handshake.
const HANDSHAKE: u8 = 22;

/// What a listener needs to speak TLS 1.2 and 1.3, and what is known of its certificate. A
/// clone is the same one.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ServerConfig>,
    shared: Arc<Shared>,
}

/// What is known of the certificate that is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// When it ends; `None` while there is none yet.
    pub not_after: Option<SystemTime>,
    /// The names and addresses that it is for; while there is none, those that it will be for.
    pub domains: Vec<String>,
    /// Why it could not be replaced, if the last attempt failed. Then the old one is shown.
    pub last_error: Option<String>,
    /// When it will be replaced, or that will be tried again; `None` if only the operator knows.
    pub next_renewal: Option<SystemTime>,
    /// How often it was replaced.
    pub renewed: u64,
    /// How often that failed.
    pub failed: u64,
}

#[derive(Default)]
struct Shared {
    certificate: RwLock<Option<Certificate>>,
    /// What an ACME server that asks for a name is shown.
    challenges: Mutex<HashMap<String, Arc<CertifiedKey>>>,
    hopes: Mutex<Hopes>,
    renewed: AtomicU64,
    failed: AtomicU64,
}

/// What is to become of the certificate.
#[derive(Default)]
struct Hopes {
    domains: Vec<String>,
    last_error: Option<String>,
    next_renewal: Option<SystemTime>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tls").field(&self.status()).finish()
    }
}

/// The algorithms.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// How a connection begins.
pub(crate) enum Begun {
    Tls(Box<TlsStream<TcpStream>>),
    /// The client speaks HTTP without TLS.
    PlainHttp(TcpStream),
    /// Nothing comes behind it.
    Over,
}

impl Tls {
    /// Shows this certificate.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn new(certificate: Certificate) -> io::Result<Self> {
        let tls = Tls::speaking(&[HTTP])?;
        *tls.shared.certificate.write() = Some(certificate);
        Ok(tls)
    }

    /// Has no certificate yet; until it is given one, handshakes fail. It will be for these
    /// names, and an ACME server may see here that they lead to it.
    ///
    /// # Errors
    /// As [`Tls::new`].
    pub fn awaiting(domains: &[String]) -> io::Result<Self> {
        let tls = Tls::speaking(&[HTTP, ACME])?;
        tls.shared.hopes.lock().domains = domains.to_vec();
        Ok(tls)
    }

    fn speaking(protocols: &[&[u8]]) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Resolver(shared.clone())));
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        // Whoever comes back, after a restart of the network perhaps all at once, needs no
        // signature, and nothing is kept here for them.
        config.ticketer = ring::Ticketer::new().map_err(io::Error::other)?;
        let config = Arc::new(config);
        Ok(Tls { config, shared })
    }

    /// What is known of the certificate.
    pub fn status(&self) -> Status {
        let shared = &self.shared;
        let current = shared.certificate.read().clone();
        let hopes = shared.hopes.lock();
        Status {
            not_after: current.as_ref().map(Certificate::not_after),
            domains: match current {
                Some(certificate) => certificate.names().to_vec(),
                None => hopes.domains.clone(),
            },
            last_error: hopes.last_error.clone(),
            next_renewal: hopes.next_renewal,
            renewed: shared.renewed.load(Ordering::Relaxed),
            failed: shared.failed.load(Ordering::Relaxed),
        }
    }

    /// The certificate that is shown.
    pub fn certificate(&self) -> Option<Certificate> {
        self.shared.certificate.read().clone()
    }

    /// Whether there is a certificate to show.
    pub fn is_ready(&self) -> bool {
        self.shared.certificate.read().is_some()
    }

    /// Shows this certificate from the next handshake on; it is not counted.
    pub fn show(&self, certificate: Certificate) {
        *self.shared.certificate.write() = Some(certificate);
    }

    /// As [`Tls::show`]; it has replaced the former one, or is the first one that was got.
    pub fn renewed(&self, certificate: Certificate) {
        self.show(certificate);
        self.shared.hopes.lock().last_error = None;
        self.shared.renewed.fetch_add(1, Ordering::Relaxed);
    }

    /// There is no newer certificate, for this reason. The one that is there stays.
    pub fn not_renewed(&self, reason: String) {
        self.shared.hopes.lock().last_error = Some(reason);
        self.shared.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// Says when the certificate will be replaced.
    pub fn plan(&self, next_renewal: SystemTime) {
        self.shared.hopes.lock().next_renewal = Some(next_renewal);
    }

    /// Shows this certificate (DER) with its key (PKCS #8, DER) to an ACME server that asks for
    /// this name, until the returned guard is dropped.
    ///
    /// # Errors
    /// The key is of no kind that is known.
    pub fn answer_challenge(
        &self,
        name: String,
        certificate: Vec<u8>,
        key: Vec<u8>,
    ) -> io::Result<ChallengeGuard> {
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key));
        let key = provider().key_provider.load_private_key(key);
        // Not checked against the key: what proves the name is an extension that rustls takes for
        // a fault.
        let shown = CertifiedKey::new(
            vec![CertificateDer::from(certificate)],
            key.map_err(io::Error::other)?,
        );
        let mut challenges = self.shared.challenges.lock();
        challenges.insert(name.clone(), Arc::new(shown));
        Ok(ChallengeGuard {
            shared: self.shared.clone(),
            name,
        })
    }

    /// Makes the handshake, however long the client takes.
    pub(crate) async fn begin(&self, stream: TcpStream) -> io::Result<Begun> {
        let mut first = [0];
        match stream.peek(&mut first).await? {
            0 => return Ok(Begun::Over),
            _ if first[0] == HANDSHAKE => {}
            _ if first[0].is_ascii_uppercase() => return Ok(Begun::PlainHttp(stream)),
            _ => return Err(io::Error::other("its first byte is not that of TLS")),
        }
        let acceptor = TlsAcceptor::from(self.config.clone());
        let mut stream = Box::new(acceptor.accept(stream).await?);
        if stream.get_ref().1.alpn_protocol() == Some(ACME) {
            stream.shutdown().await?;
            return Ok(Begun::Over);
        }
        Ok(Begun::Tls(stream))
    }
}

/// While it lives, a challenge is answered; see [`Tls::answer_challenge`].
pub struct ChallengeGuard {
    shared: Arc<Shared>,
    name: String,
}

impl fmt::Debug for ChallengeGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ChallengeGuard").field(&self.name).finish()
    }
}

impl Drop for ChallengeGuard {
    fn drop(&mut self) {
        self.shared.challenges.lock().remove(&self.name);
    }
}

/// Chooses what a client is shown.
struct Resolver(Arc<Shared>);

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolver")
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, client: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let offers = |protocol| {
            let mut offered = client.alpn().into_iter().flatten();
            offered.any(|one| one == protocol)
        };
        if offers(ACME) && !offers(HTTP) {
            return self.0.challenges.lock().get(client.server_name()?).cloned();
        }
        let certificate = self.0.certificate.read();
        certificate.as_ref().map(|shown| shown.key().clone())
    }
}
