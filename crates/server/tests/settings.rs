//! What can be set, from flag, environment and file, and what is answered to
//! wrong values.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/program.rs"]
mod program;

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::process::Command;

use program::{ANY_PORT, tablecast};
use tablecast_testing::Directory;
use tablecast_testing::process::{Process, run_to_end};

/// An option, a wrong value, and what the answer says is allowed.
const WRONG: [(&str, &str, &str); 45] = [
    ("listen", "localhost", "ADDRESS:PORT"),
    ("listen", "127.0.0.1:99999", "ADDRESS:PORT"),
    ("base-path", "lunch", "such as /lunch"),
    ("base-path", "/ws", "none of the server's own"),
    ("store", "disk", "redis://HOST:PORT"),
    ("store", "http://127.0.0.1", "redis://HOST:PORT"),
    ("store", "sqlite:", "PATH[?sync=normal|full]"),
    ("store", "sqlite:a.db?sync=", "?sync=full"),
    ("store-timeout", "10ms", "from 100ms"),
    ("store-timeout", "1", "10m"),
    ("room-ttl", "10", "10m"),
    ("room-ttl", "0s", "from 1s"),
    ("room-ttl", "ten", "10m"),
    ("room-max-age", "-1h", "10m"),
    ("room-max-age", "99999d", "to 30d"),
    ("result-ttl", "0s", "from 1s"),
    ("result-ttl", "a week", "10m"),
    ("seats", "0", "from 1"),
    ("seats", "ten", "whole number"),
    ("seats", "-5", "from 1"),
    ("max-rooms", "0", "from 1"),
    ("max-items", "1.5", "whole number"),
    ("max-message-bytes", "1", "from 128"),
    ("outbox-bytes", "16k", "whole number"),
    ("outbox-seconds", "0", "from 100ms"),
    ("ping-interval", "25", "10m"),
    ("pong-timeout", "10 s", "10m"),
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
    ("domain", "https://lunch.example", "such as lunch.example"),
    ("acme-directory", "acme.example", "https://HOST/PATH"),
    ("acme-challenge", "dns-01", "http-01"),
    ("http-listen", "80", "ADDRESS:PORT"),
    ("workers", "0", "from 1"),
    ("log-format", "xml", "json"),
];

fn variable(option: &str) -> String {
    format!("TABLECAST_{}", option.to_uppercase().replace('-', "_"))
}

/// Holds that the program has refused what is set, and that its error has all of these parts.
#[track_caller]
fn assert_refused((code, error): &(Option<i32>, String), set: &str, parts: &[&str]) {
    assert_eq!(*code, Some(2), "{set}: {error}");
    for part in parts {
        assert!(error.contains(part), "no {part:?} for {set}: {error}");
    }
}

#[test]
fn a_wrong_flag_names_the_option_the_value_and_what_is_allowed() {
    let dir = Directory::new();
    for (option, value, allowed) in WRONG {
        let set = format!("--{option}={value}");
        let said = run_to_end(tablecast(&dir).arg(&set));
        assert_refused(&said, &set, &[&format!("--{option}"), value, allowed]);
        assert!(!said.1.contains("TABLECAST_"), "{}", said.1);
    }
}

#[test]
fn a_wrong_variable_is_named_too() {
    let dir = Directory::new();
    for (option, value, allowed) in WRONG {
        let name = variable(option);
        let said = run_to_end(tablecast(&dir).env(&name, value));
        let parts = [&format!("--{option}"), &*name, value, allowed];
        assert_refused(&said, &format!("{name}={value}"), &parts);
    }
}

#[test]
fn a_wrong_line_of_the_file_is_named_by_its_number() {
    let dir = Directory::new();
    for (option, value, allowed) in WRONG {
        let path = dir.write(
            "x.toml",
            &format!("# a comment\n\n{option} = \"{value}\"\n"),
        );
        let said = run_to_end(tablecast(&dir).arg("--config").arg(&path));
        let parts = [&format!("{}:3:", path.display()), option, value, allowed];
        assert_refused(&said, &format!("{option}={value}"), &parts);
    }
}

#[test]
fn a_file_that_cannot_be_read_as_options_is_told_why() {
    let dir = Directory::new();
    for (text, line, named) in [
        (
            "seats = 10\nseatz = 5\n",
            2,
            "\"seatz\"; known are listen, ",
        ),
        (
            "listen = \"127.0.0.1:0\"\nstore = \"memory\"\nseatz = 5\n",
            3,
            "known are listen, base-path, store, store-timeout, drain-timeout, ",
        ),
        ("room_ttl = \"1m\"\n", 1, "did you mean room-ttl?"),
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
        let (code, error) = run_to_end(tablecast(&dir).arg("--config").arg(&path));
        assert_eq!(code, Some(2), "{text}: {error}");
        let at = format!("{}:{line}: ", path.display());
        assert!(
            error.contains(&at) && error.contains(named) && !error.contains("Usage:"),
            "{text}: {error}"
        );
    }
    let (code, error) = run_to_end(tablecast(&dir).args(["--config", "absent.toml"]));
    assert_eq!(code, Some(2));
    assert!(
        error.contains("absent.toml") && error.contains("--config") && !error.contains("Usage:"),
        "{error}"
    );
    let (code, error) = run_to_end(tablecast(&dir).args(["--config", "."]));
    assert_eq!(code, Some(2), "{error}");
}

