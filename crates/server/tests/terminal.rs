//! The room in a terminal: the real program in a real pseudo-terminal, against the real
//! server; and in pipes.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/program.rs"]
mod program;
#[path = "support/terminal.rs"]
mod terminal;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use program::tablecast;
use tablecast_testing::process::{Process, run_to_end, signal};
use tablecast_testing::redis::RedisServer;
use tablecast_testing::{DEADLINE, Directory, free_port};
use terminal::{CONTROL_C, CONTROL_R, DOWN, Terminal, create, pipe, server};

/// A member of the text dialect.
struct Websocat {
    child: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
}

impl Websocat {
    fn start(page: &str) -> Websocat {
        let socket = page.replacen("http", "ws", 1).replacen("/r/", "/ws/", 1) + "/";
        let mut child = Command::new("websocat")
            .arg(socket)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("websocat is missing; `cargo xtask test` installs it");
        let stdin = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            let mut lines = stdout.lines().map_while(Result::ok);
            lines.try_for_each(|line| sender.send(line))
        });
        Websocat {
            child,
            stdin,
            lines,
        }
    }

    fn shows(&self, line: &str) {
        assert_eq!(self.lines.recv_timeout(DEADLINE).unwrap(), line);
    }
}

impl Drop for Websocat {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn two_terminals_and_a_text_member_choose_lunch() {
    let dir = Directory::new();
    let server = server(&dir);
    let page = create(&dir, &server);
    let text = Websocat::start(&page);
    text.shows("[]");
    let mina = Terminal::start(80, 24, "C.UTF-8", &["join", &page, "--name", "Mina"]);
    mina.shows(&["live", "2 of 10 here", "Mina (you)"]);
    let hana = Terminal::start(40, 12, "ko_KR.UTF-8", &["join", &page, "--name", "하나"]);
    hana.shows(&["연결됨", "Mina", "하나 (나)"]);
    mina.shows(&["3 of 10 here", "하나 joined"]);

    hana.types("김치찌개\r");
    text.shows(r#"["김치찌개"]"#);
    mina.shows(&["  0 [ ] 김치찌개", "하나 added 김치찌개"]);
    let mut text = text;
    writeln!(text.stdin, "add:pizza").unwrap();
    text.shows(r#"["김치찌개","pizza"]"#);
    hana.shows(&["  0 [ ] pizza"]);
    mina.shows(&["  0 [ ] pizza"]);

    mina.types(DOWN);
    mina.types("\r");
    mina.shows(&[">  1 [x] pizza"]);
    hana.shows(&["  1 [ ] pizza", "Mina 님이 pizza에 투표했어요: 1표"]);
    mina.types("\x18");
    text.shows(r#"["김치찌개"]"#);

    let mut hana = hana;
    hana.types(CONTROL_C);
    assert_eq!(hana.ended(), Some(0));
    mina.shows(&["하나 left", "2 of 10 here"]);
    let mut mina = mina;
    signal(&mina.child, "-TERM");
    assert_eq!(mina.ended(), Some(0), "SIGTERM is a goodbye as well");
}

#[test]
fn a_terminal_keeps_its_seat_when_the_server_is_killed_and_starts_again() {
    let dir = Directory::new();
    let redis = RedisServer::start(&[]);
    let store = redis.url();
    // The second one must get it as well.
    let at = format!("127.0.0.1:{}", free_port());
    let serve = || Process::start(tablecast(&dir).args(["--listen", &at, "--store", &store]));
    let mut first = serve();
    let page = create(&dir, &first);
    let mina = Terminal::start(80, 24, "C.UTF-8", &["join", &page, "--name", "Mina"]);
    mina.shows(&["live"]);
    mina.types("김치찌개\r");
    mina.shows(&["0 [ ] 김치찌개"]);

    first.kill9();
    mina.shows(&["offline, again in"]);
    mina.types("pizza\r");
    mina.shows(&["(1 not sent yet)", "0 [ ] 김치찌개"]);
    let _second = serve();
    mina.types(CONTROL_R);
    mina.shows(&["live", "0 [ ] pizza", "1 of 10 here", "Mina (you)"]);
    mina.hides("not sent yet");
    let output = pipe(&dir, &page, &["--plain"], "");
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said.matches("pizza").count(), 1, "applied once: {said}");
}

#[test]
fn a_draw_is_made_by_all_terminals_and_each_verifies_it() {
    let dir = Directory::new();
    let server = server(&dir);
    let page = create(&dir, &server);
    let text = Websocat::start(&page);
    text.shows("[]");
    let mina = Terminal::start(80, 24, "C.UTF-8", &["join", &page, "--name", "Mina"]);
    let hana = Terminal::start(40, 12, "ko_KR.UTF-8", &["join", &page, "--name", "하나"]);
    mina.shows(&["3 of 10 here"]);
    for item in ["김치찌개", "pizza", "비빔밥"] {
        mina.types(&format!("{item}\r"));
        hana.shows(&[item]);
    }
    mina.types("/title 금요일\r");
    hana.shows(&["금요일"]);
    // The member of the text dialect adds nothing, and is not waited for for ever.
    hana.types("/draw\r");
    mina.shows(&["1 of 3, 2 took part, verified"]);
    hana.shows(&["2명 참여"]);
    // In a pipe the result is waited for.
    let output = pipe(&dir, &page, &[], "/draw\n");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.ends_with("1 of 3, 3 took part, verified\n"), "{said}");
    mina.types("\x18");
    mina.shows(&["You removed"]);
    mina.types("\x1a");
    mina.shows(&["back"]);
}

#[test]
fn whoever_leaves_is_not_kept_by_a_server_that_says_nothing() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let page = format!("http://{}/r/a", silent.local_addr().unwrap());
    let mut terminal = Terminal::start(80, 24, "C.UTF-8", &["join", &page]);
    terminal.shows(&["connecting"]);
    let _accepted = silent.accept().unwrap();
    terminal.types(CONTROL_C);
    assert_eq!(terminal.ended(), Some(0));
}

#[test]
fn in_a_pipe_each_line_sees_what_the_one_before_it_did() {
    let dir = Directory::new();
    let server = server(&dir);
    let page = create(&dir, &server);
    let lines = "김치찌개\npizza\npizza\n/remove 1\n/list\n/drow\n/link\n";
    let output = pipe(&dir, &page, &["--guest", "--name", "Mina"], lines);
    assert_eq!(output.status.code(), Some(1), "one was refused");
    let said = String::from_utf8(output.stdout).unwrap();
    let said = said.split_once("left\n").expect("the time that is left").1;
    assert_eq!(
        said,
        format!(
            "1 of 10 here: Mina (you)\n\
             Nothing on the menu yet. Type what you would like, and Enter.\n\
             You added 김치찌개\n\
             You added pizza\n\
             pizza is on the menu already; your vote is for it\n\
             You voted for pizza: 1 vote\n\
             You removed 김치찌개\n\
             2. pizza (from Mina), 1 vote: you\n\
             {page}\n"
        )
    );
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("there is no /drow"), "{errors}");
}

