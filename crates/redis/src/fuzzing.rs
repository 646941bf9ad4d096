//! A server in the same thread in place of one behind a socket.

use std::cell::RefCell;
use std::io;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, ConnectionInfo, RedisResult};
use tokio::io::DuplexStream;

/// A new connection to the server.
type Connect = Box<dyn FnMut() -> io::Result<DuplexStream>>;

thread_local! {
    static SERVER: RefCell<Option<Connect>> = const { RefCell::new(None) };
}

/// From now on each connection that a backend makes in this thread leads to this server.
pub fn serve(connect: impl FnMut() -> io::Result<DuplexStream> + 'static) {
    SERVER.set(Some(Box::new(connect)));
}

/// A connection to this thread's server, if it has one.
pub(crate) fn connect() -> Option<io::Result<DuplexStream>> {
    SERVER.with_borrow_mut(|server| server.as_mut().map(|connect| connect()))
}

/// What redis-rs does with a socket, and within the same time.
pub(crate) async fn over(
    stream: DuplexStream,
    info: &ConnectionInfo,
    config: AsyncConnectionConfig,
    limit: Duration,
) -> RedisResult<MultiplexedConnection> {
    let made = MultiplexedConnection::new_with_config(info.redis_settings(), stream, config);
    let made = tokio::time::timeout(limit, made).await;
    let (commands, driver) = made.map_err(io::Error::from)??;
    tokio::spawn(driver);
    Ok(commands)
}
