//! Lines of the log: what they tell, and that nothing depends on them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/program.rs"]
mod program;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};

use program::{ANY_PORT, member, tablecast};
use tablecast_testing::process::{Process, run_to_end};
use tablecast_testing::{DEADLINE, Directory, free_port};

/// The program in a shell that sends its output elsewhere: `2>/dev/full` and the like.
fn redirected(dir: &Directory, to: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.current_dir(dir.path()).stdin(Stdio::null());
    shell.args(["-c", &format!("exec \"$0\" \"$@\" {to}")]);
    shell.arg(Path::new(env!("CARGO_BIN_EXE_tablecast")));
    shell
}

/// One answer on a connection of its own, which does not hang for ever.
fn ask(at: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("no answer");
    answer
}

/// Rooms, members and refusals go on; and it ends in order, telling its members.
fn assert_serves(mut server: Process) {
    for _ in 0..20 {
        let mut member = member(server.address());
        let refused = ask(server.address(), "GET /ws/nowhere HTTP/1.0\r\n\r\n");
        assert!(refused.starts_with("HTTP/1.0 426 "), "{refused}");
        member.set_read_timeout(Some(DEADLINE)).unwrap();
        // `add:x`, masked with zeros.
        member.write_all(b"\x81\x85\0\0\0\0add:x").unwrap();
        until_said(&mut member, b"[\"x\"]");
    }
    let mut last = member(server.address());
    last.set_read_timeout(Some(DEADLINE)).unwrap();
    server.signal("-TERM");
    until_said(&mut last, b"server restarting");
    assert_eq!(server.blocking_exit_code(), Some(0));
}

fn until_said(member: &mut TcpStream, text: &[u8]) {
    let mut said = Vec::new();
    while !said.windows(text.len()).any(|part| part == text) {
        let mut buffer = [0; 1024];
        let read = member.read(&mut buffer);
        let so_far = String::from_utf8_lossy(&said);
        let read = read.unwrap_or_else(|error| panic!("{error} after {so_far:?}"));
        assert!(read > 0, "the connection ended after {so_far:?}");
        said.extend_from_slice(&buffer[..read]);
    }
}

#[test]
fn rooms_go_on_where_no_line_can_be_written() {
    let dir = Directory::new();
    for to in ["2>/dev/full", "2>&-"] {
        let mut command = redirected(&dir, to);
        command.env("RUST_LOG", "trace");
        assert_serves(Process::start(command.args(ANY_PORT)));
    }
}

#[test]
fn rooms_go_on_when_the_reader_of_the_log_has_ended() {
    let dir = Directory::new();
    let mut command = tablecast(&dir);
    command.args(ANY_PORT).env("RUST_LOG", "trace");
    let (server, log) = Process::start_unread(&mut command);
    drop(log);
    assert_serves(server);
}

#[test]
fn rooms_go_on_while_nobody_reads_the_log() {
    let dir = Directory::new();
    let mut command = tablecast(&dir);
    command.args(ANY_PORT).env("RUST_LOG", "trace");
    let (server, _log) = Process::start_unread(&mut command);
    // Far more than a pipe holds.
    let path = "x".repeat(4000);
    for _ in 0..100 {
        let answer = ask(server.address(), &format!("GET /{path} HTTP/1.0\r\n\r\n"));
        assert!(answer.starts_with("HTTP/1.0 404 "), "{answer}");
    }
    assert_serves(server);
}

#[test]
fn rooms_go_on_where_stdout_cannot_be_written() {
    let dir = Directory::new();
    for to in [">/dev/full", ">&-", ">&- 2>&-"] {
        // It cannot say which port it took.
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let mut command = redirected(&dir, to);
        assert_serves(Process::start_at(
            command.args(["--listen", &at.to_string()]),
            at,
        ));
    }
}

#[test]
fn what_is_wrong_ends_with_its_own_code_though_it_cannot_be_said() {
    let dir = Directory::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for to in ["2>/dev/full", "2>&-"] {
        for (args, code) in [
            (vec!["--seats", "0"], 2),
            (vec!["--store", "redis://127.0.0.1:0"], 2),
            (vec!["--listen", &taken], 1),
            (vec!["create", "--server", "http://127.0.0.1:9"], 1),
        ] {
            // Somebody listens there until the test ends.
            let _held = TcpListener::bind(&taken);
            let status = redirected(&dir, to).args(&args).status().unwrap();
            assert_eq!(status.code(), Some(code), "{args:?} {to}");
        }
    }
}

#[test]
fn no_command_dies_of_what_it_cannot_say() {
    let dir = Directory::new();
    for to in [">/dev/full 2>/dev/full", ">&- 2>&-"] {
        for args in [
            "--version",
            "--help",
            "man",
            "completions bash",
            "check",
            "health http://127.0.0.1:9",
            "join http://127.0.0.1:9/r/x",
            "store check none.db",
            "store dump none.db",
            "store backup none.db copy.db",
        ] {
            let args = args.split(' ').collect::<Vec<_>>();
            let status = redirected(&dir, to).args(&args).status().unwrap();
            let ended = status.code();
            assert!(
                matches!(ended, Some(0..=2)),
                "{args:?} {to}: {ended:?}, {status}"
            );
        }
    }
}

