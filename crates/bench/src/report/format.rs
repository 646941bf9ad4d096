//! Numbers as people read them.

use crate::results::Summary;

/// What a number counts, and so how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Things: instructions, system calls, messages.
    Count,
    /// Microseconds; written in the unit that keeps the number short.
    Time,
    /// Bytes.
    Bytes,
    /// 0 to 1, written in per cent.
    Share,
    /// A multiple of something.
    Ratio,
}

impl Unit {
    /// The number with three or more significant digits, and its unit.
    pub(super) fn write(self, value: f64) -> String {
        match self {
            Self::Count => short(value),
            Self::Time if value >= 1e6 => format!("{} s", short(value / 1e6)),
            Self::Time if value >= 1e3 => format!("{} ms", short(value / 1e3)),
            Self::Time => format!("{} µs", short(value)),
            Self::Bytes => format!("{} B", thousands(value.round())),
            Self::Share => format!("{} %", thousands((value * 100.0).round())),
            Self::Ratio => format!("{} ×", short(value)),
        }
    }

    /// A round number, as on an axis.
    pub(super) fn write_round(self, value: f64) -> String {
        let (value, unit) = match self {
            Self::Time if value >= 1e6 => (value / 1e6, " s"),
            Self::Time if value >= 1e3 => (value / 1e3, " ms"),
            Self::Time => (value, " µs"),
            Self::Bytes => (value, " B"),
            Self::Share => (value * 100.0, " %"),
            Self::Ratio => (value, " ×"),
            Self::Count => (value, ""),
        };
        format!("{}{unit}", thousands(value))
    }

    /// Median, range over the rounds if there is one, and ratio to the bare limit.
    pub(super) fn write_summary(self, summary: &Summary) -> String {
        let [median, min, max] =
            [summary.median, summary.min, summary.max].map(|value| self.write(value));
        let mut text = median;
        if min != max {
            text += &format!(" ({min} – {max})");
        }
        if let Some(ratio) = summary.ratio {
            text += &format!(" · {}", Self::Ratio.write(ratio));
        }
        text
    }
}

/// Three significant digits, and all before the decimal point.
fn short(value: f64) -> String {
    // By what rounding makes of it: 99.96 has three digits as 100.
    let decimals = [(9.995, 2), (99.95, 1)]
        .into_iter()
        .find(|(below, _)| value.abs() < *below)
        .map_or(0, |(_, decimals)| decimals);
    thousands(format!("{value:.decimals$}"))
}

/// Groups of three digits before the decimal point.
fn thousands(number: impl ToString) -> String {
    let number = number.to_string();
    let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
    let (sign, digits) = whole
        .strip_prefix('-')
        .map_or(("", whole), |digits| ("-", digits));
    let mut text = sign.to_owned();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if !fraction.is_empty() {
        text.push('.');
        text += fraction;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Means;

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
            means: Means::Counters,
        };
        assert_eq!(Unit::Count.write_summary(&summary), "881");
        let wide = Summary {
            max: 900.0,
            ratio: Some(4.97),
            ..summary
        };
        assert_eq!(Unit::Count.write_summary(&wide), "881 (881 – 900) · 4.97 ×");
    }
}
