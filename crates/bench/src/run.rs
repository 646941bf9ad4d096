//! The orchestrator: starts peers and load in rounds, and collects the figures.
//!
//! In each round of a workload every peer runs once, in an order that rotates. A machine's speed
//! drifts, so what is compared must be measured within seconds.

mod machine;
mod options;
mod redis;
mod scenario;
mod server;
mod session;
mod steps;

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Instant;

pub use self::options::Options;
use self::scenario::gaps;
use self::session::Session;
use self::steps::Plan;
use crate::measure::syscalls::Counting;
use crate::peers::{PEERS, Peer};
use crate::report;
use crate::results::{PeerInfo, REDIS_BENCHMARK, Results};
use crate::summary::Samples;
use anyhow::Context;

/// The peer that others are compared with.
const BASE: &str = "raw";

/// Length of a measured window, in the short form and in full.
const SHORT: f64 = 0.8;
const FULL: f64 = 3.0;

/// Where the report is written, if nothing else is said.
pub const OUT: &str = "target/bench";

/// The file beside the report from which it can be made again.
const RESULTS: &str = "performance.json";

/// Measures, and writes the report.
///
/// # Errors
///
/// A peer is not installed, or the report cannot be written. A peer that fails under a workload is
/// a gap in the report instead.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let mut peers = PEERS.clone();
    peers.retain(|peer| options.measures(&peer.name));
    let out = options.out.as_deref().unwrap_or(Path::new(OUT));
    let file_descriptors = machine::raise_file_limit();
    let cores = thread::available_parallelism()?.get();
    if cores == 1 {
        eprintln!(
            "on one core a server and its load are in each other's way: try it, but publish nothing"
        );
    }
    let plan = Plan::new(options, &peers, file_descriptors);
    let session = Session {
        seconds: options
            .seconds
            .unwrap_or(if options.full { FULL } else { SHORT }),
        cores,
        // Every process makes system calls, this one too.
        counts_syscalls: Counting::start(std::process::id())
            .and_then(Counting::stop)
            .is_ok(),
    };
    let mut results = Results {
        machine: machine::facts(),
        full: options.full,
        seconds: session.seconds,
        peers: infos(&peers)?,
        workloads: plan.workloads,
        cells: Vec::new(),
        gaps: plan.gaps,
    };
    let (began, all) = (Instant::now(), plan.steps.len());
    let mut samples = Samples::default();
    for (number, step) in (1..).zip(&plan.steps) {
        eprintln!(
            "{number}/{all} {step} ({} s so far)",
            began.elapsed().as_secs()
        );
        let mut found = Vec::new();
        let result = session.run(step, &mut found);
        let (measured, missing) = step.parts.split_at(found.len());
        for (part, figures) in measured.iter().zip(found) {
            // Where instructions are counted there is no round.
            let round = step.round.unwrap_or_default();
            samples.add(&part.name, step.peer(), round, figures);
        }
        if let Err(error) = result {
            eprintln!("{step}: {error:#}");
            for gap in gaps(missing, step.peer(), &format!("{error:#}")) {
                if !results.gaps.contains(&gap) {
                    results.gaps.push(gap);
                }
            }
        }
        // So a run that is interrupted is not lost.
        results.cells = samples.cells(BASE);
        save(&results, out)?;
    }
    report::write(&results, out)
}

/// Makes the report again from what a run has written.
///
/// # Errors
///
/// There is no such run, or the report cannot be written.
pub fn report_again(folder: &Path) -> anyhow::Result<()> {
    let file = folder.join(RESULTS);
    let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    let results: Results = serde_json::from_str(&text)?;
    report::write(&results, folder)
}

fn save(results: &Results, folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let text = serde_json::to_string_pretty(results)?;
    let file = folder.join(RESULTS);
    fs::write(&file, text + "\n").with_context(|| file.display().to_string())
}

/// Names and versions of all that is measured.
///
/// # Errors
///
/// A part of a peer is missing.
fn infos(peers: &[Peer]) -> anyhow::Result<Vec<PeerInfo>> {
    let info = |name: &str, title: &str, version| PeerInfo {
        name: name.to_owned(),
        title: title.to_owned(),
        version,
    };
    let mut infos = Vec::new();
    for peer in peers {
        let version = peer.version().with_context(|| {
            format!(
                "{} is not all there: `cargo xtask bench` installs and builds what the peers need, and \
                 `--without` leaves peers out",
                peer.name
            )
        })?;
        infos.push(info(&peer.name, &peer.title, Some(version)));
    }
    infos.push(info(
        REDIS_BENCHMARK,
        "redis-benchmark with our script",
        None,
    ));
    Ok(infos)
}
