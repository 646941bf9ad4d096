//! The program itself: what it says and how it ends.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/program.rs"]
mod program;

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use program::{ANY_PORT, member, tablecast, with_store};
use tablecast_testing::process::{Process, run_to_end};
use tablecast_testing::redis::RedisServer;
use tablecast_testing::{DEADLINE, Directory, blocking_until, free_port};

/// All that it says when it has started.
fn greeting(server: &Process) -> String {
    let is_whole = |said: &String| said.contains("then type:");
    blocking_until("it says what to do", || server.said(), is_whole)
}

#[test]
fn it_says_what_to_do_next() {
    let dir = Directory::new();
    let server = Process::start(tablecast(&dir).args(ANY_PORT));
    let (at, said) = (server.address(), greeting(&server));
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
    let dir = Directory::new();
    Process::start(tablecast(&dir).arg("serve").args(ANY_PORT));
    Process::start(tablecast(&dir).args(ANY_PORT).arg("serve"));
    for behind in [&[][..], &["http://127.0.0.1:8000/r/x"], &["--name", "Mina"]] {
        let (code, error) = run_to_end(tablecast(&dir).arg("sevre").args(behind));
        assert_eq!(code, Some(2));
        assert!(
            error.contains("sevre")
                && error.contains(
                    "[possible values: serve, join, create, store, check, health, completions, man]"
                ),
            "{error}"
        );
    }
    let (code, error) = run_to_end(tablecast(&dir).args(ANY_PORT).arg("join"));
    assert_eq!(code, Some(2));
    assert!(error.contains("`join` comes first"), "{error}");
}

/// The program as it is started with these signals in their default state, whatever whoever
/// runs the tests ignores.
fn by_env(dir: &Directory, signals: &str) -> Command {
    let mut env = Command::new("env");
    env.current_dir(dir.path()).stdin(Stdio::null());
    env.arg(signals).arg(env!("CARGO_BIN_EXE_tablecast"));
    env
}

