//! The commands for operators: what they print and how they end. `tablecast check` is in
//! `cli_check.rs`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/program.rs"]
mod program;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Output};
use std::thread;

use program::{ANY_PORT, tablecast, with_store};
use tablecast_server::commands;
use tablecast_server::version::{COMMIT, VERSION};
use tablecast_testing::process::Process;
use tablecast_testing::{Directory, blocking_until, free_port};

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn run(words: &[&str]) -> Output {
    tablecast(&Directory::new()).args(words).output().unwrap()
}

#[test]
fn the_version_has_the_commit() {
    let said = text(&run(&["--version"]).stdout);
    assert_eq!(said, format!("tablecast {VERSION}\n"));
    let number = env!("CARGO_PKG_VERSION");
    match COMMIT {
        Some(commit) => {
            assert!(commit.len() == 12 && commit.bytes().all(|c| c.is_ascii_hexdigit()));
            assert_eq!(VERSION, format!("{number} ({commit})"));
        }
        None => assert_eq!(VERSION, number),
    }
}

/// What bash offers for a line that ends in this word.
fn completed(words: &[&str]) -> String {
    let script = text(&run(&["completions", "bash"]).stdout);
    let last = words.len() - 1;
    let line = words.join("' '");
    let ask = format!(
        "COMP_WORDS=('{line}'); COMP_CWORD={last}; _tablecast tablecast '{}' '{}'; echo \"${{COMPREPLY[@]}}\"",
        words[last],
        words[last - 1]
    );
    let bash = Command::new("bash")
        .args(["--norc", "-c", &format!("{script}\n{ask}")])
        .output()
        .unwrap();
    assert!(bash.status.success(), "{}", text(&bash.stderr));
    text(&bash.stdout)
}

#[test]
fn bash_completes_commands_options_and_values() {
    for (words, offered) in [
        (&["tablecast", "he"][..], "health"),
        (&["tablecast", "store", "b"], "backup"),
        (&["tablecast", "check", "--sto"], "--store --store-timeout"),
        (&["tablecast", "--log-format", ""], "text json"),
        (&["tablecast", "create", "--hid"], "--hidden-votes"),
        (&["tablecast", "completions", ""], "bash zsh fish"),
    ] {
        let said = completed(words);
        assert!(said.contains(offered), "{words:?}: {said}");
    }
}

#[test]
fn each_shell_and_the_manual_are_told_of_all_commands_and_options() {
    let mut tree = commands::tree();
    tree.build();
    let texts = ["bash", "zsh", "fish"].map(|shell| {
        let output = run(&["completions", shell]);
        assert!(output.status.success());
        text(&output.stdout)
    });
    let output = run(&["man"]);
    assert!(output.status.success());
    let manual = text(&output.stdout);
    assert!(manual.is_ascii(), "roff is not told of an encoding");
    let manual = manual.replace("\\-", "-");
    assert!(!manual.contains("-help(1)"), "there are no other pages");
    for command in tree.get_subcommands() {
        let name = command.get_name();
        let chapter = format!(".SH \"TABLECAST {}\"\n", name.to_uppercase());
        assert!(manual.contains(&chapter), "no {chapter}");
        assert!(texts.iter().all(|text| text.contains(name)), "{name}");
        let options = command.get_arguments().filter_map(|arg| arg.get_long());
        for option in options {
            assert!(manual.contains(&format!("--{option}")), "--{option}");
            let all = texts.iter().all(|text| text.contains(option));
            assert!(all, "{name} --{option}");
        }
    }
    let about = |command: &clap::Command| command.get_about().map(ToString::to_string);
    let mut abouts: Vec<_> = tree.get_subcommands().map(about).collect();
    abouts.push(about(&tree));
    for about in &abouts {
        let about = about.as_deref().expect("a line on what it is for");
        assert!(manual.contains(about), "no {about:?}");
        let of = abouts.iter().filter(|one| one.as_deref() == Some(about));
        assert_eq!(of.count(), 1, "several commands say {about:?}");
    }
    assert!(manual.contains("TABLECAST_STORE"), "the variables");
    assert_eq!(
        manual.matches("--max-rooms").count(),
        1,
        "only in one chapter"
    );
}

#[test]
fn each_help_and_the_manual_begin_with_what_the_program_or_command_is_for() {
    for (args, begins) in [
        (&["--help"][..], "Friends choose lunch together, live"),
        (&["-h"], "Friends choose lunch together, live"),
        (&["check", "--help"], "Says what would fail, before it"),
        (&["check", "-h"], "Says what would fail, before it"),
        (&["health", "--help"], "Asks a server whether it is ready"),
        (&["health", "-h"], "Asks a server whether it is ready"),
    ] {
        let said = text(&run(args).stdout);
        assert!(said.starts_with(begins), "{args:?}: {said}");
    }
    let manual = text(&run(&["man"]).stdout);
    let name = "tablecast \\- Friends choose lunch together";
    assert!(manual.contains(name), "{manual}");
}

