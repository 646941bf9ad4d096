//! A row for each server, and in it a mark for each series on a common logarithmic axis.

use anyhow::{Context as _, Result};
use plotters::coord::combinators::{BindKeyPoints as _, IntoLogRange as _};
use plotters::prelude::*;

use super::super::format::Unit;
use super::style::{FAINT, FONT, GREY, Look, Scale, drawn, legend_in_a_row, text};

const WIDTH: u32 = 860;
const ROW: u32 = 36;
/// From one series to the next within a row, so that equal figures do not hide each other.
const STEP: i32 = 7;
/// For the names of servers.
const LEFT: u32 = 210;
/// For the legend.
const TOP: u32 = 36;
/// For numbers and name of the axis.
const BOTTOM: u32 = 56;

/// For half of the last number of the axis.
const MARGIN: u32 = 40;

/// See the module.
pub(super) struct Dots {
    axis: &'static str,
    unit: Unit,
    series: Vec<&'static str>,
    rows: Vec<(String, Vec<Option<f64>>)>,
}

impl Dots {
    pub(super) fn new(
        axis: &'static str,
        unit: Unit,
        series: impl Iterator<Item = &'static str>,
    ) -> Self {
        Self {
            axis,
            unit,
            series: series.collect(),
            rows: Vec::new(),
        }
    }

    /// A row with one place for each series; without any mark it is left out.
    pub(super) fn row(&mut self, name: &str, marks: Vec<Option<f64>>) {
        if marks.iter().any(Option::is_some) {
            self.rows.push((name.to_owned(), marks));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The plot as SVG, the cheapest server on top.
    pub(super) fn draw(mut self) -> Result<String> {
        // Rows are counted from below.
        self.rows
            .sort_by(|(_, a), (_, b)| first(b).total_cmp(&first(a)));
        let marks = self.rows.iter().flat_map(|(_, marks)| marks);
        let scale = Scale::around(marks.flatten().copied()).context("a plot without figures")?;
        let count = i32::try_from(self.rows.len())?;

        let mut svg = String::new();
        {
            let height = TOP + ROW * count.unsigned_abs() + BOTTOM;
            let root = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
            let (legend, below) = root.split_vertically(TOP);
            legend_in_a_row(&legend, &self.series)?;
            let mut chart = drawn(
                ChartBuilder::on(&below)
                    .x_label_area_size(BOTTOM)
                    .y_label_area_size(LEFT)
                    .margin_right(MARGIN)
                    .build_cartesian_2d(
                        scale.range.log_scale().with_key_points(scale.ticks),
                        (0..count - 1).into_segmented(),
                    ),
            )?;
            drawn(
                chart
                    .configure_mesh()
                    .bold_line_style(FAINT)
                    .light_line_style(TRANSPARENT)
                    .axis_style(GREY)
                    .label_style(text(FONT))
                    .axis_desc_style(text(FONT))
                    .x_desc(self.axis)
                    .x_label_formatter(&|value| self.unit.write_round(*value))
                    .y_labels(self.rows.len())
                    .y_label_formatter(&|row| self.name(row))
                    .draw(),
            )?;
            for (row, (_, marks)) in (0..).zip(&self.rows) {
                let mut shift = -STEP * (i32::try_from(marks.len())? - 1) / 2;
                for (series, mark) in marks.iter().enumerate() {
                    if let Some(value) = mark {
                        let (x, y) = chart.backend_coord(&(*value, SegmentValue::CenterOf(row)));
                        Look(series).mark(&root, (x, y + shift))?;
                    }
                    shift += STEP;
                }
            }
            drawn(root.present())?;
        }
        Ok(svg)
    }

    fn name(&self, row: &SegmentValue<i32>) -> String {
        let SegmentValue::CenterOf(row) = row else {
            return String::new();
        };
        let row = usize::try_from(*row)
            .ok()
            .and_then(|row| self.rows.get(row));
        row.map_or_else(String::new, |(name, _)| name.clone())
    }
}

/// By what rows are sorted.
fn first(marks: &[Option<f64>]) -> f64 {
    marks.iter().flatten().next().copied().unwrap_or_default()
}
