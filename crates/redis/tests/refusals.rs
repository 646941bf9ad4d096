//! Redis answers, and takes no changes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use common::*;
use tablecast_core::Forms;
use tablecast_core::backend::{Backend, BackendError, Health};
use tablecast_core::id::RoomId;
use tablecast_redis::{RedisBackend, RedisConfig};
use tablecast_testing::Notification;
use tablecast_testing::redis::{RedisCluster, RedisServer};
use tokio::time::Instant;

/// A server, and a backend that has found that it takes changes.
async fn up(options: &[&str]) -> (RedisServer, RedisBackend, Heard) {
    up_with(options, &patient()).await
}

async fn up_with(options: &[&str], config: &RedisConfig) -> (RedisServer, RedisBackend, Heard) {
    let server = RedisServer::start(options);
    let backend = RedisBackend::connect_with(&server.url(), config).unwrap();
    let mut heard = Heard::of(&backend);
    heard.up().await;
    (server, backend, heard)
}

fn set(server: &RedisServer, name: &str, value: &str) {
    assert_eq!(server.cli(&["CONFIG", "SET", name, value]), "OK");
}

/// Nobody changes anything: that the server refuses is found all the same.
#[tokio::test]
async fn a_server_that_refuses_changes_is_down_in_its_own_words_until_it_takes_them_again() {
    let (server, backend, mut heard) = up(&[]).await;
    let start = created(&backend, &room("a")).await;
    for (setting, off, on, words, why) in [
        (
            "maxmemory",
            "1",
            "0",
            "OOM command not allowed",
            "its memory is full",
        ),
        (
            "min-replicas-to-write",
            "1",
            "0",
            "NOREPLICAS Not enough good replicas",
            "too few of its replicas are there",
        ),
    ] {
        set(&server, setting, off);
        heard.refusing(words).await;
        let refused = backend.commit(&room("a"), step(start, &["x"])).await;
        assert_eq!(refused, Err(BackendError::Refused(why.into())));
        assert!(backend.load(&room("a"), None).await.unwrap().is_some());
        set(&server, setting, on);
        heard.up().await;
    }
    let now = backend.load(&room("a"), None).await.unwrap().unwrap();
    assert_eq!(now.position, start, "nothing was done of what was refused");
    accepted(&backend, &room("a"), step(start, &["x"])).await;
}

/// The clock of this backend stands still, so that nothing is done because it is time for it.
#[tokio::test]
async fn a_refused_change_is_looked_into_at_once() {
    let (server, backend, mut heard) = up(&[]).await;
    let start = created(&backend, &room("a")).await;
    let room = room("a");
    tokio::time::pause();
    let before = Instant::now();
    // While a thread works for it, tokio does not set its clock to what is next.
    let (looked_into, told) = mpsc::channel::<()>();
    let stands_still = tokio::task::spawn_blocking(move || told.recv_timeout(DEADLINE));
    set(&server, "maxmemory", "1");
    tokio::select! {
        biased;
        _ = heard.refusing("OOM") => {}
        // It is refused, and waits to be tried once more.
        tried = backend.commit(&room, step(start, &["x"])) => panic!("{tried:?}"),
    }
    assert_eq!(
        Instant::now(),
        before,
        "it was looked into when it was time"
    );
    drop(looked_into);
    assert!(stands_still.await.unwrap().is_err());
}

#[tokio::test]
async fn a_disk_that_cannot_be_written_to_is_told() {
    let (server, backend, mut heard) = up(&["--dbfilename", "dump"]).await;
    // The file cannot take the place of a directory.
    fs::create_dir(server.directory().join("dump")).unwrap();
    set(&server, "save", "3600 1");
    server.cli(&["SET", "something", "to be saved"]);
    server.cli(&["BGSAVE"]);
    heard.refusing("MISCONF").await;
    let refused = backend.create(&room("a"), new_room()).await;
    assert_eq!(
        refused,
        Err(BackendError::Refused("it cannot write to its disk".into()))
    );
    fs::remove_dir(server.directory().join("dump")).unwrap();
    let save = async || {
        server.cli(&["BGSAVE"]);
        server.cli(&["INFO", "persistence"])
    };
    let is_saved = |info: &String| info.contains("rdb_last_bgsave_status:ok");
    until("a dump is written", save, is_saved).await;
    heard.up().await;
    created(&backend, &room("a")).await;
}

