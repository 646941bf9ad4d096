//! Ways to a server: sockets, passwords, rights, TLS.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::path::Path;
use std::process::Command;

use common::*;
use tablecast_core::Forms;
use tablecast_core::backend::Backend;
use tablecast_redis::{RedisBackend, RedisConfig};
use tablecast_testing::free_port;
use tablecast_testing::redis::RedisServer;

/// Makes a room and hears of a change of it.
async fn works(url: &str) {
    let backend = connected(url).await;
    let mut heard = Heard::of(&backend);
    heard.up().await;
    let room = room("a");
    let start = created(&backend, &room).await;
    heard.watch(&backend, &room).await.unwrap();
    let mut with_alarm = step(start, &["e"]);
    with_alarm.alarm = Some(1);
    accepted(&connected(url).await, &room, with_alarm).await;
    assert_eq!(heard.published(&room).await.0, 1);
    heard.unwatch(&room);
    let node = "n".parse().unwrap();
    backend.renew(&node, Forms::FIRST, TTL).await.unwrap();
    backend.release(&node).await.unwrap();
    let due = backend.due_alarms(1).await.unwrap();
    backend.forget_alarm(&due.hints[0]).await.unwrap();
}

/// Why the backend is down.
async fn reason(url: &str) -> String {
    let backend = RedisBackend::connect(url).unwrap();
    Heard::of(&backend).down().await
}

#[tokio::test]
async fn a_server_is_reached_by_its_socket_and_in_another_database() {
    let server = RedisServer::start(&["--unixsocket", "socket"]);
    let socket = server.directory().join("socket");
    works(&format!("redis+unix://{}", socket.display())).await;
    works(&format!("{}/3", server.url())).await;
    assert!(
        server
            .cli(&["-n", "3", "KEYS", "*"])
            .contains("tablecast:{a}:state")
    );
}

#[tokio::test]
async fn two_prefixes_on_one_server_do_not_meet() {
    let server = RedisServer::start(&[]);
    works(&server.url()).await;
    let with_prefix = |key_prefix: &str| {
        let config = RedisConfig {
            key_prefix: key_prefix.into(),
            ..RedisConfig::default()
        };
        RedisBackend::connect_with(&server.url(), &config)
    };
    let other = with_prefix("other:").unwrap();
    assert_eq!(other.load(&room("a"), None).await, Ok(None));
    assert!(with_prefix("{x}").is_err());
}

#[tokio::test]
async fn a_wrong_password_is_told_without_it() {
    let server = RedisServer::start(&["--requirepass", "geheim"]);
    let address = format!("127.0.0.1:{}", server.port());
    works(&format!("redis://:geheim@{address}")).await;
    let reason = reason(&format!("redis://:falsch@{address}")).await;
    assert!(reason.contains("WRONGPASS"), "{reason}");
    assert!(!reason.contains("falsch"), "{reason}");
}

/// The rights that the README tells operators to give.
const RIGHTS: &str = "~tablecast:* &tablecast:* +hello +client|setinfo +ping +info +select \
    +asking +cluster|slots +eval +evalsha +subscribe +unsubscribe +ssubscribe +sunsubscribe \
    +publish +spublish +time +exists +del +hget +hmget +hset +xadd +xrange +pexpireat +zadd +zrange \
    +zrank +zrem +zremrangebyscore";

#[tokio::test]
async fn the_documented_rights_are_enough() {
    let server = RedisServer::start(&[]);
    let mut rule = vec!["ACL", "SETUSER", "tablecast", "reset", "on", ">geheim"];
    // `client|setinfo` came with Redis 7.2; redis-rs ignores its refusal. The rights of the version
    // before are enough, too.
    let is_needed = |right: &&str| !["+client|setinfo", "+zrank"].contains(right);
    rule.extend(RIGHTS.split_whitespace().filter(is_needed));
    assert_eq!(server.cli(&rule), "OK");
    works(&format!(
        "redis://tablecast:geheim@127.0.0.1:{}",
        server.port()
    ))
    .await;
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"));
    let readme = readme.unwrap().replace("\\\n", " ");
    let readme: Vec<_> = readme.split_whitespace().collect();
    for right in RIGHTS.split_whitespace() {
        assert!(readme.contains(&right), "README.md does not name {right}");
    }
}

#[tokio::test]
async fn a_denied_subscription_is_told_and_tried_again() {
    let server = RedisServer::start(&[]);
    let allow = |channels: &str| {
        server.cli(&[
            "ACL", "SETUSER", "some", "on", ">geheim", "~*", "+@all", channels,
        ]);
    };
    allow("resetchannels");
    let url = format!("redis://some:geheim@127.0.0.1:{}", server.port());
    let backend = connected(&url).await;
    let mut heard = Heard::of(&backend);
    let room = room("a");
    created(&backend, &room).await;
    let denied = heard.watch(&backend, &room).await.unwrap_err().to_string();
    assert!(denied.contains("no permissions"), "{denied}");
    allow("allchannels");
    heard.missed(&room).await;
    publications_arrive(&backend, &mut heard, &room, &url).await;
}

/// A server that shows a certificate for 127.0.0.1 which it has signed itself,
/// the certificate's file, and the URL.
fn encrypted(place: &RedisServer) -> (RedisServer, String, String) {
    let file = |name: &str| place.directory().join(name).display().to_string();
    let (key, certificate) = (file("key.pem"), file("certificate.pem"));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=redis",
        ])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-keyout", &key, "-out", &certificate])
        .output()
        .unwrap_or_else(|error| panic!("openssl cannot be run ({error}): apt-get install openssl"));
    assert!(made.status.success(), "{made:?}");
    let port = free_port().to_string();
    let options = ["--tls-cert-file", &certificate, "--tls-key-file", &key];
    let options = [
        &["--tls-port", &port, "--tls-auth-clients", "no"],
        &options[..],
    ]
    .concat();
    let server = RedisServer::start(&options);
    (server, certificate, format!("rediss://127.0.0.1:{port}"))
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused_and_told() {
    let place = RedisServer::start(&[]);
    let (_server, _, url) = encrypted(&place);
    let reason = reason(&url).await;
    assert!(reason.contains("certificate"), "{reason}");
}

#[tokio::test]
async fn a_certificate_that_the_system_trusts_is_accepted() {
    // What the system trusts is read from the environment, so the test runs
    // itself in another one.
    const URL: &str = "TABLECAST_TEST_TLS_URL";
    if let Ok(url) = std::env::var(URL) {
        return works(&url).await;
    }
    let place = RedisServer::start(&[]);
    let (_server, certificate, url) = encrypted(&place);
    let run = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "a_certificate_that_the_system_trusts_is_accepted",
        ])
        .env(URL, url)
        .env("SSL_CERT_FILE", certificate)
        .output()
        .unwrap();
    assert!(
        run.status.success(),
        "{}",
        String::from_utf8_lossy(&run.stdout)
    );
}
