//! Ports for servers that cannot say at which one they listen.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};

use socket2::{Domain, Socket, Type};

/// A port of loopback for a server.
///
/// It is held until this process ends: meanwhile the system gives it to nobody who asks
/// for any port. Whoever asks for this very one gets it, since servers may take over an
/// address of which nobody listens (`SO_REUSEADDR`).
///
/// # Errors
///
/// There is none.
pub fn free() -> io::Result<u16> {
    static HELD: Mutex<Vec<Socket>> = Mutex::new(Vec::new());
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    let address = socket.local_addr()?.as_socket();
    HELD.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(socket);
    address
        .map(|address| address.port())
        .ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
}
