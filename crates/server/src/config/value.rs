//! The values of options: how each is read, and the error if it is wrong.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::http::Uri;
use ipnet::IpNet;
use tablecast_http::origin::{Origin, OriginError};

use tablecast_sqlite::SqliteOptions;

use super::store::Store;

const UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// A duration as a whole number and a unit: `500ms`, `2s`, `10m`, `24h`, `7d`.
fn read_duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let (_, millis) = UNITS.iter().find(|(name, _)| *name == unit)?;
    let number: u64 = number.parse().ok()?;
    number.checked_mul(*millis).map(Duration::from_millis)
}

/// A duration as people write it: `24h` and `90s`, but `7d`.
pub(super) fn show_duration(duration: Duration) -> String {
    let millis = duration.as_millis() as u64;
    let fits = |(name, size): &&(&str, u64)| {
        // Durations below two days are shown in hours, as in the defaults.
        let least = if *name == "d" { 2 * size } else { *size };
        millis >= least && millis.is_multiple_of(*size)
    };
    match UNITS.iter().rev().find(fits) {
        Some((name, size)) => format!("{}{name}", millis / size),
        None => "0s".to_owned(),
    }
}

/// Reads a duration from `least` to `most`.
pub(super) fn duration(
    least: Duration,
    most: Duration,
) -> impl Fn(&str) -> Result<Duration, String> + Clone + Send + Sync + 'static {
    move |text| match read_duration(text) {
        Some(duration) if (least..=most).contains(&duration) => Ok(duration),
        _ => Err(format!(
            "expected a duration from {} to {}, as a whole number and ms, s, m, h or d, such as 500ms, 2s or 10m",
            show_duration(least),
            show_duration(most)
        )),
    }
}

/// As [`duration`]; a bare number means seconds, as the option's name says.
pub(super) fn seconds(
    least: Duration,
    most: Duration,
) -> impl Fn(&str) -> Result<Duration, String> + Clone + Send + Sync + 'static {
    let read = duration(least, most);
    move |text| {
        let bare = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if bare {
            read(&format!("{text}s"))
        } else {
            read(text)
        }
    }
}

/// Reads a whole number from `least` to `most`.
pub(super) fn whole(
    least: usize,
    most: usize,
) -> impl Fn(&str) -> Result<usize, String> + Clone + Send + Sync + 'static {
    move |text| match text.parse() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(format!("expected a whole number from {least} to {most}")),
    }
}

/// Reads a rate: 0 switches the limit off.
pub(super) fn rate(text: &str) -> Result<f64, String> {
    // f64 reads "inf", "nan" and "1e3" too: the first two are out of range.
    match text.parse::<f64>() {
        Ok(0.0) => Ok(0.0),
        Ok(rate) if (0.001..=1_000_000.0).contains(&rate) => Ok(rate),
        _ => Err("expected a number from 0.001 to 1000000, or 0 for no limit".to_owned()),
    }
}

/// Reads how many are allowed at once.
pub(super) fn at_once(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(number @ 1..=1_000_000) => Ok(number),
        _ => Err("expected a whole number from 1 to 1000000".to_owned()),
    }
}

/// Reads where to listen.
pub(super) fn listen(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        "expected ADDRESS:PORT, such as 127.0.0.1:8000, 0.0.0.0:80 or [::]:8000; port 0 takes any free one".to_owned()
    })
}

/// Where plain HTTP leads to https.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HttpListen {
    Off,
    At(SocketAddr),
}

/// Reads where plain HTTP leads to https.
pub(super) fn http_listen(text: &str) -> Result<HttpListen, String> {
    match text {
        "off" => Ok(HttpListen::Off),
        _ => match listen(text) {
            Ok(address) => Ok(HttpListen::At(address)),
            Err(error) => Err(format!("{error}; or `off`")),
        },
    }
}

