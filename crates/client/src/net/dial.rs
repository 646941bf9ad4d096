//! A TCP connection to a name.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long an address is waited for alone (RFC 8305, 8: "Connection Attempt Delay").
const ALONE: Duration = Duration::from_millis(250);

/// Connects to this name, or to this address. Of a name's addresses the first one that answers is
/// taken: each is tried as soon as the one before has failed, or has not answered for a quarter of a
/// second, and that one is still waited for. Otherwise an address at which packets vanish, as IPv6
/// is where a network is set up by half, would hold up the others for minutes.
///
/// # Errors
/// The name has no address, or none answers: the reason of the last one.
pub async fn dial(host: &str, port: u16) -> io::Result<TcpStream> {
    first(lookup_host((host, port)).await?).await
}

async fn first(addresses: impl IntoIterator<Item = SocketAddr>) -> io::Result<TcpStream> {
    let mut addresses = addresses.into_iter().fuse();
    let mut tries = JoinSet::new();
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    loop {
        let next = addresses.next();
        if let Some(address) = next {
            tries.spawn(TcpStream::connect(address));
        }
        let tried = match next {
            Some(_) => timeout(ALONE, tries.join_next()).await,
            None => Ok(tries.join_next().await),
        };
        match tried {
            Ok(Some(Ok(Ok(stream)))) => return Ok(stream),
            Ok(Some(Ok(Err(error)))) => failed = error,
            Ok(None) => return Err(failed),
            // A try has panicked, or its time alone is over.
            Ok(Some(Err(_))) | Err(_) => {}
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tokio::net::{TcpListener, TcpSocket};

    use super::*;

    /// Only a failing test waits so long.
    const DEADLINE: Duration = Duration::from_secs(60);

    /// Where packets vanish: a listener with as many connections as may wait there takes no more,
    /// and says nothing.
    async fn hole() -> (SocketAddr, impl Sized) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        let listener = socket.listen(0).unwrap();
        let at = listener.local_addr().unwrap();
        let waits = TcpStream::connect(at).await.unwrap();
        (at, (listener, waits))
    }

    #[tokio::test]
    async fn an_address_at_which_packets_vanish_holds_up_no_other() {
        let (hole, _full) = hole().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let there = listener.local_addr().unwrap();
        let found = timeout(DEADLINE, first([hole, hole, there])).await.unwrap();
        assert_eq!(found.unwrap().peer_addr().unwrap(), there);
    }

    #[tokio::test]
    async fn where_no_address_answers_the_last_reason_is_told() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let closed = listener.local_addr().unwrap();
        let open = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let open = (open.local_addr().unwrap(), open);
        drop(listener);
        assert_eq!(
            first([closed, open.0]).await.unwrap().peer_addr().unwrap(),
            open.0
        );
        let refused = first([closed]).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        let none = first([]).await.unwrap_err();
        assert_eq!(none.to_string(), "the name has no address");
    }
}
