//! Accepts connections and speaks HTTP on them until they end or are upgraded.
//!
//! axum's own loop sets no deadline for a request's head and no `TCP_NODELAY`, so this loop
//! is our own, on hyper's builder.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header::{
    CONNECTION, CONTENT_SECURITY_POLICY, HOST, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{Request, Response, StatusCode, Version};
use axum::response::IntoResponse;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use ipnet::IpNet;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::client::{self, Client};
use crate::cors::Cors;
use crate::head::{self, HeadError, HeadGuard, HeadReport};
use crate::origin::Origin;
use crate::problem::Problem;
use crate::reason::{self, Reason};
#[cfg(feature = "tls")]
use crate::tls::{Begun, Tls};

/// What the loop needs from the site that it serves.
pub trait Site: Send + Sync + 'static {
    /// The deadlines of a connection.
    fn times(&self) -> Times {
        Times::default()
    }

    /// The proxies that are trusted to say a client's address. By default none.
    fn trusted_proxies(&self) -> &[IpNet] {
        &[]
    }

    /// The origins whose pages may do all that the site's own pages may. By default none.
    fn allowed_origins(&self) -> &[Origin] {
        &[]
    }

    /// Whether this server is about to end. Then each answer is the last one of its
    /// connection.
    fn is_draining(&self) -> bool {
        false
    }

    /// The Strict-Transport-Security of each answer, by which browsers use only https for this
    /// host from then on. By default none.
    fn strict_transport(&self) -> Option<HeaderValue> {
        None
    }

    /// Called with each answer before it is sent.
    fn answered(&self, answer: &Response<Body>) {
        let _ = answer;
    }
}

/// The deadlines of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// A request's head must be complete within this time after the accept, or after its
    /// first byte. A TLS handshake has as long before that. By default 5 s.
    pub head: Duration,
    /// A connection may be idle between requests for this long. A request that is sent
    /// while the server closes is lost, so the client should close first: this is longer
    /// than the 60 s for which load balancers keep idle connections by default. By default
    /// 75 s.
    pub idle: Duration,
    /// The same for connections of trusted proxies, whose pools may keep them longer.
    /// According to their documentation: AWS ALB 60 s, nginx 60 s (`keepalive_timeout` of
    /// an upstream), Traefik 90 s, Caddy 2 min, Google Cloud 600 s, which asks for 620 s
    /// behind it. By default 620 s.
    pub proxy_idle: Duration,
    /// After this age the next answer on a connection says that it is the last, so that a
    /// pool also uses nodes that started later. By default 120 s.
    pub life: Duration,
    /// A connection is closed if the client has taken none of the written bytes for this
    /// long. By default 30 s.
    pub stalled: Duration,
    /// More than a request can take. By default 20 s: a head, a body of 10 s,
    /// and a store that answers within 2 s.
    pub request: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Times {
            head: Duration::from_secs(5),
            idle: Duration::from_secs(75),
            proxy_idle: Duration::from_secs(620),
            life: Duration::from_secs(120),
            stalled: Duration::from_secs(30),
            request: Duration::from_secs(20),
        }
    }
}

impl Times {
    /// The longest life of a connection. Before the end of `life` its last request began
    /// within `idle`, so a connection that is open longer only reads an answer byte by
    /// byte.
    fn most(self) -> Duration {
        self.life + self.idle + self.request
    }
}

/// Marks an answer that has no end of its own, such as a stream of events, by an extension of this
/// type. Its connection may be open for longer than others, and ends with it.
#[derive(Debug, Clone, Copy)]
pub struct Endless;

/// How long an endless answer may take after the stop. Whoever makes it has ended it before.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How many bytes of an incomplete request hyper keeps at most. More than
/// [`head::MAX_HEAD_BYTES`], so that a head that is a little too large is read completely
/// and answered, instead of being reset.
const READ_BUFFER_BYTES: usize = 128 * 1024;

/// The kernel's send buffer of each connection, which limits the kernel memory that a peer
/// that does not read can hold. The kernel doubles it for its bookkeeping; by default it
/// would grow to 4 MiB.
const SEND_BUFFER_BYTES: usize = 128 * 1024;

/// After the last answer the server still reads and discards what the client sends, up to
/// this many bytes and this long. Closing at once would reset the connection, and the
/// client might never see the answer. nginx waits equally long (`lingering_timeout`); a
/// phone needs that time to finish sending.
const LINGER_BYTES: usize = 1024 * 1024;
const LINGER_TIME: Duration = Duration::from_secs(5);

/// At most this many connections are accepted in a row before other tasks run, so that
/// rooms continue while thousands of clients connect at once.
const ACCEPTS: usize = 16;

