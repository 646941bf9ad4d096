//! The network: streams to a server, plain or over TLS, one HTTP request, and the socket.

pub(crate) mod connection;

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, LOCATION, RETRY_AFTER, USER_AGENT};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

use crate::address::Address;

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

/// Connects to a server.
async fn connect(address: &Address) -> io::Result<Box<dyn Stream>> {
    let at = |error| {
        let what = format!("cannot connect to {}: {error}", address.authority());
        io::Error::other(what)
    };
    let tcp = TcpStream::connect((address.host(), address.port))
        .await
        .map_err(at)?;
    tcp.set_nodelay(true)?;
    if !address.tls {
        return Ok(Box::new(tcp));
    }
    let name = ServerName::try_from(address.host().to_owned()).map_err(io::Error::other)?;
    let tls = TlsConnector::from(tls_config()?);
    Ok(Box::new(tls.connect(name, tcp).await.map_err(at)?))
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
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(CONFIG.get_or_init(|| Arc::new(config)).clone())
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

/// Posts JSON, also to where the address has moved: the answer, and the address that gave it. So
/// a room is made.
///
/// # Errors
/// The server cannot be reached, does not answer within 10 s, or not in HTTP.
pub async fn post(address: &Address, body: &str) -> io::Result<(Answer, Address)> {
    let mut address = address.clone();
    let mut moves = 0;
    loop {
        let answer = post_once(&address, body).await?;
        match answer.moved.as_deref().map(|to| address.moved(to)) {
            Some(Ok(to)) if moves < MOST_MOVES => address = to,
            _ => return Ok((answer, address)),
        }
        moves += 1;
    }
}

async fn post_once(address: &Address, body: &str) -> io::Result<Answer> {
    let asked = async {
        let stream = TokioIo::new(connect(address).await?);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(stream)
            .await
            .map_err(io::Error::other)?;
        let request = Request::post(&address.path)
            .header(HOST, address.authority())
            .header(USER_AGENT, AGENT)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body.to_owned())))
            .map_err(io::Error::other)?;
        let answered = async {
            let response = sender
                .send_request(request)
                .await
                .map_err(io::Error::other)?;
            let status = response.status();
            let retry_after = retry_after(response.headers().get(RETRY_AFTER));
            let moved = moved(status, response.headers());
            let body = Limited::new(response.into_body(), MOST_BODY)
                .collect()
                .await;
            Ok(Answer {
                status,
                retry_after,
                moved,
                body: body.map_err(io::Error::other)?.to_bytes().into(),
            })
        };
        // The connection does the work until the answer is there.
        tokio::pin!(answered);
        tokio::select! {
            answer = &mut answered => answer,
            ended = connection => match ended {
                Ok(()) => answered.await,
                Err(error) => Err(io::Error::other(error)),
            },
        }
    };
    match timeout(PATIENCE, asked).await {
        Ok(answer) => answer,
        Err(_) => Err(no_answer(address)),
    }
}

/// Where an answer says that what was asked for is.
fn moved(status: StatusCode, headers: &HeaderMap) -> Option<String> {
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

fn no_answer(address: &Address) -> io::Error {
    let seconds = PATIENCE.as_secs();
    let what = format!("no answer from {} within {seconds} s", address.authority());
    io::Error::new(io::ErrorKind::TimedOut, what)
}

/// A date instead of seconds is nothing that a Tablecast server says.
fn retry_after(value: Option<&hyper::header::HeaderValue>) -> Option<u64> {
    value?.to_str().ok()?.trim().parse().ok()
}
