//! When connections end: never while a request is under way.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::routing::{get, post};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};

use super::*;

/// Only a hanging test takes this long.
const DEADLINE: Duration = Duration::from_secs(30);

const NEVER: Duration = Duration::from_secs(3600);

const POST: &[u8] = b"POST /make HTTP/1.1\r\nHost: a\r\n\r\n";

fn times() -> Times {
    Times {
        head: NEVER,
        idle: NEVER,
        proxy_idle: NEVER,
        life: NEVER,
        stalled: NEVER,
        request: NEVER,
    }
}

/// The only address whose connections are a trusted proxy's.
const PROXY: [u8; 4] = [127, 0, 0, 2];

struct Tried {
    times: Times,
    proxies: [IpNet; 1],
    is_draining: AtomicBool,
}

impl Site for Tried {
    fn times(&self) -> Times {
        self.times
    }

    fn trusted_proxies(&self) -> &[IpNet] {
        &self.proxies
    }

    fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
    }
}

async fn serve_with(times: Times) -> (SocketAddr, Arc<Tried>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let router = Router::new()
        .route("/make", post(|| async { (StatusCode::CREATED, "made\n") }))
        .route("/repeat", post(|body: String| async { body }))
        .route("/page", get(|| async { "<p>".repeat(1000) }))
        .route("/endless", get(endless))
        .route("/slow", get(slow));
    let site = Arc::new(Tried {
        times,
        proxies: [IpNet::from(IpAddr::from(PROXY))],
        is_draining: AtomicBool::new(false),
    });
    let serving = serve(listener, router, site.clone(), CancellationToken::new());
    tokio::spawn(serving);
    (at, site)
}

/// An answer that has no end.
async fn slow() -> Response<Body> {
    let never = futures_util::stream::pending::<Result<Vec<u8>, Infallible>>();
    Response::new(Body::from_stream(never))
}

async fn endless() -> Response<Body> {
    let mut answer = slow().await;
    answer.extensions_mut().insert(Endless);
    answer
}

async fn connect(at: SocketAddr) -> TcpStream {
    TcpStream::connect(at).await.unwrap()
}

async fn connect_as_proxy(at: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((PROXY, 0))).unwrap();
    socket.connect(at).await.unwrap()
}

/// The answer to one request, with a small body; `None` if the connection ends without one.
async fn ask(client: &mut TcpStream, request: &[u8]) -> Option<String> {
    let answered = async {
        client.write_all(request).await.ok()?;
        let mut answer = vec![0; 16 * 1024];
        let read = client
            .read(&mut answer)
            .await
            .ok()
            .filter(|read| *read > 0)?;
        Some(String::from_utf8_lossy(&answer[..read]).to_ascii_lowercase())
    };
    timeout(DEADLINE, answered)
        .await
        .expect("no answer in time")
}

fn closes(answer: &str) -> bool {
    answer.contains("connection: close\r\n")
}

#[tokio::test]
async fn the_last_answer_of_a_connection_says_so_and_no_request_is_cut() {
    let life = Duration::from_millis(100);
    let (at, _) = serve_with(Times { life, ..times() }).await;
    let (mut renewed, mut client) = (0, connect(at).await);
    while renewed < 5 {
        let answer = ask(&mut client, POST).await.expect("a request was cut");
        assert!(answer.starts_with("http/1.1 201 "), "{answer}");
        if closes(&answer) {
            assert_eq!(
                client.read(&mut [0]).await.unwrap(),
                0,
                "it ends as it says"
            );
            client = connect(at).await;
            renewed += 1;
        }
        // sleep: the pace of the client is what is tested
        sleep(life / 4).await;
    }
}