/// When no connection can be accepted (out of descriptors), the next try comes after this
/// time. The rooms continue meanwhile.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// What is the same for all connections.
struct Service {
    router: Router,
    site: Arc<dyn Site>,
    times: Times,
    stop: CancellationToken,
}

impl Service {
    fn new(router: Router, site: Arc<dyn Site>, stop: CancellationToken) -> Arc<Self> {
        let times = site.times();
        Arc::new(Service {
            router,
            site,
            times,
            stop,
        })
    }
}

/// Serves until `stop`, then lets plain HTTP requests under way finish. It does not wait
/// for upgraded connections.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    site: Arc<dyn Site>,
    stop: CancellationToken,
) {
    let service = Service::new(router, site, stop.clone());
    accept(listener, stop, |stream, peer| {
        converse(stream, peer, service.clone())
    })
    .await;
}

/// As [`serve`], inside TLS. The heads are checked as they were encrypted. Who speaks plain
/// HTTP here is told so.
#[cfg(feature = "tls")]
pub async fn serve_tls(
    listener: TcpListener,
    tls: Tls,
    router: Router,
    site: Arc<dyn Site>,
    stop: CancellationToken,
) {
    let service = Service::new(router, site, stop.clone());
    accept(listener, stop, |stream, peer| {
        converse_by_tls(stream, peer, tls.clone(), service.clone())
    })
    .await;
}

/// Accepts connections until `stop`, lets each converse in a task of its own, and waits for
/// the tasks.
async fn accept<F>(
    listener: TcpListener,
    stop: CancellationToken,
    converse: impl Fn(TcpStream, SocketAddr) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    // Accepted sockets inherit these options from the listener, which saves a system call
    // for each. Setting them fails only for an invalid socket.
    let socket = SockRef::from(&listener);
    let _ = socket.set_tcp_nodelay(true);
    let _ = socket.set_send_buffer_size(SEND_BUFFER_BYTES);

    let connections = TaskTracker::new();
    let mut is_failing = false;
    let mut in_a_row = 0;
    loop {
        if in_a_row == ACCEPTS {
            in_a_row = 0;
            tokio::task::yield_now().await;
        }
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                is_failing = false;
                in_a_row += 1;
                // Boxed, because it is moved several times before it becomes a task.
                connections.spawn(Box::pin(converse(stream, peer)));
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                if !is_failing {
                    tracing::warn!(%error, "cannot accept connections; trying again");
                    is_failing = true;
                }
                sleep(ACCEPT_BACKOFF).await;
            }
        }
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

/// Whether only this connection failed before it was accepted; the listener is fine.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

/// Makes the TLS handshake, for which the client has as long as for a head, and converses.
#[cfg(feature = "tls")]
async fn converse_by_tls(stream: TcpStream, peer: SocketAddr, tls: Tls, service: Arc<Service>) {
    let begun = tokio::select! {
        begun = timeout(service.times.head, tls.begin(stream)) => begun,
        () = service.stop.cancelled() => return,
    };
    match begun {
        Ok(Ok(Begun::Tls(stream))) => Box::pin(converse(*stream, peer, service)).await,
        Ok(Ok(Begun::PlainHttp(mut stream))) => {
            // It may be gone.
            let _ = stream.write_all(NOT_TLS.as_bytes()).await;
            linger(stream).await;
        }
        Ok(Ok(Begun::Over)) => {}
        Ok(Err(error)) => tracing::debug!(%peer, %error, "a TLS handshake failed"),
        Err(_) => tracing::debug!(%peer, "a TLS handshake was not complete in time"),
    }
}

/// The answer to a plain request where TLS is spoken.
#[cfg(feature = "tls")]
const NOT_TLS: &str = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n\
    Content-Length: 45\r\nConnection: close\r\n\r\nthis port speaks TLS: say https:// or wss://\n";

