//! The program itself: what it says and how it ends.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/program.rs"]
mod program;

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use program::{ANY_PORT, DEADLINE, Dir, Log, Serving, ends, tablecast, with_store};
use tablecast_redis::testing::RedisServer;

#[test]
fn it_says_what_to_do_next() {
    let dir = Dir::new();
    let server = Serving::start(tablecast(&dir).args(ANY_PORT));
    let (at, said) = (server.at, &server.said);
    for page in ["", "/docs", "/docs/live"] {
        let address = format!("http://{at}{page}");
        assert!(
            said.split_whitespace().any(|word| word == address),
            "{said}"
        );
    }
    assert!(
        said.contains(&format!("curl -X POST http://{at}/session/\n")),
        "{said}"
    );
    assert!(
        said.contains(&format!("websocat ws://{at}/ws/{{id}}/\n")),
        "{said}"
    );
    assert!(server.get("/readyz").starts_with("HTTP/1.0 200 "));
}

#[test]
fn serve_is_the_default_command() {
    let dir = Dir::new();
    Serving::start(tablecast(&dir).arg("serve").args(ANY_PORT));
    Serving::start(tablecast(&dir).args(ANY_PORT).arg("serve"));
    for behind in [&[][..], &["http://127.0.0.1:8000/r/x"], &["--name", "Mina"]] {
        let (code, error) = ends(tablecast(&dir).arg("sevre").args(behind));
        assert_eq!(code, Some(2));
        assert!(
            error.contains("sevre")
                && error.contains("[possible values: serve, join, create, store]"),
            "{error}"
        );
    }
    let (code, error) = ends(tablecast(&dir).args(ANY_PORT).arg("join"));
    assert_eq!(code, Some(2));
    assert!(error.contains("`join` comes first"), "{error}");
}

/// The program as it is started with these signals in their default state, whatever whoever
/// runs the tests ignores.
fn by_env(dir: &Dir, signals: &str) -> Command {
    let mut env = Command::new("env");
    env.current_dir(&dir.0).stdin(Stdio::null());
    env.arg(signals).arg(env!("CARGO_BIN_EXE_tablecast"));
    env
}

#[test]
fn it_tells_its_members_and_ends_with_0_after_a_signal() {
    let dir = Dir::new();
    for signal in ["-TERM", "-INT", "-HUP", "-QUIT"] {
        let mut server = Serving::start(
            by_env(&dir, "--default-signal")
                .args(ANY_PORT)
                .args(["--drain-timeout", "5s"]),
        );
        let mut member = server.member();
        server.signal(signal);
        assert_eq!(server.ended(), Some(0), "{signal}");
        let mut heard = Vec::new();
        member.read_to_end(&mut heard).unwrap();
        // A close frame with 1012.
        let closed = b"\x03\xf4server restarting";
        assert!(
            heard.windows(closed.len()).any(|part| part == closed),
            "{signal}: {heard:?}"
        );
    }
}

/// As with `nohup`: the terminal's end is none of its business.
#[test]
fn a_hang_up_that_is_ignored_at_the_start_stays_so() {
    let dir = Dir::new();
    let mut server = Serving::start(by_env(&dir, "--ignore-signal=HUP").args(ANY_PORT));
    server.signal("-HUP");
    assert!(server.get("/readyz").starts_with("HTTP/1.0 200 "));
    // The first signal that counts: a second one would end it with 130.
    server.signal("-TERM");
    assert_eq!(server.ended(), Some(0));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let dir = Dir::new();
    let mut server = Serving::start(
        tablecast(&dir)
            .args(ANY_PORT)
            .args(["--drain-timeout", "10m"]),
    );
    // A request under way, for which the first signal would wait: its body never
    // comes, so it lasts 10 s.
    let mut slow = TcpStream::connect(server.at).unwrap();
    let post = b"POST /session/ HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
    std::io::Write::write_all(&mut slow, post).unwrap();
    let _member = server.member();
    server.signal("-TERM");
    let begin = Instant::now();
    while server.child.try_wait().unwrap().is_none() && begin.elapsed() < DEADLINE {
        server.signal("-TERM");
        // sleep: between two signals, or looks at whether it ended
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(server.ended(), Some(130));
}

#[test]
fn an_address_in_use_is_named() {
    let dir = Dir::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap().to_string();
    let (code, error) = ends(tablecast(&dir).args(["--listen", &at]));
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains(&format!("cannot listen on {at}")), "{error}");
    assert!(error.contains("in use"), "{error}");
}

#[test]
fn log_lines_are_json_when_asked() {
    let dir = Dir::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap().to_string();
    let (_, error) = ends(tablecast(&dir).args(["--listen", &at, "--log-format", "json"]));
    let line = error.lines().last().unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["level"], "ERROR");
}

