//! A client that speaks TLS, and certificates for servers.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(unreachable_pub, clippy::unwrap_used)]

use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tablecast_testing::client::Client;
use tablecast_testing::{DEADLINE, Directory};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Writes a certificate for `localhost` that vouches for itself, and its key: the certificate.
pub fn write_certificate(dir: &Directory, cert: &str, key: &str) -> String {
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let CertifiedKey {
        cert: made,
        signing_key,
    } = generate_simple_self_signed(names).unwrap();
    dir.write(cert, &made.pem());
    dir.write(key, &signing_key.serialize_pem());
    made.pem()
}

/// Trusts what these certificates vouch for, and nothing else.
pub fn trusting(pem: &str) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        roots.add(root.unwrap()).unwrap();
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

/// A handshake with `localhost` at this address.
pub async fn connect(
    client: &TlsConnector,
    at: SocketAddr,
) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(at).await?;
    let name = ServerName::try_from("localhost").unwrap();
    timeout(DEADLINE, client.connect(name, stream)).await?
}

/// The whole answer to a request, up to the end of TLS.
pub async fn ask(client: &TlsConnector, at: SocketAddr, line: &str) -> std::io::Result<String> {
    let mut stream = connect(client, at).await?;
    let port = at.port();
    let request = format!("{line} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    timeout(DEADLINE, stream.read_to_string(&mut answer)).await??;
    Ok(answer)
}

/// The answer to a GET.
pub async fn get(client: &TlsConnector, at: SocketAddr, path: &str) -> String {
    ask(client, at, &format!("GET {path}")).await.unwrap()
}

/// Makes a room: its id.
pub async fn room(client: &TlsConnector, at: SocketAddr) -> String {
    let made = ask(client, at, "POST /session/").await.unwrap();
    let (_, body) = made.split_once("\r\n\r\n").unwrap();
    let made: serde_json::Value = serde_json::from_str(body).unwrap();
    made["id"].as_str().unwrap().to_owned()
}

/// A handshake for WebSocket inside TLS: the stream behind it.
pub async fn upgraded(client: &TlsConnector, at: SocketAddr, room: &str) -> TlsStream<TcpStream> {
    let mut stream = connect(client, at).await.unwrap();
    let port = at.port();
    let request = format!(
        "GET /ws/{room}/ HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: https://localhost:{port}\r\n\
         Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: tablecast.v1\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    let reads = async {
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
    };
    timeout(DEADLINE, reads).await.unwrap();
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{head:?}");
    stream
}

/// Joins a room by `tablecast.v1` inside TLS; `hello` is read.
pub async fn join(client: &TlsConnector, at: SocketAddr, room: &str) -> Client {
    let mut member = Client::over(upgraded(client, at, room).await);
    member.send_text("{\"join\":{}}").await.unwrap();
    let hello = member.next_json().await.unwrap();
    assert!(hello.get("hello").is_some(), "{hello}");
    member
}

/// The answer to a plain GET, with this Host.
pub async fn plain_get(at: SocketAddr, host: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(at).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = timeout(DEADLINE, stream.read_to_string(&mut answer)).await;
    read.unwrap().unwrap();
    answer
}
