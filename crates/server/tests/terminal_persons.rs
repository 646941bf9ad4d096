//! One user of terminals and pipes is one person in a room.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/program.rs"]
mod program;
#[path = "support/terminal.rs"]
mod terminal;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Output, Stdio};

use program::tablecast;
use tablecast_testing::Directory;
use terminal::{CONTROL_C, Terminal, create, pipe, server};

const FILE: &str = "tablecast/person";

fn said(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

/// The last line of the menu.
fn listed(dir: &Directory, page: &str) -> String {
    let (menu, _) = said(&pipe(dir, page, &["--guest"], "/list\n"));
    menu.lines().last().unwrap().to_owned()
}

#[test]
fn who_votes_again_and_again_by_a_pipe_has_one_vote() {
    let dir = Directory::new();
    let server = server(&dir);
    let page = create(&dir, &server);
    for _ in 0..3 {
        let output = pipe(&dir, &page, &[], "pizza\n/vote 1\n");
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
    assert!(listed(&dir, &page).contains(", 1 vote"));
    pipe(&dir, &page, &["--guest"], "pizza\n");
    assert!(listed(&dir, &page).contains(", 2 votes"));
    // The vote that a guest gave stays theirs; one's own can be taken back later.
    pipe(&dir, &page, &["--name", "Mina"], "/unvote 1\n");
    assert!(listed(&dir, &page).contains("(from guest 1), 1 vote"));
    let (here, _) = said(&pipe(&dir, &page, &[], "/who\n"));
    assert!(
        here.contains("1 of 10 here: Mina (you)"),
        "the name that was taken last: {here}"
    );
    let mode = fs::metadata(dir.path().join(FILE))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn in_two_windows_the_newer_one_has_the_seat() {
    let (dir, home) = (Directory::new(), Directory::new());
    let server = server(&dir);
    let page = create(&dir, &server);
    let window = |options: &[&str]| {
        let args = [&["join", &*page], options].concat();
        let program = env!("CARGO_BIN_EXE_tablecast");
        Terminal::at(home.path(), (80, 24), "C.UTF-8", program, &args)
    };
    let mut plain = window(&["--plain", "--name", "Mina"]);
    plain.shows(&["1 of 10 here: Mina (you)"]);
    let mut older = window(&[]);
    older.shows(&["1 of 10 here", "Mina (you)"]);
    plain.shows(&["you are here in another window now"]);
    assert_eq!(plain.ended(), Some(1));
    let newer = window(&[]);
    newer.shows(&["1 of 10 here", "Mina (you)"]);
    older.shows(&["you are here in another window now"]);
    older.types("\r");
    assert_eq!(older.ended(), Some(1));
    let guest = window(&["--guest"]);
    guest.shows(&["2 of 10 here"]);
    let mut newer = newer;
    newer.types(CONTROL_C);
    assert_eq!(newer.ended(), Some(0));
}

#[test]
fn programs_that_begin_at_once_are_one_person() {
    let dir = Directory::new();
    let server = server(&dir);
    let page = create(&dir, &server);
    let start = || {
        let mut command = tablecast(&dir);
        command
            .args(["join", &page])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.spawn().unwrap()
    };
    let programs: Vec<Child> = (0..4).map(|_| start()).collect();
    for mut program in programs {
        // It ends since its input does, or because another one has the seat.
        program.wait().unwrap();
    }
    pipe(&dir, &page, &[], "pizza\n/vote 1\n");
    let (here, _) = said(&pipe(&dir, &page, &[], "/who\n"));
    assert!(here.contains("1 of 10 here: guest 1 (you)"), "{here}");
}

#[test]
fn a_file_that_others_could_read_is_closed_and_a_damaged_one_is_kept() {
    let dir = Directory::new();
    let server = server(&dir);
    let page = create(&dir, &server);
    pipe(&dir, &page, &[], "pizza\n/vote 1\n");
    let file = dir.path().join(FILE);
    fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    let (_, errors) = said(&pipe(&dir, &page, &[], "pizza\n"));
    assert!(errors.contains("others could read"), "{errors}");
    let (_, errors) = said(&pipe(&dir, &page, &[], "pizza\n"));
    assert_eq!(errors, "", "it is told once");
    assert!(listed(&dir, &page).contains(", 1 vote"));

    for damaged in [&b"my notes\n"[..], &[b'a'; 200], b"\xff", b"\n"] {
        fs::write(&file, damaged).unwrap();
        // Nothing to say, since it may end before it reads that.
        let output = pipe(&dir, &page, &[], "");
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(said(&output).1.contains("person is damaged"), "{output:?}");
        assert_eq!(fs::read(&file).unwrap(), damaged);
    }
    let output = pipe(&dir, &page, &["--guest"], "");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[test]
fn without_a_home_one_is_somebody_new_and_is_told_so() {
    let dir = Directory::new();
    let server = server(&dir);
    let page = create(&dir, &server);
    let file = dir.write("no folder", "");
    for state in [None, Some(&file)] {
        let mut command = tablecast(&dir);
        command
            .args(["join", &page])
            .env_remove("HOME")
            .env_remove("XDG_STATE_HOME");
        command.envs(state.map(|state| ("XDG_STATE_HOME", state)));
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let (_, errors) = said(&output);
        assert_eq!(
            errors.matches("somebody new this time").count(),
            1,
            "{errors}"
        );
    }
}
