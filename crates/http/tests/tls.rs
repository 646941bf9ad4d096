//! The accept loop inside TLS: what it refuses, what it costs nobody, and what a room behind it
//! is like.
#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::Response;
use axum::routing::get;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tablecast::core::CloseReason;
use tablecast::upgrade::Upgrade;
use tablecast::{ConnectionConfig, OutboxLimits};
use tablecast_http::tls::{Certificate, Tls, load};
use tablecast_http::{HeadGuard, Site, Times, serve_tls};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tokio_util::sync::CancellationToken;

/// Only a failing test waits this long.
const DEADLINE: Duration = Duration::from_secs(60);

/// A certificate that vouches for itself, and its key.
fn made() -> [String; 2] {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    [cert.pem(), signing_key.serialize_pem()]
}

fn certificate(pem: &[String; 2]) -> Certificate {
    Certificate::from_pem("the test", pem.concat().as_bytes()).unwrap()
}

struct Client {
    roots: RootCertStore,
    version: &'static SupportedProtocolVersion,
    protocols: Vec<Vec<u8>>,
}

/// Trusts this certificate and no other.
fn trusting([pem, _]: &[String; 2]) -> Client {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap())
        .unwrap();
    Client {
        roots,
        version: &TLS13,
        protocols: vec![b"h2".to_vec(), b"http/1.1".to_vec()],
    }
}

impl Client {
    async fn connect(&self, at: SocketAddr) -> std::io::Result<TlsStream<TcpStream>> {
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[self.version])
            .unwrap()
            .with_root_certificates(self.roots.clone())
            .with_no_client_auth();
        config.alpn_protocols = self.protocols.clone();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TcpStream::connect(at).await.unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        timeout(DEADLINE, connector.connect(name, stream))
            .await
            .unwrap()
    }

    async fn ask(&self, at: SocketAddr, request: &str) -> String {
        let mut stream = self.connect(at).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        String::from_utf8(rest(&mut stream).await).unwrap()
    }
}

/// Everything up to the end, which is said: rustls calls an end without that an error.
async fn rest(stream: &mut (impl AsyncReadExt + Unpin)) -> Vec<u8> {
    let mut read = Vec::new();
    let all = timeout(DEADLINE, stream.read_to_end(&mut read)).await;
    all.unwrap().unwrap();
    read
}

const GET: &str = "GET /page HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

struct Tried(Times);

impl Site for Tried {
    fn times(&self) -> Times {
        self.0
    }
}

async fn start(tls: &Tls, times: Times, router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let site = Arc::new(Tried(times));
    tokio::spawn(serve_tls(listener, tls.clone(), router, site, stop));
    at
}

async fn start_page(tls: &Tls, times: Times) -> SocketAddr {
    let router = Router::new().route("/page", get(|| async { "here it is" }));
    start(tls, times, router).await
}

#[tokio::test]
async fn http_1_1_is_spoken_inside_tls_1_2_and_1_3_and_heads_are_checked_there() {
    let pem = made();
    let tls = Tls::new(certificate(&pem)).unwrap();
    let at = start_page(&tls, Times::default()).await;
    let mut client = trusting(&pem);
    for version in [&TLS12, &TLS13] {
        client.version = version;
        let answer = client.ask(at, GET).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert!(answer.ends_with("here it is"), "{answer}");
    }
    let stream = client.connect(at).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let smuggled = GET.replace(
        "Connection",
        "Content-Length: 1\r\nContent-Length: 1\r\nConnection",
    );
    for (request, status) in [
        (&GET.replace("\r\n", "\n"), "400"),
        (&smuggled, "400"),
        (&GET.replace("/page", &"/page".repeat(2000)), "414"),
    ] {
        let answer = client.ask(at, request).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
    }
    client.protocols = vec![b"h2".to_vec()];
    client.connect(at).await.unwrap_err();
}

