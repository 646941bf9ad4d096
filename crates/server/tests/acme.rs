//! Certificates from an ACME server: the first one, renewal, and what happens while it is down.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/pebble.rs"]
mod pebble;
#[path = "support/program.rs"]
mod program;
#[path = "support/secure.rs"]
mod secure;

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::SystemTime;

use pebble::Pebble;
use program::tablecast;
use tablecast::MemoryBackend;
use tablecast_http::tls::{Status, Tls};
use tablecast_server::Server;
use tablecast_server::config::{AcmeOptions, ChallengeKind, Config, Https};
use tablecast_server::tls::{Certificates, Clock};
use tablecast_testing::process::Process;
use tablecast_testing::{Directory, free_port, until};
use tokio::net::TcpListener;

async fn becomes(tls: &Tls, what: &str, is_so: impl Fn(&Status) -> bool) -> Status {
    until(what, async || tls.status(), |status| is_so(status)).await
}

/// When the next certificate is ordered, once this is so. A clock is moved to that time, never by a
/// guess: how early a certificate is renewed is as good as random.
async fn planned(tls: &Tls, clock: &Clock, is_so: impl Fn(&Status) -> bool) -> SystemTime {
    let is_planned =
        |status: &Status| is_so(status) && status.next_renewal.is_some_and(|at| at > clock.now());
    let status = becomes(tls, "the next renewal is planned", is_planned).await;
    status.next_renewal.unwrap()
}

/// With a clock that the test moves: the first certificate by a handshake, a room behind it, its
/// renewal, the time while the ACME server is down, and another one in its place.
#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_got_by_a_handshake_renewed_in_time_and_kept_while_that_fails() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let mut pebble = Pebble::start(at.port(), free_port());
    let dir = Directory::new();
    let config = Config {
        https: Some(Https::Acme(AcmeOptions {
            domains: vec!["localhost".to_owned()],
            contact: Some("me@lunch.example".to_owned()),
            directory: pebble.directory(),
            root: Some(pebble.root()),
            challenge: ChallengeKind::TlsAlpn01,
            store: dir.path().join("acme"),
        })),
        ..Config::default()
    };
    let (clock, hand) = Clock::by_hand(SystemTime::now());
    let certificates = Certificates::open(config.https.as_ref().unwrap(), clock.clone()).unwrap();
    let tls = certificates.tls().clone();
    assert_eq!(tls.status().not_after, None);
    let server = Server::secure(config, Arc::new(MemoryBackend::new()), certificates, None);
    tokio::spawn(server.run(listener, std::future::pending()));

    let first = becomes(&tls, "the first certificate", |status| status.renewed == 1).await;
    assert_eq!(
        (first.failed, &first.domains[..]),
        (0, &["localhost".to_owned()][..])
    );
    let client = secure::trusting(&pebble.issuer().await);
    let page = secure::get(&client, at, "/").await;
    assert!(page.starts_with("HTTP/1.1 200 "), "{page}");
    let head = page.to_ascii_lowercase();
    assert!(
        head.contains("\r\nstrict-transport-security: max-age="),
        "{page}"
    );
    let room = secure::room(&client, at).await;
    let mut member = secure::join(&client, at, &room).await;

    let due = planned(&tls, &clock, |_| true).await;
    let life = first
        .not_after
        .unwrap()
        .duration_since(clock.now())
        .unwrap();
    let until_due = due.duration_since(clock.now()).unwrap();
    assert!(
        until_due > life / 2 && until_due < life * 3 / 4,
        "{until_due:?}"
    );
    let shown = tls.certificate().unwrap();
    hand.set(due);
    let due = planned(&tls, &clock, |status| status.renewed == 2).await;
    assert_ne!(tls.certificate().unwrap().der(), shown.der());
    secure::get(&client, at, "/").await;

    pebble.kill();
    hand.set(due);
    let due = planned(&tls, &clock, |status| status.failed == 1).await;
    let error = tls.status().last_error.unwrap();
    assert!(error.contains("does not answer"), "{error}");
    let ready = secure::get(&client, at, "/readyz").await;
    assert!(ready.starts_with("HTTP/1.1 200 "), "{ready}");
    assert!(
        ready.contains("the old certificate is shown until "),
        "{ready}"
    );

    // The one in its place knows neither the account nor what it gave.
    pebble.restart();
    let issuer = pebble.issuer().await;
    hand.set(due);
    let again = becomes(&tls, "it is renewed again", |status| status.renewed == 3).await;
    assert_eq!(again.last_error, None);
    secure::get(&secure::trusting(&issuer), at, "/").await;
    // Who was connected all the time has noticed nothing.
    member.send_close(1000).await.unwrap();
    member.closed().await.unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// The program: by a page on port 80, and from the directory after a start while the ACME server is
/// down.
#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_got_by_a_page_and_kept_for_the_next_start() {
    let [https, http] = [(); 2].map(|()| SocketAddr::from(([127, 0, 0, 1], free_port())));
    let mut pebble = Pebble::start(free_port(), http.port());
    let dir = Directory::new();
    let command = || {
        let mut command: Command = tablecast(&dir);
        command
            .args(["--listen", &https.to_string(), "--store", "memory"])
            .args(["--http-listen", &http.to_string()])
            .args(["--domain", "localhost", "--acme-challenge", "http-01"])
            .args(["--acme-directory", &pebble.directory()])
            .arg("--acme-root")
            .arg(pebble.root());
        command
    };
    let mut server = Process::start(&mut command());
    server.log_up_to("there is a new certificate for localhost");
    let said = server.said();
    assert!(
        said.contains("there is no certificate for localhost yet"),
        "{said}"
    );
    let client = secure::trusting(&pebble.issuer().await);
    let ready = secure::get(&client, https, "/readyz").await;
    assert!(ready.contains("{\"status\":\"ready\"}"), "{ready}");
    let answer = secure::plain_get(http, "localhost", "/a?b").await;
    let there = format!("location: https://localhost:{}/a?b\r\n", https.port());
    assert!(answer.to_ascii_lowercase().contains(&there), "{answer}");
    let none = secure::plain_get(http, "localhost", "/.well-known/acme-challenge/x").await;
    assert!(none.starts_with("HTTP/1.1 404 "), "{none}");

    let kept = fs::read_dir(dir.path().join("tablecast-acme")).unwrap();
    let kept = kept.map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let [kept] = &kept[..] else {
        panic!("{kept:?}")
    };
    assert_eq!(mode(kept), 0o700);
    for file in ["account.json", "certificate.pem"] {
        assert_eq!(mode(&kept.join(file)), 0o600, "{file}");
    }
    server.signal("-TERM");
    assert_eq!(server.exit_code().await, Some(0));

    let account = kept.join("account.json");
    fs::set_permissions(account, fs::Permissions::from_mode(0o644)).unwrap();
    let mut command = command();
    pebble.kill();
    let mut server = Process::start(&mut command);
    secure::get(&client, https, "/").await;
    server.log_up_to("account.json: chmod o= ");
    assert!(
        !server.said().contains("there is no certificate"),
        "{}",
        server.said()
    );
}
