//! What is known of a server's process, on shells that stand in for it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::process::Command;
use std::time::Duration;

use tablecast_testing::process::{Process, end_of, program, run_to_end};
use tablecast_testing::{blocking_until, free_port};

/// Ends only when it is killed, or after what no test waits for.
const LIVE: &str = "exec sleep 600";

/// What it does with a signal, and waiting for one.
const ENDS_WITH_5: &str = "trap 'exit 5' TERM";
const WAITS: &str = "while :; do sleep 0.01; done";

fn shell(script: &str) -> Command {
    let mut shell = program("sh");
    shell.args(["-c", script]);
    shell
}

#[test]
fn where_it_listens_is_in_what_it_says() {
    let script = format!("echo 'listens on http://127.0.0.1:80 (rooms in memory)'; {LIVE}");
    let server = Process::start(&mut shell(&script));
    assert_eq!(server.address().to_string(), "127.0.0.1:80");
    assert!(server.said().contains("rooms in memory"));
    let script = format!(r#"echo '{{"fields":{{"address":"[::1]:80"}}}}' >&2; {LIVE}"#);
    let server = Process::start(&mut shell(&script));
    assert_eq!(server.address().to_string(), "[::1]:80");
}

#[test]
#[should_panic(expected = "ended with exit status: 3; it said \"hello\\n\", and logged:\nwhy")]
fn of_one_that_ends_at_the_start_all_is_told() {
    Process::start(&mut shell("echo hello; echo why >&2; exit 3"));
}

#[test]
#[should_panic(expected = "logged:\nno such option")]
fn of_one_that_does_not_come_to_its_address_all_is_told() {
    let at = ([127, 0, 0, 1], free_port()).into();
    Process::start_at(&mut shell("echo no such option >&2; exit 2"), at);
}

#[test]
fn the_log_is_passed_line_by_line_and_stays_whole() {
    let lines = "echo one >&2; echo two >&2; echo three >&2";
    let script = format!("{ENDS_WITH_5}; echo http://127.0.0.1:80; {lines}; {WAITS}");
    let mut server = Process::start(&mut shell(&script));
    assert_eq!(server.log_up_to("two"), ["one", "two"]);
    assert_eq!(server.log_up_to("three"), ["three"]);
    server.signal("-TERM");
    assert_eq!(server.blocking_exit_code(), Some(5));
    assert_eq!(server.log(), "one\ntwo\nthree\n");
}

#[tokio::test]
async fn a_process_that_is_paused_stands_still_until_it_is_resumed_or_killed() {
    let script = format!("{ENDS_WITH_5}; echo http://127.0.0.1:80; {WAITS}");
    let mut server = Process::start(&mut shell(&script));
    server.pause();
    server.signal("-TERM");
    assert!(!server.has_ended(), "it hears nothing");
    server.resume();
    assert_eq!(server.exit_code().await, Some(5));
    let mut server = Process::start(&mut shell(&script));
    server.pause();
    server.kill9();
    assert_eq!(server.exit_code().await, None, "a signal ended it");
}

#[test]
fn of_a_program_that_ends_by_itself_there_is_its_code_and_what_it_complains_of() {
    let (code, said) = run_to_end(&mut shell("echo out; echo wrong >&2; exit 1"));
    assert_eq!((code, said.as_str()), (Some(1), "wrong\n"));
    let mut child = shell("kill -KILL $$").spawn().unwrap();
    assert_eq!(end_of(&mut child).code(), None);
}

#[test]
fn what_was_seen_at_last_is_what_is_returned() {
    let mut looks = 0;
    let look = || {
        looks += 1;
        Duration::from_secs(looks)
    };
    let seen = blocking_until("three looks", look, |seen| seen.as_secs() == 3);
    assert_eq!(seen, Duration::from_secs(3));
}
