//! A room's own rules in terminals: who decides, when, and by whose votes.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/program.rs"]
mod program;
#[path = "support/terminal.rs"]
mod terminal;

use program::{ANY_PORT, tablecast};
use tablecast_testing::Directory;
use tablecast_testing::process::{Process, run_to_end};
use terminal::{CONTROL_C, DOWN, Terminal, create, create_with, pipe, server};

/// A member of that name, whose user is somebody else than whoever has the directory.
fn join(page: &str, name: &str) -> Terminal {
    let terminal = Terminal::start(100, 24, "C.UTF-8", &["join", page, "--name", name]);
    terminal.shows(&[&format!("{name} (you)")]);
    terminal
}

/// The host, who has made the room.
fn host(dir: &Directory, page: &str) -> Terminal {
    let program = env!("CARGO_BIN_EXE_tablecast");
    let args = ["join", page, "--name", "Host"];
    let terminal = Terminal::at(dir.path(), (100, 24), "C.UTF-8", program, &args);
    terminal.shows(&["Host (you) host"]);
    terminal
}

fn said(dir: &Directory, page: &str, lines: &str) -> String {
    String::from_utf8(pipe(dir, page, &[], lines).stdout).unwrap()
}

#[test]
fn a_deadline_decides_by_the_votes_and_draws_if_they_are_equal() {
    let dir = Directory::new();
    let server = server(&dir);
    let page = create(&dir, &server);
    let mina = join(&page, "Mina");
    let hana = join(&page, "하나");
    mina.types("pizza\r");
    mina.shows(&["0 [ ] pizza", "0/2 voted"]);
    mina.types("sushi\r");
    hana.shows(&["0 [ ] sushi"]);
    hana.types("\r");
    hana.shows(&["1 [x] pizza", "1/2 voted", "하나 (you) voted"]);
    mina.types("/deadline 20m\r");
    hana.shows(&["Mina set the deadline to", "decides in 1"]);
    mina.types("/deadline 5s\r");
    mina.shows(&["Decided: pizza, with 1 vote, when the time was up"]);
    hana.shows(&["pizza  <- decided"]);
    hana.hides("decides in");

    hana.types(DOWN);
    hana.types("\r");
    mina.shows(&["1 [ ] pizza", "1 [ ] sushi"]);
    hana.types("/deadline 5s\r");
    mina.shows(&["of 2, 2 took part, verified, when the time was up"]);
    let past = said(&dir, &page, "/past\n");
    assert!(
        past.ends_with("\n1. Decided: pizza, with 1 vote, when the time was up\n"),
        "{past}"
    );
    mina.types("/reinstate 1\r");
    hana.shows(&["Mina went back to the decision for pizza"]);
}

#[test]
fn what_somebody_cannot_eat_does_not_win() {
    let dir = Directory::new();
    let server = server(&dir);
    let page = create(&dir, &server);
    let mina = join(&page, "Mina");
    for dish in ["shrimps", "soup"] {
        mina.types(&format!("{dish}\r"));
        mina.shows(&[&format!("0 [ ] {dish}")]);
    }
    mina.types("\r");
    mina.shows(&["1 [x] shrimps"]);
    let output = pipe(&dir, &page, &["--name", "Jun"], "/veto shrimps\n/decide\n");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    mina.shows(&[
        "shrimps  (1 cannot eat it)",
        "cannot eat it: Jun",
        "Decided: soup, with 0 votes",
    ]);
    said(&dir, &page, "/unveto 1\n/decide\n");
    mina.shows(&["Decided: shrimps, with 1 vote"]);
    mina.hides("cannot eat it");
}

#[test]
fn hidden_votes_are_ones_own_until_it_is_decided() {
    let dir = Directory::new();
    let server = server(&dir);
    let options = ["--hidden-votes", "--votes-each", "1"];
    let page = create_with(&dir, &server, &options);
    let mina = join(&page, "Mina");
    let jun = join(&page, "Jun");
    mina.shows(&["(votes are hidden, one vote each)"]);
    for dish in ["pizza", "sushi"] {
        mina.types(&format!("{dish}\r"));
        mina.shows(&[&format!("0 [ ] {dish}")]);
    }
    jun.shows(&["0 [ ] sushi", "0/2 voted"]);
    jun.types("\r");
    jun.shows(&["1 [x] pizza", "1/2 voted"]);
    mina.shows(&["Jun voted", "0 [ ] pizza", "1/2 voted"]);
    jun.types("/vote 2\r");
    jun.shows(&["/vote 2: "]);
    mina.types("/decide\r");
    mina.shows(&["Decided: pizza, with 1 vote", "1 [ ] pizza"]);
}

#[test]
fn whoever_made_the_room_may_lock_it_and_ask_others_to_leave() {
    let dir = Directory::new();
    let server = server(&dir);
    let page = create(&dir, &server);
    let host = host(&dir, &page);
    let home = Directory::new();
    let jun = || {
        let args = ["join", &*page, "--name", "Jun", "--plain"];
        let program = env!("CARGO_BIN_EXE_tablecast");
        Terminal::at(home.path(), (100, 24), "C.UTF-8", program, &args)
    };
    let mut guest = jun();
    guest.shows(&["Jun (you)"]);
    host.shows(&["Jun joined"]);
    host.types("/lock\r");
    guest.shows(&["Host locked the menu"]);
    guest.types("pizza\n");
    guest.shows(&["\"pizza\": "]);
    host.types("/dismiss Jun\r");
    guest.shows(&["Host asked you to leave", "you were asked to leave"]);
    assert_eq!(guest.ended(), Some(1));
    host.shows(&["1 of 10 here"]);
    let mut again = jun();
    again.shows(&["you were asked to leave"]);
    assert_eq!(again.ended(), Some(1));
    let mina = join(&page, "Mina");
    host.shows(&["2 of 10 here"]);
    host.types("/host Mina\r");
    mina.shows(&["Mina (you) host"]);
}