/// Reads a name of the site; blanks around it are allowed, as in a list.
pub(super) fn domain(text: &str) -> Result<String, String> {
    let name = text.trim().trim_end_matches('.').to_ascii_lowercase();
    let is_label = |label: &str| {
        let bytes = label.as_bytes();
        (1..=63).contains(&bytes.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && bytes
                .iter()
                .all(|b| b.is_ascii_alphanumeric() || *b == b'-')
    };
    let is_name = name.len() <= 253 && name.split('.').all(is_label);
    if is_name && name.parse::<IpAddr>().is_err() {
        return Ok(name);
    }
    Err("expected the full name of a site, such as lunch.example (xn--… if it has other letters); no address, no port and no *".to_owned())
}

/// Reads a mail address.
pub(super) fn contact(text: &str) -> Result<String, String> {
    let address = text.strip_prefix("mailto:").unwrap_or(text);
    let is_one = |(name, host): (&str, &str)| !name.is_empty() && domain(host).is_ok();
    let is_plain = address.bytes().all(|b| b.is_ascii_graphic() && b != b',');
    match address.rsplit_once('@').is_some_and(is_one) && is_plain {
        true => Ok(address.to_owned()),
        false => Err("expected a mail address, such as me@lunch.example".to_owned()),
    }
}

/// Reads the URL of an ACME directory.
pub(super) fn directory(text: &str) -> Result<String, String> {
    let url = text.parse::<Uri>().ok();
    let is_one = |url: &Uri| url.scheme_str() == Some("https") && url.host().is_some();
    match url.is_some_and(|url| is_one(&url)) {
        true => Ok(text.to_owned()),
        false => Err("expected https://HOST/PATH, the directory of an ACME server".to_owned()),
    }
}

/// Reads where rooms live. What is wrong behind the scheme the backend says.
pub(super) fn store(text: &str) -> Result<Store, String> {
    const SCHEMES: [&str; 5] = [
        "redis",
        "rediss",
        "redis+unix",
        "redis-cluster",
        "rediss-cluster",
    ];
    if let Some(path) = text.strip_prefix("sqlite:") {
        let options = path.parse::<SqliteOptions>();
        return options
            .map(Store::Sqlite)
            .map_err(|error| error.to_string());
    }
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    match scheme {
        _ if text == "memory" => Ok(Store::Memory),
        Some(scheme) if SCHEMES.contains(&scheme) => Ok(Store::Redis(text.to_owned())),
        _ => Err("expected sqlite:PATH, memory, redis://HOST:PORT, rediss://HOST:PORT, redis+unix:///PATH, redis-cluster://HOST:PORT,HOST:PORT or rediss-cluster://HOST:PORT,HOST:PORT".to_owned()),
    }
}

/// Reads the origin of a page; blanks around it are allowed, as in a list.
pub(super) fn origin(text: &str) -> Result<Origin, OriginError> {
    text.trim().parse()
}

/// Reads the name of a host, without a port; blanks around it are allowed, as in a list.
pub(super) fn host(text: &str) -> Result<String, String> {
    let name = text.trim().to_ascii_lowercase();
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    match name.bytes().all(is_part) && !name.is_empty() {
        true => Ok(name),
        false => {
            Err("expected the name of a host without a port, such as tables.internal".to_owned())
        }
    }
}

/// Reads a proxy's address, or a network; blanks around it are allowed, as in a list.
pub(super) fn network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    let address = text.parse::<IpAddr>().map(IpNet::from);
    address.or_else(|_| text.parse()).map_err(|_| {
        "expected an IP address or a network, such as 10.0.0.1, 10.0.0.0/8 or fd00::/8".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_whole_number_and_a_unit() {
        for (text, millis) in [
            ("500ms", 500),
            ("2s", 2000),
            ("10m", 600_000),
            ("24h", 86_400_000),
            ("7d", 604_800_000),
        ] {
            assert_eq!(
                read_duration(text),
                Some(Duration::from_millis(millis)),
                "{text}"
            );
            assert_eq!(
                show_duration(Duration::from_millis(millis))
                    .parse::<String>()
                    .as_deref(),
                Ok(text)
            );
        }
        for bad in [
            "",
            "s",
            "5",
            "-1s",
            "1.5s",
            " 1s",
            "1 s",
            "1S",
            "1sec",
            "٣s",
            "99999999999999999999s",
            "18446744073709551615d",
            "1s2m",
        ] {
            assert_eq!(read_duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_wrong_value_is_told_what_is_allowed() {
        let second = Duration::from_secs(1);
        let said = duration(second, second * 60)("2h");
        assert!(said.is_err_and(|text| text.contains("from 1s to 1m")));
        assert!(duration(second, second * 60)("60s").is_ok());
        assert!(seconds(second, second * 60)("5").is_ok_and(|read| read == second * 5));
        assert!(seconds(second, second * 60)("").is_err());
        assert!(whole(1, 10)("0").is_err_and(|text| text.contains("from 1 to 10")));
        for bad in ["-1", "NaN", "inf", "1e9", "x", ""] {
            assert!(rate(bad).is_err(), "{bad}");
        }
        assert_eq!(rate("0"), Ok(0.0));
        assert_eq!(rate("0.5"), Ok(0.5));
        for bad in [
            "localhost",
            ":8000",
            "127.0.0.1",
            "127.0.0.1:65536",
            "http://127.0.0.1:1",
        ] {
            assert!(listen(bad).is_err(), "{bad}");
        }
        for bad in [
            "disk",
            "sqlite",
            "sqlite:",
            "sqlite:a.db?sync=off",
            "redis",
            "redis:",
            "http://x",
            "Memory",
        ] {
            assert!(store(bad).is_err(), "{bad}");
        }
        for bad in ["", "10.0.0.0/33", "proxy", "10.0.0.256"] {
            assert!(network(bad).is_err(), "{bad}");
        }
        for bad in [
            "",
            "*.lunch.example",
            "lunch.example:443",
            "https://lunch.example",
            "127.0.0.1",
            "점심.example",
            "-a.example",
        ] {
            assert!(domain(bad).is_err(), "{bad}");
        }
        assert_eq!(domain(" Lunch.Example. ").as_deref(), Ok("lunch.example"));
        for bad in ["", "me", "@a.example", "me@", "a@a.example,b@b.example"] {
            assert!(contact(bad).is_err(), "{bad}");
        }
        for bad in ["", "http://acme.example/", "acme.example", "https:///x"] {
            assert!(directory(bad).is_err(), "{bad}");
        }
        assert!(http_listen("of").is_err_and(|said| said.contains("`off`")));
    }
}