#[test]
fn more_lines_than_the_server_takes_at_once_all_arrive() {
    let dir = Directory::new();
    let server = server(&dir);
    let page = create(&dir, &server);
    let lines: String = (0..60).map(|n| format!("dish {n}\n")).collect();
    let output = pipe(&dir, &page, &["--plain"], &lines);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said.matches("You added dish").count(), 60, "{said}");
}

#[test]
fn what_cannot_be_joined_or_made_is_told_why() {
    let dir = Directory::new();
    let server = server(&dir);
    let at = server.address().to_string();
    let output = pipe(&dir, &format!("http://{at}/r/nobody"), &[], "");
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("there is no such room"), "{errors}");

    let (code, error) = run_to_end(tablecast(&dir).args(["join", &format!("http://{at}/room/x")]));
    assert_eq!(code, Some(2));
    for part in [
        "/room/x",
        "http(s)://HOST/r/ID",
        "ws(s)://HOST/ws/ID/",
        "HOST/r/ID",
    ] {
        assert!(error.contains(part), "no {part:?}: {error}");
    }
    let (code, error) = run_to_end(tablecast(&dir).args(["join", "x/r/a", "--colour", "12"]));
    assert_eq!(code, Some(2));
    assert!(error.contains("0..=11"), "{error}");
    for nowhere in [
        &["create", "--server", "127.0.0.1:1"][..],
        &["join", "--plain", "127.0.0.1:1/r/lunch"],
    ] {
        let (code, error) = run_to_end(tablecast(&dir).args(nowhere));
        assert_eq!(code, Some(1));
        assert!(error.contains("cannot connect to 127.0.0.1:1"), "{error}");
    }
}

#[test]
fn in_a_terminal_create_shows_every_link_and_a_qr_code_of_the_page() {
    let dir = Directory::new();
    let server = server(&dir);
    let at = server.address().to_string();
    let mut terminal = Terminal::start(100, 50, "C.UTF-8", &["create", "--server", &at]);
    terminal.shows(&[
        &format!("tablecast join http://{at}/r/"),
        &format!("websocat ws://{at}/ws/"),
        "Phones cannot open it",
    ]);
    assert_eq!(terminal.ended(), Some(0));
    let parser = terminal.screen.lock().unwrap();
    let screen = parser.screen();
    // Black on white whatever the terminal's colours: in the quiet zone, and in the code.
    let is_code = |row: &u16| screen.cell(*row, 0).unwrap().bgcolor() == vt100::Color::Idx(231);
    let rows = (0..50).filter(is_code).count();
    assert!(
        (15..30).contains(&rows),
        "{rows} rows:\n{}",
        screen.contents()
    );
}
