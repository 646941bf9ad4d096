//! Plain HTTP beside https: the way to https, and the answers to an ACME server that asks here
//! (HTTP-01).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_TYPE, HOST, LOCATION};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use parking_lot::Mutex;
use tablecast_http::tls::Tls;
use tablecast_http::{Problem, Site};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::reason;
use crate::status::healthz;

/// How long a first certificate may take, as it is told to who comes before that.
const SOON: Duration = Duration::from_secs(5);

pub(super) struct Redirect {
    pub(super) tls: Tls,
    pub(super) tokens: Tokens,
    /// The port of https, from outside.
    pub(super) port: u16,
}

/// What is answered to an ACME server: for each token its text. A clone shares them.
#[derive(Debug, Clone, Default)]
pub(super) struct Tokens(Arc<Mutex<HashMap<String, String>>>);

/// While it lives, a token is answered.
#[derive(Debug)]
pub(super) struct TokenGuard {
    tokens: Tokens,
    token: String,
}

impl Tokens {
    #[must_use]
    pub(super) fn answer(&self, token: &str, text: &str) -> TokenGuard {
        self.0.lock().insert(token.to_owned(), text.to_owned());
        TokenGuard {
            tokens: self.clone(),
            token: token.to_owned(),
        }
    }
}

impl Drop for TokenGuard {
    fn drop(&mut self) {
        self.tokens.0.lock().remove(&self.token);
    }
}

/// The defaults of the accept loop are right for it.
struct Plain;

impl Site for Plain {}

impl Redirect {
    pub(super) async fn serve(self, listener: TcpListener, stop: CancellationToken) {
        let router = Router::new()
            .route("/.well-known/acme-challenge/{token}", get(challenge))
            // So `tablecast check` knows whose port it is.
            .route("/healthz", get(healthz))
            .fallback(elsewhere)
            .with_state(Arc::new(self));
        tablecast_http::serve(listener, router, Arc::new(Plain), stop).await;
    }
}

async fn challenge(State(site): State<Arc<Redirect>>, Path(token): Path<String>) -> Response {
    let found = site.tokens.0.lock().get(&token).cloned();
    match found {
        Some(text) => ([(CONTENT_TYPE, "application/octet-stream")], text).into_response(),
        None => Problem::nothing_here().into_response(),
    }
}

/// The same path by https, at a name of this site.
async fn elsewhere(State(site): State<Arc<Redirect>>, uri: Uri, headers: HeaderMap) -> Response {
    if !site.tls.is_ready() {
        let detail = "there is no certificate for https yet; come back in a moment";
        return Problem::not_now(reason::UNAVAILABLE, detail, SOON).into_response();
    }
    let names = site.tls.status().domains;
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let Some(name) = host.and_then(|host| asked_name(host, &names)) else {
        return Problem::nothing_here().into_response();
    };
    // Of a request without a path, such as `OPTIONS *`, that is the site itself.
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let path = if path.starts_with('/') { path } else { "/" };
    let to = format!("https://{}{path}", authority(&name, site.port));
    (StatusCode::PERMANENT_REDIRECT, [(LOCATION, to)]).into_response()
}

/// The name that is asked for, if the certificate is for it; otherwise its first one. Nobody is
/// sent to a name that the site does not have.
fn asked_name(host: &str, names: &[String]) -> Option<String> {
    let host = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let host = host.to_ascii_lowercase();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_for_it = |name: &String| match name.strip_prefix("*.") {
        Some(domain) => bare
            .split_once('.')
            .is_some_and(|(label, rest)| is_label(label) && rest == domain),
        None => name == bare,
    };
    if names.iter().any(is_for_it) {
        return Some(bare.to_owned());
    }
    first_name(names).map(str::to_owned)
}

fn is_label(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// The first name that says one host.
pub(super) fn first_name(names: &[String]) -> Option<&str> {
    names
        .iter()
        .map(String::as_str)
        .find(|name| !name.starts_with("*."))
}

/// A host with a port, as in a URL of https.
pub(super) fn authority(name: &str, port: u16) -> String {
    let name = match name.contains(':') {
        true => format!("[{name}]"),
        false => name.to_owned(),
    };
    match port {
        443 => name,
        port => format!("{name}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_a_name_that_the_site_does_not_have() {
        let names = |names: &[&str]| -> Vec<String> {
            names.iter().map(|name| (*name).to_owned()).collect()
        };
        let two = names(&["lunch.example", "www.lunch.example"]);
        for (host, name) in [
            ("lunch.example", "lunch.example"),
            ("WWW.lunch.example:80", "www.lunch.example"),
            ("evil.example", "lunch.example"),
            ("203.0.113.1", "lunch.example"),
            ("lunch.example@evil.example", "lunch.example"),
            ("lunch.example.evil.example", "lunch.example"),
            ("", "lunch.example"),
        ] {
            assert_eq!(asked_name(host, &two).as_deref(), Some(name), "{host}");
        }
        let wild = names(&["*.lunch.example", "::1"]);
        for (host, name) in [
            ("a.lunch.example", "a.lunch.example"),
            ("[::1]:80", "::1"),
            ("a.b.lunch.example", "::1"),
            ("evil/.lunch.example", "::1"),
        ] {
            assert_eq!(asked_name(host, &wild).as_deref(), Some(name), "{host}");
        }
        assert_eq!(asked_name("x.example", &names(&["*.lunch.example"])), None);
    }

    #[test]
    fn the_usual_port_is_left_out() {
        assert_eq!(authority("lunch.example", 443), "lunch.example");
        assert_eq!(authority("lunch.example", 8443), "lunch.example:8443");
        assert_eq!(authority("::1", 8443), "[::1]:8443");
    }
}