#[test]
fn everybody_who_says_again_comes_to_the_same_next_room() {
    let dir = Directory::new();
    let server = server(&dir);
    let page = create_with(&dir, &server, &["--title", "Friday"]);
    let mina = join(&page, "Mina");
    mina.types("pizza\r");
    mina.shows(&["0 [ ] pizza"]);
    let first = said(&dir, &page, "/vote 1\n/again\n/link\n");
    let next = first.lines().last().unwrap();
    assert!(next.starts_with("http://") && next != page, "{first}");
    mina.shows(&["1 [ ] pizza"]);
    mina.types("/again\r");
    mina.shows(&["Friday", "0 [ ] pizza", "Mina (you)"]);
    mina.types("/link\r");
    mina.shows(&[next]);
    let output = pipe(&dir, &page, &["--again"], "/link\n");
    assert!(
        output.stdout.ends_with(format!("{next}\n").as_bytes()),
        "{output:?}"
    );
    let mut mina = mina;
    mina.types(CONTROL_C);
    assert_eq!(mina.ended(), Some(0));
}

/// The server remembers nothing of it then.
#[test]
fn a_table_that_ended_undecided_goes_on_with_what_the_terminal_shows() {
    let dir = Directory::new();
    let server = Process::start(tablecast(&dir).args(ANY_PORT).args(["--room-ttl", "10s"]));
    let page = create_with(&dir, &server, &["--title", "Friday"]);
    let mut mina = Terminal::start(100, 24, "C.UTF-8", &["join", &page]);
    mina.shows(&["guest 1 (you)"]);
    mina.types("/name Mina\r");
    mina.shows(&["Mina (you)"]);
    mina.types("pizza\r");
    mina.shows(&["0 [ ] pizza"]);
    mina.shows(&["ended", "/again"]);
    mina.types("/again\r");
    mina.shows(&["live", "Friday", "0 [ ] pizza", "Mina (you)"]);
    mina.types(CONTROL_C);
    assert_eq!(mina.ended(), Some(0));
}

#[test]
fn a_room_is_made_with_rules_that_are_read_as_people_write_them() {
    let dir = Directory::new();
    let server = server(&dir);
    let page = create_with(&dir, &server, &["--decide-in", "20m", "--votes-each", "3"]);
    let shown = said(&dir, &page, "");
    let first = shown.lines().next().unwrap();
    assert!(first.starts_with("Lunch, decides in "), "{shown}");
    assert!(shown.contains("\n3 votes each\n"), "{shown}");
    let at = server.address().to_string();
    // One of them is less than half a day away, and no room lives for a whole day.
    let made = ["0:00", "12:00"].map(|time| {
        let args = ["create", "--server", &at, "--decide-at", time];
        tablecast(&dir).args(args).output().unwrap()
    });
    let made = made.iter().find(|made| made.status.success()).unwrap();
    let page = std::str::from_utf8(&made.stdout).unwrap().trim();
    assert!(said(&dir, page, "").contains("decides in"));
    for (wrong, named) in [
        (["--decide-in", "soon"], "12:30"),
        (["--votes-each", "0"], "1..=100"),
    ] {
        let args = [&["create", "--server", &at], &wrong[..]].concat();
        let (code, error) = run_to_end(tablecast(&dir).args(args));
        assert_eq!(code, Some(2));
        assert!(error.contains(named), "{error}");
    }
}

#[test]
fn in_a_full_room_one_watches_until_a_seat_is_free() {
    let dir = Directory::new();
    let options = [
        "--listen",
        "127.0.0.1:0",
        "--store",
        "memory",
        "--seats",
        "1",
    ];
    let server = Process::start(tablecast(&dir).args(options));
    let page = create(&dir, &server);
    let mut mina = join(&page, "Mina");
    mina.types("pizza\r");
    mina.shows(&["0 [ ] pizza"]);
    let args = ["join", &*page, "--name", "Jun"];
    let jun = Terminal::start(100, 24, "C.UTF-8", &args);
    jun.shows(&["0 [ ] pizza", "watching, ", "1 of 1 here"]);
    let wall = Terminal::start(100, 24, "C.UTF-8", &["join", &page, "--watch"]);
    wall.shows(&["0 [ ] pizza", "watching, "]);
    mina.types("\r");
    jun.shows(&["1 [ ] pizza", "Mina voted for pizza"]);
    wall.types("soup\r");
    wall.shows(&["you watch and have no seat"]);
    mina.types(CONTROL_C);
    assert_eq!(mina.ended(), Some(0));
    jun.shows(&["live, ", "Jun (you)", "1 [ ] pizza"]);
    wall.shows(&["Jun joined"]);
    jun.types("\r");
    wall.shows(&["2 [ ] pizza"]);
}
