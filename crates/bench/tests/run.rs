//! The orchestrator from end to end, with the bare limit alone.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod servers;

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tablecast_bench::load::control::{Pace, Reply, Request, Run, Until};
use tablecast_bench::peers::PEERS;
use tablecast_bench::results::{Figure, Results};

/// Runs the program; tells whether it succeeded, and what it said.
fn bench(args: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_tablecast-bench"))
        .args(args)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.success(), said)
}

fn folder(test: &str) -> PathBuf {
    let name = format!("tablecast-bench-{}-{test}", std::process::id());
    std::env::temp_dir().join(name)
}

#[test]
fn a_run_writes_results_and_the_report_can_be_made_again() {
    let folder = folder("run");
    let out = ["--out", folder.to_str().unwrap()];
    let run = ["run", "--peer", "raw", "--rounds", "2", "--seconds", "0.1"];
    let workload = ["--workload", "payload-1k"];
    let (succeeded, said) = bench(&[&run[..], &workload, &out].concat());
    assert!(succeeded, "{said}");
    let results = std::fs::read_to_string(folder.join("performance.json")).unwrap();
    let results: Results = serde_json::from_str(&results).unwrap();
    assert!(results.gaps.is_empty(), "{:?}", results.gaps);
    for figure in [
        Figure::Cpu,
        Figure::Deliveries,
        Figure::P99,
        Figure::Memory,
        Figure::JoinCpu,
        Figure::LoadShare,
    ] {
        let found = results.get("payload-1k", "raw", figure).unwrap();
        assert!(found.median > 0.0, "{figure:?}: {found:?}");
        assert_eq!(found.ratio, Some(1.0));
    }
    let report = folder.join("performance.md");
    let first = std::fs::read(&report).unwrap();
    std::fs::remove_file(&report).unwrap();
    let (succeeded, said) = bench(&[&["report"], &out[..]].concat());
    assert!(succeeded, "{said}");
    assert_eq!(std::fs::read(&report).unwrap(), first);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn an_unknown_name_is_an_error_that_names_the_known_ones() {
    let (succeeded, said) = bench(&["run", "--peer", "nobody"]);
    assert!(!succeeded);
    for peer in PEERS.iter() {
        assert!(said.contains(&peer.name), "{said}");
    }
    let (succeeded, said) = bench(&["run", "--peer", "raw", "--workload", "nothing"]);
    assert!(!succeeded);
    assert!(said.contains("rooms-10"), "{said}");
}

#[test]
fn a_run_until_stdin_is_closed_ends_then() {
    let to = servers::raw().to_string();
    let mut load = Command::new(env!("CARGO_BIN_EXE_tablecast-bench"))
        .args(["load", "--to", &to, "--rooms", "1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut requests = load.stdin.take().unwrap();
    let mut replies = BufReader::new(load.stdout.take().unwrap());
    let mut reply = || -> Reply {
        let mut line = String::new();
        replies.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    };
    let run = Run {
        until: Until::Closed,
        pace: Pace::Rate(1000.0),
    };
    for request in [Request::Prepare, Request::Connect, Request::Settle] {
        writeln!(requests, "{}", serde_json::to_string(&request).unwrap()).unwrap();
        reply();
    }
    let run = serde_json::to_string(&Request::Run(run)).unwrap();
    writeln!(requests, "{run}").unwrap();
    drop(requests);
    let Reply::Done(outcome) = reply() else {
        panic!("no outcome");
    };
    assert_eq!(outcome.deliveries, outcome.messages * 10);
    assert!(load.wait().unwrap().success());
}
