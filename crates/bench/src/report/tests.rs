//! Reports of fixed results.

#![allow(clippy::unwrap_used)]

use tablecast_testing::Directory;

use super::*;
use crate::results::{Cell, Figure, Gap, PeerInfo, REDIS_BENCHMARK, Summary, WorkloadInfo};

/// A summary with this median and ratio, of rounds that differ by 1 %.
fn summary(median: f64, ratio: Option<f64>) -> Summary {
    Summary {
        median,
        min: median * 0.99,
        max: median,
        ratio,
    }
}

fn cell(workload: &str, peer: &str, figures: &[(Figure, f64, Option<f64>)]) -> Cell {
    let figures = figures
        .iter()
        .map(|(figure, median, ratio)| (*figure, summary(*median, *ratio)));
    Cell {
        workload: workload.to_owned(),
        peer: peer.to_owned(),
        figures: figures.collect(),
    }
}

/// The results of a short run, in which some goals are reached and some are not.
pub(super) fn results() -> Results {
    use Figure::*;
    let peer = |name: &str, title: &str, version: Option<&str>| PeerInfo {
        name: name.to_owned(),
        title: title.to_owned(),
        version: version.map(str::to_owned),
    };
    let kind = |name: &str, title: &str| WorkloadInfo {
        name: name.to_owned(),
        title: title.to_owned(),
        payload: 32,
    };
    let mut cells = vec![
        cell(
            "rooms-10",
            "raw",
            &[
                (UserInstructions, 177.0, Some(1.0)),
                (Cpu, 2.0, Some(1.0)),
                (P99, 500.0, Some(1.0)),
            ],
        ),
        cell(
            "rooms-10",
            "bun",
            &[
                (Cpu, 2.26, Some(1.13)),
                (P99, 850.0, Some(1.7)),
                (Fairness, 2.0, None),
            ],
        ),
        cell(
            "rooms-10",
            "relay",
            &[
                (UserInstructions, 391.0, Some(2.21)),
                (Cpu, 2.08, Some(1.04)),
                (P99, 800.0, Some(1.6)),
                (Fairness, 2.5, None),
            ],
        ),
        cell(
            "rooms-10",
            "lunch",
            &[(UserInstructions, 882.0, Some(4.98))],
        ),
        cell("rooms-10-many", "relay", &[(Cpu, 4.0, Some(1.3))]),
        cell("rooms-100", "bun", &[(Cpu, 0.5, Some(0.25))]),
        cell("rooms-100", "relay", &[(Cpu, 0.4, Some(0.2))]),
        cell(
            "idle",
            "bun",
            &[(Memory, 7_991.0, None), (JoinCpu, 12.0, None)],
        ),
        cell(
            "idle",
            "relay",
            &[(Memory, 2_048.0, None), (JoinCpu, 12.1, None)],
        ),
        cell("two-nodes", "lunch", &[(Messages, 8_100.0, None)]),
        cell(
            "two-nodes-calm",
            "lunch",
            &[(SameNodeP50, 100.0, None), (OtherNodeP50, 160.0, None)],
        ),
        cell(
            "two-nodes",
            REDIS_BENCHMARK,
            &[(Commits, 10_000.0, None), (P50, 50.0, None)],
        ),
    ];
    for (workload, load) in ["rate-10", "rate-50", "rate-80"]
        .iter()
        .zip([1.0, 5.0, 8.0])
    {
        for (peer, slowness) in [("bun", 1.5), ("relay", 1.0)] {
            let figures = [
                (Deliveries, load * 50_000.0 / slowness, None),
                (P99, load * load * 20.0 * slowness, None),
            ];
            cells.push(cell(workload, peer, &figures));
        }
    }
    Results {
        machine: [
            ("processor", "Some | Processor"),
            ("memory", "24.0 GiB"),
            ("valgrind", "3.19.0"),
            ("commit", "0123abc"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into(),
        full: false,
        seconds: 2.0,
        peers: vec![
            peer("raw", "bare limit", None),
            peer("bun", "Bun", Some("Bun 1.4.5")),
            peer("nchan", "nginx + nchan", Some("nginx 1.22.1, nchan 1.3.6")),
            peer("relay", "Tablecast relay", Some("Tablecast 0.1.0")),
            peer("lunch", "Tablecast lunch server", Some("Tablecast 0.1.0")),
        ],
        workloads: vec![
            kind("rooms-10", "100 rooms of 10"),
            kind("idle", "15,000 idle connections"),
        ],
        cells,
        gaps: vec![Gap {
            workload: "rooms-10".to_owned(),
            peer: "nchan".to_owned(),
            reason: "left out by --without".to_owned(),
        }],
    }
}

/// The lines of `text` that are rows of a table.
fn rows(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.starts_with('|')).collect()
}

#[test]
fn a_workload_is_shown_with_medians_ranges_ratios_means_and_gaps() {
    let results = results();
    assert_eq!(
        tables::workload(&results, &results.workloads[0]),
        "\
### 100 rooms of 10

`rooms-10`, messages of 32 B.

A delivery:

| | user instructions | CPU time |
|---|---|---|
| bare limit | 177 (175 – 177) · 1.00 × | 2.00 µs (1.98 – 2.00) · 1.00 × |
| Bun | – | 2.26 µs (2.24 – 2.26) · 1.13 × |
| Tablecast relay | 391 (387 – 391) · 2.21 × | 2.08 µs (2.06 – 2.08) · 1.04 × |
| Tablecast lunch server | 882 (873 – 882) · 4.98 × | – |

Latency:

| | p99 | p99 ÷ p50 |
|---|---|---|
| bare limit | 500 µs (495 – 500) · 1.00 × | – |
| Bun | 850 µs (842 – 850) · 1.70 × | 2.00 × (1.98 – 2.00) |
| Tablecast relay | 800 µs (792 – 800) · 1.60 × | 2.50 × (2.48 – 2.50) |

- nginx + nchan: not measured: left out by --without
"
    );
}

#[test]
fn the_means_of_every_figure_are_told() {
    let text = figures(&results());
    for row in [
        "| callgrind | user instructions |",
        "| the kernel's tracepoint | system calls |",
        "| the server's own metrics | changes a commit; commits/s |",
    ] {
        assert!(rows(&text).contains(&row), "{row}\nis not in\n{text}");
    }
}

#[test]
fn goals_follow_from_the_results() {
    assert_eq!(
        rows(&goals::goals_table(&results()).unwrap()),
        [
            "| server | figure | goal | reached | beside it | counted by | |",
            "|---|---|---|---|---|---|---|",
            "| relay, rooms of 10 | user instructions a delivery | ≤ 440 | 391 | – | callgrind | reached |",
            "| relay, rooms of 10 | CPU time a delivery ÷ the bare limit's | ≤ 1.05 × | 1.04 × | Bun: 1.13 × | `/proc` | reached |",
            "| relay, rooms of 10 | p99 ÷ the bare limit's | ≤ 1.50 × | 1.60 × | Bun: 1.70 × | the load generator | **not reached** |",
            "| relay, rooms of 10, saturated | p99 ÷ p50 | ≤ 3.00 × | 2.50 × | – | the load generator | reached |",
            "| lunch server, rooms of 10 | user instructions a delivery | ≤ 881 | 882 | – | callgrind | **not reached** |",
            "| relay, rooms of 100, 16 in flight | CPU time a delivery ÷ Bun's | ≤ 0.82 × | 0.80 × | – | `/proc` | reached |",
            "| relay, one room of 5,000 | user instructions a delivery | ≤ 150 | – | – | – | not measured |",
            "| relay, one room of 5,000 | CPU time a delivery ÷ the bare limit's | ≤ 1.05 × | – | – | – | not measured |",
            "| relay, one room of 15,000 | p99 of a small room beside it, less than with the bare limit | – | – | – | – | not measured |",
            "| relay, from 1,000 to 15,000 connections in rooms of 10 | growth of CPU time a delivery ÷ the bare limit's growth | 0.90 × – 1.10 × | 1.25 × | – | `/proc` | **not reached** |",
            "| relay, 15,000 idle connections | memory a connection | ≤ 2,048 B | 2,048 B | Bun: 7,991 B | `/proc` | reached |",
            "| relay, opening a connection | CPU time, handshake to joined | ≤ 12.0 µs | 12.1 µs | Bun: 12.0 µs | `/proc` | **not reached** |",
            "| relay, 15,000 joins at once | p99 of a small room beside it | ≤ 50.0 ms | – | – | – | not measured |",
            "| lunch server, 15,000 idle connections | memory a connection | ≤ 2,048 B | – | Bun: 7,991 B | – | not measured |",
            "| lunch server, opening a connection | CPU time, handshake to joined | ≤ 12.0 µs | – | Bun: 12.0 µs | – | not measured |",
            "| lunch server, 15,000 joins at once | p99 of a small room beside it | ≤ 50.0 ms | – | – | – | not measured |",
            "| lunch server on SQLite, rooms of 10 | changes/s ÷ those in memory | ≥ 0.70 × | – | – | – | not measured |",
            "| lunch server on SQLite, rooms of 10, at half of what it manages | p99 | ≤ 5.00 ms | – | – | – | not measured |",
            "| lunch server, two nodes on Redis | changes/s ÷ what redis-benchmark reaches with the same script | ≥ 0.80 × | 0.81 × | – | the load generator | reached |",
            "| lunch server, two nodes on Redis, 16 writers a room | changes a commit | ≥ 10.0 | – | – | – | not measured |",
            "| lunch server, two nodes on Redis | the other node behind the first, p50, ÷ a round trip of Redis | ≤ 1.50 × | 1.20 × | – | the load generator | reached |",
        ]
    );
}

#[test]
fn a_report_made_again_keeps_remarks_and_nothing_else_of_the_old_one() {
    let results = results();
    let first = document(&results, &[], "# Something older\n").unwrap();
    assert!(!first.contains("Something older"), "{first}");
    let edited = first
        .replacen(
            "Nothing has been remarked yet.",
            "The kernel stands in the way.",
            1,
        )
        .replace("| relay, rooms of 10 |", "| relay, rooms of 11 |");
    assert_ne!(edited, first);
    let again = document(&results, &[], &edited).unwrap();
    assert_eq!(
        again,
        first.replacen(
            "Nothing has been remarked yet.",
            "The kernel stands in the way.",
            1
        )
    );
}

#[test]
fn a_report_names_machine_versions_and_how_to_repeat_it() {
    let text = document(&results(), &[], "").unwrap() + &figures(&results());
    for part in [
        "| processor | Some \\| Processor |",
        "| memory | 24.0 GiB |",
        "| valgrind | 3.19.0 |",
        "| commit | 0123abc |",
        "| nginx + nchan | nginx 1.22.1, nchan 1.3.6 |",
        "cargo xtask bench --full",
        "the short form",
        "Left out of this run: Node ws, Socket.IO, axum + broadcast, socketioxide, FastAPI, starting code",
    ] {
        assert!(text.contains(part), "{part}\nis not in\n{text}");
    }
}

#[test]
fn plots_are_files_beside_the_report_that_shows_them() {
    let directory = Directory::new();
    let folder = directory.path();
    write(&results(), folder).unwrap();
    let text = fs::read_to_string(folder.join("performance.md")).unwrap();
    assert!(text.contains(&format!("]({FIGURES})")), "{text}");
    let figures = fs::read_to_string(folder.join(FIGURES)).unwrap();
    assert!(figures.contains("### 100 rooms of 10"), "{figures}");
    for (file, shown) in [
        ("cost.svg", "rooms of 100, 16 in flight"),
        ("memory.svg", "15,000 connections"),
        ("latency.svg", "Tablecast relay"),
    ] {
        assert!(text.contains(&format!("]({IMAGES}/{file})")), "{text}");
        let svg = fs::read_to_string(folder.join(IMAGES).join(file)).unwrap();
        assert!(
            svg.starts_with("<svg ") && svg.contains(shown),
            "{file}: {svg}"
        );
    }
}

#[test]
fn without_figures_there_is_a_report_without_plots() {
    let mut results = results();
    results.cells.clear();
    let plots = plots::plots(&results).unwrap();
    assert_eq!(plots.len(), 0);
    assert!(
        !document(&results, &plots, "")
            .unwrap()
            .contains("At a glance")
    );
}
