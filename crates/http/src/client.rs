//! Whose request it is: the peer's address, or what a trusted proxy says.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Once;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use ipnet::IpNet;

use crate::problem::Problem;

/// The address that a request comes from. [`serve`](crate::serve) adds it to each request,
/// and a handler takes it as an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client(pub IpAddr);

impl<S: Send + Sync> FromRequestParts<S> for Client {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get().copied().ok_or_else(|| {
            tracing::error!("a request came without its client's address: it was not accepted by tablecast_http::serve");
            Problem::internal("the client's address is not known")
        })
    }
}

const FORWARDED_FOR: &str = "x-forwarded-for";

impl Client {
    /// The address of a request that came from this peer. Each proxy appends the address of
    /// its own client to X-Forwarded-For. So the list is trusted from its end, as long as
    /// the addresses are those of trusted proxies and can be parsed. `Forwarded` (RFC 7239)
    /// is not read: a proxy that writes only one of the two headers passes on the other as
    /// the client sent it.
    pub fn of(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> Self {
        let mut address = peer.to_canonical();
        if !headers.contains_key(FORWARDED_FOR) {
            return Client(address);
        }
        if !is_trusted(address, trusted) {
            hint(address);
            return Client(address);
        }
        let lines: Vec<_> = headers.get_all(FORWARDED_FOR).iter().collect();
        let lines = lines.into_iter().rev();
        let entries = lines.flat_map(|line| line.to_str().unwrap_or("unreadable").rsplit(','));
        // A list may have empty elements (RFC 9110, 5.6.1).
        for entry in entries.map(str::trim).filter(|entry| !entry.is_empty()) {
            let Some(said) = parse(entry) else {
                not_understood(entry, address);
                break;
            };
            address = said.to_canonical();
            if !is_trusted(address, trusted) {
                break;
            }
        }
        Client(address)
    }
}

/// Whether this address may say the addresses of others.
pub fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    let address = address.to_canonical();
    trusted.iter().any(|net| net.contains(&address))
}

/// An entry of the list: an address. Some proxies add the port, put an IPv6 address in
/// brackets (with or without a port), add its zone, or quote the entry, as RFC 7239 does.
fn parse(entry: &str) -> Option<IpAddr> {
    let entry = match entry.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"')?.trim(),
        None => entry,
    };
    if let Some(rest) = entry.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        let is_port = |port: &str| port.parse::<u16>().is_ok();
        let is_over = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return ipv6(address).filter(|_| is_over);
    }
    let with_port = || entry.parse::<SocketAddr>().map(|address| address.ip());
    let address = entry.parse().or_else(|_| with_port());
    address.ok().or_else(|| ipv6(entry))
}

/// An IPv6 address. Its zone (RFC 4007, 11) has no meaning here.
fn ipv6(text: &str) -> Option<IpAddr> {
    let (address, _zone) = text.split_once('%').unwrap_or((text, ""));
    address.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
}

/// Warns that all clients behind such a proxy share one set of rates. Once, as below.
fn not_understood(entry: &str, hop: IpAddr) {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        let entry: String = entry.chars().take(60).collect();
        tracing::warn!(
            "X-Forwarded-For has {entry:?}, which is no IP address; its clients are counted as {hop}"
        );
    });
}

/// Warns an operator who forgot to name the proxy: all its clients count as one. Only once,
/// because anybody can send this header.
fn hint(peer: IpAddr) {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        tracing::warn!(
            "X-Forwarded-For from {peer} is ignored; if that is your proxy, name it as a trusted one (--trusted-proxy)"
        );
    });
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn seen(peer: &str, lines: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, line.parse().unwrap());
        }
        let trusted = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        Client::of(peer.parse().unwrap(), &headers, &trusted)
            .0
            .to_string()
    }

    #[test]
    fn x_forwarded_for_is_believed_from_trusted_proxies_alone() {
        for (peer, lines, expected) in [
            ("192.0.2.1", &["198.51.100.1"][..], "192.0.2.1"),
            ("10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["1.1.1.1, 198.51.100.1"], "198.51.100.1"),
            (
                "10.0.0.1",
                &["1.1.1.1, 198.51.100.1, 10.0.0.2"],
                "198.51.100.1",
            ),
            (
                "10.0.0.1",
                &["1.1.1.1", "198.51.100.1", "10.0.0.2"],
                "198.51.100.1",
            ),
            ("10.0.0.1", &["198.51.100.1:4711"], "198.51.100.1"),
            ("fd00::1", &["[2001:db8::1]:80"], "2001:db8::1"),
            ("::ffff:10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &[""], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.1, unknown"], "10.0.0.1"),
            ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            ("10.0.0.1", &["198.51.100.1, , 10.0.0.2,"], "198.51.100.1"),
            ("10.0.0.1", &["198.51.100.1, unknown, 10.0.0.2"], "10.0.0.2"),
        ] {
            assert_eq!(seen(peer, lines), expected, "{peer} {lines:?}");
        }
    }

    #[test]
    fn an_address_is_understood_however_a_proxy_writes_it() {
        for (entry, expected) in [
            ("198.51.100.1", "198.51.100.1"),
            ("198.51.100.1:4711", "198.51.100.1"),
            ("\"198.51.100.1\"", "198.51.100.1"),
            ("\"198.51.100.1:4711\"", "198.51.100.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("\"[2001:db8::1]\"", "2001:db8::1"),
            ("\"[2001:db8::1]:4711\"", "2001:db8::1"),
            ("\"2001:db8::1\"", "2001:db8::1"),
            ("[::ffff:198.51.100.1]:80", "198.51.100.1"),
            ("fe80::1%eth0", "fe80::1"),
            ("[fe80::1%25eth0]:80", "fe80::1"),
        ] {
            assert_eq!(seen("10.0.0.1", &[entry]), expected, "{entry}");
        }
        for bad in [
            "unknown",
            "_hidden",
            "[2001:db8::1",
            "2001:db8::1]",
            "[2001:db8::1]x",
            "[2001:db8::1]:99999",
            "[198.51.100.1]",
            "\"198.51.100.1",
            "198.51.100.1:",
            "198.51.100.1:http",
            "198.51.100",
            "for=198.51.100.1",
        ] {
            let list = format!("198.51.100.9, {bad}, 10.0.0.2");
            assert_eq!(seen("10.0.0.1", &[&list]), "10.0.0.2", "{bad}");
        }
    }
}