#[test]
fn it_tells_its_members_and_ends_with_0_after_a_signal() {
    let dir = Directory::new();
    for signal in ["-TERM", "-INT", "-HUP", "-QUIT"] {
        let mut server = Process::start(
            by_env(&dir, "--default-signal")
                .args(ANY_PORT)
                .args(["--drain-timeout", "5s"]),
        );
        let mut member = member(server.address());
        server.signal(signal);
        assert_eq!(server.blocking_exit_code(), Some(0), "{signal}");
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

/// What is written there stands still until it is read at the other end.
fn full() -> (UnixStream, UnixStream) {
    let (read, write) = UnixStream::pair().unwrap();
    write.set_nonblocking(true).unwrap();
    for part in [&[b' '; 4096][..], b" "] {
        while (&write).write(part).is_ok() {}
    }
    write.set_nonblocking(false).unwrap();
    (read, write)
}

/// One that cannot say yet that it listens, and what it wants to say.
fn speechless(dir: &Directory) -> (Process, UnixStream) {
    let (said, full) = full();
    let at = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let mut command = Command::new("env");
    command
        .current_dir(dir.path())
        .args(["--default-signal", "sh", "-c", r#"exec "$0" "$@" >&0"#])
        .args([env!("CARGO_BIN_EXE_tablecast"), "--store", "memory"])
        .args(["--listen", &at.to_string()])
        .stdin(OwnedFd::from(full));
    (Process::start_at(&mut command, at), said)
}

#[test]
fn a_signal_is_heard_as_soon_as_it_listens() {
    let dir = Directory::new();
    for signal in ["-TERM", "-INT", "-HUP", "-QUIT"] {
        let (mut server, mut said) = speechless(&dir);
        server.signal(signal);
        let all = thread::spawn(move || {
            let mut all = String::new();
            said.read_to_string(&mut all).map(|_| all)
        });
        assert_eq!(server.blocking_exit_code(), Some(0), "{signal}");
        let all = all.join().unwrap().unwrap();
        assert!(all.contains("tablecast listens on "), "{signal}: {all}");
    }
    let (mut server, _unread) = speechless(&dir);
    let second = || {
        // The first ones are one, if they come before it was heard.
        server.signal("-TERM");
        server.has_ended()
    };
    blocking_until("the second signal ends it", second, |ended| *ended);
    assert_eq!(server.blocking_exit_code(), Some(130));
}

/// Members who do not answer its goodbye are cut off when it ends, and that it did says the
/// last line, when nothing of it is left: no connection, and nothing that still has to be
/// waited for or that could say more.
#[test]
fn when_it_says_that_it_has_ended_nothing_of_it_is_left() {
    let dir = Directory::new();
    let mut command = tablecast(&dir);
    command.args(ANY_PORT).args(["--drain-timeout", "1s"]);
    let (mut server, log) = Process::start_unread(command.env("RUST_LOG", "debug"));
    let mut members: Vec<_> = (0..200).map(|_| member(server.address())).collect();
    server.signal("-TERM");
    let mut lines = BufReader::new(log).lines().map(Result::unwrap);
    let ended = lines.by_ref().find(|line| line.ends_with(" ended"));
    for member in members.iter_mut().rev() {
        // What is not there by now does not count.
        member.set_nonblocking(true).unwrap();
        let end = std::iter::repeat_with(|| member.read(&mut [0; 1024]))
            .find(|read| !matches!(read, Ok(1..)));
        let is_open = matches!(&end, Some(Err(error)) if error.kind() == ErrorKind::WouldBlock);
        assert!(!is_open, "a connection is still open");
    }
    assert!(ended.is_some(), "it did not say so");
    assert_eq!(lines.next(), None, "the last line is the last thing");
    assert_eq!(server.blocking_exit_code(), Some(0));
}

/// As with `nohup`: the terminal's end is none of its business.
#[test]
fn a_hang_up_that_is_ignored_at_the_start_stays_so() {
    let dir = Directory::new();
    let mut server = Process::start(by_env(&dir, "--ignore-signal=HUP").args(ANY_PORT));
    server.signal("-HUP");
    assert!(server.get("/readyz").starts_with("HTTP/1.0 200 "));
    // The first signal that counts: a second one would end it with 130.
    server.signal("-TERM");
    assert_eq!(server.blocking_exit_code(), Some(0));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let dir = Directory::new();
    let mut server = Process::start(
        tablecast(&dir)
            .args(ANY_PORT)
            .args(["--drain-timeout", "10m"]),
    );
    // A request under way, for which the first signal would wait: its body never
    // comes, so it lasts 10 s.
    let mut slow = TcpStream::connect(server.address()).unwrap();
    let post = b"POST /session/ HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
    std::io::Write::write_all(&mut slow, post).unwrap();
    let _member = member(server.address());
    server.signal("-TERM");
    let end = || {
        server.signal("-TERM");
        server.has_ended()
    };
    blocking_until("it ends", end, |has_ended| *has_ended);
    assert_eq!(server.blocking_exit_code(), Some(130));
}

#[test]
fn an_address_in_use_is_named() {
    let dir = Directory::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap().to_string();
    let (code, error) = run_to_end(tablecast(&dir).args(["--listen", &at]));
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains(&format!("cannot listen on {at}")), "{error}");
    assert!(error.contains("in use"), "{error}");
}

#[test]
fn log_lines_are_json_when_asked() {
    let dir = Directory::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap().to_string();
    let (_, error) = run_to_end(tablecast(&dir).args(["--listen", &at, "--log-format", "json"]));
    let line = error.lines().last().unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["level"], "ERROR");
}

#[test]
fn with_json_it_says_in_the_log_alone_that_it_listens_and_that_it_ended() {
    let dir = Directory::new();
    let mut command = tablecast(&dir);
    let mut server = Process::start(command.args(ANY_PORT).args(["--log-format", "json"]));
    let line: serde_json::Value =
        serde_json::from_str(server.log_up_to("listening").last().unwrap()).unwrap();
    assert_eq!(line["level"], "INFO");
    let fields = &line["fields"];
    assert_eq!(fields["store"], "memory");
    assert_eq!(fields["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(fields["address"], server.address().to_string());
    assert!(server.get("/readyz").starts_with("HTTP/1.0 200 "));
    server.signal("-TERM");
    assert_eq!(server.blocking_exit_code(), Some(0));
    let line: serde_json::Value =
        serde_json::from_str(server.log_up_to("\"ended\"").last().unwrap()).unwrap();
    assert_eq!(line["level"], "INFO");
    assert_eq!(server.said(), "");
}

#[test]
fn an_outage_of_a_cluster_is_logged_once_and_so_is_its_end() {
    let dir = Directory::new();
    let bus = free_port().to_string();
    let mut redis = RedisServer::start(&["--cluster-enabled", "yes", "--cluster-port", &bus]);
    redis.cli(&["cluster", "addslotsrange", "0", "16383"]);
    let store = format!("redis-cluster://127.0.0.1:{}", redis.port());
    redis.kill9();
    // Whoever connects is thrown out, and counted.
    let refusing = TcpListener::bind(("127.0.0.1", redis.port())).unwrap();
    refusing.set_nonblocking(true).unwrap();
    let mut server = Process::start(tablecast(&dir).args(with_store(&store)));
    server.log_up_to("cannot be asked for its slots");
    for _ in 0..5 {
        blocking_until("it tries again", || refusing.accept(), Result::is_ok).unwrap();
    }
    drop(refusing);
    redis.restart();
    let lines = server.log_up_to("slots are known again");
    assert!(lines.last().unwrap().contains("INFO"), "{lines:#?}");
    let told_again = lines.iter().any(|line| line.contains("cannot be asked"));
    assert!(!told_again, "{lines:#?}");
    redis.kill9();
    let lines = server.log_up_to("cannot be asked for its slots");
    assert!(lines.last().unwrap().contains("WARN"), "{lines:#?}");
}

#[test]
fn what_is_wrong_with_redis_is_told_with_what_to_do() {
    let dir = Directory::new();
    let redis = RedisServer::start(&[]);
    let said = |store: &str, part: &str| {
        let mut server = Process::start(tablecast(&dir).args(with_store(store)));
        server.log_up_to(part);
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

#[test]
fn it_starts_while_redis_is_down_and_says_that_it_is_not_ready() {
    let dir = Directory::new();
    // Nobody listens there any more.
    let gone = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let store = format!("redis://user:s3cret@{gone}");
    let server = Process::start(tablecast(&dir).args(with_store(&store)));
    let said = greeting(&server);
    assert!(!said.contains("s3cret"), "{said}");
    let is_refused = |answer: &String| !answer.starts_with("HTTP/1.0 200 ");
    let ready = || server.get("/readyz");
    let not_ready = blocking_until("it is not ready", ready, is_refused);
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
    let dir = Directory::new();
    let program = Path::new(env!("CARGO_BIN_EXE_tablecast"));
    let mut shell = Command::new("sh");
    shell.current_dir(dir.path()).stdin(Stdio::null());
    shell
        .args(["-c", "ulimit -n 60; exec \"$0\" \"$@\""])
        .arg(program);
    let mut server = Process::start(shell.args(ANY_PORT).args(["--drain-timeout", "1s"]));
    let mut member = member(server.address());
    let flood: Vec<_> = (0..100)
        .map(|_| TcpStream::connect(server.address()).unwrap())
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
    assert_eq!(server.blocking_exit_code(), Some(0));
}