#[tokio::test]
async fn a_handshake_that_is_none_ends_and_is_nobody_elses_matter() {
    let pem = made();
    let tls = Tls::new(certificate(&pem)).unwrap();
    // More than a handshake of this test's own takes, however busy the machine is.
    let head = Duration::from_secs(2);
    let times = Times {
        head,
        ..Times::default()
    };
    let at = start_page(&tls, times).await;
    let client = trusting(&pem);
    let mut silent = TcpStream::connect(at).await.unwrap();
    let mut stalled = TcpStream::connect(at).await.unwrap();
    stalled.write_all(b"\x16\x03\x01\x02\0\x01").await.unwrap();
    let mut plain = TcpStream::connect(at).await.unwrap();
    plain.write_all(GET.as_bytes()).await.unwrap();
    let mut garbage = TcpStream::connect(at).await.unwrap();
    garbage.write_all(b"\x05\x01\x00").await.unwrap();

    let answer = client.ask(at, GET).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let answer = String::from_utf8(rest(&mut plain).await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(
        head.contains(&format!("Content-Length: {}\r\n", body.len())),
        "{answer}"
    );
    assert!(body.contains("https://"), "{answer}");
    for stream in [&mut garbage, &mut silent, &mut stalled] {
        // With an end or a reset, and perhaps an alert before.
        let mut read = Vec::new();
        let _ = timeout(DEADLINE, stream.read_to_end(&mut read))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_new_certificate_is_shown_from_the_next_handshake_on_and_nobody_is_cut() {
    let (old, new) = (made(), made());
    let tls = Tls::awaiting(&["localhost".to_owned()]).unwrap();
    let at = start_page(&tls, Times::default()).await;
    assert_eq!(tls.status().domains, ["localhost"]);
    trusting(&old).connect(at).await.unwrap_err();

    tls.show(certificate(&old));
    let mut open = trusting(&old).connect(at).await.unwrap();
    tls.not_renewed("the reason".to_owned());
    assert_eq!(tls.status().last_error.as_deref(), Some("the reason"));
    tls.renewed(certificate(&new));
    let status = tls.status();
    assert_eq!((status.renewed, status.failed), (1, 1));
    assert_eq!(status.last_error, None);
    assert_eq!(status.not_after, Some(certificate(&new).not_after()));

    trusting(&old).connect(at).await.unwrap_err();
    trusting(&new).connect(at).await.unwrap();
    open.write_all(GET.as_bytes()).await.unwrap();
    assert!(rest(&mut open).await.starts_with(b"HTTP/1.1 200 "));
}

#[tokio::test]
async fn an_acme_server_is_shown_its_answer_and_nothing_behind_it() {
    let (shown, answer) = (made(), made());
    let tls = Tls::awaiting(&["localhost".to_owned()]).unwrap();
    tls.show(certificate(&shown));
    let at = start_page(&tls, Times::default()).await;
    let mut asks = trusting(&answer);
    asks.protocols = vec![b"acme-tls/1".to_vec()];
    asks.connect(at).await.unwrap_err();
    let [proof, key] = &answer;
    let proof = CertificateDer::from_pem_slice(proof.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let guard = tls.answer_challenge(
        "localhost".to_owned(),
        proof.to_vec(),
        key.secret_der().to_vec(),
    );
    let mut stream = asks.connect(at).await.unwrap();
    assert_eq!(rest(&mut stream).await, b"");
    // Meanwhile all others are shown the site's own.
    trusting(&shown).connect(at).await.unwrap();
    drop(guard.unwrap());
    asks.connect(at).await.unwrap_err();
}

const JOIN: &str = "GET /room HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
     Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// Reads up to the end of this.
async fn read_to(stream: &mut TlsStream<TcpStream>, end: &[u8]) {
    let mut read = Vec::new();
    let reads = async {
        while !read.ends_with(end) {
            read.push(stream.read_u8().await.unwrap());
        }
    };
    timeout(DEADLINE, reads).await.unwrap();
}

#[tokio::test]
async fn a_room_is_reached_and_left_inside_tls() {
    let pem = made();
    let tls = Tls::new(certificate(&pem)).unwrap();
    let join = |upgrade: Upgrade| async {
        let upgrade = upgrade.over::<HeadGuard>();
        upgrade.accept(ConnectionConfig::default(), |mut connection| async move {
            while connection.recv().await.is_some() {
                let _ = connection.send("ok");
            }
        })
    };
    let router = Router::new().route("/room", get(join));
    let at = start(&tls, Times::default(), router).await;
    let client = trusting(&pem);

    let mut leaves = client.connect(at).await.unwrap();
    leaves.write_all(JOIN.as_bytes()).await.unwrap();
    read_to(&mut leaves, b"\r\n\r\n").await;
    // A text of one letter, masked with zeros.
    leaves.write_all(b"\x81\x81\0\0\0\0a").await.unwrap();
    read_to(&mut leaves, b"\x81\x02ok").await;
    leaves.write_all(b"\x88\x82\0\0\0\0\x03\xe8").await.unwrap();
    // The close frame comes back, and then TLS says goodbye as well: `rest` demands it.
    let end = rest(&mut leaves).await;
    assert_eq!(end, b"\x88\x06\x03\xe8left");
}

#[tokio::test]
async fn who_does_not_read_inside_tls_is_cut_and_told_why() {
    let pem = made();
    let tls = Tls::new(certificate(&pem)).unwrap();
    let (tell, mut told) = mpsc::unbounded_channel();
    let join = move |upgrade: Upgrade| {
        let tell = tell.clone();
        async move { flood(upgrade, tell) }
    };
    let router = Router::new().route("/room", get(join));
    let at = start(&tls, Times::default(), router).await;
    let mut client = trusting(&pem).connect(at).await.unwrap();
    client.write_all(JOIN.as_bytes()).await.unwrap();
    let reason = timeout(DEADLINE, told.recv()).await.unwrap().unwrap();
    assert_eq!(reason, CloseReason::TooSlow);
    let heard = rest_until_close(&mut client, reason).await;
    // More than the outbox alone: what had been handed over came too.
    assert!(heard > OUTBOX, "{heard}");
}

const OUTBOX: usize = 64 * 1024;

/// Sends without a pause until that is refused, and tells the reason.
fn flood(upgrade: Upgrade, tell: mpsc::UnboundedSender<CloseReason>) -> Response {
    let config = ConnectionConfig {
        outbox: OutboxLimits {
            bytes: OUTBOX,
            time: DEADLINE,
        },
        ..ConnectionConfig::default()
    };
    upgrade
        .over::<HeadGuard>()
        .accept(config, |mut connection| async move {
            let long = "x".repeat(8 * 1024);
            loop {
                if let Err(reason) = connection.send(&long) {
                    let _ = tell.send(reason);
                    return;
                }
                // So that it is written: this task alone does that inside TLS.
                connection.while_waiting(tokio::task::yield_now()).await;
            }
        })
}

/// How many bytes came up to the end, which is a close frame with this reason.
async fn rest_until_close(client: &mut TlsStream<TcpStream>, reason: CloseReason) -> usize {
    let mut read = Vec::new();
    let reads = async {
        let mut buffer = vec![0; 64 * 1024];
        let code = reason.code().to_be_bytes();
        loop {
            match client.read(&mut buffer).await.unwrap() {
                0 => return,
                count => read.extend_from_slice(&buffer[..count]),
            }
            let tail = &read[read.len().saturating_sub(64)..];
            if tail.windows(2).any(|two| two == code) && tail.contains(&0x88) {
                client.write_all(b"\x88\x82\0\0\0\0").await.unwrap();
                client.write_all(&code).await.unwrap();
            }
        }
    };
    timeout(DEADLINE, reads).await.unwrap();
    read.len()
}

#[test]
fn what_is_wrong_with_a_certificate_is_said_with_the_file() {
    let dir = std::env::temp_dir().join(format!("tablecast-tls-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let file = |name: &str, text: &str| -> PathBuf {
        let path = dir.join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let (one, other) = (made(), made());
    let cert = file("cert.pem", &one[0]);
    let key = file("key.pem", &one[1]);
    let both = file("both.pem", &one.concat());
    assert_eq!(load(&cert, &key).unwrap().names(), ["localhost"]);
    load(&both, &both).unwrap();
    let encrypted = one[1].replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let damaged = one[0].replacen("MII", "MIA", 1);
    for (cert, key, parts) in [
        (&dir.join("none.pem"), &key, ["none.pem", "No such file"]),
        (&cert, &dir.join("none.pem"), ["none.pem", "No such file"]),
        (&key, &key, ["key.pem", "holds no certificate"]),
        (&cert, &cert, ["cert.pem", "holds no private key"]),
        (
            &file("empty.pem", ""),
            &key,
            ["empty.pem", "no certificate"],
        ),
        (&file("bad.pem", &damaged), &key, ["bad.pem", "understood"]),
        (&cert, &file("enc.pem", &encrypted), ["enc.pem", "password"]),
        (
            &cert,
            &file("other.pem", &other[1]),
            ["other.pem", "does not belong"],
        ),
    ] {
        let said = load(cert, key).unwrap_err().to_string();
        for part in parts {
            assert!(said.contains(part), "{said}");
        }
    }
    std::fs::remove_dir_all(&dir).unwrap();
}
