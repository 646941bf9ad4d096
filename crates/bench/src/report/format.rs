//! Numbers as people read them.

use crate::figures::Unit;
use crate::results::Summary;

/// A table in Markdown. `None` is an empty cell.
pub(super) fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<Option<String>>>) -> String {
    let rule = format!("|{}\n", "---|".repeat(head.len()));
    let rows = rows.into_iter().map(|row| {
        let cells = row.into_iter();
        line(cells.map(|cell| cell.unwrap_or_else(|| "–".to_owned())))
    });
    line(head) + &rule + &rows.collect::<String>()
}

fn line(cells: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let cells = cells.into_iter().map(|cell| match cell.as_ref() {
        "" => " |".to_owned(),
        text => format!(" {} |", text.replace('|', "\\|").replace('\n', " ")),
    });
    format!("|{}\n", cells.collect::<String>())
}

impl Unit {
    /// The number in a unit that makes it short, and that unit.
    fn scaled(self, value: f64) -> (f64, &'static str) {
        match self {
            Self::Count => (value, ""),
            Self::Time if value >= 1e6 => (value / 1e6, " s"),
            Self::Time if value >= 1e3 => (value / 1e3, " ms"),
            Self::Time => (value, " µs"),
            Self::Bytes => (value, " B"),
            Self::Share => (value * 100.0, " %"),
            Self::Ratio => (value, " ×"),
        }
    }

    /// The number with its unit. Bytes and shares are rounded to whole numbers, others have three significant digits.
    pub(super) fn write(self, value: f64) -> String {
        let (scaled, unit) = self.scaled(value);
        let digits = match self {
            Self::Bytes | Self::Share => thousands(scaled.round()),
            Self::Count | Self::Time | Self::Ratio => short(scaled),
        };
        digits + unit
    }

    /// A round number, as on an axis.
    pub(super) fn write_round(self, value: f64) -> String {
        let (scaled, unit) = match self {
            Self::Bytes if value >= 1e3 => (value / 1e3, " kB"),
            other => other.scaled(value),
        };
        format!("{}{unit}", thousands(scaled))
    }

    /// The median, the range if the rounds differ, and the ratio to the bare limit.
    pub(super) fn write_summary(self, summary: &Summary) -> String {
        let mut text = self.write(summary.median);
        let (_, unit) = self.scaled(summary.median);
        let (min, max) = (self.write(summary.min), self.write(summary.max));
        if min != max {
            let bare = |end: &str| end.strip_suffix(unit).unwrap_or(end).to_owned();
            text += &format!(" ({} – {})", bare(&min), bare(&max));
        }
        match summary.ratio {
            // The ratio of a ratio says nothing.
            Some(ratio) if !matches!(self, Self::Share | Self::Ratio) => {
                text + " · " + &Self::Ratio.write(ratio)
            }
            _ => text,
        }
    }
}

/// At least three significant digits, and all that are before the decimal point.
fn short(value: f64) -> String {
    // By the rounded number: 99.96 becomes 100, which has three digits.
    let decimals = match value.abs() {
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    thousands(format!("{value:.decimals$}"))
}

/// Groups of three digits before the decimal point.
fn thousands(number: impl ToString) -> String {
    let mut text = number.to_string();
    let first = usize::from(text.starts_with('-'));
    let mut at = text.find('.').unwrap_or(text.len());
    while at > first + 3 {
        at -= 3;
        text.insert(at, ',');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_three_digits_and_their_thousands_apart() {
        for (unit, value, written) in [
            (Unit::Count, 0.0, "0.00"),
            (Unit::Count, 1.0, "1.00"),
            (Unit::Count, 9.996, "10.0"),
            (Unit::Count, 39.04, "39.0"),
            (Unit::Count, 99.96, "100"),
            (Unit::Count, 9_299.4, "9,299"),
            (Unit::Count, 1_234_567.0, "1,234,567"),
            (Unit::Count, -1_234.0, "-1,234"),
            (Unit::Time, 7.433, "7.43 µs"),
            (Unit::Time, 7_433.0, "7.43 ms"),
            (Unit::Time, 1_500_000.0, "1.50 s"),
            (Unit::Bytes, 138_654.2, "138,654 B"),
            (Unit::Share, 0.934, "93 %"),
            (Unit::Ratio, 1.049, "1.05 ×"),
        ] {
            assert_eq!(unit.write(value), written, "{value}");
        }
    }

    #[test]
    fn a_summary_shows_its_range_only_if_it_can_be_seen() {
        let summary = Summary {
            median: 880.6,
            min: 880.6,
            max: 881.2,
            ratio: None,
        };
        assert_eq!(Unit::Count.write_summary(&summary), "881");
        let wide = Summary {
            max: 900.0,
            ratio: Some(4.97),
            ..summary
        };
        assert_eq!(Unit::Count.write_summary(&wide), "881 (881 – 900) · 4.97 ×");
        assert_eq!(Unit::Ratio.write_summary(&wide), "881 × (881 – 900)");
    }

    #[test]
    fn the_ends_of_a_range_have_a_unit_only_if_it_is_another() {
        let summary = Summary {
            median: 990.0,
            min: 500.0,
            max: 1_200.0,
            ratio: None,
        };
        assert_eq!(Unit::Time.write_summary(&summary), "990 µs (500 – 1.20 ms)");
    }

    #[test]
    fn an_axis_has_short_numbers() {
        for (unit, value, written) in [
            (Unit::Count, 200_000.0, "200,000"),
            (Unit::Bytes, 500.0, "500 B"),
            (Unit::Bytes, 20_000.0, "20 kB"),
            (Unit::Ratio, 0.1, "0.1 ×"),
            (Unit::Time, 2_000.0, "2 ms"),
        ] {
            assert_eq!(unit.write_round(value), written);
        }
    }
}
