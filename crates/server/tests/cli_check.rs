//! `tablecast check`: it finds what a server does not start with, and leaves no trace.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/program.rs"]
mod program;

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use program::{tablecast, with_store};
use serde_json::Value;
use tablecast_testing::Directory;
use tablecast_testing::process::{Process, run_to_end};
use tablecast_testing::redis::RedisServer;

/// The code, and the lines.
fn check(command: &mut Command) -> (Option<i32>, String) {
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let complained = String::from_utf8_lossy(&output.stderr);
    assert_eq!(complained, "", "all of it is in the list");
    (output.status.code(), said)
}

/// Options, and what is said of them.
type Broken<'a> = (&'a [&'a str], &'a [&'a str]);

#[test]
fn what_a_server_does_not_start_with_is_found_before() {
    let dir = Directory::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = (taken.local_addr().unwrap().to_string(), taken);
    let here = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    for (name, text) in [
        ("unknown.toml", "seatz = 5"),
        ("wrong.toml", "\nroom-ttl = \"1 day\""),
        ("broken.toml", "listen = "),
        (
            "notes.db",
            "this is no database, but a text that is as long as the head of one is, which \
                      are a hundred bytes",
        ),
    ] {
        fs::write(here(name), text).unwrap();
    }
    let notes = format!("sqlite:{}", here("notes.db"));
    let below = format!("sqlite:{}", here("notes.db/x.db"));
    let nowhere = format!("sqlite:{}", here("none/x.db"));
    let directory = format!("sqlite:{}", here(""));
    let broken: &[Broken<'_>] = &[
        (
            &["--seats", "0"],
            &["fail  options: ", "--seats", "from 1 to 100000"],
        ),
        (&["--seatz", "5"], &["--seatz", "--seats"]),
        (&["--listen", "localhost"], &["--listen", "ADDRESS:PORT"]),
        (&["--base-path", "ws"], &["--base-path", "such as /lunch"]),
        (&["--allowed-origin", "x"], &["--allowed-origin"]),
        (
            &["--room-ttl", "2h", "--room-max-age", "1h"],
            &["--room-max-age", "at least 2h"],
        ),
        (&["--outbox-bytes", "1024"], &["--outbox-bytes", "at least"]),
        (
            &["--config", &here("none.toml")],
            &["none.toml", "(--config)"],
        ),
        (
            &["--config", &here("unknown.toml")],
            &["unknown.toml:1", "seatz", "known are"],
        ),
        (
            &["--config", &here("wrong.toml")],
            &["wrong.toml:2", "room-ttl", "from 1s to 30d"],
        ),
        (&["--config", &here("broken.toml")], &["broken.toml:1"]),
        (&["--store", "disk"], &["--store", "expected sqlite:PATH"]),
        (&["--store", "redis://"], &["fail  store: --store", "host"]),
        (
            &["--store", "redis://h/x"],
            &["--store", "the database", "0 to 65535"],
        ),
        (
            &["--store", &notes],
            &["fail  store: --store", "no SQLite database"],
        ),
        (
            &["--store", &below],
            &["fail  store: --store", "Not a directory"],
        ),
        (
            &["--store", &nowhere],
            &["fail  store: --store", "there is no directory"],
        ),
        (
            &["--store", &directory],
            &["fail  store: --store", "this is a directory"],
        ),
        (
            &["--listen", &taken.0],
            &["fail  ports: --listen", "in use by another program"],
        ),
        // Of a network for documents.
        (
            &["--listen", "192.0.2.1:0"],
            &["fail  ports: --listen", "no address of this machine"],
        ),
    ];
    for (options, words) in broken {
        let mut command = tablecast(&dir);
        let (code, said) = check(command.arg("check").args(*options));
        assert_eq!(code, Some(1), "{options:?}: {said}");
        let failed: Vec<_> = said
            .lines()
            .filter(|line| line.starts_with("fail"))
            .collect();
        let [failed] = failed[..] else {
            panic!("{options:?}: {said}");
        };
        for word in *words {
            assert!(
                failed.contains(word),
                "{options:?}: {word} is not in {failed}"
            );
        }
        let mut command = tablecast(&dir);
        let (code, said) = run_to_end(command.args(["--listen", "127.0.0.1:0"]).args(*options));
        // Twice the same option: the last one is complained of, too.
        assert!(matches!(code, Some(1 | 2)), "{options:?}: {said}");
    }
    let (code, said) = check(tablecast(&dir).arg("check").env("RUST_LOG", "x=y=z"));
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("fail  log: ") && said.contains("RUST_LOG"),
        "{said}"
    );
    let (code, _) = run_to_end(tablecast(&dir).env("RUST_LOG", "x=y=z"));
    assert_eq!(code, Some(2));
}

fn names(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(directory).unwrap().map(Result::unwrap);
    let read = |path| fs::read(path).unwrap();
    let files = entries.map(|entry| (entry.file_name().into_string().unwrap(), read(entry.path())));
    let mut files: Vec<_> = files.collect();
    files.sort();
    files
}

#[test]
fn what_passes_starts_and_nothing_is_left_of_the_check() {
    let redis = RedisServer::start(&["--maxmemory-policy", "allkeys-lru"]);
    let redis = format!("redis://127.0.0.1:{}", redis.port());
    // The database twice: it is there the second time.
    for (store, words) in [
        ("memory", &["ok    store: memory"][..]),
        ("sqlite:t.db", &["t.db would be made", "MiB are free"]),
        (
            "sqlite:t.db?sync=full",
            &["t.db opens, with 0 rooms, and takes a change"],
        ),
        (
            &redis,
            &[
                "takes a change",
                "is Redis ",
                "warn  store: ",
                "maxmemory-policy is allkeys-lru, and should be noeviction",
                "appendonly is no, and should be yes",
            ],
        ),
    ] {
        let dir = Directory::new();
        if store.ends_with("full") {
            let mut first = Process::start(tablecast(&dir).args(with_store(store)));
            first.signal("-TERM");
            first.blocking_exit_code();
        }
        let before = names(dir.path());
        let (code, said) = check(tablecast(&dir).arg("check").args(with_store(store)));
        assert_eq!(code, Some(0), "{said}");
        for word in words {
            assert!(said.contains(word), "{word} is not in\n{said}");
        }
        assert_eq!(names(dir.path()), before);
        Process::start(tablecast(&dir).args(with_store(store))).until_ready();
    }
}

#[test]
fn a_redis_that_is_away_is_found() {
    let dir = Directory::new();
    let gone = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let store = format!("redis://u:s3cret@{gone}");
    let (code, said) = check(
        tablecast(&dir)
            .args(["check", "--store-timeout", "100ms"])
            .args(with_store(&store)),
    );
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("fail  store: --store") && said.contains("cannot be reached"),
        "{said}"
    );
    assert!(!said.contains("s3cret"), "{said}");
}

#[test]
fn what_a_running_server_has_is_no_failure_and_said() {
    let dir = Directory::new();
    let server = Process::start(tablecast(&dir).args(with_store("sqlite:t.db")));
    let at = server.address().to_string();
    let options = ["--listen", &at, "--store", "sqlite:t.db"];
    let mut command = tablecast(&dir);
    command
        .arg("check")
        .args(options)
        .env("TABLECAST_SEATZ", "5");
    let (code, said) = check(command.args(["--format", "json"]));
    assert_eq!(code, Some(0), "{said}");
    let findings: Vec<Value> = serde_json::from_str(&said).unwrap();
    let words = |check: &str, level: &str| {
        let of = findings
            .iter()
            .filter(|one| one["check"] == check && one["level"] == level);
        of.map(|one| one["words"].as_str().unwrap())
            .collect::<String>()
    };
    let process = format!("in use by process {}", server.pid());
    assert!(words("store", "warn").contains(&process), "{said}");
    assert!(
        words("ports", "warn").contains("a running tablecast"),
        "{said}"
    );
    assert!(
        words("options", "warn").contains("TABLECAST_SEATZ"),
        "{said}"
    );
    server.until_ready();
}
