//! Ports for servers that cannot say at which one they listen.

use std::io;
use std::mem;
use std::net::{Ipv4Addr, SocketAddr};

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
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    let address = socket.local_addr()?.as_socket();
    mem::forget(socket);
    let address = address.ok_or(io::ErrorKind::AddrNotAvailable)?;
    Ok(address.port())
}