#[test]
fn a_log_level_that_is_none_is_an_error_at_the_start() {
    let dir = Directory::new();
    for wrong in ["dbug", "verbose", "info,tablecast=dbug"] {
        let (code, error) = run_to_end(tablecast(&dir).args(ANY_PORT).env("RUST_LOG", wrong));
        assert_eq!(code, Some(2), "{wrong}: {error}");
        let named = wrong.split(',').next_back().unwrap();
        for part in ["RUST_LOG", named, "debug"] {
            assert!(error.contains(part), "{wrong}: {error}");
        }
    }
    for right in ["", "debug", "warn,tablecast=debug"] {
        Process::start(tablecast(&dir).args(ANY_PORT).env("RUST_LOG", right));
    }
}

/// Makes a room, joins it by both dialects, is refused, leaves; then ends the server. The
/// room's id, and what was logged.
fn a_visit(level: &str) -> (String, Vec<String>) {
    let dir = Directory::new();
    let mut command = tablecast(&dir);
    command
        .args(ANY_PORT)
        .args(["--seats", "1", "--trusted-proxy", "127.0.0.1"]);
    let mut server = Process::start(command.env("RUST_LOG", level));
    let from = "X-Forwarded-For: 192.0.2.7\r\n";
    let made = ask(
        server.address(),
        &format!("POST /session/ HTTP/1.0\r\n{from}\r\n"),
    );
    let id = made
        .split("\"id\":\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .to_owned();
    let handshake = |more: &str| {
        format!(
            "GET /ws/{id}/ HTTP/1.1\r\nHost: a\r\n{from}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
        )
    };
    let mut member = TcpStream::connect(server.address()).unwrap();
    member.set_read_timeout(Some(DEADLINE)).unwrap();
    member.write_all(handshake("").as_bytes()).unwrap();
    until_said(&mut member, b"[]");
    // `drop:x` is no command.
    member.write_all(b"\x81\x86\0\0\0\0drop:x").unwrap();
    until_said(&mut member, b"bad_command");
    let refused = ask(server.address(), &handshake(""));
    assert!(refused.starts_with("HTTP/1.1 403 "), "{refused}");
    let mut second = TcpStream::connect(server.address()).unwrap();
    second.set_read_timeout(Some(DEADLINE)).unwrap();
    let json = "Sec-WebSocket-Protocol: tablecast.v1\r\n";
    second.write_all(handshake(json).as_bytes()).unwrap();
    until_said(&mut second, b"101");
    second.write_all(b"\x81\x8b\0\0\0\0{\"join\":{}}").unwrap();
    until_said(&mut second, b"room full");
    // A goodbye.
    member.write_all(b"\x88\x82\0\0\0\0\x03\xe8").unwrap();
    let mut rest = Vec::new();
    member.read_to_end(&mut rest).unwrap();
    server.signal("-TERM");
    assert_eq!(server.blocking_exit_code(), Some(0));
    (id, server.log_up_to(" ended"))
}

#[test]
fn at_debug_each_room_join_refusal_and_close_is_told_with_who_and_why() {
    let (id, lines) = a_visit("tablecast=debug");
    let room = format!("room=\"{id}\"");
    for parts in [
        &["DEBUG", "a room was made", &room, "address=192.0.2.7"][..],
        &["DEBUG", "joined", &room, "member=1", "address=192.0.2.7"],
        &[
            "DEBUG",
            "a command was refused",
            "member=1",
            "code=\"bad_command\"",
        ],
        &[
            "DEBUG",
            "refused",
            &id,
            "address=192.0.2.7",
            "status=403",
            "code=\"room_full\"",
        ],
        &[
            "DEBUG",
            "could not join",
            &room,
            "address=192.0.2.7",
            "code=\"room_full\"",
        ],
        &["DEBUG", "closed", &room, "address=192.0.2.7", "code=4403"],
        &[
            "DEBUG",
            "closed",
            &room,
            "member=1",
            "address=192.0.2.7",
            "code=1000",
        ],
    ] {
        let is_it = |line: &&String| parts.iter().all(|part| line.contains(part));
        assert_eq!(
            lines.iter().filter(is_it).count(),
            1,
            "{parts:?} in {lines:#?}"
        );
    }
}

#[test]
fn at_info_nothing_is_told_of_rooms_and_members() {
    let (id, lines) = a_visit("info");
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(!lines.concat().contains(&id), "{lines:#?}");
}

#[test]
fn the_last_line_is_the_last_thing() {
    let dir = Directory::new();
    let (mut server, stderr) = Process::start_unread(tablecast(&dir).args(ANY_PORT));
    let _members: Vec<_> = (0..20).map(|_| member(server.address())).collect();
    server.signal("-TERM");
    let mut lines = BufReader::new(stderr).lines();
    let ended = lines.find(|line| line.as_ref().unwrap().contains(" ended"));
    assert!(ended.is_some());
    // The members' connections were dropped before it, so nobody can be let in any more.
    assert!(TcpStream::connect(server.address()).is_err());
    assert!(lines.next().is_none(), "a line behind the last one");
    assert_eq!(server.blocking_exit_code(), Some(0));
}
