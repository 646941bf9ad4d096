//! Times as people say them: for how long, or the time of the day where this machine is.

use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use tablecast_client::Millis;

const SECOND: Millis = 1_000;
const MINUTE: Millis = 60 * SECOND;

/// A time to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// After so long.
    In(Millis),
    /// When it is this time of the day again.
    At(Time),
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(time) = Time::strptime("%H:%M", text) {
            return Ok(When::At(time));
        }
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let unit = match text.strip_prefix(digits).map(str::trim) {
            Some("s") => SECOND,
            Some("m" | "") => MINUTE,
            Some("h") => 60 * MINUTE,
            _ => return Err(wrong(text)),
        };
        let count: Result<Millis, _> = digits.parse();
        let time = count.ok().and_then(|count| count.checked_mul(unit));
        time.map(When::In).ok_or_else(|| wrong(text))
    }
}

fn wrong(text: &str) -> String {
    format!("{text:?} is no time, as 20m, 90s, 1h or 12:30 are")
}

impl When {
    /// When that is: today or tomorrow.
    pub(crate) fn after(self, now: Millis) -> Option<Millis> {
        match self {
            When::In(time) => now.checked_add(time),
            When::At(time) => next(time, now, TimeZone::system()),
        }
    }

    /// In how many minutes that is.
    pub(crate) fn minutes_from(self, now: Millis) -> Option<f64> {
        let time = self.after(now)?.checked_sub(now)?;
        Some(time as f64 / MINUTE as f64)
    }
}

fn next(time: Time, now: Millis, zone: TimeZone) -> Option<Millis> {
    let now = Timestamp::from_millisecond(now.try_into().ok()?).ok()?;
    let now = now.to_zoned(zone);
    let today = now.with().time(time).build().ok()?;
    let next = match today > now {
        true => today,
        false => today.tomorrow().ok()?,
    };
    next.timestamp().as_millisecond().try_into().ok()
}

/// The time of the day at this moment.
pub(crate) fn shown(at: Millis) -> String {
    let at = at
        .try_into()
        .ok()
        .and_then(|at| Timestamp::from_millisecond(at).ok());
    let zoned = at.unwrap_or_default().to_zoned(TimeZone::system());
    zoned.strftime("%H:%M").to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_length_or_the_time_of_a_day() {
        for (text, time) in [
            ("20m", 1_200_000),
            ("20", 1_200_000),
            ("5 s", 5_000),
            ("1h", 3_600_000),
        ] {
            assert_eq!(text.parse(), Ok(When::In(time)), "{text}");
        }
        let half = When::At(Time::constant(12, 30, 0, 0));
        assert_eq!("12:30".parse(), Ok(half));
        for wrong in [
            "",
            "m",
            "25:00",
            "12:60",
            "-5m",
            "5d",
            "99999999999999999999",
            "99999999999999999h",
        ] {
            assert!(wrong.parse::<When>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_time_that_has_passed_today_is_tomorrow_as_clocks_on_walls_have_it() {
        // 12:00 in Korea on a Friday.
        let zone = || TimeZone::posix("KST-9").unwrap();
        let noon = "2026-11-27T03:00:00Z".parse::<Timestamp>().unwrap();
        let noon = noon.as_millisecond() as Millis;
        let at = |time: &str| match time.parse() {
            Ok(When::At(time)) => next(time, noon, zone()).unwrap() - noon,
            other => panic!("{other:?}"),
        };
        assert_eq!(at("12:30"), 30 * MINUTE);
        assert_eq!(at("12:00"), 24 * 60 * MINUTE);
        assert_eq!(at("0:00"), 12 * 60 * MINUTE);
        // The night in which summer time ends in Berlin has an hour more.
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let evening = "2026-10-24T18:00:00Z".parse::<Timestamp>().unwrap();
        let evening = evening.as_millisecond() as Millis;
        let noon = next(Time::constant(12, 0, 0, 0), evening, zone).unwrap();
        assert_eq!(noon - evening, 17 * 60 * MINUTE);
    }
}
