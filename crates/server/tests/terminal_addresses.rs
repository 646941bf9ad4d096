//! Where the terminal finds a site: below a path, and where it has moved to.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/program.rs"]
mod program;
#[path = "support/terminal.rs"]
mod terminal;

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;

use program::{ANY_PORT, tablecast};
use tablecast_testing::Directory;
use tablecast_testing::process::Process;
use terminal::{pipe, server};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

fn text(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

/// The head of a request, and its path.
async fn head(client: &mut TcpStream) -> (Vec<u8>, String) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.unwrap());
    }
    let text = String::from_utf8(head.clone()).unwrap();
    let path = text.split(' ').nth(1).unwrap().to_owned();
    (head, path)
}

/// A proxy that has a server below `/lunch/`, and nothing beside it.
async fn in_front_of(server: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let (head, path) = head(&mut client).await;
                if !path.starts_with("/lunch/") {
                    let nothing = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
                    return client.write_all(nothing).await.unwrap();
                }
                let mut server = TcpStream::connect(server).await.unwrap();
                server.write_all(&head).await.unwrap();
                let _ = copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    at
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_of_a_site_below_a_path_is_made_and_joined() {
    let dir = Directory::new();
    let mut command = tablecast(&dir);
    let server = Process::start(command.args(ANY_PORT).args(["--base-path", "/lunch"]));
    let at = in_front_of(server.address()).await;
    for site in [format!("{at}/lunch"), format!("http://{at}/lunch/")] {
        let made = tablecast(&dir)
            .args(["create", "--server", &site])
            .output()
            .unwrap();
        assert!(made.status.success(), "{site}: {made:?}");
        let page = text(&made).trim();
        let below = format!("http://{at}/lunch/r/");
        assert!(page.starts_with(&below), "{site}: {page}");
        let socket = page.replacen("http", "ws", 1).replacen("/r/", "/ws/", 1);
        for (address, dish) in [(page, "pizza"), (&format!("{socket}/"), "sushi")] {
            let output = pipe(&dir, address, &[], format!("{dish}\n/link\n"));
            assert_eq!(output.status.code(), Some(0), "{address}: {output:?}");
            let done = format!("You added {dish}\n{page}\n");
            assert!(text(&output).ends_with(&done), "{address}: {output:?}");
        }
    }
}

/// A certificate of this machine's own, and its key.
fn certificate(dir: &Directory) -> [PathBuf; 2] {
    let [certificate, key] = ["cert", "key"].map(|name| dir.path().join(name));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"])
        .args(["-pkeyopt", "ec_paramgen_curve:prime256v1"])
        .args(["-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .unwrap_or_else(|error| panic!("openssl cannot be run ({error}): apt-get install openssl"));
    assert!(made.status.success(), "{made:?}");
    [certificate, key]
}

/// Takes TLS away in front of a server.
async fn behind_tls(to: SocketAddr, [certificate, key]: &[PathBuf; 2]) -> SocketAddr {
    let chain = vec![CertificateDer::from_pem_file(certificate).unwrap()];
    let key = PrivateKeyDer::from_pem_file(key).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // Who does not trust it goes away.
                let Ok(mut client) = acceptor.accept(client).await else {
                    return;
                };
                let mut server = TcpStream::connect(to).await.unwrap();
                let _ = copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    at
}

/// Sends everybody to the same path over TLS.
async fn moved_to(tls: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let (_, path) = head(&mut client).await;
            let answer = format!(
                "HTTP/1.1 308 Permanent Redirect\r\nLocation: https://{tls}{path}?from=http#top\r\n\
                 Content-Length: 0\r\nConnection: close\r\n\r\n"
            );
            client.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    at
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_has_moved_to_https_is_followed_over_tls() {
    let dir = Directory::new();
    let server = server(&dir);
    let files = certificate(&dir);
    let tls = behind_tls(server.address(), &files).await;
    let plain = moved_to(tls).await;
    let trusting = |args: &[&str]| {
        let mut command = tablecast(&dir);
        command.env("LC_ALL", "C.UTF-8");
        command.env("SSL_CERT_FILE", &files[0]).args(args);
        command
    };
    let site = format!("http://{plain}");
    let made = trusting(&["create", "--server", &site]).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let page = text(&made).trim();
    assert!(page.starts_with(&format!("https://{tls}/r/")), "{page}");

    let room = page.rsplit_once('/').unwrap().1;
    let lines = dir.path().join("lines");
    fs::write(&lines, "pizza\n").unwrap();
    let moved = format!("{site}/r/{room}");
    let joined = trusting(&["join", &moved])
        .stdin(File::open(&lines).unwrap())
        .output()
        .unwrap();
    assert_eq!(joined.status.code(), Some(0), "{joined:?}");
    assert!(text(&joined).ends_with("You added pizza\n"), "{joined:?}");
    let output = pipe(
        &dir,
        &format!("http://{}/r/{room}", server.address()),
        &[],
        "/list\n",
    );
    assert!(text(&output).contains("1. pizza ("), "{output:?}");

    // It is real: who does not trust the certificate is not let through.
    let output = pipe(&dir, &moved, &[], "sushi\n");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("certificate"), "{error}");
}
