//! How an address is listened on.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::{TcpListener, TcpSocket};

/// How many connections may wait to be accepted; the kernel's own limit
/// (`net.core.somaxconn`) is 4096 by default.
const BACKLOG: u32 = 4096;

/// Listens on an address. Must be called in a tokio runtime.
///
/// # Errors
/// The system does not allow it.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let all_of_ipv4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port()));
    let (socket, address) = match address {
        SocketAddr::V4(_) => (TcpSocket::new_v4()?, address),
        SocketAddr::V6(_) => match TcpSocket::new_v6() {
            // All addresses of a machine without IPv6 are those of IPv4.
            Err(_) if address.ip().is_unspecified() => (TcpSocket::new_v4()?, all_of_ipv4),
            made => (made?, address),
        },
    };
    // So that a server can start again while old connections are in TIME_WAIT.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// The address at which this machine reaches a server that listens on this one: nobody can
/// connect to 0.0.0.0.
pub fn reachable(address: SocketAddr) -> SocketAddr {
    let host = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(host, address.port())
}
