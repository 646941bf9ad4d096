//! Tables in Markdown: workloads, machine and versions.

use super::format::table;
use crate::figures::{Figure, GROUPS, MEANS, Unit};
use crate::peers::PEERS;
use crate::results::{Cell, PeerInfo, REDIS_BENCHMARK, Results, WorkloadInfo};

/// All figures of one workload, with a heading.
pub(super) fn workload(results: &Results, workload: &WorkloadInfo) -> String {
    // In the order of the peers, not in that in which they were measured.
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
    let mut head = vec![""];
    head.extend(figures.iter().map(|figure| figure.column().heading));
    let lines = rows.iter().map(|(peer, cell)| {
        let mut line = vec![Some(peer.title.clone())];
        line.extend(figures.iter().map(|figure| {
            let summary = cell.figures.get(figure)?;
            Some(figure.column().unit.write_summary(summary))
        }));
        line
    });
    table(
        &head,
        lines.filter(|line| line[1..].iter().any(Option::is_some)),
    )
}

/// By which means figures are measured.
pub(super) fn means() -> String {
    let rows = MEANS.map(|means| {
        let listed = Figure::ALL.iter().map(|figure| figure.column());
        let by_it = listed.filter(|column| column.means == means && GROUPS.contains(&column.group));
        let headings: Vec<&str> = by_it.map(|column| column.heading).collect();
        vec![Some(means.to_owned()), Some(headings.join("; "))]
    });
    table(&["counted by", "figures"], rows)
}

/// The facts about the machine.
pub(super) fn machine(results: &Results) -> String {
    let facts = results.machine.iter();
    let rows = facts.map(|(name, value)| vec![Some(name.clone()), Some(value.clone())]);
    table(&["", ""], rows)
}

/// What was measured, with its version.
pub(super) fn versions(results: &Results) -> String {
    // redis-benchmark is no server, and has the version of Redis.
    let peers = results.peers.iter();
    let servers = peers.filter(|peer| peer.name != REDIS_BENCHMARK);
    let rows = servers.map(|peer| {
        let version = peer.version.as_deref().unwrap_or("this repository");
        vec![Some(peer.title.clone()), Some(version.to_owned())]
    });
    let text = table(&["peer", "version"], rows);
    let took_part = |name: &str| results.peers.iter().any(|peer| peer.name == name);
    let left_out = PEERS.iter().filter(|peer| !took_part(&peer.name));
    let left_out: Vec<&str> = left_out.map(|peer| &*peer.title).collect();
    match left_out.is_empty() {
        true => text,
        false => format!("{text}\nLeft out of this run: {}.\n", left_out.join(", ")),
    }
}
