//! The terminal when stdin, stdout or stderr are gone, full, or hold what is no line.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/program.rs"]
mod program;
#[path = "support/terminal.rs"]
mod terminal;

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};

use program::tablecast;
use tablecast_testing::process::{Process, end_of, signal};
use tablecast_testing::{Directory, blocking_until, free_port};
use terminal::{CONTROL_C, Terminal, create, pipe, server};

/// Who is in the room besides whoever asks.
fn others(dir: &Directory, page: &str) -> String {
    let output = pipe(dir, page, &["--guest", "--name", "Asks"], "/who\n");
    let said = String::from_utf8(output.stdout).unwrap();
    let line = said.lines().rfind(|line| line.contains(" here: ")).unwrap();
    line.replace("Asks (you)", "")
}

#[test]
fn whoever_closes_the_window_leaves() {
    let dir = Directory::new();
    let server = server(&dir);
    let page = create(&dir, &server);
    for options in [&[][..], &["--plain"]] {
        let args = [&["join", &*page, "--name", "Mina"], options].concat();
        let mut mina = Terminal::start(80, 24, "C.UTF-8", &args);
        mina.shows(&["Mina (you)"]);
        mina.close_window();
        let status = end_of(&mut mina.child);
        assert_eq!(status.signal(), None, "{options:?}: {status:?}");
        assert_eq!(others(&dir, &page), "1 of 10 here: ", "{options:?}");
    }
}

#[test]
fn a_hang_up_without_a_signal_is_leaving_too() {
    let dir = Directory::new();
    let server = server(&dir);
    let page = create(&dir, &server);
    // A session of its own: the window's end is told to its leader alone, which is the shell.
    for options in ["", "--plain"] {
        let script = format!(
            "trap '' HUP; {} join {page} --name Mina {options}; true",
            env!("CARGO_BIN_EXE_tablecast")
        );
        let mut mina = Terminal::of(80, 24, "C.UTF-8", "sh", &["-c", &script]);
        mina.shows(&["Mina (you)"]);
        mina.close_window();
        assert_eq!(end_of(&mut mina.child).signal(), None, "{options}");
        assert_eq!(others(&dir, &page), "1 of 10 here: ", "{options}");
    }
}

fn full() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

#[test]
fn output_that_cannot_be_written_ends_nothing_but_what_it_is_for() {
    let dir = Directory::new();
    let server = server(&dir);
    let page = create(&dir, &server);
    let at = server.address().to_string();
    // Each of them with each output full, and with all of them closed.
    let commands: [&[&str]; 6] = [
        &["join", &page, "--plain", "--name", "Mina"],
        &["join", "127.0.0.1:1/r/a"],
        &["join", "http://127.0.0.1/room"],
        &["create", "--server", &at],
        &["create", "--server", "127.0.0.1:1"],
        &["join", "--help"],
    ];
    for args in commands {
        for (out, err) in [(true, false), (false, true), (true, true)] {
            let mut command = tablecast(&dir);
            command
                .args(args)
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            if out {
                command.stdout(full());
            }
            if err {
                command.stderr(full());
            }
            let mut child = command.spawn().unwrap();
            // It may have ended already, and not read.
            let _ = child.stdin.take().unwrap().write_all(b"dish\n/nope\n");
            let status = end_of(&mut child);
            assert!(matches!(status.code(), Some(0..=2)), "{args:?}: {status:?}");
        }
        let line = r#"exec "$0" "$@" <&- >&- 2>&-"#;
        let mut closed = Command::new("sh");
        closed
            .args(["-c", line, env!("CARGO_BIN_EXE_tablecast")])
            .args(args)
            .current_dir(dir.path());
        let status = end_of(&mut closed.spawn().unwrap());
        assert!(matches!(status.code(), Some(0..=2)), "{args:?}: {status:?}");
    }
    assert_eq!(others(&dir, &page), "1 of 10 here: ");
    // What could be said with stderr gone was.
    let output = pipe(&dir, &page, &[], "/list\n");
    assert!(String::from_utf8(output.stdout).unwrap().contains("dish"));
}

