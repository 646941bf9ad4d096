//! The network: streams to a server, plain or over TLS, one HTTP request, and the socket.

pub(crate) mod connection;
mod dial;
mod trouble;

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, LOCATION, RETRY_AFTER, USER_AGENT};
use hyper::http::request;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{self, CryptoProvider};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    self, ClientConfig, ConfigBuilder, DigitallySignedStruct, RootCertStore, SignatureScheme,
    WantsVerifier,
};
use url::{Position, Url};

pub use dial::dial;

/// Until a connection is there, or an answer: as long as the server's own patience.
const PATIENCE: Duration = Duration::from_secs(10);

/// So many redirects are followed, one after the other.
const MOST_MOVES: usize = 5;

/// A longer answer is not from a Tablecast server.
const MOST_BODY: usize = 64 * 1024;

const AGENT: &str = concat!("tablecast/", env!("CARGO_PKG_VERSION"));

/// Bytes to and from a server.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Name and port of its server; the scheme's own port is left out.
fn authority(url: &Url) -> &str {
    &url[Position::BeforeHost..Position::AfterPort]
}

fn is_tls(url: &Url) -> bool {
    matches!(url.scheme(), "https" | "wss")
}

/// Which servers are believed to be the one that is meant, over TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// One with a certificate for its name by somebody whom this machine trusts, or by one in
    /// the file `SSL_CERT_FILE`.
    Certified,
    /// Whichever answers at the address. Only for a server of this machine, which is told
    /// nothing that others may not know.
    Anybody,
}

/// Connects to a server.
async fn connect(url: &Url, trust: Trust) -> io::Result<Box<dyn Stream>> {
    let at = |words: String| {
        let what = format!("cannot connect to {}: {words}", authority(url));
        io::Error::other(what)
    };
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let port = url.port_or_known_default().unwrap_or_default();
    let tcp = dial(host, port).await;
    let tcp = tcp.map_err(|error| at(error.to_string()))?;
    tcp.set_nodelay(true)?;
    if !is_tls(url) {
        return Ok(Box::new(tcp));
    }
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let tls = TlsConnector::from(match trust {
        Trust::Certified => tls_config()?,
        Trust::Anybody => Anybody::config()?,
    });
    let stream = tls.connect(name, tcp).await;
    let stream = stream.map_err(|error| at(trouble::of_handshake(&error)))?;
    Ok(Box::new(stream))
}

/// The certificates that this machine trusts, or the file in `SSL_CERT_FILE`.
fn tls_config() -> io::Result<Arc<ClientConfig>> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if let Some(config) = CONFIG.get() {
        return Ok(config.clone());
    }
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (count, _) = roots.add_parsable_certificates(found.certs);
    if count == 0 {
        let why = found.errors.first();
        return Err(io::Error::other(format!(
            "this machine has no root certificates{}; install ca-certificates or set SSL_CERT_FILE",
            why.map(|why| format!(" ({why})")).unwrap_or_default()
        )));
    }
    let provider = Arc::new(crypto::ring::default_provider());
    let config = tls_builder(provider)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(CONFIG.get_or_init(|| Arc::new(config)).clone())
}

fn tls_builder(
    provider: Arc<CryptoProvider>,
) -> io::Result<ConfigBuilder<ClientConfig, WantsVerifier>> {
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)
}

