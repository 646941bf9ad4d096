//! Whose request it is: the peer's address, or what a trusted proxy says.

use std::net::{IpAddr, SocketAddr};
use std::sync::Once;

use axum::http::HeaderMap;
use ipnet::IpNet;

/// The address at the other end of the TCP connection; an extension of each
/// request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The client's address. Each proxy appends the address it was called from to
/// X-Forwarded-For, so the list is believed from its end, for as long as the
/// addresses are those of trusted proxies.
pub(crate) fn address(peer: Peer, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let mut address = peer.0.to_canonical();
    let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
    if !headers.contains_key(FORWARDED_FOR) {
        return address;
    }
    if !is_trusted(&address) {
        hint(address);
        return address;
    }
    let lines: Vec<_> = headers.get_all(FORWARDED_FOR).iter().collect();
    let lines = lines.into_iter().rev();
    for entry in lines.flat_map(|line| line.to_str().unwrap_or("unreadable").rsplit(',')) {
        let Some(entry) = parse(entry.trim()) else {
            break;
        };
        address = entry.to_canonical();
        if !is_trusted(&address) {
            break;
        }
    }
    address
}

/// An entry of the list; some proxies add the port.
fn parse(entry: &str) -> Option<IpAddr> {
    let with_port = || entry.parse::<SocketAddr>().map(|address| address.ip());
    entry.parse().or_else(|_| with_port()).ok()
}

/// An operator who forgot to name the proxy sees all clients as one. Once, since
/// anybody can send this header.
fn hint(peer: IpAddr) {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        tracing::warn!(
            "X-Forwarded-For from {peer} is ignored; if that is your proxy, name it with --trusted-proxy"
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
        address(Peer(peer.parse().unwrap()), &headers, &trusted).to_string()
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
        ] {
            assert_eq!(seen(peer, lines), expected, "{peer} {lines:?}");
        }
    }
}
