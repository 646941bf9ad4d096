//! The plots, as SVG: no fonts are needed to make them, and they have no background, so that they
//! can be read on a light page and on a dark one.

mod dots;
mod lines;
mod style;

use anyhow::Result;

use self::dots::Dots;
use self::lines::Lines;
use super::format::Unit;
use crate::results::{Figure, Results, Summary, workload};

/// A plot in a file of its own.
pub(super) struct Plot {
    /// Name of the file, `cost.svg`.
    pub(super) file: &'static str,
    /// What it shows, in a sentence; for whoever cannot see it too.
    pub(super) caption: &'static str,
    /// The file.
    pub(super) svg: String,
}

/// All plots that there are figures for.
///
/// # Errors
///
/// A plot cannot be drawn.
pub(super) fn plots(results: &Results) -> Result<Vec<Plot>> {
    let cost = dots(
        results,
        &[
            (workload::ROOMS_10, "rooms of 10"),
            (workload::ROOMS_100, "rooms of 100, 16 in flight"),
            (workload::ROOM_5000, "one room of 5,000"),
            (workload::ROOM_15000, "one room of 15,000"),
        ],
        Figure::Cpu,
        |summary| summary.ratio,
        Unit::Ratio,
        "CPU time a delivery, as a multiple of the bare limit's",
    );
    let memory = dots(
        results,
        &[
            (workload::ROOMS_10, "1,000 connections"),
            (workload::ROOM_5000, "5,000 connections"),
            (workload::IDLE, "15,000 connections"),
        ],
        Figure::Memory,
        |summary| Some(summary.median),
        Unit::Bytes,
        "resident memory a connection",
    );
    let latency = latency(results);
    let mut plots = Vec::new();
    if !cost.is_empty() {
        plots.push(Plot {
            file: "cost.svg",
            caption: "CPU time a delivery by room size and server, as a multiple of the bare limit's",
            svg: cost.draw()?,
        });
    }
    if !memory.is_empty() {
        plots.push(Plot {
            file: "memory.svg",
            caption: "Memory a connection by server and number of connections",
            svg: memory.draw()?,
        });
    }
    if !latency.is_empty() {
        plots.push(Plot {
            file: "latency.svg",
            caption: "Latency (p99) by load, at 10 %, 50 % and 80 % of what each server can do",
            svg: latency.draw()?,
        });
    }
    Ok(plots)
}

/// A row for each peer, a mark in it for each workload.
fn dots(
    results: &Results,
    workloads: &[(&str, &'static str)],
    figure: Figure,
    value: fn(&Summary) -> Option<f64>,
    unit: Unit,
    axis: &'static str,
) -> Dots {
    let mut dots = Dots::new(axis, unit, workloads.iter().map(|(_, title)| *title));
    for peer in &results.peers {
        let marks: Vec<Option<f64>> = workloads
            .iter()
            .map(|(workload, _)| results.get(workload, &peer.name, figure).and_then(value))
            // Nothing that is zero has a place on a logarithmic axis.
            .map(|value| value.filter(|value| *value > 0.0))
            .collect();
        dots.row(&peer.title, marks);
    }
    dots
}

fn latency(results: &Results) -> Lines {
    let mut lines = Lines::new("deliveries a second", "latency, p99");
    for peer in &results.peers {
        let points = workload::RATES
            .iter()
            .filter_map(|workload| {
                let deliveries = results.get(workload, &peer.name, Figure::Deliveries)?;
                let latency = results.get(workload, &peer.name, Figure::P99)?;
                Some((deliveries.median, latency.median))
            })
            .filter(|(x, y)| *x > 0.0 && *y > 0.0);
        lines.line(&peer.title, points.collect());
    }
    lines
}
