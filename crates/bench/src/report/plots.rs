//! The plots, as SVG: a row for each server, and in it a mark for each series on a common logarithmic
//! axis. They have no background, so that they can be read on a light page and on a dark one.

use std::fmt::Write as _;
use std::ops::Range;

use serde::Deserialize;

use crate::figures::{Figure, Unit};
use crate::results::Results;

/// What the plots show; it says what a line of it means.
const PICTURES: &str = include_str!("plots.toml");

/// A plot in a file of its own.
pub(super) struct Plot {
    /// Name of the file, `cost.svg`.
    pub(super) file: String,
    /// What it shows, in a sentence; for whoever cannot see it too.
    pub(super) caption: String,
    /// The file.
    pub(super) svg: String,
}

#[derive(Deserialize)]
struct Pictures {
    plot: Vec<Picture>,
}

#[derive(Deserialize)]
struct Picture {
    file: String,
    caption: String,
    axis: String,
    unit: Unit,
    figure: Figure,
    series: Vec<(String, String)>,
}

const WIDTH: f64 = 860.0;
const ROW: f64 = 36.0;
/// From one series to the next within a row, so that equal figures do not hide each other.
const STEP: f64 = 7.0;
/// For the names of servers.
const LEFT: f64 = 210.0;
/// For the legend, and for numbers and name of the axis.
const TOP: f64 = 36.0;
const BOTTOM: f64 = 56.0;
/// For half of the last number of the axis.
const RIGHT: f64 = 40.0;

/// Text and axes: as far from white as from the black of dark pages.
const GREY: &str = "#7d7d7d";

/// Colours that are told apart by colour-blind people too (Okabe and Ito), without black and yellow, which
/// vanish on a dark or a light page.
const COLOURS: [&str; 6] = [
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9",
];

/// A circle, triangles, a square and a rhomb around a point. With six colours they are thirty looks.
const SHAPES: [&str; 5] = [
    "M-6 0a6 6 0 1 0 12 0a6 6 0 1 0 -12 0",
    "M0 -6L6 5L-6 5z",
    "M-5 -5L5 -5L5 5L-5 5z",
    "M0 -7L7 0L0 7L-7 0z",
    "M-6 -5L6 -5L0 6z",
];

/// All plots that there are figures for.
///
/// # Errors
///
/// What they show cannot be read.
pub(super) fn plots(results: &Results) -> anyhow::Result<Vec<Plot>> {
    let pictures: Pictures = toml::from_str(PICTURES)?;
    let plots = pictures.plot.into_iter().filter_map(|picture| {
        let svg = picture.draw(results)?;
        let Picture { file, caption, .. } = picture;
        Some(Plot { file, caption, svg })
    });
    Ok(plots.collect())
}

impl Picture {
    /// Nothing that is zero has a place on a logarithmic axis.
    fn mark(&self, results: &Results, workload: &str, peer: &str) -> Option<f64> {
        let summary = results.get(workload, peer, self.figure)?;
        let value = match self.unit {
            Unit::Ratio => summary.ratio?,
            _ => summary.median,
        };
        (value > 0.0).then_some(value)
    }

