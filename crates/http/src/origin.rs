//! Which web pages may connect. A browser lets any page open a WebSocket anywhere, and
//! sends the page's origin with the handshake, so the server must refuse.

use std::fmt;
use std::str::FromStr;

use axum::http::header::{HOST, HeaderMap, ORIGIN};
use axum::http::uri::{Authority, Uri};

/// The origin of a page: scheme, host and port, compared exactly. The scheme may be `https`
/// or that of an app, such as `capacitor` or `chrome-extension`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    scheme: String,
    host: String,
    /// `None`: the scheme has no port, or none was given and none is implied.
    port: Option<u16>,
}

/// As browsers write it: without the port that the scheme implies.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Origin { scheme, host, port } = self;
        match port.filter(|port| default_port(scheme) != Some(*port)) {
            None => write!(f, "{scheme}://{host}"),
            Some(port) => write!(f, "{scheme}://{host}:{port}"),
        }
    }
}

/// What is wrong with an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OriginError;

impl fmt::Display for OriginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected the scheme of a page, a host and perhaps a port, without a slash at the end, such as https://lunch.example, http://localhost:3000, capacitor://localhost or chrome-extension://ID")
    }
}

impl std::error::Error for OriginError {}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

/// Schemes that no origin has: no page has them, or its origin is `null`. An operator who
/// lists one has made a mistake.
const NO_PAGES: [&str; 8] = [
    "ws",
    "wss",
    "ftp",
    "file",
    "data",
    "blob",
    "about",
    "javascript",
];

/// Whether this can be the scheme of a page (RFC 3986, 3.1), in lower case.
fn is_scheme(scheme: &str) -> bool {
    let further = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b);
    scheme.starts_with(|c: char| c.is_ascii_lowercase())
        && scheme.bytes().all(further)
        && !NO_PAGES.contains(&scheme)
}

/// The longest host there is: a name of the DNS (RFC 1035, 3.1), as text.
const MAX_HOST_BYTES: usize = 253;

/// Host and port, without a user; the port must be valid.
fn host_and_port(authority: &str, default: Option<u16>) -> Option<(String, Option<u16>)> {
    let authority: Authority = authority.parse().ok()?;
    let host = authority.host();
    let port = match authority.as_str().strip_prefix(host)? {
        "" => default,
        port => Some(port.strip_prefix(':')?.parse().ok()?),
    };
    (1..=MAX_HOST_BYTES)
        .contains(&host.len())
        .then(|| (host.to_ascii_lowercase(), port))
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let (scheme, authority) = text.split_once("://").ok_or(OriginError)?;
        let scheme = scheme.to_ascii_lowercase();
        // A path, a query or a wildcard would be ignored, but its author expects it to count.
        let is_more = authority.contains(['/', '?', '#', '*', '@']);
        if !is_scheme(&scheme) || is_more || text.parse::<Uri>().is_err() {
            return Err(OriginError);
        }
        let (host, port) = host_and_port(authority, default_port(&scheme)).ok_or(OriginError)?;
        Ok(Origin { scheme, host, port })
    }
}

/// The origin that a request comes from, if it names one.
pub(crate) fn of(headers: &HeaderMap) -> Option<Origin> {
    let mut origins = headers.get_all(ORIGIN).iter();
    let (origin, more) = (origins.next()?, origins.next());
    origin
        .to_str()
        .ok()
        .filter(|_| more.is_none())?
        .parse()
        .ok()
}

/// Whether a request's origin may connect. A request without an origin may: it is not from
/// a browser, and could claim any origin.
pub fn is_allowed(headers: &HeaderMap, listed: &[Origin]) -> bool {
    !headers.contains_key(ORIGIN)
        || of(headers).is_some_and(|origin| is_trusted(&origin, headers, listed))
}

/// Whether pages of this origin are the server's own, or listed.
pub fn is_trusted(origin: &Origin, headers: &HeaderMap, listed: &[Origin]) -> bool {
    listed.contains(origin) || is_own(origin, headers)
}

