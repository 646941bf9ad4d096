//! Accepts connections and speaks HTTP on them until they end or are upgraded.
//!
//! axum's own loop sets no deadline for a request's head and no `TCP_NODELAY`,
//! so this is ours, on hyper's builder.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header::{CONNECTION, HOST, HeaderValue};
use axum::http::{Request, Response, StatusCode, Version};
use axum::response::IntoResponse;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::SockRef;
use tablecast::head::{self, HeadError, HeadGuard, HeadReport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::client::Peer;
use crate::problem::{Problem, Reason};
use crate::routes;

/// A request's head must be complete in this time, from the accept or from its
/// first byte.
const HEAD_DEADLINE: Duration = Duration::from_secs(5);

/// A connection may be idle between requests for this long. Longer than the 5 s
/// of a head, so that a proxy's pool does not meet connections that just close.
const IDLE_DEADLINE: Duration = Duration::from_secs(60);

/// HTTP is spoken on a connection for this long at most; it is closed between two
/// requests then. Ends what reads its answers too slowly or never.
const MAX_HTTP_TIME: Duration = Duration::from_secs(120);

/// A request that is under way when the connection is to close has this long.
const LAST_REQUEST: Duration = Duration::from_secs(5);

/// Most of what hyper keeps of a request that is not complete. Larger than
/// [`head::MAX_HEAD_BYTES`], so that a head which is somewhat too large is read
/// whole and answered in order, instead of a reset on the way.
const READ_BUFFER_BYTES: usize = 128 * 1024;

/// The kernel's send buffer of each connection: what a peer that does not read
/// can pin there. The kernel doubles it for its bookkeeping; left alone, it would
/// grow to 4 MiB.
const SEND_BUFFER_BYTES: usize = 128 * 1024;

/// What a client still sends after the last answer is read and thrown away, up
/// to this much and this long: closing at once would reset the connection and
/// the answer might never be seen.
const LINGER_BYTES: usize = 1024 * 1024;
const LINGER_TIME: Duration = Duration::from_secs(1);

/// So many are accepted in a row before everybody else has a turn: while thousands
/// come at once, the rooms go on.
const ACCEPTS: usize = 16;

/// When no connection can be accepted (descriptors ran out), the next try comes
/// after this long. The rooms go on meanwhile.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// Serves until `stop`, then lets plain HTTP requests under way finish. Upgraded
/// connections are none of its business.
pub(crate) async fn run(listener: TcpListener, router: Router, stop: CancellationToken) {
    // Accepted sockets have them from the listener, without a system call for each. They can
    // only fail for a socket that is none.
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
                // Boxed, since it is moved several times on its way to becoming a task.
                let served = Box::pin(serve(stream, peer, router.clone(), stop.clone()));
                connections.spawn(served);
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

/// The connection was gone before it was accepted; the listener is well.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

async fn serve(stream: TcpStream, peer: SocketAddr, router: Router, stop: CancellationToken) {
    let guard = HeadGuard::new(stream, HEAD_DEADLINE);
    let report = guard.report();
    let service = service_fn(move |request| answer(request, peer, report.clone(), router.clone()));
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE_DEADLINE)
        .max_buf_size(READ_BUFFER_BYTES)
        .serve_connection(TokioIo::new(guard), service)
        .with_upgrades();

    let ended = tokio::select! {
        ended = &mut connection => Some(ended),
        () = stop.cancelled() => None,
        () = sleep(MAX_HTTP_TIME) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            Pin::new(&mut connection).graceful_shutdown();
            match timeout(LAST_REQUEST, &mut connection).await {
                Ok(ended) => ended,
                Err(_) => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "an HTTP connection ended early");
    }
    // There is no stream any more if it was upgraded.
    if let Some(parts) = connection.into_parts() {
        let guard = parts.io.into_inner();
        if guard.is_inside_request() {
            linger(guard.into_inner()).await;
        }
    }
}

/// Answers one request, or refuses it for what is wrong with its head.
async fn answer(
    mut request: Request<Incoming>,
    peer: SocketAddr,
    report: HeadReport,
    router: Router,
) -> Result<Response<Body>, Infallible> {
    let refusal = refuse(&request, &report);
    let ends = refusal.is_some() || head::ends_connection(request.headers());
    request.extensions_mut().insert(Peer(peer.ip()));
    let mut response = match refusal {
        Some(problem) => problem.into_response(),
        None => router.oneshot(request.map(Body::new)).await?,
    };
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let headers = response.headers_mut();
        // Here, since a layer of the router would box what each request leads to.
        routes::harden(headers);
        if ends {
            // Beside `upgrade`, which goes with a 426.
            headers.append(CONNECTION, HeaderValue::from_static("close"));
        }
    }
    Ok(response)
}

fn refuse<B>(request: &Request<B>, report: &HeadReport) -> Option<Problem> {
    let (reason, detail) = match report.error() {
        Some(error) => {
            let reason = match error {
                HeadError::BareLf | HeadError::Framing => Reason::BadRequest,
                HeadError::LineTooLong => Reason::LineTooLong,
                HeadError::TooLarge => Reason::HeadTooLong,
            };
            (reason, error.to_string())
        }
        // RFC 9112, 3.2
        None if request.version() == Version::HTTP_11
            && request.headers().get_all(HOST).iter().count() != 1 =>
        {
            let detail = "a request has exactly one Host".to_owned();
            (Reason::BadRequest, detail)
        }
        None => return None,
    };
    Some(Problem::new(reason, detail))
}

async fn linger(mut stream: TcpStream) {
    if stream.shutdown().await.is_err() {
        return;
    }
    let mut rest = stream.take(LINGER_BYTES as u64);
    let mut buffer = vec![0; 16 * 1024];
    let read_all = async { while rest.read(&mut buffer).await.is_ok_and(|read| read > 0) {} };
    // Whether it said all or not, that was it.
    let _ = timeout(LINGER_TIME, read_all).await;
}