#[test]
fn with_json_it_says_in_the_log_alone_that_it_listens_and_that_it_ended() {
    let dir = Dir::new();
    let mut child = tablecast(&dir)
        .args(ANY_PORT)
        .args(["--log-format", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let log = Log::of(&mut child);
    let line: serde_json::Value =
        serde_json::from_str(log.wait_for("listening").last().unwrap()).unwrap();
    assert_eq!(line["level"], "INFO");
    let fields = &line["fields"];
    assert_eq!(fields["store"], "memory");
    assert_eq!(fields["version"], env!("CARGO_PKG_VERSION"));
    let at = fields["address"].as_str().unwrap().parse().unwrap();
    let said = String::new();
    let mut server = Serving { child, at, said };
    assert!(server.get("/readyz").starts_with("HTTP/1.0 200 "));
    server.signal("-TERM");
    assert_eq!(server.ended(), Some(0));
    let line: serde_json::Value =
        serde_json::from_str(log.wait_for("\"ended\"").last().unwrap()).unwrap();
    assert_eq!(line["level"], "INFO");
    let mut plain = String::new();
    let stdout = server.child.stdout.as_mut().unwrap();
    stdout.read_to_string(&mut plain).unwrap();
    assert_eq!(plain, "");
}

#[test]
fn an_outage_of_a_cluster_is_logged_once_and_so_is_its_end() {
    let dir = Dir::new();
    let mut redis = RedisServer::start(&["--cluster-enabled", "yes"]);
    redis.cli(&["cluster", "addslotsrange", "0", "16383"]);
    let store = format!("redis-cluster://127.0.0.1:{}", redis.port());
    redis.kill9();
    // Whoever connects is thrown out, and counted.
    let refusing = TcpListener::bind(("127.0.0.1", redis.port())).unwrap();
    refusing.set_nonblocking(true).unwrap();
    let mut server = Serving::start(tablecast(&dir).args(with_store(&store)));
    let log = Log::of(&mut server.child);
    log.wait_for("cannot be asked for its slots");
    for _ in 0..5 {
        until("it tries again", || refusing.accept().is_ok());
    }
    drop(refusing);
    redis.restart();
    let lines = log.wait_for("slots are known again");
    assert!(lines.last().unwrap().contains("INFO"), "{lines:#?}");
    let told_again = lines.iter().any(|line| line.contains("cannot be asked"));
    assert!(!told_again, "{lines:#?}");
    redis.kill9();
    let lines = log.wait_for("cannot be asked for its slots");
    assert!(lines.last().unwrap().contains("WARN"), "{lines:#?}");
}

#[test]
fn what_is_wrong_with_redis_is_told_with_what_to_do() {
    let dir = Dir::new();
    let redis = RedisServer::start(&[]);
    let said = |store: &str, part: &str| {
        let mut server = Serving::start(tablecast(&dir).args(with_store(store)));
        Log::of(&mut server.child).wait_for(part);
    };
    let place = format!("127.0.0.1:{}", redis.port());
    said(
        &format!("redis-cluster://{place}"),
        "cluster support disabled; use redis:// for a single Redis",
    );
    redis.cli(&["config", "set", "requirepass", "s3cret"]);
    for scheme in ["redis", "redis-cluster"] {
        said(
            &format!("{scheme}://{place}"),
            "Redis asks for a password: redis://:PASSWORD@HOST",
        );
    }
}

/// Waits for a condition.
fn until(what: &str, mut is: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is() {
        assert!(
            begin.elapsed() < DEADLINE,
            "not before the deadline: {what}"
        );
        // sleep: between two looks
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn it_starts_while_redis_is_down_and_says_that_it_is_not_ready() {
    let dir = Dir::new();
    // Nobody listens there any more.
    let gone = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let store = format!("redis://user:s3cret@{gone}");
    let server = Serving::start(tablecast(&dir).args(with_store(&store)));
    assert!(!server.said.contains("s3cret"), "{}", server.said);
    let begin = Instant::now();
    let not_ready = loop {
        let answer = server.get("/readyz");
        if !answer.starts_with("HTTP/1.0 200 ") {
            break answer;
        }
        assert!(begin.elapsed() < DEADLINE, "it stays ready");
    };
    assert!(
        not_ready.starts_with("HTTP/1.0 503 ") && !not_ready.contains("s3cret"),
        "{not_ready}"
    );
    let refused = server.get("/session/x/");
    assert!(
        refused.starts_with("HTTP/1.0 503 ") && refused.contains("retry-after: "),
        "{refused}"
    );
    assert!(!refused.contains(&gone.port().to_string()), "{refused}");
    assert!(server.get("/healthz").starts_with("HTTP/1.0 200 "));
}

#[test]
fn rooms_live_on_while_descriptors_run_out() {
    let dir = Dir::new();
    let program = Path::new(env!("CARGO_BIN_EXE_tablecast"));
    let mut shell = Command::new("sh");
    shell.current_dir(&dir.0).stdin(Stdio::null());
    shell
        .args(["-c", "ulimit -n 60; exec \"$0\" \"$@\""])
        .arg(program);
    let mut server = Serving::start(shell.args(ANY_PORT).args(["--drain-timeout", "1s"]));
    let mut member = server.member();
    let flood: Vec<_> = (0..100)
        .map(|_| TcpStream::connect(server.at).unwrap())
        .collect();
    member.set_read_timeout(Some(DEADLINE)).unwrap();
    // `add:x`, masked with zeros.
    std::io::Write::write_all(&mut member, b"\x81\x85\0\0\0\0add:x").unwrap();
    let mut read = Vec::new();
    while !read.windows(5).any(|part| part == b"[\"x\"]") {
        let mut buffer = [0; 1024];
        let n = member.read(&mut buffer).unwrap();
        assert!(n > 0, "the member was thrown out");
        read.extend_from_slice(&buffer[..n]);
    }
    drop(flood);
    assert!(server.get("/readyz").starts_with("HTTP/1.0 200 "));
    server.signal("-TERM");
    assert_eq!(server.ended(), Some(0));
}
