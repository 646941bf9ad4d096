//! Ways to a server: sockets, passwords, rights, TLS.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::path::Path;
use std::process::Command;

use common::*;
use tablecast_core::backend::{Backend, Health, Notice};
use tablecast_redis::RedisBackend;
use tablecast_redis::testing::{RedisServer, free_port};

/// Makes a room and hears of a change of it.
async fn works(url: &str) {
    let backend = connected(url).await;
    let mut heard = Heard::of(&backend);
    let room = room("a");
    let start = created(&backend, &room).await;
    backend.watch(&room).await.unwrap();
    accepted(&backend, &room, step(start, &["e"])).await;
    assert_eq!(heard.published(&room).await.0, 1);
    backend.unwatch(&room);
    let node = "n".parse().unwrap();
    backend.renew(&node, TTL).await.unwrap();
    backend.release(&node).await.unwrap();
}

/// Why the backend is down.
async fn reason(url: &str) -> String {
    let backend = RedisBackend::connect(url).unwrap();
    let mut heard = Heard::of(&backend);
    heard
        .find("down", |notice| match notice {
            Notice::Health(Health::Down(reason)) => Some(reason.clone()),
            _ => None,
        })
        .await
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
    let other = RedisBackend::connect_with_prefix(&server.url(), "other:").unwrap();
    assert_eq!(other.load(&room("a"), None).await, Ok(None));
    assert!(RedisBackend::connect_with_prefix(&server.url(), "{x}").is_err());
}

#[tokio::test]
async fn a_wrong_password_is_told_without_it() {
    let server = RedisServer::start(&["--requirepass", "geheim"]);
    let address = format!("127.0.0.1:{}", server.port());
    works(&format!("redis://:geheim@{address}")).await;
    let reason = reason(&format!("redis://:falsch@{address}")).await;
    assert!(reason.to_lowercase().contains("auth"), "{reason}");
    assert!(!reason.contains("falsch"), "{reason}");
}

/// The rights that the README tells operators to give.
const RIGHTS: &str = "~tablecast:* &tablecast:* +hello +client|setinfo +ping +info +select \
    +asking +cluster|slots +eval +evalsha +subscribe +unsubscribe +ssubscribe +sunsubscribe \
    +publish +spublish +time +exists +hget +hmget +hset +xadd +xrange +pexpireat +zadd +zrange \
    +zrem +zremrangebyscore";

#[tokio::test]
async fn the_documented_rights_are_enough() {
    let server = RedisServer::start(&[]);
    let mut rule = vec!["ACL", "SETUSER", "tablecast", "reset", "on", ">geheim"];
    // `client|setinfo` came with Redis 7.2; redis-rs ignores its refusal.
    rule.extend(
        RIGHTS
            .split_whitespace()
            .filter(|right| *right != "+client|setinfo"),
    );
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
async fn a_certificate_that_nobody_vouches_for_is_refused_and_told() {
    let place = RedisServer::start(&[]);
    let file = |name: &str| place.directory().join(name).display().to_string();
    let (key, certificate) = (file("key.pem"), file("certificate.pem"));
    let made = Command::new("openssl")
        .args([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
        ])
        .args([
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
        ])
        .args(["-keyout", &key, "-out", &certificate])
        .output()
        .unwrap_or_else(|error| panic!("openssl cannot be run ({error}): apt-get install openssl"));
    assert!(made.status.success(), "{made:?}");
    let port = free_port();
    let server = RedisServer::start(&[
        "--tls-port",
        &port.to_string(),
        "--tls-cert-file",
        &certificate,
        "--tls-key-file",
        &key,
        "--tls-auth-clients",
        "no",
    ]);
    let reason = reason(&format!("rediss://127.0.0.1:{port}")).await;
    assert!(reason.contains("certificate"), "{reason}");
    drop(server);
}