#[tokio::test]
async fn a_connection_past_its_life_waits_for_one_more_request() {
    let life = Duration::from_millis(300);
    let (at, _) = serve_with(Times { life, ..times() }).await;
    loop {
        let mut client = connect(at).await;
        let first = ask(&mut client, POST).await.unwrap();
        if closes(&first) {
            // This machine was slower than that; try again.
            continue;
        }
        // sleep: a connection that is idle beyond its life is what is tested
        sleep(2 * life).await;
        let last = ask(&mut client, POST).await.expect("it was cut while idle");
        assert!(last.starts_with("http/1.1 201 ") && closes(&last), "{last}");
        return;
    }
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_its_time() {
    let idle = Duration::from_millis(100);
    let (at, _) = serve_with(Times { idle, ..times() }).await;
    let mut client = connect(at).await;
    let answer = ask(&mut client, POST).await.unwrap();
    assert!(!closes(&answer), "{answer}");
    let ended = timeout(DEADLINE, client.read(&mut [0])).await;
    assert_eq!(ended.expect("it is kept").unwrap(), 0);
}

/// Of two connections that were asked one after the other, the server closes `first`
/// alone: the other one is still answered.
async fn closes_alone(mut first: TcpStream, mut other: TcpStream) {
    for client in [&mut other, &mut first] {
        let answer = ask(client, POST).await.unwrap();
        assert!(!closes(&answer), "{answer}");
    }
    let ended = timeout(DEADLINE, first.read(&mut [0])).await;
    assert_eq!(ended.expect("it is kept").unwrap(), 0);
    let answer = ask(&mut other, POST).await.expect("it was closed as well");
    assert!(answer.starts_with("http/1.1 201 "), "{answer}");
}

#[tokio::test]
async fn an_idle_connection_of_a_trusted_proxy_has_its_own_time_and_no_other_one_has_it() {
    let short = Duration::from_millis(100);
    let proxies_is_short = Times {
        proxy_idle: short,
        ..times()
    };
    let (at, _) = serve_with(proxies_is_short).await;
    closes_alone(connect_as_proxy(at).await, connect(at).await).await;

    let others_is_short = Times {
        idle: short,
        ..times()
    };
    let (at, _) = serve_with(others_is_short).await;
    closes_alone(connect(at).await, connect_as_proxy(at).await).await;
}

#[test]
fn balancers_close_idle_connections_before_the_server_does() {
    let default_of_common_balancers = Duration::from_secs(60);
    assert!(Times::default().idle > default_of_common_balancers);
}

#[test]
fn proxies_close_idle_connections_before_the_server_does() {
    let longest_of_common_proxies = Duration::from_secs(600);
    assert!(Times::default().proxy_idle > longest_of_common_proxies);
}

#[tokio::test]
async fn who_never_reads_is_cut_off() {
    let stalled = Duration::from_millis(100);
    let (at, _) = serve_with(Times { stalled, ..times() }).await;
    let mut client = connect(at).await;
    let page = b"GET /page HTTP/1.1\r\nHost: a\r\n\r\n".repeat(100);
    // The server reads only as much as it can answer, so this waits until the connection ends.
    let flood = async { while client.write_all(&page).await.is_ok() {} };
    timeout(DEADLINE, flood).await.expect("it is waited for");
}

#[tokio::test]
async fn a_server_that_drains_says_with_each_answer_that_it_is_the_last() {
    let (at, site) = serve_with(times()).await;
    let mut client = connect(at).await;
    assert!(!closes(&ask(&mut client, POST).await.unwrap()));
    site.is_draining.store(true, Ordering::Relaxed);
    assert!(closes(&ask(&mut client, POST).await.unwrap()));
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_cut_unless_it_is_to_have_no_end() {
    let short = Duration::from_millis(50);
    let times = Times {
        life: short,
        idle: short,
        request: short,
        ..times()
    };
    let (at, _) = serve_with(times).await;
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").into_bytes();
    let mut endless = connect(at).await;
    let begun = ask(&mut endless, &get("/endless")).await.unwrap();
    assert!(closes(&begun), "{begun}");
    let mut slow = connect(at).await;
    ask(&mut slow, &get("/slow")).await.unwrap();
    let cut = timeout(DEADLINE, slow.read(&mut [0])).await;
    assert_eq!(cut.expect("it is not cut").unwrap(), 0);
    // That one began later, so the time of this one is over as well.
    let more = timeout(times.most(), endless.read(&mut [0])).await;
    assert!(more.is_err(), "it has ended: {more:?}");
}

#[tokio::test]
async fn a_server_that_stops_does_not_wait_for_an_answer_without_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let router = Router::new().route("/endless", get(endless));
    let site = Arc::new(Tried {
        times: times(),
        proxies: [IpNet::from(IpAddr::from(PROXY))],
        is_draining: AtomicBool::new(false),
    });
    let stop = CancellationToken::new();
    let serving = tokio::spawn(serve(listener, router, site, stop.clone()));
    let mut client = connect(at).await;
    let get = b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n";
    ask(&mut client, get).await.unwrap();
    stop.cancel();
    timeout(DEADLINE, serving).await.expect("it waits").unwrap();
    assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
}

/// Takes nothing, not even the end: TLS over a socket that is full.
struct Full;

impl AsyncRead for Full {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

impl AsyncWrite for Full {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Pending
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

/// Else it would hold its descriptor, and a server that stops, for as long as it likes.
#[tokio::test(start_paused = true)]
async fn who_does_not_even_take_the_end_is_not_waited_for() {
    let begin = Instant::now();
    timeout(NEVER, linger(Full)).await.unwrap();
    assert_eq!(begin.elapsed(), LINGER_TIME);
    let stalled = Duration::from_secs(30);
    let mut guard = HeadGuard::new(Full, NEVER).stalled_after(stalled);
    let flushed = timeout(NEVER, guard.flush()).await.unwrap();
    assert_eq!(flushed.unwrap_err().kind(), io::ErrorKind::TimedOut);
    let mut guard = HeadGuard::new(Full, NEVER).stalled_after(stalled);
    let ended = timeout(NEVER, guard.shutdown()).await.unwrap();
    assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::TimedOut);
}

fn repeat(body: &str) -> String {
    let length = body.len();
    format!("POST /repeat HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{body}")
}

#[tokio::test]
async fn requests_with_bodies_follow_each_other_on_one_connection() {
    let (at, _) = serve_with(times()).await;
    let mut client = connect(at).await;
    let unread = repeat("nobody reads it").replace("/repeat", "/make");
    for (request, end) in [
        (repeat("first"), "first"),
        (unread, "made\n"),
        (repeat("second"), "second"),
    ] {
        let answer = ask(&mut client, request.as_bytes()).await;
        let answer = answer.expect("the connection ended");
        assert!(answer.ends_with(end) && !closes(&answer), "{answer}");
    }
}

#[tokio::test]
async fn an_answer_before_the_body_has_come_says_that_it_is_the_last_one() {
    let (at, _) = serve_with(times()).await;
    let mut client = connect(at).await;
    let head = b"POST /make HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
    let answer = ask(&mut client, head).await.unwrap();
    assert!(
        answer.starts_with("http/1.1 201 ") && closes(&answer),
        "{answer}"
    );
}

#[tokio::test]
async fn the_head_behind_a_body_is_checked() {
    let (at, _) = serve_with(times()).await;
    let mut client = connect(at).await;
    let first = ask(&mut client, repeat("first").as_bytes()).await.unwrap();
    assert!(first.starts_with("http/1.1 200 "), "{first}");
    let second = ask(&mut client, b"GET /page HTTP/1.1\nHost: a\n\n").await;
    let second = second.expect("it is kept");
    assert!(
        second.starts_with("http/1.1 400 ") && closes(&second),
        "{second}"
    );
}