#[test]
fn a_flag_goes_before_a_variable_before_the_file_before_the_default() {
    let dir = Directory::new();
    let seats = |command: &mut Command| {
        let server = Process::start(command.args(ANY_PORT));
        let mut stream = TcpStream::connect(server.address()).unwrap();
        std::io::Write::write_all(&mut stream, b"POST /session/ HTTP/1.0\r\n\r\n").unwrap();
        let mut made = String::new();
        stream.read_to_string(&mut made).unwrap();
        let seats = made.split("\"seats\":").nth(1).unwrap();
        let (seats, _) = seats.split_once(',').unwrap();
        seats.parse::<u32>().unwrap()
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
    let dir = Directory::new();
    let (code, error) =
        run_to_end(tablecast(&dir).args(["--room-ttl", "2h", "--room-max-age", "1h"]));
    assert_eq!(code, Some(2));
    for part in [
        "--room-ttl",
        "is 1h",
        "is 2h",
        "raise --room-max-age to at least 2h",
    ] {
        assert!(error.contains(part), "{error}");
    }
    assert!(!error.contains("Usage:"), "{error}");
}

/// What the server says of a room that is made as it was told to make them.
fn made(command: &mut Command, body: &str) -> String {
    let server = Process::start(command.args(ANY_PORT));
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let head = "POST /session/ HTTP/1.0\r\nContent-Type: application/json\r\n";
    let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
    let mut made = String::new();
    stream.read_to_string(&mut made).unwrap();
    made
}

#[test]
fn a_lifetime_that_was_not_given_follows_the_one_that_was() {
    let dir = Directory::new();
    for (args, body, ttl_ms) in [
        (["--room-ttl", "2d"], "{}", 2 * 86_400_000),
        (["--room-max-age", "5m"], "{}", 300_000),
        (["--room-max-age", "2h"], "{}", 600_000),
        (["--room-ttl", "2h"], "{\"minutes\":1440}", 86_400_000),
    ] {
        let made = made(tablecast(&dir).args(args), body);
        assert!(
            made.contains(&format!("\"ttl_ms\":{ttl_ms}")),
            "{args:?}: {made}"
        );
    }
    dir.write("tablecast.toml", "room-ttl = \"2d\"\n");
    let made = made(&mut tablecast(&dir), "{}");
    assert!(made.contains("\"ttl_ms\":172800000"), "{made}");
}

#[test]
fn an_outbox_that_cannot_hold_the_menu_is_told_how_large_it_must_be() {
    let dir = Directory::new();
    // One that was not given follows.
    Process::start(tablecast(&dir).args(ANY_PORT).args(["--max-items", "2000"]));
    dir.write("items.toml", "max-items = 100000\n");
    Process::start(
        tablecast(&dir)
            .args(ANY_PORT)
            .args(["--config", "items.toml"]),
    );
    let given = ["--max-items", "1000", "--outbox-bytes", "786432"];
    let (code, error) = run_to_end(tablecast(&dir).args(given));
    assert_eq!(code, Some(2));
    assert!(!error.contains("Usage:"), "{error}");
    let (_, least) = error
        .split_once("raise --outbox-bytes to at least ")
        .unwrap_or_else(|| panic!("{error}"));
    let least: u64 = least.split(',').next().unwrap().parse().unwrap();
    let with = |bytes: u64| {
        let mut command = tablecast(&dir);
        command.args(["--max-items", "1000", "--outbox-bytes", &bytes.to_string()]);
        command
    };
    assert_eq!(run_to_end(&mut with(least - 1)).0, Some(2));
    Process::start(with(least).args(ANY_PORT));
}

#[test]
fn a_negative_number_is_a_wrong_value_and_no_unknown_option() {
    let dir = Directory::new();
    for (option, allowed) in [
        ("seats", "from 1"),
        ("workers", "from 1"),
        ("outbox-bytes", "from 1024"),
        ("command-burst", "from 1"),
        ("create-rate", "0 for no limit"),
        ("outbox-seconds", "from 100ms"),
        ("room-ttl", "from 1s"),
    ] {
        let (code, error) = run_to_end(tablecast(&dir).args([&format!("--{option}"), "-1"]));
        assert_eq!(code, Some(2), "{error}");
        assert!(error.contains("'-1'") && error.contains(allowed), "{error}");
    }
}

#[test]
fn an_empty_variable_is_as_good_as_none() {
    let dir = Directory::new();
    let mut command = tablecast(&dir);
    command.env("TABLECAST_CONFIG", "");
    for (option, _, _) in WRONG.iter().filter(|(option, _, _)| *option != "listen") {
        command.env(variable(option), "");
    }
    let server = Process::start(command.args(["--listen", "127.0.0.1:0"]));
    let said = server.said();
    assert!(said.contains("rooms in sqlite:tablecast.db"), "{said}");
    assert!(dir.path().join("tablecast.db").exists());
}

#[test]
fn blanks_around_the_items_of_a_list_do_not_matter() {
    let dir = Directory::new();
    Process::start(
        tablecast(&dir)
            .args(ANY_PORT)
            .env("TABLECAST_TRUSTED_PROXY", "10.0.0.1, 10.0.0.0/8 ,fd00::/8")
            .env(
                "TABLECAST_ALLOWED_ORIGIN",
                " https://a.example, http://b ,capacitor://localhost,chrome-extension://abc",
            ),
    );
}

#[test]
fn the_file_that_was_read_is_named_in_the_log() {
    let dir = Directory::new();
    dir.write("tablecast.toml", "seats = 3\n");
    let mut server = Process::start(tablecast(&dir).args(ANY_PORT));
    let lines = server.log_up_to("options from tablecast.toml");
    assert!(lines.last().unwrap().contains("INFO"), "{lines:?}");
}

#[test]
fn a_wrong_redis_url_names_the_option_and_no_password() {
    let dir = Directory::new();
    let (code, error) =
        run_to_end(tablecast(&dir).args(["--store", "redis://user:s3cret@127.0.0.1:0"]));
    assert_eq!(code, Some(2), "{error}");
    assert!(
        error.contains("--store") && error.contains("port"),
        "{error}"
    );
    assert!(!error.contains("s3cret"), "{error}");
}

#[test]
fn a_misspelt_redis_url_shows_no_password_wherever_it_stands() {
    let dir = Directory::new();
    for url in [
        "redsi://u:s3cret@db.example",
        "REDIS://:s3cret@db.example",
        "redis:/u:s3cret@db.example",
        "redis//u:s3cret@db.example",
        "u:s3cret@db.example",
        "redsi://:a@s3cret#/?@db.example",
        "redis-unix:///db.example?db=1&pass=s3cret",
    ] {
        let file = dir.write("x.toml", &format!("store = \"{url}\"\n"));
        let mut by = [(); 6].map(|()| tablecast(&dir));
        by[0].args(["--store", url]);
        by[1].env("TABLECAST_STORE", url);
        by[2].arg("--config").arg(&file);
        // And where it does not belong.
        by[3].arg(url);
        by[4].args(["serve", url]);
        by[5].args(["--trusted-proxy", url]);
        for command in &mut by {
            let (code, error) = run_to_end(command);
            assert_eq!(code, Some(2), "{url}: {error}");
            assert!(!error.contains("s3cret"), "{url}: {error}");
            assert!(error.contains("db.example"), "{url}: {error}");
        }
    }
    let (_, error) = run_to_end(tablecast(&dir).args(["--config", "redis://u:s3cret@db.example"]));
    assert!(!error.contains("s3cret"), "{error}");
    let (_, error) = run_to_end(tablecast(&dir).arg("--store:redis://u:s3cret@db.example"));
    assert!(!error.contains("s3cret"), "{error}");
}

#[test]
fn help_tells_everything_about_every_option() {
    let dir = Directory::new();
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
        let repeated = matches!(option, "allowed-origin" | "trusted-proxy" | "domain");
        assert!(repeated || about.contains("[default: "), "{about}");
    }
    for heading in [
        "Server:",
        "Rooms:",
        "Connections:",
        "Limits:",
        "Trust:",
        "TLS:",
    ] {
        assert!(help.contains(heading), "no {heading}");
    }
    assert!(!help.contains("s3cret"));
    let version = tablecast(&dir).arg("--version").output().unwrap();
    assert_eq!(
        String::from_utf8(version.stdout).unwrap(),
        format!("tablecast {}\n", tablecast_server::version::VERSION)
    );
}

#[test]
fn a_misspelt_variable_is_not_passed_over_in_silence() {
    let dir = Directory::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap().to_string();
    let mut command = tablecast(&dir);
    let (_, error) = run_to_end(
        command
            .env("TABLECAST_SEATZ", "5")
            .env("TABLECAST_LISTEN", &at),
    );
    assert!(error.contains("TABLECAST_SEATZ"), "{error}");
    assert!(!error.contains("TABLECAST_LISTEN"), "{error}");
}