    /// The plot, the cheapest server on top; `None` without figures.
    fn draw(&self, results: &Results) -> Option<String> {
        let rows = results.peers.iter().map(|peer| {
            let marks = self
                .series
                .iter()
                .map(|(workload, _)| self.mark(results, workload, &peer.name));
            (peer.title.as_str(), marks.collect::<Vec<_>>())
        });
        let mut rows: Vec<_> = rows
            .filter(|(_, marks)| marks.iter().any(Option::is_some))
            .collect();
        let first =
            |marks: &[Option<f64>]| marks.iter().flatten().next().copied().unwrap_or_default();
        rows.sort_by(|(_, a), (_, b)| first(a).total_cmp(&first(b)));
        let (range, ticks) = scale(rows.iter().flat_map(|(_, marks)| marks).flatten().copied())?;
        let bottom = TOP + ROW * rows.len() as f64;
        let x = |value: f64| {
            let part = (value / range.start).ln() / (range.end / range.start).ln();
            LEFT + part * (WIDTH - LEFT - RIGHT)
        };

        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
             height=\"{height}\" font-family=\"sans-serif\" font-size=\"13.7\" fill=\"{GREY}\">\n",
            height = bottom + BOTTOM
        );
        let mut at = 31.0;
        for (series, (_, name)) in self.series.iter().enumerate() {
            mark(&mut svg, series, at, TOP / 2.0);
            text(&mut svg, at + 13.0, TOP / 2.0, "start", name);
            // Nobody knows the reader's font: rather too much room than too little.
            at += 44.0 + 7.0 * name.chars().count() as f64;
        }
        for tick in ticks {
            line(&mut svg, (x(tick), TOP), (x(tick), bottom));
            text(
                &mut svg,
                x(tick),
                bottom + 16.0,
                "middle",
                &self.unit.write_round(tick),
            );
        }
        text(
            &mut svg,
            (LEFT + WIDTH - RIGHT) / 2.0,
            bottom + 44.0,
            "middle",
            &self.axis,
        );
        for (row, (name, marks)) in rows.iter().enumerate() {
            let y = TOP + ROW * (row as f64 + 0.5);
            line(&mut svg, (LEFT, y), (WIDTH - RIGHT, y));
            text(&mut svg, LEFT - 12.0, y, "end", name);
            for (series, value) in marks.iter().enumerate() {
                let shift = STEP * (series as f64 - (marks.len() as f64 - 1.0) / 2.0);
                value.inspect(|value| mark(&mut svg, series, x(*value), y + shift));
            }
        }
        Some(svg + "</svg>\n")
    }
}

/// No two series have both colour and shape in common, and neighbours have neither.
fn look(series: usize) -> (&'static str, &'static str) {
    (
        COLOURS[series % COLOURS.len()],
        SHAPES[series % SHAPES.len()],
    )
}

fn mark(svg: &mut String, series: usize, x: f64, y: f64) {
    let (colour, shape) = look(series);
    let _ = writeln!(
        svg,
        "<path fill=\"{colour}\" transform=\"translate({x:.0} {y:.0})\" d=\"{shape}\"/>"
    );
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, text: &str) {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(
        svg,
        "<text x=\"{x:.0}\" y=\"{y:.0}\" dy=\"0.35em\" text-anchor=\"{anchor}\">{text}</text>"
    );
}

/// One that only guides the eye.
fn line(svg: &mut String, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
    let _ = writeln!(
        svg,
        "<path stroke=\"{GREY}\" opacity=\"0.25\" d=\"M{x1:.0} {y1:.0}L{x2:.0} {y2:.0}\"/>"
    );
}

/// A logarithmic axis around the values, which are above zero, ending at 1, 2 or 5 times a power of ten; and where
/// a number is written. `None` without values.
fn scale(values: impl IntoIterator<Item = f64>) -> Option<(Range<f64>, Vec<f64>)> {
    let (least, most) = values
        .into_iter()
        .map(|value| (value, value))
        .reduce(|(least, most), (value, _)| (least.min(value), most.max(value)))?;
    let steps = (-6..=12).flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(power)));
    let steps: Vec<f64> = steps.collect();
    // A little more, so that no mark sits on the edge.
    let start = steps
        .iter()
        .rposition(|step| *step <= least / 1.1)
        .unwrap_or(0);
    let end = steps
        .iter()
        .position(|step| *step >= most * 1.1)
        .unwrap_or(steps.len() - 1);
    let all = &steps[start..=end];
    // Of many, the powers of ten are enough.
    let is_tick =
        |step: &f64| all.len() <= 10 || (step.log10() - step.log10().round()).abs() < 1e-9;
    Some((
        steps[start]..steps[end],
        all.iter().copied().filter(is_tick).collect(),
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn an_axis_holds_its_values_and_few_numbers() {
        let (range, _) = scale([1.0, 1.3, 60.0]).unwrap();
        assert_eq!(range, 0.5..100.0);
        let (_, wide) = scale([80.0, 140_000.0]).unwrap();
        assert_eq!(wide, [100.0, 1e3, 1e4, 1e5]);
        assert!(scale([]).is_none());
    }

    #[test]
    fn thirty_series_look_different() {
        let looks: std::collections::BTreeSet<_> = (0..30).map(look).collect();
        assert_eq!(looks.len(), 30);
    }
}