#[test]
fn a_reader_that_has_enough_ends_it() {
    let dir = Directory::new();
    let server = server(&dir);
    let page = create(&dir, &server);
    let mut child = tablecast(&dir)
        .args(["join", &page, "--name", "Mina"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = child.stdout.take().unwrap();
    assert_eq!(out.read(&mut [0; 16]).unwrap(), 16);
    drop(out);
    let mut stdin = child.stdin.take().unwrap();
    // Again and again: a program that another test starts at this moment may have the pipe too,
    // for as long as it takes to start.
    let ask = || {
        let _ = writeln!(stdin, "/who");
        child.try_wait().unwrap()
    };
    let status = blocking_until("it ends", ask, Option::is_some);
    assert_eq!(status.unwrap().code(), Some(0));
    assert_eq!(others(&dir, &page), "1 of 10 here: ");
}

#[test]
fn of_a_pipe_what_cannot_be_said_is_named_and_the_rest_is_said() {
    let dir = Directory::new();
    let server = server(&dir);
    let page = create(&dir, &server);
    let long = "long".repeat(5_000);
    let longer = "longer".repeat(50_000);
    let mut lines = b"\xEF\xBB\xBFpizza\r\n".to_vec();
    // 김치 in EUC-KR.
    lines.extend_from_slice(b"\xB1\xE8\xC4\xA1\n");
    lines.extend_from_slice(format!("{long}\n{longer}\n{}\nsushi", "y".repeat(81)).as_bytes());
    let output = pipe(&dir, &page, &[], &lines);
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    for named in [
        "line 2",
        "UTF-8",
        "\"longlong",
        "line 4, \"longerlonger",
        "\"yyyy",
    ] {
        assert!(errors.contains(named), "no {named}: {errors}");
    }
    let output = pipe(&dir, &page, &[], "/list\n");
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8(output.stdout).unwrap();
    let items: Vec<_> = said.lines().rev().take(2).collect();
    assert!(
        items[1].starts_with("1. pizza (") && items[0].starts_with("2. sushi ("),
        "{said}"
    );
}

/// Waits until the thread has ended that reads its input: all of it was read.
fn has_read_all(child: &Child) {
    let threads = format!("/proc/{}/task", child.id());
    let count = || fs::read_dir(&threads).unwrap().count();
    blocking_until("it has read its input", count, |count| *count == 1);
}

/// The server stands still, is killed, and the next one at the same address does not know the
/// room: what was said meanwhile is named, whether it waits for its answer or for its turn.
#[test]
fn what_was_not_sent_is_named_when_a_pipe_or_a_plain_terminal_ends() {
    const END_OF_INPUT: &str = "\x04";
    let dir = Directory::new();
    // The second one must get it as well.
    let at = format!("127.0.0.1:{}", free_port());
    let serve = || Process::start(tablecast(&dir).args(["--listen", &at, "--store", "memory"]));
    let mut first = serve();
    let page = create(&dir, &first);
    let mut piped = tablecast(&dir)
        .args(["join", &page, "--name", "Jun"])
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(piped.stdout.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap().contains("Jun (you)")));
    let [mut leaves, mut stays] = ["Mina", "Hana"].map(|name| {
        let args = ["join", &page, "--plain", "--name", name];
        let terminal = Terminal::start(80, 24, "C.UTF-8", &args);
        terminal.shows(&[&format!("{name} (you)")]);
        terminal
    });

    first.pause();
    let mut stdin = piped.stdin.take().unwrap();
    let lines = "pizza\n\n김치찌개\n/who\n/vote 1\n";
    stdin.write_all(lines.as_bytes()).unwrap();
    drop(stdin);
    has_read_all(&piped);
    for terminal in [&leaves, &stays] {
        terminal.types(&format!("sushi\npasta\n{END_OF_INPUT}"));
        has_read_all(&terminal.child);
    }
    leaves.types(CONTROL_C);
    leaves.shows(&["not sent: \"sushi\", \"pasta\""]);
    assert_eq!(leaves.ended(), Some(0));

    first.kill9();
    let _second = serve();
    stays.shows(&["not sent: \"sushi\", \"pasta\"", "the room is gone"]);
    assert_eq!(stays.ended(), Some(1));
    let output = piped.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    let named = "not sent: \"pizza\", \"김치찌개\", \"/vote 1\"\n";
    assert!(errors.contains(named), "{errors}");
}

#[test]
fn a_signal_ends_it_while_it_asks_for_the_next_room() {
    let dir = Directory::new();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let page = format!("http://{}/r/lunch", silent.local_addr().unwrap());
    let mut asks = tablecast(&dir)
        .args(["join", "--again", &page])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    asks.stdin.take().unwrap().write_all(b"pizza\n").unwrap();
    let _connection = silent.accept().unwrap();
    has_read_all(&asks);
    signal(&asks, "-TERM");
    assert_eq!(end_of(&mut asks).code(), Some(1));
    let mut said = String::new();
    asks.stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    for part in ["not sent: \"pizza\"", "interrupted"] {
        assert!(said.contains(part), "no {part}: {said}");
    }
}
