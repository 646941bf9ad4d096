//! The network: streams to a server, plain or over TLS, one HTTP request, and the socket.

pub(crate) mod socket;

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HOST, RETRY_AFTER, USER_AGENT};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

use crate::place::Server;

/// Until a connection is there, or an answer: as long as the server's own patience.
const PATIENCE: Duration = Duration::from_secs(10);

/// A longer answer is not from a Tablecast server.
const MOST_BODY: usize = 64 * 1024;

const AGENT: &str = concat!("tablecast/", env!("CARGO_PKG_VERSION"));

/// Bytes to and from a server.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Connects to a server.
pub(crate) async fn connect(server: &Server) -> io::Result<Box<dyn Stream>> {
    let at = |error| {
        let what = format!("cannot connect to {}: {error}", server.authority());
        io::Error::other(what)
    };
    let tcp = TcpStream::connect((server.host(), server.port))
        .await
        .map_err(at)?;
    tcp.set_nodelay(true)?;
    if !server.tls {
        return Ok(Box::new(tcp));
    }
    let name = ServerName::try_from(server.host().to_owned()).map_err(io::Error::other)?;
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
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// Seconds.
    pub(crate) retry_after: Option<u64>,
    pub(crate) body: Bytes,
}

/// Posts JSON.
pub(crate) async fn post(server: &Server, path: &str, body: String) -> io::Result<Answer> {
    let asked = async {
        let stream = TokioIo::new(connect(server).await?);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(stream)
            .await
            .map_err(io::Error::other)?;
        let request = Request::post(path)
            .header(HOST, server.authority())
            .header(USER_AGENT, AGENT)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))
            .map_err(io::Error::other)?;
        let answered = async {
            let response = sender
                .send_request(request)
                .await
                .map_err(io::Error::other)?;
            let status = response.status();
            let retry_after = retry_after(response.headers().get(RETRY_AFTER));
            let body = Limited::new(response.into_body(), MOST_BODY)
                .collect()
                .await;
            Ok(Answer {
                status,
                retry_after,
                body: body.map_err(io::Error::other)?.to_bytes(),
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
        Err(_) => Err(no_answer(server)),
    }
}

fn no_answer(server: &Server) -> io::Error {
    let seconds = PATIENCE.as_secs();
    let what = format!("no answer from {} within {seconds} s", server.authority());
    io::Error::new(io::ErrorKind::TimedOut, what)
}

/// A date instead of seconds is nothing that a Tablecast server says.
fn retry_after(value: Option<&hyper::header::HeaderValue>) -> Option<u64> {
    value?.to_str().ok()?.trim().parse().ok()
}
