//! Colours, marks and axes that all plots share.

use std::ops::Range;

use anyhow::{Result, anyhow};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Text and axes: as far from white as from the black of dark pages.
pub(super) const GREY: RGBColor = RGBColor(0x7d, 0x7d, 0x7d);

/// Lines that only guide the eye.
pub(super) const FAINT: RGBAColor = RGBAColor(0x7d, 0x7d, 0x7d, 0.25);

/// Colours that are told apart by colour-blind people too (Okabe and Ito), without black and yellow, which
/// vanish on a dark or a light page.
const COLOURS: [RGBColor; 6] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xe6, 0x9f, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xcc, 0x79, 0xa7),
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x56, 0xb4, 0xe9),
];

/// Size of the text; plotters makes it smaller by a quarter.
pub(super) const FONT: u32 = 17;

/// The family is whatever the reader's browser takes for it.
pub(super) fn text(size: u32) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&GREY)
}

/// Where plots are drawn before they have axes, in pixels.
pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

/// Half the width of a mark at most, in pixels.
const R: i32 = 7;

/// The look of one series: no two have both colour and shape in common, and neighbours have neither.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look(pub(super) usize);

impl Look {
    pub(super) fn colour(self) -> RGBColor {
        COLOURS[self.0 % COLOURS.len()]
    }

    /// Draws its mark around a pixel.
    pub(super) fn mark(self, area: &Area<'_>, (x, y): (i32, i32)) -> Result<()> {
        let fill = self.colour().filled();
        // Six colours and five shapes: thirty looks.
        let corners: &[(i32, i32)] = match self.0 % 5 {
            0 => return drawn(area.draw(&Circle::new((x, y), 6, fill))),
            1 => &[(0, -6), (6, 5), (-6, 5)],
            2 => &[(-5, -5), (5, -5), (5, 5), (-5, 5)],
            3 => &[(0, -7), (7, 0), (0, 7), (-7, 0)],
            _ => &[(-6, -5), (6, -5), (0, 6)],
        };
        let corners: Vec<_> = corners.iter().map(|(dx, dy)| (x + dx, y + dy)).collect();
        drawn(area.draw(&Polygon::new(corners, fill)))
    }

    /// Its mark and name, beginning at a point.
    fn entry(self, area: &Area<'_>, (x, y): (i32, i32), name: &str) -> Result<()> {
        self.mark(area, (x + R, y))?;
        let style = text(FONT).pos(Pos::new(HPos::Left, VPos::Center));
        drawn(area.draw(&Text::new(name, (x + 2 * R + 6, y), style)))
    }
}

/// The series side by side.
pub(super) fn legend_in_a_row(area: &Area<'_>, names: &[&str]) -> Result<()> {
    let (_, height) = area.dim_in_pixel();
    let mut x = 24;
    for (index, name) in names.iter().enumerate() {
        Look(index).entry(area, (x, i32::try_from(height / 2)?), name)?;
        // Nobody knows the reader's font: rather too much room than too little.
        x += 44 + 7 * i32::try_from(name.chars().count())?;
    }
    Ok(())
}

/// The series below each other.
pub(super) fn legend_in_a_column(area: &Area<'_>, names: &[&str]) -> Result<()> {
    let mut y = 24;
    for (index, name) in names.iter().enumerate() {
        Look(index).entry(area, (0, y), name)?;
        y += 26;
    }
    Ok(())
}

/// A logarithmic axis around the values, ending at 1, 2 or 5 times a power of ten.
pub(super) struct Scale {
    pub(super) range: Range<f64>,
    /// Where a number is written.
    pub(super) ticks: Vec<f64>,
}

impl Scale {
    /// `None` without values. All of them are above zero.
    pub(super) fn around(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let (least, most) = values
            .into_iter()
            .map(|value| (value, value))
            .reduce(|(least, most), (value, _)| (least.min(value), most.max(value)))?;
        // A little more, so that no mark sits on the edge.
        let (least, most) = (least / 1.1, most * 1.1);
        let steps: Vec<f64> = (-6..=12)
            .flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(power)))
            .collect();
        let start = steps.iter().rposition(|step| *step <= least).unwrap_or(0);
        let end = steps
            .iter()
            .position(|step| *step >= most)
            .unwrap_or(steps.len() - 1);
        let all = &steps[start..=end];
        let many = all.len() > 10;
        let ticks = all
            .iter()
            .copied()
            // Of many, the powers of ten are enough.
            .filter(|step| !many || (step.log10() - step.log10().round()).abs() < 1e-9)
            .collect();
        Some(Self {
            range: steps[start]..steps[end],
            ticks,
        })
    }
}

/// The errors of plotters borrow what they are about.
pub(super) fn drawn<T, E: std::error::Error>(outcome: Result<T, E>) -> Result<T> {
    outcome.map_err(|error| anyhow!("cannot draw a plot: {error}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn an_axis_holds_its_values_and_few_numbers() {
        let scale = Scale::around([1.0, 1.3, 60.0]).unwrap();
        assert_eq!(scale.range, 0.5..100.0);
        let wide = Scale::around([80.0, 140_000.0]).unwrap();
        assert_eq!(wide.ticks, [100.0, 1e3, 1e4, 1e5]);
        assert!(Scale::around([]).is_none());
    }

    #[test]
    fn thirty_series_look_different() {
        let looks: std::collections::BTreeSet<_> = (0..30)
            .map(|index| (Look(index).colour().rgb(), index % 5))
            .collect();
        assert_eq!(looks.len(), 30);
    }
}
