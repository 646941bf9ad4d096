//! The program itself: what it says, how it ends, and what it answers to wrong
//! settings from flag, environment and file.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(30);

/// A directory that is removed again.
struct Dir(PathBuf);

impl Dir {
    fn new() -> Dir {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir =
            std::env::temp_dir().join(format!("tablecast-test-{}-{next}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        Dir(dir)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The program in this directory, without the settings of whoever runs the tests.
fn tablecast(dir: &Dir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tablecast"));
    command.current_dir(&dir.0).stdin(Stdio::null());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TABLECAST_")) {
        command.env_remove(name);
    }
    command.env_remove("RUST_LOG");
    command
}

/// Runs a program that ends by itself: its code and what it wrote to stderr.
fn ends(command: &mut Command) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = command.output().unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

/// A program that serves. Killed when the test ends.
struct Serving {
    child: Child,
    at: SocketAddr,
    said: String,
}

impl Serving {
    fn start(command: &mut Command) -> Serving {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        while !said.contains("then type:") {
            match lines.next() {
                Some(line) => said = said + &line.unwrap() + "\n",
                None => {
                    let mut error = String::new();
                    child
                        .stderr
                        .take()
                        .unwrap()
                        .read_to_string(&mut error)
                        .unwrap();
                    panic!("it ended: {error}");
                }
            }
        }
        let url = said.split_once("http://").unwrap().1;
        let at = url.split([' ', '/']).next().unwrap().parse().unwrap();
        Serving { child, at, said }
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let kill = Command::new("kill").args([name, &pid]).status().unwrap();
        assert!(kill.success());
    }

    fn ended(&mut self) -> Option<i32> {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(begin.elapsed() < DEADLINE, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.at).unwrap();
        let request = format!("GET {path} HTTP/1.0\r\n\r\n");
        std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// A member of a new room, who never answers the server's goodbye.
    fn member(&self) -> TcpStream {
        let mut stream = TcpStream::connect(self.at).unwrap();
        let post = b"POST /session/ HTTP/1.0\r\n\r\n";
        std::io::Write::write_all(&mut stream, post).unwrap();
        let mut made = String::new();
        stream.read_to_string(&mut made).unwrap();
        let url = made
            .split("\"url\":\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap();
        let mut stream = TcpStream::connect(self.at).unwrap();
        let join = format!(
            "GET {url} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        std::io::Write::write_all(&mut stream, join.as_bytes()).unwrap();
        let mut status = [0; 12];
        stream.read_exact(&mut status).unwrap();
        assert_eq!(&status, b"HTTP/1.1 101");
        stream
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const ANY_PORT: [&str; 2] = ["--listen", "127.0.0.1:0"];

#[test]
fn it_says_what_to_do_next() {
    let dir = Dir::new();
    let server = Serving::start(tablecast(&dir).args(ANY_PORT));
    let (at, said) = (server.at, &server.said);
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
    let (code, error) = ends(tablecast(&dir).arg("sevre"));
    assert_eq!(code, Some(2));
    assert!(
        error.contains("sevre") && error.contains("[possible values: serve]"),
        "{error}"
    );
}

#[test]
fn it_ends_with_0_after_a_signal() {
    let dir = Dir::new();
    for signal in ["-TERM", "-INT"] {
        let mut server = Serving::start(
            tablecast(&dir)
                .args(ANY_PORT)
                .args(["--drain-timeout", "5s"]),
        );
        let _member = server.member();
        server.signal(signal);
        assert_eq!(server.ended(), Some(0), "{signal}");
    }
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

/// An option, a wrong value, and what the answer says is allowed.
const WRONG: [(&str, &str, &str); 33] = [
    ("listen", "localhost", "ADDRESS:PORT"),
    ("listen", "127.0.0.1:99999", "ADDRESS:PORT"),
    ("store", "disk", "redis://HOST:PORT"),
    ("store", "http://127.0.0.1", "redis://HOST:PORT"),
    ("room-ttl", "10", "10m"),
    ("room-ttl", "0s", "from 1s"),
    ("room-ttl", "ten", "10m"),
    ("room-max-age", "-1h", "10m"),
    ("room-max-age", "99999d", "to 30d"),
    ("seats", "0", "from 1"),
    ("seats", "ten", "whole number"),
    ("seats", "-5", "from 1"),
    ("max-rooms", "0", "from 1"),
    ("max-items", "1.5", "whole number"),
    ("max-message-bytes", "1", "from 128"),
    ("outbox-bytes", "16k", "whole number"),
    ("outbox-seconds", "0", "from 100ms"),
    ("ping-interval", "25", "10m"),
    ("pong-timeout", "", "10m"),
    ("seat-grace", "1s2", "10m"),
    ("command-rate", "-1", "0 for no limit"),
    ("command-rate", "NaN", "0 for no limit"),
    ("command-burst", "0", "from 1"),
    ("create-rate", "many", "0 for no limit"),
    ("join-rate", "inf", "0 for no limit"),
    ("allowed-origin", "lunch.example", "https://lunch.example"),
    (
        "allowed-origin",
        "https://lunch.example/",
        "https://lunch.example",
    ),
    ("allowed-origin", "*", "https://lunch.example"),
    ("trusted-proxy", "10.0.0.0/33", "10.0.0.0/8"),
    ("trusted-proxy", "proxy", "10.0.0.0/8"),
    ("drain-timeout", "1y", "10m"),
    ("workers", "0", "from 1"),
    ("log-format", "xml", "json"),
];

fn variable(option: &str) -> String {
    format!("TABLECAST_{}", option.to_uppercase().replace('-', "_"))
}

#[test]
fn a_wrong_flag_names_the_option_the_value_and_what_is_allowed() {
    let dir = Dir::new();
    for (option, value, allowed) in WRONG {
        let (code, error) = ends(tablecast(&dir).arg(format!("--{option}={value}")));
        assert_eq!(code, Some(2), "--{option}={value}: {error}");
        for part in [&format!("--{option}"), value, allowed] {
            assert!(
                error.contains(part),
                "no {part:?} for --{option}={value}: {error}"
            );
        }
        assert!(!error.contains("TABLECAST_"), "{error}");
    }
}

#[test]
fn a_wrong_variable_is_named_too() {
    let dir = Dir::new();
    for (option, value, allowed) in WRONG {
        let name = variable(option);
        let (code, error) = ends(tablecast(&dir).env(&name, value));
        assert_eq!(code, Some(2), "{name}={value}: {error}");
        for part in [&format!("--{option}"), &name, value, allowed] {
            assert!(
                error.contains(part),
                "no {part:?} for {name}={value}: {error}"
            );
        }
    }
}

#[test]
fn a_wrong_line_of_the_file_is_named_by_its_number() {
    let dir = Dir::new();
    for (option, value, allowed) in WRONG {
        let path = dir.write(
            "x.toml",
            &format!("# a comment\n\n{option} = \"{value}\"\n"),
        );
        let (code, error) = ends(tablecast(&dir).arg("--config").arg(&path));
        assert_eq!(code, Some(2), "{option}={value}: {error}");
        for part in [&format!("{}:3:", path.display()), option, value, allowed] {
            assert!(
                error.contains(part),
                "no {part:?} for {option}={value}: {error}"
            );
        }
    }
}

#[test]
fn a_file_that_cannot_be_read_as_options_is_told_why() {
    let dir = Dir::new();
    for (text, line, named) in [
        (
            "seats = 10\nseatz = 5\n",
            2,
            "\"seatz\"; known are listen, ",
        ),
        ("seats = 10\nseats = 5\n", 2, "duplicate"),
        ("seats 10\n", 1, ""),
        ("\nseats = true\n", 2, "seats is true or false"),
        ("seats = [1]\n", 1, "seats is a list"),
        ("seats = [\"1\"]\n", 1, "takes one value"),
        ("[seats]\nx = 1\n", 1, "seats is a table"),
        ("config = \"x\"\n", 1, "\"config\""),
        ("command = \"serve\"\n", 1, "\"command\""),
        ("help = \"x\"\n", 1, "\"help\""),
        ("seats = 2026-01-01\n", 1, "seats is a date"),
    ] {
        let path = dir.write("x.toml", text);
        let (code, error) = ends(tablecast(&dir).arg("--config").arg(&path));
        assert_eq!(code, Some(2), "{text}: {error}");
        let at = format!("{}:{line}: ", path.display());
        assert!(
            error.contains(&at) && error.contains(named),
            "{text}: {error}"
        );
    }
    let (code, error) = ends(tablecast(&dir).args(["--config", "absent.toml"]));
    assert_eq!(code, Some(2));
    assert!(
        error.contains("absent.toml") && error.contains("--config"),
        "{error}"
    );
    let (code, error) = ends(tablecast(&dir).args(["--config", "."]));
    assert_eq!(code, Some(2), "{error}");
}

#[test]
fn a_flag_goes_before_a_variable_before_the_file_before_the_default() {
    let dir = Dir::new();
    let seats = |command: &mut Command| {
        let server = Serving::start(command.args(ANY_PORT));
        let mut stream = TcpStream::connect(server.at).unwrap();
        std::io::Write::write_all(&mut stream, b"POST /session/ HTTP/1.0\r\n\r\n").unwrap();
        let mut made = String::new();
        stream.read_to_string(&mut made).unwrap();
        let seats = made.split("\"seats\":").nth(1).unwrap();
        seats.trim_end_matches('}').parse::<u32>().unwrap()
    };
    assert_eq!(seats(&mut tablecast(&dir)), 10);
    // In its directory it is found without being named.
    dir.write("tablecast.toml", "seats = 3\nallowed-origin = [\"https://a.example\", \"http://b.example\"]\ncreate-rate = 0.5\nroom-ttl = \"1m\"\n");
    assert_eq!(seats(&mut tablecast(&dir)), 3);
    let other = dir.write("other.toml", "seats = \"4\"\n");
    assert_eq!(seats(tablecast(&dir).env("TABLECAST_CONFIG", &other)), 4);
    assert_eq!(seats(tablecast(&dir).env("TABLECAST_SEATS", "5")), 5);
    assert_eq!(
        seats(
            tablecast(&dir)
                .env("TABLECAST_SEATS", "5")
                .args(["--seats", "6"])
        ),
        6
    );
}

#[test]
fn a_room_cannot_be_set_to_outlive_its_maximum_age() {
    let dir = Dir::new();
    let (code, error) = ends(tablecast(&dir).args(["--room-ttl", "2h", "--room-max-age", "1h"]));
    assert_eq!(code, Some(2));
    for part in ["--room-ttl", "--room-max-age", "2h", "1h"] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn a_wrong_redis_url_names_the_option_and_no_password() {
    let dir = Dir::new();
    let (code, error) = ends(tablecast(&dir).args(["--store", "redis://user:s3cret@127.0.0.1:0"]));
    assert_eq!(code, Some(2), "{error}");
    assert!(
        error.contains("--store") && error.contains("port"),
        "{error}"
    );
    assert!(!error.contains("s3cret"), "{error}");
}

#[test]
fn help_tells_everything_about_every_option() {
    let dir = Dir::new();
    let output = tablecast(&dir)
        .arg("--help")
        .env("TABLECAST_STORE", "redis://:s3cret@h")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    let help = String::from_utf8(output.stdout).unwrap();
    for (option, _, _) in WRONG {
        let (_, about) = help
            .split_once(&format!("--{option} "))
            .unwrap_or_else(|| panic!("no --{option}"));
        let about = about.split("\n      --").next().unwrap();
        assert!(
            about.contains(&format!("[env: {}", variable(option))),
            "{about}"
        );
        let repeated = matches!(option, "allowed-origin" | "trusted-proxy");
        assert!(repeated || about.contains("[default: "), "{about}");
    }
    for heading in ["Server:", "Rooms:", "Connections:", "Limits:", "Trust:"] {
        assert!(help.contains(heading), "no {heading}");
    }
    assert!(!help.contains("s3cret"));
    let version = tablecast(&dir).arg("--version").output().unwrap();
    assert_eq!(
        String::from_utf8(version.stdout).unwrap(),
        concat!("tablecast ", env!("CARGO_PKG_VERSION"), "\n")
    );
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
fn a_misspelt_variable_is_not_passed_over_in_silence() {
    let dir = Dir::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap().to_string();
    let mut command = tablecast(&dir);
    let (_, error) = ends(
        command
            .env("TABLECAST_SEATZ", "5")
            .env("TABLECAST_LISTEN", &at),
    );
    assert!(error.contains("TABLECAST_SEATZ"), "{error}");
    assert!(!error.contains("TABLECAST_LISTEN"), "{error}");
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