async fn converse<T>(stream: T, peer: SocketAddr, service: Arc<Service>)
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut times = service.times;
    if client::is_trusted(peer.ip(), service.site.trusted_proxies()) {
        times.idle = times.proxy_idle;
    }
    let guard = HeadGuard::new(stream, times.head).stalled_after(times.stalled);
    let report = guard.report();
    let born = Instant::now();
    let stop = service.stop.clone();
    let is_endless = Arc::new(AtomicBool::new(false));
    let answered = is_endless.clone();
    let answers = service_fn(move |request| {
        let (service, answered) = (service.clone(), answered.clone());
        answer(request, peer, born, report.clone(), answered, service)
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(times.idle)
        .max_buf_size(READ_BUFFER_BYTES)
        .serve_connection(TokioIo::new(guard), answers)
        .with_upgrades();

    let ended = tokio::select! {
        ended = &mut connection => Some(ended),
        () = stop.cancelled() => None,
        () = too_long(times.most(), &is_endless) => return,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            Pin::new(&mut connection).graceful_shutdown();
            let within = match is_endless.load(Ordering::Relaxed) {
                true => LAST_WORDS,
                false => times.request,
            };
            match timeout(within, &mut connection).await {
                Ok(ended) => ended,
                Err(_) => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "an HTTP connection ended early");
    }
    // An upgraded connection has no stream here any more.
    if let Some(parts) = connection.into_parts() {
        let guard = parts.io.into_inner();
        if guard.is_inside_request() {
            linger(guard.into_inner()).await;
        }
    }
}

/// Waits until a connection is older than it may be, unless its answer is endless.
async fn too_long(most: Duration, is_endless: &AtomicBool) {
    sleep(most).await;
    if is_endless.load(Ordering::Relaxed) {
        std::future::pending().await
    }
}

/// Answers one request, or refuses it if its head is wrong.
async fn answer(
    mut request: Request<Incoming>,
    peer: SocketAddr,
    born: Instant,
    report: HeadReport,
    is_endless: Arc<AtomicBool>,
    service: Arc<Service>,
) -> Result<Response<Body>, Infallible> {
    let site = &service.site;
    let refusal = refuse(&request, &report);
    let ends = refusal.is_some() || head::ends_connection(request.headers());
    let client = Client::of(peer.ip(), request.headers(), site.trusted_proxies());
    request.extensions_mut().insert(client);
    let cors = Cors::of(&request, site.allowed_origins());
    // Only for the debug log, which is rarely on.
    let asked = tracing::enabled!(tracing::Level::DEBUG)
        .then(|| (request.method().clone(), request.uri().path().to_owned()));
    let mut response = match refusal {
        Some(problem) => problem.into_response(),
        None => {
            let router = service.router.clone();
            router.oneshot(request.map(Body::new)).await?
        }
    };
    site.answered(&response);
    if let (Some((method, path)), Some(reason)) = (asked, response.extensions().get::<Reason>()) {
        let (address, status, code) = (client.0, reason.status().as_u16(), reason.code());
        tracing::debug!(%address, %method, path, status, code, "refused");
    }
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        // Announced before the connection closes because of its age or the server's end: a
        // client with a pool then sends its next request on another connection.
        let endless = response.extensions().get::<Endless>().is_some();
        if endless {
            is_endless.store(true, Ordering::Relaxed);
        }
        let ends = ends
            || endless
            || report.is_inside_body()
            || born.elapsed() >= service.times.life
            || site.is_draining();
        // Here, because a layer of the router would box the future of each request.
        harden(response.headers_mut());
        if let Some(strict) = site.strict_transport() {
            let headers = response.headers_mut();
            headers.insert(STRICT_TRANSPORT_SECURITY, strict);
        }
        cors.mark(&mut response);
        if ends {
            // In addition to `upgrade`, which a 426 has.
            let close = HeaderValue::from_static("close");
            response.headers_mut().append(CONNECTION, close);
        }
    }
    Ok(response)
}

/// Headers that restrict what a browser does with an answer: it may load nothing, unless a
/// page says what it needs.
fn harden(headers: &mut HeaderMap) {
    const HEADERS: [(HeaderName, &str); 3] = [
        (
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    for (name, value) in HEADERS {
        headers
            .entry(name)
            .or_insert_with(|| HeaderValue::from_static(value));
    }
}

fn refuse<B>(request: &Request<B>, report: &HeadReport) -> Option<Problem> {
    let (reason, detail) = match report.error() {
        Some(error) => {
            let reason = match error {
                HeadError::BareLf | HeadError::Framing => reason::BAD_REQUEST,
                HeadError::LineTooLong => reason::LINE_TOO_LONG,
                HeadError::TooLarge => reason::HEAD_TOO_LONG,
            };
            (reason, error.to_string())
        }
        // RFC 9112, 3.2
        None if request.version() == Version::HTTP_11
            && request.headers().get_all(HOST).iter().count() != 1 =>
        {
            let detail = "a request has exactly one Host".to_owned();
            (reason::BAD_REQUEST, detail)
        }
        None => return None,
    };
    Some(Problem::new(reason, detail))
}

async fn linger(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let end = async {
        // Of TLS this waits until the client has taken what it was sent before.
        stream.shutdown().await?;
        let mut rest = stream.take(LINGER_BYTES as u64);
        let mut buffer = vec![0; 16 * 1024];
        while rest.read(&mut buffer).await? > 0 {}
        io::Result::Ok(())
    };
    // The connection ends, whether the client was finished or not.
    let _ = timeout(LINGER_TIME, end).await;
}

#[cfg(test)]
mod tests;