/// Whether the origin is this server's own. The scheme is not compared: behind a proxy that
/// ends TLS the page is https, and the server does not know that.
fn is_own(origin: &Origin, headers: &HeaderMap) -> bool {
    let default = default_port(&origin.scheme);
    if default.is_none() {
        return false;
    }
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let own = host.and_then(|host| host_and_port(host, default));
    own.is_some_and(|(host, port)| host == origin.host && port == origin.port)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn allowed(host: &str, origin: &str, listed: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().unwrap());
        headers.insert(ORIGIN, origin.parse().unwrap());
        let listed: Vec<Origin> = listed.iter().map(|text| text.parse().unwrap()).collect();
        is_allowed(&headers, &listed)
    }

    #[test]
    fn the_servers_own_pages_may_connect_and_foreign_ones_may_not() {
        for (host, origin, expected) in [
            ("good.com", "https://good.com", true),
            ("good.com", "http://good.com", true),
            ("good.com:443", "https://good.com", true),
            ("good.com", "https://good.com:443", true),
            ("GOOD.com", "https://good.COM", true),
            ("127.0.0.1:8000", "http://127.0.0.1:8000", true),
            ("[::1]:8000", "http://[::1]:8000", true),
            ("good.com:8000", "http://good.com", false),
            ("good.com", "http://good.com:8000", false),
            ("good.com", "https://good.com.evil", false),
            ("good.com", "https://evil-good.com", false),
            ("good.com", "https://good.com@evil.com", false),
            ("good.com", "https://evil.com", false),
            ("good.com", "https://good.com/", false),
            ("good.com", "null", false),
            ("good.com", "", false),
            ("good.com", "*", false),
            ("good.com", "file://good.com", false),
            ("good.com", "https://good.com https://good.com", false),
            ("good.com", "good.com", false),
        ] {
            assert_eq!(allowed(host, origin, &[]), expected, "{origin} at {host}");
        }
    }

    #[test]
    fn a_listed_origin_is_compared_exactly_with_its_scheme() {
        let listed = ["https://lunch.example", "http://localhost:3000"];
        assert!(allowed("x", "https://lunch.example", &listed));
        assert!(allowed("x", "https://lunch.example:443", &listed));
        assert!(allowed("x", "http://localhost:3000", &listed));
        assert!(!allowed("x", "http://lunch.example", &listed));
        assert!(!allowed("x", "https://sub.lunch.example", &listed));
        assert!(!allowed("x", "http://localhost", &listed));
    }

    #[test]
    fn the_pages_of_apps_can_be_listed() {
        for app in [
            "capacitor://localhost",
            "ionic://localhost",
            "tauri://localhost",
            "chrome-extension://aapbdbdomjkkjkaonfhkkikfgjllcleb",
            "moz-extension://8f5b0a3e-9d1c-4b7e-9a63-2f0d5c1e7b42",
            "safari-web-extension://9C6F3E0A-1D2B-4C5D-8E7F-0A1B2C3D4E5F",
            "app://obsidian.md",
            "app://lunch:8080",
        ] {
            assert!(allowed("good.com", app, &[app]), "{app}");
            assert!(!allowed("good.com", app, &["https://good.com"]), "{app}");
            let listed: Origin = app.parse().unwrap();
            assert!(listed.to_string().eq_ignore_ascii_case(app), "{listed}");
        }
        let capacitor = ["capacitor://localhost"];
        for other in [
            "capacitor://localhost:8080",
            "capacitor://other",
            "tauri://localhost",
            "http://localhost",
        ] {
            assert!(!allowed("good.com", other, &capacitor), "{other}");
        }
        // An app's scheme is never that of the server.
        assert!(!allowed("localhost", "capacitor://localhost", &[]));
    }

    #[test]
    fn no_origin_is_allowed_and_two_are_not() {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, "good.com".parse().unwrap());
        assert!(is_allowed(&headers, &[]));
        headers.append(ORIGIN, "https://good.com".parse().unwrap());
        headers.append(ORIGIN, "https://good.com".parse().unwrap());
        assert!(!is_allowed(&headers, &[]));
    }

    #[test]
    fn what_is_no_origin_cannot_be_listed() {
        for bad in [
            "lunch.example",
            "https://",
            "https://a/",
            "https://a/b",
            "https://*.a",
            "ftp://a",
            "https://a:b",
            "https://a:65536",
            "https://a:",
            "https://u@a",
            "null",
            "",
            "https://a b",
            "wss://lunch.example",
            "file://a",
            "1app://a",
            "a_b://a",
            "://a",
            "capacitor://",
            "capacitor://localhost/",
            "app://*",
        ] {
            assert!(bad.parse::<Origin>().is_err(), "{bad}");
        }
    }
}
