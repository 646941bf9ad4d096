//! The path under which a proxy serves the site: `/lunch` of `https://example.org/lunch/`.
//!
//! Pages do not need this, because they use only relative addresses. It is for addresses
//! that are given to programs, and for a proxy that passes the path on.

use std::fmt;
use std::str::FromStr;

use axum::extract::{Request, State};
use axum::http::header::LOCATION;
use axum::http::uri::{PathAndQuery, Uri};
use axum::http::{HeaderName, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// The longest path, in bytes. A QR code has room for it beside a host and an id.
const MAX_BYTES: usize = 128;

/// The first parts of the site's own addresses. A base path must not begin with one: a
/// request for it would be ambiguous.
const OWN: [&str; 11] = [
    "session",
    "ws",
    "sse",
    "r",
    "web",
    "docs",
    "openapi.json",
    "asyncapi.json",
    "healthz",
    "readyz",
    "metrics",
];

/// Empty, or parts that each begin with a slash, without a slash at the end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BasePath(String);

/// Written as a prefix of an address: empty, or `/lunch`.
impl fmt::Display for BasePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is wrong with a base path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BasePathError;

impl fmt::Display for BasePathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "expected / or a path such as /lunch: at most {MAX_BYTES} bytes of a-z A-Z 0-9 - . _ ~ in parts that begin with a slash, the first of them none of the server's own ({})",
            OWN.join(", ")
        )
    }
}

impl std::error::Error for BasePathError {}

impl FromStr for BasePath {
    type Err = BasePathError;

    /// A slash at the end makes no difference.
    fn from_str(text: &str) -> Result<Self, BasePathError> {
        let path = text.strip_suffix('/').unwrap_or(text);
        if text == "/" {
            return Ok(BasePath::default());
        }
        let parts = path.strip_prefix('/').ok_or(BasePathError)?;
        // Unreserved characters (RFC 3986, 2.3): no proxy or browser encodes them
        // differently.
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
        let is_part = |part: &str| !matches!(part, "" | "." | "..") && part.bytes().all(is_plain);
        let first = parts.split('/').next().unwrap_or_default();
        let fits = path.len() <= MAX_BYTES && !OWN.contains(&first);
        match fits && parts.split('/').all(is_part) {
            true => Ok(BasePath(path.to_owned())),
            false => Err(BasePathError),
        }
    }
}

/// How an address stands to a site below a path.
#[derive(Debug, PartialEq, Eq)]
enum Relation<'a> {
    /// Under it: the rest, with a slash in front.
    Below(&'a str),
    /// The path itself, without the slash at its end.
    Itself,
    /// Elsewhere: the proxy has removed the path, or there was none.
    Elsewhere,
}

impl BasePath {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn relation<'a>(&self, path: &'a str) -> Relation<'a> {
        match path.strip_prefix(&self.0) {
            Some("") => Relation::Itself,
            Some(rest) if rest.starts_with('/') => Relation::Below(rest),
            _ => Relation::Elsewhere,
        }
    }
}

/// Answers a request under the path like one without it: some proxies remove the path,
/// others do not.
pub(crate) async fn below(
    State(base): State<BasePath>,
    mut request: Request,
    next: Next,
) -> Response {
    match base.relation(request.uri().path()) {
        // Without the slash, the first page's relative addresses would miss the path's last part.
        Relation::Itself => return moved(request.uri(), "/"),
        Relation::Below(rest) => {
            if let Some(uri) = with_path(request.uri(), rest) {
                *request.uri_mut() = uri;
            }
        }
        Relation::Elsewhere => {}
    }
    next.run(request).await
}

fn with_path(uri: &Uri, path: &str) -> Option<Uri> {
    let query = uri.query().map(|query| format!("?{query}"));
    let all = format!("{path}{}", query.unwrap_or_default());
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(all).ok()?);
    Uri::from_parts(parts).ok()
}

/// Redirects to the other form of the same address, which ends with `end` in place of a
/// slash, or of nothing. The target is relative, so that it is right under any path, and
/// keeps the request's spelling, so that it never leads to another host.
pub(crate) fn moved(uri: &Uri, end: &str) -> Response {
    let bare = uri.path().strip_suffix('/');
    let last = bare.unwrap_or(uri.path()).rsplit('/').next();
    let up = if bare.is_some() { "../" } else { "./" };
    let query = uri.query().map(|query| format!("?{query}"));
    let (last, query) = (last.unwrap_or_default(), query.unwrap_or_default());
    let headers: [(HeaderName, String); 1] = [(LOCATION, format!("{up}{last}{end}{query}"))];
    (StatusCode::PERMANENT_REDIRECT, headers).into_response()
}

/// The relative path from an address to the first page: `./` from `/docs`, `../` from
/// `/r/a`. `None` if the address is deeper than any here.
pub(crate) fn way_up(path: &str) -> Option<String> {
    /// A page repeats the path for each file that it loads, so its length is limited.
    const DEEPEST: usize = 32;
    match path.matches('/').count().saturating_sub(1) {
        0 => Some("./".to_owned()),
        depth => (depth <= DEEPEST).then(|| "../".repeat(depth)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_base_path_is_plain_parts_and_none_of_the_servers_own() {
        for (text, path) in [
            ("/", ""),
            ("/lunch", "/lunch"),
            ("/lunch/", "/lunch"),
            ("/a/b-c_d.e~F9/", "/a/b-c_d.e~F9"),
            ("/a/ws", "/a/ws"),
        ] {
            assert_eq!(text.parse::<BasePath>().unwrap().to_string(), path);
        }
        let long = format!("/{}", "a".repeat(MAX_BYTES));
        for bad in [
            "",
            "lunch",
            "//",
            "/a//b",
            "/a/..",
            "/./a",
            "/a b",
            "/a%20b",
            "/a?b",
            "/a#b",
            "/점심",
            "/ws",
            "/r/a",
            "/docs/",
            &long,
            "http://h/a",
        ] {
            assert_eq!(bad.parse::<BasePath>(), Err(BasePathError), "{bad}");
        }
    }

    /// A new address must be added here, too.
    #[test]
    fn the_servers_own_addresses_are_those_of_its_routes() {
        let first = |path: &str| path.split('/').nth(1).unwrap_or_default().to_owned();
        let table = crate::routes::all();
        let firsts: std::collections::BTreeSet<_> = table.iter().map(|r| first(r.path)).collect();
        let own = OWN.map(str::to_owned).into_iter().chain([String::new()]);
        assert_eq!(firsts, own.collect());
    }

    #[test]
    fn an_address_below_is_told_from_one_beside() {
        let base: BasePath = "/lunch".parse().unwrap();
        for (path, place) in [
            ("/lunch", Relation::Itself),
            ("/lunch/", Relation::Below("/")),
            ("/lunch/r/a", Relation::Below("/r/a")),
            ("/lunchtime/r/a", Relation::Elsewhere),
            ("/r/a", Relation::Elsewhere),
        ] {
            assert_eq!(base.relation(path), place, "{path}");
        }
    }

    #[test]
    fn the_way_up_leads_to_the_first_page_from_any_depth() {
        assert_eq!(way_up("/").as_deref(), Some("./"));
        assert_eq!(way_up("/docs").as_deref(), Some("./"));
        assert_eq!(way_up("/docs/").as_deref(), Some("../"));
        assert_eq!(way_up("/a/b/c").as_deref(), Some("../../"));
        assert_eq!(way_up(&"/".repeat(100)), None);
    }
}