/// Takes every certificate; the server must have its key.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl Anybody {
    fn config() -> io::Result<Arc<ClientConfig>> {
        let provider = Arc::new(crypto::ring::default_provider());
        let config = tls_builder(provider.clone())?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
            .with_no_client_auth();
        Ok(Arc::new(config))
    }
}

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        crypto::verify_tls12_signature(message, certificate, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        crypto::verify_tls13_signature(message, certificate, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// An answer to a request.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// How long to wait before the next request, seconds.
    pub retry_after: Option<u64>,
    /// Where it is instead.
    pub moved: Option<String>,
    /// At most 64 KiB.
    pub body: Vec<u8>,
}

impl Answer {
    /// What it says to people, if it is one short line of plain text.
    pub fn words(&self) -> Option<&str> {
        words(&self.body)
    }
}

/// A body that is one short line of text. One that is for programs, or a page, is not.
fn words(body: &[u8]) -> Option<&str> {
    const MOST: usize = 200;
    let text = str::from_utf8(body).ok()?.trim();
    let is_line = text.is_ascii() && !text.contains(|one: char| one.is_ascii_control());
    let is_said = text.starts_with(|one: char| one.is_ascii_alphabetic());
    (is_line && is_said && text.len() <= MOST).then_some(text)
}

/// Posts JSON, also to where the address has moved: the answer, and the address that gave it. So
/// a room is made.
///
/// # Errors
/// The server cannot be reached, does not answer within 10 s, or not in HTTP.
pub async fn post(url: &Url, body: &str) -> io::Result<(Answer, Url)> {
    let mut url = url.clone();
    let mut moves = 0;
    loop {
        let answer = post_once(&url, body).await?;
        match answer.moved.as_deref().map(|to| moved(&url, to)) {
            Some(Ok(to)) if moves < MOST_MOVES => url = to,
            _ => return Ok((answer, url)),
        }
        moves += 1;
    }
}

async fn post_once(url: &Url, body: &str) -> io::Result<Answer> {
    let request = Request::post(target(url)).header(CONTENT_TYPE, "application/json");
    ask(url, Trust::Certified, request, body, PATIENCE).await
}

/// Gets what is at an address, and goes nowhere else for it.
///
/// # Errors
/// The server cannot be reached, does not answer within this time, or not in HTTP.
pub async fn get(url: &Url, trust: Trust, patience: Duration) -> io::Result<Answer> {
    ask(url, trust, Request::get(target(url)), "", patience).await
}

/// What a request names.
fn target(url: &Url) -> &str {
    &url[Position::BeforePath..Position::AfterQuery]
}

async fn ask(
    url: &Url,
    trust: Trust,
    request: request::Builder,
    body: &str,
    patience: Duration,
) -> io::Result<Answer> {
    let wrong = |error: hyper::Error| io::Error::other(error);
    let asked = async {
        let stream = TokioIo::new(connect(url, trust).await?);
        let (mut sender, connection) = http1::handshake(stream).await.map_err(wrong)?;
        // It does the work, and ends with the sender.
        tokio::spawn(connection);
        let request = request
            .header(HOST, authority(url))
            .header(USER_AGENT, AGENT)
            .body(Full::new(Bytes::from(body.to_owned())))
            .map_err(io::Error::other)?;
        let response = sender.send_request(request).await.map_err(wrong)?;
        let status = response.status();
        let retry_after = retry_after(response.headers().get(RETRY_AFTER));
        let moved = location(status, response.headers());
        let body = Limited::new(response.into_body(), MOST_BODY);
        let body = body.collect().await.map_err(io::Error::other)?;
        Ok(Answer {
            status,
            retry_after,
            moved,
            body: body.to_bytes().into(),
        })
    };
    match timeout(patience, asked).await {
        Ok(answer) => answer,
        Err(_) => Err(no_answer(url, patience)),
    }
}

/// Where an answer says that what was asked for is.
fn location(status: StatusCode, headers: &HeaderMap) -> Option<String> {
    use StatusCode as S;
    let is_moved = [
        S::MOVED_PERMANENTLY,
        S::FOUND,
        S::TEMPORARY_REDIRECT,
        S::PERMANENT_REDIRECT,
    ];
    let location = headers.get(LOCATION)?.to_str().ok()?;
    is_moved.contains(&status).then(|| location.to_owned())
}

/// Where a redirect leads that answers a request for this.
///
/// # Errors
/// It leads nowhere, or from TLS to a connection that anybody can read.
fn moved(from: &Url, location: &str) -> Result<Url, String> {
    if location.is_empty() {
        return Err("no address".to_owned());
    }
    let mut to = from.join(location).map_err(|error| error.to_string())?;
    if !to.username().is_empty() || to.password().is_some() {
        return Err("it has a user name or password".to_owned());
    }
    let scheme = match (to.scheme(), from.scheme()) {
        ("http" | "ws", "https" | "wss") => return Err("it is not encrypted".to_owned()),
        ("http" | "ws", "ws") => "ws",
        ("https" | "wss", "ws" | "wss") => "wss",
        ("http" | "ws", _) => "http",
        ("https" | "wss", _) => "https",
        (other, _) => return Err(format!("{other:?} is no scheme for it")),
    };
    // All of them have a host, so they can stand for each other.
    let _ = to.set_scheme(scheme);
    Ok(to)
}

fn no_answer(url: &Url, patience: Duration) -> io::Error {
    let seconds = patience.as_secs();
    let what = format!("no answer from {} within {seconds} s", authority(url));
    io::Error::new(io::ErrorKind::TimedOut, what)
}

/// A date instead of seconds is nothing that a Tablecast server says.
fn retry_after(value: Option<&hyper::header::HeaderValue>) -> Option<u64> {
    value?.to_str().ok()?.trim().parse().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_never_leads_out_of_tls() {
        let plain = "ws://h:8000/ws/a/";
        let secret = "wss://h/ws/a/";
        let below = "ws://h/lunch/ws/a/";
        for (from, location, to) in [
            (plain, "https://h/ws/a/", Some("wss://h/ws/a/")),
            (
                plain,
                "wss://other:1/ws/b/?x=1",
                Some("wss://other:1/ws/b/?x=1"),
            ),
            (plain, "/ws/b/", Some("ws://h:8000/ws/b/")),
            (below, "/ws/b/", Some("ws://h/ws/b/")),
            (below, "/lunch/ws/b/", Some("ws://h/lunch/ws/b/")),
            (below, "../b/", Some("ws://h/lunch/ws/b/")),
            (below, "./../../../ws/b", Some("ws://h/ws/b")),
            (below, "../../../../../../r/b", Some("ws://h/r/b")),
            (secret, "//other/ws/b/", Some("wss://other/ws/b/")),
            (secret, "http://h/ws/a/", None),
            (secret, "ws://h/ws/a/", None),
            (plain, "/login", Some("ws://h:8000/login")),
            (plain, "b", Some("ws://h:8000/ws/a/b")),
            (plain, "", None),
            (plain, "http://me@h/ws/a/", None),
            (plain, "http://:pw@h/ws/a/", None),
            (plain, "ftp://h/ws/a/", None),
            ("http://h/session/", "https://h/", Some("https://h/")),
        ] {
            let moved = moved(&from.parse().unwrap(), location).ok();
            assert_eq!(moved.as_ref().map(Url::as_str), to, "{location}");
        }
    }
}
