//! The orchestrator from end to end, with the bare limit alone.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::process::Command;

use tablecast_bench::peers::PEERS;
use tablecast_bench::results::{Figure, Results};
use tablecast_testing::Directory;

/// Runs the program, and returns whether it succeeded and what it wrote to stderr.
fn bench(args: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_tablecast-bench"))
        .args(args)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.success(), said)
}

#[test]
fn a_run_writes_results_and_the_report_can_be_made_again() {
    let directory = Directory::new();
    let folder = directory.path();
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
