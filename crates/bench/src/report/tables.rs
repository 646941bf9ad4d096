//! Tables in Markdown: workloads, machine and versions.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::format::Unit;
use crate::peers::PEERS;
use crate::results::{Cell, Figure, Means, PeerInfo, REDIS_BENCHMARK, Results, WorkloadInfo};

/// A table is readable with few columns, so the figures of a workload are several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    /// What a delivery costs, and how many there are.
    Cost,
    /// How long it takes.
    Latency,
    /// What a connection costs.
    Connection,
    /// Whether the measurement is worth something.
    Check,
}

const GROUPS: [Group; 4] = [Group::Cost, Group::Latency, Group::Connection, Group::Check];

/// Between others that say as much: they only make a wide table wider.
const LEFT_OUT: [Figure; 2] = [Figure::P90, Figure::P999];

/// How a figure is headed and written, and the table it is in.
fn column(figure: Figure) -> (&'static str, Unit, Group) {
    match figure {
        Figure::UserInstructions => ("user instructions", Unit::Count, Group::Cost),
        Figure::KernelInstructions => ("kernel instructions", Unit::Count, Group::Cost),
        Figure::Syscalls => ("system calls", Unit::Count, Group::Cost),
        Figure::Cpu => ("CPU time", Unit::Time, Group::Cost),
        Figure::KernelShare => ("of that the kernel", Unit::Share, Group::Cost),
        Figure::Deliveries => ("deliveries/s", Unit::Count, Group::Cost),
        Figure::Messages => ("changes/s", Unit::Count, Group::Cost),
        Figure::CommandsPerCommit => ("changes a commit", Unit::Count, Group::Cost),
        Figure::Commits => ("commits/s", Unit::Count, Group::Cost),
        Figure::RedisCpu => ("CPU time of Redis a commit", Unit::Time, Group::Cost),
        Figure::P50 => ("p50", Unit::Time, Group::Latency),
        Figure::P90 => ("p90", Unit::Time, Group::Latency),
        Figure::P99 => ("p99", Unit::Time, Group::Latency),
        Figure::P999 => ("p99.9", Unit::Time, Group::Latency),
        Figure::Longest => ("longest", Unit::Time, Group::Latency),
        Figure::Fairness => ("p99 ÷ p50", Unit::Ratio, Group::Latency),
        Figure::SeenByAllP50 => ("seen by all, p50", Unit::Time, Group::Latency),
        Figure::SeenByAllP99 => ("seen by all, p99", Unit::Time, Group::Latency),
        Figure::SameNodeP50 => ("on the same node, p50", Unit::Time, Group::Latency),
        Figure::SameNodeP99 => ("on the same node, p99", Unit::Time, Group::Latency),
        Figure::OtherNodeP50 => ("on the other node, p50", Unit::Time, Group::Latency),
        Figure::OtherNodeP99 => ("on the other node, p99", Unit::Time, Group::Latency),
        Figure::CanaryP99 => ("small room beside it, p99", Unit::Time, Group::Latency),
        Figure::Memory => ("memory", Unit::Bytes, Group::Connection),
        Figure::JoinCpu => ("CPU time to open one", Unit::Time, Group::Connection),
        Figure::Joins => ("opened/s", Unit::Count, Group::Connection),
        Figure::CutOff => ("slow readers cut off", Unit::Share, Group::Connection),
        Figure::ServerShare => ("server's use of a core", Unit::Share, Group::Check),
        Figure::LoadShare => ("load generator's", Unit::Share, Group::Check),
    }
}

fn heading(group: Group) -> &'static str {
    match group {
        Group::Cost => "A delivery:",
        Group::Latency => "Latency:",
        Group::Connection => "A connection:",
        Group::Check => "Who was busy:",
    }
}

/// Everything measured under one workload, with a heading.
pub(super) fn workload(results: &Results, workload: &WorkloadInfo) -> String {
    // In the order of the peers, whatever the order in which they were measured.
    let rows: Vec<(&PeerInfo, &Cell)> = results
        .peers
        .iter()
        .filter_map(|peer| {
            let is_it = |cell: &&Cell| cell.workload == workload.name && cell.peer == peer.name;
            Some((peer, results.cells.iter().find(is_it)?))
        })
        .collect();
    let measured = rows
        .iter()
        .flat_map(|(_, cell)| cell.figures.keys().copied());
    let mut figures: Vec<Figure> = measured
        .filter(|figure| !LEFT_OUT.contains(figure))
        .collect();
    figures.sort_unstable();
    figures.dedup();

    let mut text = format!("### {}\n\n`{}`", workload.title, workload.name);
    if workload.payload > 0 {
        let payload = Unit::Bytes.write(workload.payload as f64);
        let _ = write!(text, ", messages of {payload}");
    }
    text += ".\n\n";
    for group in GROUPS {
        let of_group: Vec<Figure> = figures
            .iter()
            .copied()
            .filter(|figure| column(*figure).2 == group)
            .collect();
        if !of_group.is_empty() {
            let _ = write!(text, "{}\n\n", heading(group));
            text += &figures_table(&rows, &of_group);
            text.push('\n');
        }
    }
    if !figures.is_empty() {
        let _ = write!(text, "Counted by: {}.\n\n", means_of(&rows, &figures));
    }
    for gap in results
        .gaps
        .iter()
        .filter(|gap| gap.workload == workload.name)
    {
        let title = results
            .peers
            .iter()
            .find(|peer| peer.name == gap.peer)
            .map_or(&gap.peer, |peer| &peer.title);
        let _ = writeln!(text, "- {title}: not measured: {}", gap.reason);
    }
    text.trim_end().to_owned() + "\n"
}

