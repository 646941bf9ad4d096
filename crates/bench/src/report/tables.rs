//! Tables in Markdown: workloads, machine and versions.

use super::format::{NOTHING, table};
use crate::figures::{Figure, GROUPS, MEANS, Unit};
use crate::peers::PEERS;
use crate::results::{Cell, PeerInfo, REDIS_BENCHMARK, Results, WorkloadInfo};

/// Everything measured under one workload, with a heading.
pub(super) fn workload(results: &Results, workload: &WorkloadInfo) -> String {
    // In the order of the peers, whatever the order in which they were measured.
    let rows = results.peers.iter().filter_map(|peer| {
        let is_it = |cell: &&Cell| cell.workload == workload.name && cell.peer == peer.name;
        Some((peer, results.cells.iter().find(is_it)?))
    });
    let rows: Vec<(&PeerInfo, &Cell)> = rows.collect();
    let mut parts = vec![format!(
        "### {}\n\n`{}`, messages of {}.\n",
        workload.title,
        workload.name,
        Unit::Bytes.write(workload.payload as f64)
    )];
    for group in GROUPS {
        let of_group = Figure::ALL.iter().copied().filter(|figure| {
            let is_measured = rows
                .iter()
                .any(|(_, cell)| cell.figures.contains_key(figure));
            figure.column().group == group && is_measured
        });
        let of_group: Vec<Figure> = of_group.collect();
        if !of_group.is_empty() {
            parts.push(format!("{group}:\n\n{}", figures_table(&rows, &of_group)));
        }
    }
    let gaps = results.gaps.iter();
    let gaps = gaps.filter(|gap| gap.workload == workload.name).map(|gap| {
        let peer = results.title(&gap.peer);
        format!("- {peer}: not measured: {}\n", gap.reason)
    });
    parts.extend(Some(gaps.collect::<String>()).filter(|gaps| !gaps.is_empty()));
    parts.join("\n")
}

fn figures_table(rows: &[(&PeerInfo, &Cell)], figures: &[Figure]) -> String {
    let headings = figures
        .iter()
        .map(|figure| figure.column().heading.to_owned());
    let head = [String::new()].into_iter().chain(headings).collect();
    let lines = rows.iter().map(|(peer, cell)| {
        let written = figures.iter().map(|figure| match cell.figures.get(figure) {
            Some(summary) => figure.column().unit.write_summary(summary),
            None => NOTHING.to_owned(),
        });
        [peer.title.clone()].into_iter().chain(written).collect()
    });
    let lines = lines.filter(|line: &Vec<String>| line[1..].iter().any(|cell| cell != NOTHING));
    table([head].into_iter().chain(lines))
}

/// By which means figures are got.
pub(super) fn means() -> String {
    let of = |means| {
        let listed = Figure::ALL.iter().map(|figure| figure.column());
        let by_it = listed.filter(|column| column.means == means && GROUPS.contains(&column.group));
        let headings: Vec<&str> = by_it.map(|column| column.heading).collect();
        row(means, &headings.join("; "))
    };
    table(
        [row("counted by", "figures")]
            .into_iter()
            .chain(MEANS.map(of)),
    )
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
