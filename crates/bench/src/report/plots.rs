//! The plots, as SVG: a row for each server, with a mark for each series, on one logarithmic axis. They have no
//! background, so that they can be read on a light page and on a dark one.

use std::cmp::Ordering;
use std::ops::Range;

use plotters::prelude::*;
use serde::Deserialize;

use crate::figures::{Figure, Unit};
use crate::lists;
use crate::results::Results;

/// A plot, in a file of its own. `plots.toml` says what its lines mean.
#[derive(Deserialize)]
pub(super) struct Plot {
    /// Name of the file, `cost.svg`.
    pub(super) file: String,
    /// What it shows, in a sentence, also for readers who cannot see it.
    pub(super) caption: String,
    /// The content of the file, once it is drawn.
    #[serde(skip)]
    pub(super) svg: String,
    axis: String,
    unit: Unit,
    figure: Figure,
    series: Vec<(String, String)>,
}

const WIDTH: u32 = 860;
const ROW: u32 = 36;
/// For the names of servers.
const LEFT: u32 = 190;
/// For the legend, and for numbers and name of the axis.
const TOP: u32 = 32;
const BOTTOM: u32 = 56;
/// The distance from one series to the next within a row, so that equal figures do not hide each other.
const STEP: i32 = 7;

/// For text and axes: it can be seen on white as well as on the black of dark pages.
const GREY: RGBColor = RGBColor(0x7d, 0x7d, 0x7d);

/// Colours that colour-blind people can distinguish too (by Okabe and Ito).
const COLOURS: [RGBColor; 4] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xe6, 0x9f, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xcc, 0x79, 0xa7),
];

/// All plots for which there are figures.
///
/// # Errors
///
/// One cannot be drawn.
pub(super) fn plots(results: &Results) -> anyhow::Result<Vec<Plot>> {
    let mut plots = lists::entries::<Plot>(include_str!("plots.toml"));
    for plot in &mut plots {
        let rows = plot.rows(results);
        if let Some(range) = range(rows.iter().flat_map(|(_, marks)| marks).flatten()) {
            plot.svg = plot.draw(&rows, range)?;
        }
    }
    plots.retain(|plot| !plot.svg.is_empty());
    Ok(plots)
}

/// A server, and its value in each series.
type Row<'r> = (&'r str, Vec<Option<f64>>);

impl Plot {
    /// The servers with figures. The last one is drawn on top, so that is the cheapest.
    fn rows<'r>(&self, results: &'r Results) -> Vec<Row<'r>> {
        let rows = results.peers.iter().map(|peer| {
            let marks = self.series.iter().map(|(workload, _)| {
                let summary = results.get(workload, &peer.name, self.figure)?;
                let value = match self.unit {
                    Unit::Ratio => summary.ratio?,
                    _ => summary.median,
                };
                // A logarithmic axis has no zero.
                (value > 0.0).then_some(value)
            });
            (&*peer.title, marks.collect::<Vec<_>>())
        });
        let first = |marks: &[Option<f64>]| marks.iter().flatten().next().copied();
        let mut rows: Vec<Row<'_>> = rows.filter(|(_, marks)| first(marks).is_some()).collect();
        rows.sort_by(|(_, a), (_, b)| first(b).partial_cmp(&first(a)).unwrap_or(Ordering::Equal));
        rows
    }

    fn draw(&self, rows: &[Row<'_>], range: Range<f64>) -> anyhow::Result<String> {
        let mut svg = String::new();
        let height = TOP + ROW * rows.len() as u32 + BOTTOM;
        let area = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        let text = ("sans-serif", 17).into_font().color(&GREY);
        let mut chart = ChartBuilder::on(&area)
            .margin_top(TOP)
            .margin_right(40)
            .x_label_area_size(BOTTOM)
            .y_label_area_size(LEFT)
            .build_cartesian_2d(range.log_scale(), (0..rows.len() - 1).into_segmented())?;
        chart
            .configure_mesh()
            .axis_style(GREY.mix(0.25))
            .bold_line_style(GREY.mix(0.25))
            .light_line_style(TRANSPARENT)
            .label_style(text.clone())
            .x_desc(&self.axis)
            .x_label_formatter(&|value| self.unit.write_round(*value))
            .y_labels(rows.len())
            .y_label_formatter(&|row| match row {
                SegmentValue::CenterOf(row) if *row < rows.len() => rows[*row].0.to_owned(),
                _ => String::new(),
            })
            .draw()?;
        let mut legend = 20;
        for (series, (_, name)) in self.series.iter().enumerate() {
            let style = COLOURS[series % COLOURS.len()].filled();
            let shift = STEP * (2 * series as i32 + 1 - self.series.len() as i32) / 2;
            let marks = rows.iter().enumerate().filter_map(|(row, (_, marks))| {
                let at = EmptyElement::at((marks[series]?, SegmentValue::CenterOf(row)));
                Some(at + Circle::new((0, shift), 5, style))
            });
            chart.draw_series(marks)?;
            let middle = TOP as i32 / 2;
            area.draw(&Circle::new((legend, middle), 5, style))?;
            area.draw(&Text::new(&**name, (legend + 12, middle - 7), text.clone()))?;
            // The reader's font is not known, so there is rather too much room than too little.
            legend += 44 + 8 * name.chars().count() as i32;
        }
        area.present()?;
        drop((chart, area));
        Ok(svg)
    }
}

/// The range of the values, which are above zero, and a little more, so that no mark is on the edge. `None`
/// without values.
fn range<'v>(values: impl Iterator<Item = &'v f64>) -> Option<Range<f64>> {
    let values: Vec<f64> = values.copied().collect();
    let least = values.iter().copied().reduce(f64::min)?;
    let most = values.iter().copied().reduce(f64::max)?;
    Some(least / 1.3..most * 1.3)
}
