//! `tablecast check`: it finds what a server does not start with, and leaves no trace.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/program.rs"]
mod program;

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use program::{ANY_PORT, tablecast, with_store};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use serde_json::Value;
use tablecast_testing::process::{Process, run_to_end};
use tablecast_testing::redis::RedisServer;
use tablecast_testing::{Directory, blocking_until};

/// The code, and the lines.
fn check(command: &mut Command) -> (Option<i32>, String) {
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let complained = String::from_utf8_lossy(&output.stderr);
    assert_eq!(complained, "", "all of it is in the list");
    (output.status.code(), said)
}

/// What it says once it says this: a server that is asked waits 2 s, which may be too short on a busy
/// machine.
fn check_until(command: &mut Command, words: &str) -> (Option<i32>, String) {
    let ask = || check(command);
    blocking_until(words, ask, |(_, said)| said.contains(words))
}

/// A certificate for this name until this year, and its key, in files: their names.
fn certificate(dir: &Directory, name: &str, until: i32) -> [String; 2] {
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    let files = [("crt", pem), ("key", key.serialize_pem())];
    files.map(|(end, text)| {
        dir.write(&format!("{name}.{end}"), &text)
            .display()
            .to_string()
    })
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
    let [one, key_of_one] = certificate(&dir, "one.example", 4000);
    let [_, other_key] = certificate(&dir, "other.example", 4000);
    let acme = [
        "--domain",
        "localhost",
        "--acme-directory",
        "https://127.0.0.1:1/dir",
    ];
    let [domain, name, directory_of_acme, nobody] = acme;
    let in_a_file = here("notes.db/acme");
    let broken: &[Broken<'_>] = &[
        (
            &["--tls-cert", &one],
            &["fail  options: ", "--tls-cert needs --tls-key"],
        ),
        (
            &["--tls-cert", &here("none.crt"), "--tls-key", &key_of_one],
            &["fail  certificate: --tls-cert", "cannot read", "none.crt"],
        ),
        (
            &["--tls-cert", &one, "--tls-key", &other_key],
            &[
                "fail  certificate: ",
                "other.example.key does not belong to",
            ],
        ),
        (
            &["--tls-cert", &one, "--tls-key", &here("notes.db")],
            &["fail  certificate: ", "holds no private key"],
        ),
        (
            &[domain, "*.a.example"],
            &["fail  options: ", "--domain", "the full name of a site"],
        ),
        (
            &[
                "--acme-store",
                &in_a_file,
                domain,
                name,
                directory_of_acme,
                nobody,
            ],
            &["fail  acme: --acme-store", "cannot be written"],
        ),
        (
            &[
                "--acme-root",
                &here("notes.db"),
                domain,
                name,
                directory_of_acme,
                nobody,
            ],
            &["fail  acme: --acme-directory", "(--acme-root)"],
        ),
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
        // An option overrides its variable.
        let command = || {
            let mut command = tablecast(&dir);
            command.env("TABLECAST_LISTEN", "127.0.0.1:0");
            command.env("TABLECAST_HTTP_LISTEN", "off");
            command
        };
        let (code, said) = check(command().arg("check").args(*options));
        assert_eq!(code, Some(1), "{options:?}: {said}");
        let mut failed = said.lines().filter(|line| line.starts_with("fail"));
        let is_named = failed.any(|line| words.iter().all(|word| line.contains(word)));
        assert!(is_named, "{options:?}: {words:?} is not in\n{said}");
        let (code, said) = run_to_end(command().args(*options));
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

/// A unit or an image sets the variable, and nothing else would tell why the file is not obeyed.
#[test]
fn a_line_of_the_file_before_which_a_variable_goes_is_told() {
    let dir = Directory::new();
    let file = dir.write("options.toml", "seats = 5\nroom-ttl = \"20m\"\n");
    let told = "`room-ttl` of the file has no effect: TABLECAST_ROOM_TTL goes before it";
    let mut command = tablecast(&dir);
    command.env("TABLECAST_ROOM_TTL", "30m").arg("--config");
    command.arg(&file);
    let mut checked = tablecast(&dir);
    checked.env("TABLECAST_ROOM_TTL", "30m").arg("check");
    checked.args(ANY_PORT).arg("--config").arg(&file);
    let (_, said) = check(&mut checked);
    assert!(said.contains(&format!("warn  options: {told}")), "{said}");
    assert!(!said.contains("`seats`"), "{said}");
    let server = Process::start(command.args(ANY_PORT));
    let is_told = |said: &String| said.contains(told);
    blocking_until("the log tells it", || server.log(), is_told);
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
    let options = [
        "--listen",
        &at,
        "--store",
        "sqlite:t.db",
        "--admin-listen",
        "0.0.0.0:0",
    ];
    let mut command = tablecast(&dir);
    command
        .arg("check")
        .args(options)
        .args(["--format", "json"])
        .env("TABLECAST_SEATZ", "5");
    let (code, said) = check_until(&mut command, "a running tablecast");
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
    assert!(words("ports", "warn").contains("no password"), "{said}");
    assert!(
        words("options", "warn").contains("TABLECAST_SEATZ"),
        "{said}"
    );
    server.until_ready();
}

#[test]
fn a_certificate_is_looked_at_and_its_own_server_is_asked_by_it() {
    let dir = Directory::new();
    let [old, key_of_old] = certificate(&dir, "old.example", 2021);
    let old = ["--tls-cert", &old, "--tls-key", &key_of_old];
    let (code, said) = check(tablecast(&dir).arg("check").args(ANY_PORT).args(old));
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("fail  certificate: --tls-cert: the certificate has ended"),
        "{said}"
    );

    let [one, key_of_one] = certificate(&dir, "one.example", 4000);
    let one = ["--tls-cert", &one, "--tls-key", &key_of_one];
    let server = Process::start(tablecast(&dir).args(ANY_PORT).args(one));
    let listen = ["--listen", &server.address().to_string()];
    let mut command = tablecast(&dir);
    command
        .args(["check", "--store", "memory"])
        .args(listen)
        .args(one);
    let (code, said) = check_until(&mut command, "a running tablecast");
    assert_eq!(code, Some(0), "{said}");
    for words in [
        "ok    certificate: for one.example, until Sat, 01 Jan 4000",
        "warn  certificate: --tls-key: everybody on this machine may read",
        "a running tablecast",
    ] {
        assert!(said.contains(words), "{words} is not in\n{said}");
    }
    let health = || {
        tablecast(&dir)
            .arg("health")
            .args(listen)
            .args(one)
            .output()
            .unwrap()
    };
    let asked = blocking_until("it is ready", health, |asked| asked.status.success());
    let said = String::from_utf8(asked.stdout).unwrap();
    assert!(said.starts_with("ready: https://127.0.0.1:"), "{said}");
}

#[test]
fn an_acme_server_that_cannot_give_a_certificate_is_found() {
    let dir = Directory::new();
    let mut command = tablecast(&dir);
    command
        .arg("check")
        .args(ANY_PORT)
        .args(["--http-listen", "off", "--domain", "localhost"]);
    // Nobody listens there.
    command.args([
        "--acme-directory",
        "https://127.0.0.1:1/dir",
        "--acme-store",
        "acme/there",
    ]);
    let (code, said) = check(&mut command);
    assert_eq!(code, Some(1), "{said}");
    for words in [
        "fail  acme: --acme-directory https://127.0.0.1:1/dir: the ACME server 127.0.0.1:1 does not answer",
        "ok    acme: acme/there would be made",
        "warn  acme: the ACME server comes to port 443, and --listen is 127.0.0.1:0",
        "ok    certificate: there is none yet",
        "ok    domain: localhost leads here",
    ] {
        assert!(said.contains(words), "{words} is not in\n{said}");
    }
    assert!(names(dir.path()).is_empty(), "nothing is left");

    let kept = dir.path().join("acme/there/127.0.0.1_1_dir");
    fs::create_dir_all(&kept).unwrap();
    fs::write(kept.join("account.json"), "{}").unwrap();
    let (_, said) = check(&mut command);
    let words = "warn  certificate: --acme-store: everybody on this machine may read";
    assert!(said.contains(words), "{said}");
}
