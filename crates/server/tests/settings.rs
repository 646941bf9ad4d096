//! What can be set, from flag, environment and file, and what is answered to
//! wrong values.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/program.rs"]
mod program;

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::process::Command;

use program::{ANY_PORT, Dir, Serving, ends, tablecast};

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
