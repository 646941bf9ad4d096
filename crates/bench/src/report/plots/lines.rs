//! A line for each server over two logarithmic axes.

use anyhow::{Context as _, Result};
use plotters::coord::combinators::{BindKeyPoints as _, IntoLogRange as _};
use plotters::prelude::*;

use super::super::format::Unit;
use super::style::{FAINT, FONT, GREY, Look, Scale, drawn, legend_in_a_column, text};

const SIZE: (u32, u32) = (860, 460);
/// For the legend, on the right.
const RIGHT: u32 = 230;

/// See the module.
pub(super) struct Lines {
    x_axis: &'static str,
    y_axis: &'static str,
    lines: Vec<(String, Vec<(f64, f64)>)>,
}

impl Lines {
    /// `y_axis` is in microseconds.
    pub(super) fn new(x_axis: &'static str, y_axis: &'static str) -> Self {
        Self {
            x_axis,
            y_axis,
            lines: Vec::new(),
        }
    }

    /// Without points it is left out.
    pub(super) fn line(&mut self, name: &str, points: Vec<(f64, f64)>) {
        if !points.is_empty() {
            self.lines.push((name.to_owned(), points));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The plot as SVG.
    pub(super) fn draw(&self) -> Result<String> {
        let points = || self.lines.iter().flat_map(|(_, points)| points);
        let x = Scale::around(points().map(|(x, _)| *x)).context("a plot without figures")?;
        let y = Scale::around(points().map(|(_, y)| *y)).context("a plot without figures")?;
        let mut svg = String::new();
        {
            let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
            let (left, legend) = root.split_horizontally(SIZE.0 - RIGHT);
            let names: Vec<&str> = self.lines.iter().map(|(name, _)| name.as_str()).collect();
            legend_in_a_column(&legend, &names)?;
            let mut chart = drawn(
                ChartBuilder::on(&left)
                    .margin(12)
                    .x_label_area_size(52)
                    .y_label_area_size(84)
                    .build_cartesian_2d(
                        x.range.log_scale().with_key_points(x.ticks),
                        y.range.log_scale().with_key_points(y.ticks),
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
                    .x_desc(self.x_axis)
                    .y_desc(self.y_axis)
                    .x_label_formatter(&|value| Unit::Count.write_round(*value))
                    .y_label_formatter(&|value| Unit::Time.write_round(*value))
                    .draw(),
            )?;
            for (index, (_, points)) in self.lines.iter().enumerate() {
                let look = Look(index);
                let line = PathElement::new(points.clone(), look.colour().stroke_width(2));
                drawn(chart.draw_series([line]))?;
                for point in points {
                    look.mark(&root, chart.backend_coord(point))?;
                }
            }
            drawn(root.present())?;
        }
        Ok(svg)
    }
}