fn figures_table(rows: &[(&PeerInfo, &Cell)], figures: &[Figure]) -> String {
    let head = figures.iter().map(|figure| column(*figure).0.to_owned());
    let lines = rows.iter().filter_map(|(peer, cell)| {
        if !figures
            .iter()
            .any(|figure| cell.figures.contains_key(figure))
        {
            return None;
        }
        let cells = figures.iter().map(|figure| {
            let written = |summary| column(*figure).1.write_summary(summary);
            cell.figures
                .get(figure)
                .map_or_else(|| "–".to_owned(), written)
        });
        Some(std::iter::once(peer.title.clone()).chain(cells).collect())
    });
    table(std::iter::once(String::new()).chain(head).collect(), lines)
}

/// By which means each figure was got; with the peers, where they differ.
fn means_of(rows: &[(&PeerInfo, &Cell)], figures: &[Figure]) -> String {
    // From the means to the figures that were got by it alone, or for some peers.
    let mut by_means: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for figure in figures {
        let mut peers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (peer, cell) in rows {
            if let Some(summary) = cell.figures.get(figure) {
                peers
                    .entry(means(summary.means))
                    .or_default()
                    .push(&peer.title);
            }
        }
        let differ = peers.len() > 1;
        for (means, peers) in peers {
            let mut what = column(*figure).0.to_owned();
            if differ {
                let _ = write!(what, " of {}", peers.join(", "));
            }
            by_means.entry(means).or_default().push(what);
        }
    }
    let parts: Vec<String> = by_means
        .into_iter()
        .map(|(means, what)| format!("{means} ({})", what.join("; ")))
        .collect();
    parts.join(", ")
}

/// The name of a means in a sentence.
pub(super) fn means(means: Means) -> &'static str {
    match means {
        Means::Load => "the load generator",
        Means::Proc => "`/proc`",
        Means::Counters => "the processor's counters",
        Means::Tracepoint => "the kernel's tracepoint",
        Means::Callgrind => "callgrind",
        Means::Metrics => "the server's own metrics",
        Means::RedisBenchmark => "`redis-benchmark`",
    }
}

/// Where it ran.
pub(super) fn machine(results: &Results) -> String {
    let machine = &results.machine;
    let counters = if machine.hardware_counters {
        "can be read"
    } else {
        "cannot be read here: instructions are callgrind's, of compiled servers alone and of user space alone"
    };
    let mut lines = vec![
        row(["processor", &machine.cpu]),
        row(["its counters", counters]),
        row(["cores", &machine.cores.to_string()]),
        row([
            "memory",
            &format!("{:.1} GiB", machine.memory as f64 / f64::from(1 << 30)),
        ]),
        row(["system", &machine.system]),
        row(["kernel", &machine.kernel]),
        row([
            "`ulimit -n`",
            &Unit::Count.write(machine.file_descriptors as f64),
        ]),
    ];
    lines.extend(
        machine
            .tools
            .iter()
            .map(|(name, version)| row([name, version])),
    );
    lines.push(row(["commit", &machine.commit]));
    lines.push(row(["date", &machine.date]));
    table(vec![String::new(), String::new()], lines)
}

/// What was measured, with its version.
pub(super) fn versions(results: &Results) -> String {
    // It is no server, and is of the same version as Redis.
    let servers = results
        .peers
        .iter()
        .filter(|peer| peer.name != REDIS_BENCHMARK);
    let lines = servers.map(|peer| {
        let version = peer.version.as_deref().unwrap_or("this repository");
        row([&peer.title, version])
    });
    let mut text = table(vec!["peer".to_owned(), "version".to_owned()], lines);
    let left_out: Vec<&str> = PEERS
        .iter()
        .filter(|known| results.peers.iter().all(|peer| peer.name != known.name))
        .map(|known| known.title)
        .collect();
    if !left_out.is_empty() {
        let _ = write!(text, "\nLeft out of this run: {}.\n", left_out.join(", "));
    }
    text
}

fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).into()
}

/// A Markdown table.
pub(super) fn table(head: Vec<String>, rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: Vec<String>| {
        let mut line = "|".to_owned();
        for cell in cells {
            line += " ";
            line += &cell.replace('|', "\\|").replace('\n', " ");
            line = line.trim_end().to_owned() + " |";
        }
        line + "\n"
    };
    let rule = format!("|{}\n", "---|".repeat(head.len()));
    let mut text = line(head) + &rule;
    text.extend(rows.into_iter().map(line));
    text
}