/// Whoever asks for a server's health: the code, and the one line.
fn health(command: &mut Command) -> (Option<i32>, String) {
    let output = command.output().unwrap();
    let said = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(said.lines().count(), 1, "{said}");
    (output.status.code(), said)
}

#[test]
fn health_asks_the_server_that_the_options_describe_or_the_one_named() {
    let dir = Directory::new();
    let server = Process::start(
        tablecast(&dir)
            .args(ANY_PORT)
            .args(["--base-path", "/lunch"]),
    );
    server.until_ready();
    // It waits 2 s for an answer, which may be too short on a busy machine.
    let is_ready = |command: &mut Command| {
        let ask = || command.output().unwrap();
        let asked = blocking_until("it is ready", ask, |asked| asked.status.success());
        let said = text(&asked.stdout);
        assert!(
            said.starts_with("ready: http://") && said.lines().count() == 1,
            "{said}"
        );
    };
    let at = server.address().to_string();
    is_ready(tablecast(&dir).args(["health", "--listen", &at]));
    let by_url = format!("http://localhost:{}", server.address().port());
    for url in [
        &by_url,
        &format!("{by_url}/lunch/"),
        &format!("{at}/readyz"),
    ] {
        is_ready(tablecast(&dir).args(["health", url]));
    }
    // On all addresses it is asked on this machine.
    let all = format!("0.0.0.0:{}", server.address().port());
    is_ready(tablecast(&dir).arg("health").env("TABLECAST_LISTEN", &all));
    fs::write(
        dir.path().join("tablecast.toml"),
        format!("listen = {all:?}"),
    )
    .unwrap();
    is_ready(tablecast(&dir).arg("health"));
}

#[test]
fn health_says_why_a_server_is_not_ready() {
    let dir = Directory::new();
    // Nobody listens there.
    let gone = format!("127.0.0.1:{}", free_port());
    let server = Process::start(tablecast(&dir).args(with_store(&format!("redis://{gone}"))));
    let at = server.address().to_string();
    let ask = || health(tablecast(&dir).args(["health", &at]));
    let (code, said) = blocking_until("it is not ready", ask, |(code, _)| *code != Some(0));
    assert_eq!(code, Some(1));
    assert!(
        said.contains("503") && said.contains("the store cannot be reached"),
        "{said}"
    );

    let (code, said) = health(tablecast(&dir).args(["health", &gone.to_string()]));
    assert_eq!(code, Some(1));
    assert!(said.contains("Connection refused"), "{said}");

    // Docker reserves 2.
    let (code, said) = health(tablecast(&dir).args(["health", "--listen", "127.0.0.1:0"]));
    assert_eq!(code, Some(1));
    assert!(said.contains("port 0 in --listen"), "{said}");
}

#[test]
fn health_takes_nothing_else_for_a_server_and_does_not_wait_for_ever() {
    let dir = Directory::new();
    for (answer, reason) in [
        (
            "200 OK\r\nContent-Length: 2\r\n\r\nhi",
            "is no Tablecast server",
        ),
        (
            "308 Moved\r\nLocation: https://h/readyz\r\nContent-Length: 0\r\n\r\n",
            "to https://h/readyz",
        ),
        (
            "400 Bad Request\r\nContent-Length: 12\r\n\r\nsay https://\n",
            "400 Bad Request: say https://\n",
        ),
        (
            "502 Bad Gateway\r\nContent-Length: 12\r\n\r\n<html>\n</p>\n",
            "502 Bad Gateway\n",
        ),
        ("", "within 2 s"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap().to_string();
        thread::spawn(move || {
            for client in listener.incoming() {
                let mut client = client.unwrap();
                let mut head = [0; 1024];
                let _ = client.read(&mut head);
                if !answer.is_empty() {
                    let _ = client.write_all(format!("HTTP/1.1 {answer}").as_bytes());
                }
                // Until it has gone.
                while matches!(client.read(&mut head), Ok(1..)) {}
            }
        });
        let ask = || health(tablecast(&dir).args(["health", &at]));
        // It may itself be too slow for an answer in time.
        let (code, _) = blocking_until(reason, ask, |(_, said)| said.contains(reason));
        assert_eq!(code, Some(1));
    }
}