#[tokio::test]
async fn a_right_that_was_taken_away_is_told() {
    let server = RedisServer::start(&[]);
    let allow = |rule: &str| {
        let rules = [
            "ACL", "SETUSER", "some", "on", ">geheim", "~*", "&*", "+@all", rule,
        ];
        assert_eq!(server.cli(&rules), "OK");
    };
    allow("+xadd");
    let url = format!("redis://some:geheim@127.0.0.1:{}", server.port());
    let backend = RedisBackend::connect(&url).unwrap();
    let mut heard = Heard::of(&backend);
    heard.up().await;
    // In the middle of a commit.
    allow("-xadd");
    let words = heard.refusing("").await;
    assert!(
        words.contains("can't run this command") || words.contains("NOPERM"),
        "{words}"
    );
    allow("+xadd");
    heard.up().await;
}

#[tokio::test]
async fn a_server_that_becomes_a_replica_is_told_though_nobody_uses_it() {
    let (server, _backend, mut heard) = up(&[]).await;
    server.cli(&["REPLICAOF", "127.0.0.1", "1"]);
    heard.refusing("replica").await;
    server.cli(&["REPLICAOF", "NO", "ONE"]);
    heard.up().await;
}

#[tokio::test]
async fn a_replica_that_has_lost_its_primary_is_told() {
    let replica = RedisServer::start(&["--replica-serve-stale-data", "no"]);
    replica.cli(&["REPLICAOF", "127.0.0.1", "1"]);
    let backend = RedisBackend::connect(&replica.url()).unwrap();
    let mut heard = Heard::of(&backend);
    heard.down().await;
    let refused = backend.create(&room("a"), new_room()).await;
    assert!(
        matches!(&refused, Err(BackendError::Refused(why)) if why.contains("replica")),
        "{refused:?}"
    );
}

#[tokio::test]
async fn changes_that_wait_though_reads_are_answered_are_told() {
    let (server, backend, mut heard) = up_with(&[], &RedisConfig::default()).await;
    // As it is while a failover is prepared.
    server.cli(&["CLIENT", "PAUSE", "3600000", "WRITE"]);
    heard.down().await;
    assert!(backend.create(&room("a"), new_room()).await.is_err());
    server.cli(&["CLIENT", "UNPAUSE"]);
    heard.up().await;
    let create = async || backend.create(&room("a"), new_room()).await;
    until("changes pass", create, Result::is_ok).await.unwrap();
}

/// A command that takes long.
fn spawn(server: &RedisServer, command: &[&str]) -> Child {
    Command::new("redis-cli")
        .args(["-h", "127.0.0.1", "-p", &server.port().to_string()])
        .args(command)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// Keeps a server busy until it is dropped.
struct Script<'a>(&'a RedisServer, Child);

impl Script<'_> {
    async fn start(server: &RedisServer) -> Script<'_> {
        set(server, "lua-time-limit", "20");
        let child = spawn(server, &["EVAL", "while true do end", "0"]);
        let script = Script(server, child);
        let ping = async || server.cli(&["PING"]);
        until("redis is busy", ping, |said| said.contains("BUSY")).await;
        script
    }
}

impl Drop for Script<'_> {
    fn drop(&mut self) {
        let _ = self.0.cli(&["SCRIPT", "KILL"]);
        let _ = self.1.wait();
    }
}

#[tokio::test]
async fn a_server_that_loads_its_data_is_told() {
    // Each of its keys takes 0.1 s, and meanwhile it answers.
    let (server, _backend, mut heard) = up(&[
        "--enable-debug-command",
        "yes",
        "--rdbcompression",
        "no",
        "--loading-process-events-interval-bytes",
        "1024",
        "--key-load-delay",
        "100000",
    ])
    .await;
    let value = "x".repeat(1500);
    for number in 0..60 {
        server.cli(&["SET", &format!("key {number}"), &value]);
    }
    let mut reload = spawn(&server, &["DEBUG", "RELOAD"]);
    heard.refusing("LOADING").await;
    heard.up().await;
    reload.wait().unwrap();
}

