//! Keeps out web pages of others: a browser of an operator reaches the address, too.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::header::{HOST, HeaderMap};
use axum::http::uri::Authority;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tablecast_http::{Problem, origin};

use super::Admin;
use crate::reason;

/// Refuses requests under a name that is not the server's: a page may let its own name lead to
/// this address (DNS rebinding), and then read every answer. And it refuses changes that a page
/// of another origin asks for.
pub(super) async fn check(
    State(Admin(admin)): State<Admin>,
    request: Request,
    next: Next,
) -> Response {
    let names = &admin.public.config.admin_hosts;
    let headers = request.headers();
    let refusal = match host(headers) {
        Some(host) if is_known(&host, names) => refuse_change(&request),
        host => Some(Problem::new(
            reason::FOREIGN_HOST,
            format!(
                "this address is asked for as {:?}, but only as localhost, by an IP address, or by a name of --admin-host",
                host.unwrap_or_default()
            ),
        )),
    };
    match refusal {
        Some(problem) => problem.into_response(),
        None => next.run(request).await,
    }
}

fn refuse_change(request: &Request) -> Option<Problem> {
    let changes = !request.method().is_safe();
    (changes && !origin::is_allowed(request.headers(), &[])).then(|| {
        let detail = "pages of other origins may change nothing here";
        Problem::new(reason::FOREIGN_ORIGIN, detail)
    })
}

/// The host of the request without its port: an operator may come through a tunnel.
fn host(headers: &HeaderMap) -> Option<String> {
    let host: Authority = headers.get(HOST)?.to_str().ok()?.parse().ok()?;
    Some(host.host().to_ascii_lowercase())
}

fn is_known(host: &str, names: &[String]) -> bool {
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let is_address = bare.unwrap_or(host).parse::<IpAddr>().is_ok();
    is_address || host == "localhost" || names.iter().any(|name| host == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_and_names_of_the_server_are_hosts() {
        let names = ["tables.internal".to_owned()];
        for (sent, known) in [
            ("localhost", true),
            ("LocalHost:9000", true),
            ("127.0.0.1:9000", true),
            ("10.1.2.3", true),
            ("[::1]:9000", true),
            ("tables.internal:80", true),
            ("evil.example", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example", false),
            ("tables.internal.evil.example", false),
            ("evil.example:9000", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            if let Ok(value) = sent.parse() {
                headers.insert(HOST, value);
            }
            let is_known = host(&headers).is_some_and(|host| is_known(&host, &names));
            assert_eq!(is_known, known, "{sent}");
        }
    }
}
