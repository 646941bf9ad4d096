//! Ports for servers.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};

use tokio::net::TcpSocket;

/// A port for a server to listen at on loopback, now or later, once or again.
///
/// It is held until this process ends: meanwhile the system gives it to nobody who
/// asks for any port, be it to listen or to connect. Whoever asks for this very port
/// gets it, since servers may take over an address of which nobody listens
/// (`SO_REUSEADDR`).
///
/// # Panics
/// If there is none.
pub fn free_port() -> u16 {
    static HELD: Mutex<Vec<TcpSocket>> = Mutex::new(Vec::new());
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_reuseaddr(true).expect("an address to share");
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    socket.bind(any).expect("a free port");
    let port = socket.local_addr().expect("its address").port();
    HELD.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(socket);
    port
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_free_port_is_held_for_servers_alone() {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        for _ in 0..2 {
            let is_held = || {
                let other = TcpSocket::new_v4().unwrap();
                other.bind(address).is_err()
            };
            assert!(is_held(), "before and after a server listens");
            // As all servers do, it asks to take an address over.
            drop(TcpListener::bind(address).unwrap());
        }
    }
}