#[tokio::test]
async fn a_script_that_keeps_redis_busy_is_told_and_cuts_no_connection() {
    let (server, backend, mut heard) = up(&[]).await;
    heard.watch(&backend, &room("a")).await.unwrap();
    let subscription = || {
        let list = server.cli(&["CLIENT", "LIST", "TYPE", "pubsub"]);
        list.split_whitespace()
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    let before = subscription();
    let script = Script::start(&server).await;
    heard.refusing("BUSY").await;
    let refused = backend.create(&room("a"), new_room()).await;
    assert!(is_unavailable(&refused), "{refused:?}");
    // sleep: both connections are probed meanwhile, and the probes are refused
    tokio::time::sleep(Duration::from_millis(1500)).await;
    drop(script);
    heard.up().await;
    created(&backend, &room("a")).await;
    assert_eq!(subscription(), before);
    let lost = |heard: &Notification| matches!(heard, Notification::Health(Health::Down(_)));
    assert!(!heard.passed.iter().any(lost), "{:?}", heard.passed);
}

/// The watch comes while Redis is busy. It is tried again soon, and not only when a missing
/// right would be looked for again: so Redis refuses it several times meanwhile.
#[tokio::test]
async fn a_subscription_that_a_busy_redis_refuses_is_tried_again_soon() {
    let (server, backend, mut heard) = up_with(&[], &RedisConfig::default()).await;
    let script = Script::start(&server).await;
    let watched = heard.watch(&backend, &room("a")).await;
    assert!(is_unavailable(&watched), "{watched:?}");
    // sleep: Redis is busy for long enough for some attempts, and not for 5 s
    tokio::time::sleep(Duration::from_secs(3)).await;
    drop(script);
    heard.missed(&room("a")).await;
    let stats = server.cli(&["INFO", "commandstats"]);
    let line = stats
        .lines()
        .find(|line| line.starts_with("cmdstat_subscribe:"));
    let refused = line.and_then(|line| {
        line.split_once("rejected_calls=")?
            .1
            .split(',')
            .next()?
            .parse()
            .ok()
    });
    assert!(refused >= Some(3), "{line:?}");
}

#[tokio::test]
async fn a_full_redis_stores_nothing_of_what_it_refuses() {
    let (server, backend, _heard) = up(&[]).await;
    let start = created(&backend, &room("a")).await;
    let expired = room("expired");
    set(&server, "maxmemory", "1");
    let keys = server.cli(&["DBSIZE"]);
    for attempt in 0..50 {
        let new: RoomId = room(&format!("r{attempt}"));
        let made = backend.create(&new, new_room()).await;
        assert!(is_unavailable(&made), "{made:?}");
    }
    let node = "n".parse().unwrap();
    assert!(is_unavailable(
        &backend.renew(&node, Forms::FIRST, TTL).await
    ));
    assert!(is_unavailable(
        &backend.commit(&room("a"), step(start, &["a"])).await
    ));
    assert_eq!(backend.load(&expired, None).await, Ok(None));
    assert_eq!(server.cli(&["DBSIZE"]), keys, "nothing was stored");
    // What frees memory passes.
    backend.release(&node).await.unwrap();
    set(&server, "maxmemory", "0");
    let now = backend.load(&room("a"), None).await.unwrap().unwrap();
    assert_eq!(now.position, start);
}

#[tokio::test]
async fn each_server_of_a_cluster_is_tried_and_named() {
    let cluster = RedisCluster::start();
    let backend = RedisBackend::connect(&cluster.url()).unwrap();
    let mut heard = Heard::of(&backend);
    heard.up().await;
    for server in cluster.nodes() {
        set(server, "maxmemory", "1");
        let words = heard.refusing("OOM").await;
        assert!(words.contains(&server.port().to_string()), "{words}");
        set(server, "maxmemory", "0");
        heard.up().await;
    }
    for server in cluster.nodes() {
        assert_eq!(server.cli(&["DBSIZE"]), "0", "trying leaves nothing");
    }
}

/// Some of the changes that are tried meet a slot that is just being moved.
#[tokio::test]
async fn a_slot_that_is_being_moved_is_no_refusal() {
    let cluster = RedisCluster::start();
    let backend = RedisBackend::connect(&cluster.url()).unwrap();
    let mut heard = Heard::of(&backend);
    heard.up().await;
    let (from, to) = (&cluster.nodes()[0], &cluster.nodes()[1]);
    let (from_id, to_id) = (from.cli(&["CLUSTER", "MYID"]), to.cli(&["CLUSTER", "MYID"]));
    // All of those that the first hundred names fall into.
    for number in 0..100 {
        let key = format!("tablecast:check:{{{number}}}");
        let slot = from.cli(&["CLUSTER", "KEYSLOT", &key]);
        if slot.parse::<u16>().unwrap() <= 5460 {
            to.cli(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id]);
            from.cli(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id]);
        }
    }
    // It is tried while they are moved, and found to be refusing afterwards: so it was
    // not before.
    set(to, "maxmemory", "1");
    let words = heard.refusing("").await;
    assert!(words.contains("OOM"), "{words}");
}
