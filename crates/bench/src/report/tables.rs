//! Tables in Markdown: workloads, machine and versions.

use std::collections::BTreeMap;

use super::format::{NOTHING, table};
use crate::figures::{Figure, Group, Unit};
use crate::peers::PEERS;
use crate::results::{Cell, PeerInfo, REDIS_BENCHMARK, Results, WorkloadInfo};

const GROUPS: [(Group, &str); 4] = [
    (Group::Cost, "A delivery:"),
    (Group::Latency, "Latency:"),
    (Group::Connection, "A connection:"),
    (Group::Check, "Who was busy:"),
];

/// Between others that say as much: they only make a wide table wider.
const LEFT_OUT: [Figure; 2] = [Figure::P90, Figure::P999];

/// Everything measured under one workload, with a heading.
pub(super) fn workload(results: &Results, workload: &WorkloadInfo) -> String {
    // In the order of the peers, whatever the order in which they were measured.
    let rows = results.peers.iter().filter_map(|peer| {
        let is_it = |cell: &&Cell| cell.workload == workload.name && cell.peer == peer.name;
        Some((peer, results.cells.iter().find(is_it)?))
    });
    let rows: Vec<(&PeerInfo, &Cell)> = rows.collect();
    let measured = rows.iter().flat_map(|(_, cell)| cell.figures.keys());
    let mut figures: Vec<Figure> = measured
        .copied()
        .filter(|f| !LEFT_OUT.contains(f))
        .collect();
    figures.sort_unstable();
    figures.dedup();

    let payload = match workload.payload {
        0 => String::new(),
        payload => format!(", messages of {}", Unit::Bytes.write(payload as f64)),
    };
    let mut parts = vec![format!(
        "### {}\n\n`{}`{payload}.\n",
        workload.title, workload.name
    )];
    for (group, heading) in GROUPS {
        let of_group = figures.iter().filter(|figure| figure.column().2 == group);
        let of_group: Vec<Figure> = of_group.copied().collect();
        if !of_group.is_empty() {
            parts.push(format!("{heading}\n\n{}", figures_table(&rows, &of_group)));
        }
    }
    if !figures.is_empty() {
        parts.push(format!("Counted by: {}.\n", means_of(&rows, &figures)));
    }
    let gaps = results
        .gaps
        .iter()
        .filter(|gap| gap.workload == workload.name);
    let gaps = gaps.map(|gap| {
        format!(
            "- {}: not measured: {}\n",
            results.title(&gap.peer),
            gap.reason
        )
    });
    parts.extend(Some(gaps.collect::<String>()).filter(|gaps| !gaps.is_empty()));
    parts.join("\n")
}

fn figures_table(rows: &[(&PeerInfo, &Cell)], figures: &[Figure]) -> String {
    let headings = figures.iter().map(|figure| figure.column().0.to_owned());
    let head = [String::new()].into_iter().chain(headings).collect();
    let lines = rows.iter().map(|(peer, cell)| {
        let written = figures.iter().map(|figure| match cell.figures.get(figure) {
            Some(summary) => figure.column().1.write_summary(summary),
            None => NOTHING.to_owned(),
        });
        [peer.title.clone()]
            .into_iter()
            .chain(written)
            .collect::<Vec<_>>()
    });
    let lines = lines.filter(|line| line[1..].iter().any(|cell| cell != NOTHING));
    table([head].into_iter().chain(lines))
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
                    .entry(summary.means.name())
                    .or_default()
                    .push(&peer.title);
            }
        }
        let (heading, differ) = (figure.column().0, peers.len() > 1);
        for (means, peers) in peers {
            by_means.entry(means).or_default().push(match differ {
                true => format!("{heading} of {}", peers.join(", ")),
                false => heading.to_owned(),
            });
        }
    }
    let parts = by_means
        .iter()
        .map(|(means, what)| format!("{means} ({})", what.join("; ")));
    parts.collect::<Vec<_>>().join(", ")
}

/// Where it ran.
pub(super) fn machine(results: &Results) -> String {
    let rows = results.machine.iter().map(|(name, value)| row(name, value));
    table([row("", "")].into_iter().chain(rows))
}

/// What was measured, with its version.
pub(super) fn versions(results: &Results) -> String {
    // It is no server, and is of the same version as Redis.
    let servers = results
        .peers
        .iter()
        .filter(|peer| peer.name != REDIS_BENCHMARK);
    let rows = servers.map(|peer| {
        row(
            &peer.title,
            peer.version.as_deref().unwrap_or("this repository"),
        )
    });
    let text = table([row("peer", "version")].into_iter().chain(rows));
    let left_out = PEERS
        .iter()
        .filter(|known| results.peers.iter().all(|peer| peer.name != known.name));
    let left_out: Vec<&str> = left_out.map(|known| &*known.title).collect();
    match left_out.is_empty() {
        true => text,
        false => format!("{text}\nLeft out of this run: {}.\n", left_out.join(", ")),
    }
}

fn row(name: &str, value: &str) -> Vec<String> {
    vec![name.to_owned(), value.to_owned()]
}
