//! What is behind a WebSocket handshake on the accept loop.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::Response;
use axum::routing::get;
use tablecast::ConnectionConfig;
use tablecast::upgrade::Upgrade;
use tablecast_http::{HeadGuard, Site};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

struct Plain;

impl Site for Plain {}

async fn join(upgrade: Upgrade) -> Response {
    let upgrade = upgrade.over::<HeadGuard>();
    upgrade.accept(ConnectionConfig::default(), |connection| async move {
        let _ = connection.send("at once");
        // Nobody waits for the connection, so nothing is written but by who sends.
        std::future::pending().await
    })
}

#[tokio::test]
async fn whoever_sends_writes_to_the_tcp_stream_itself() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/", get(join));
    let stop = CancellationToken::new();
    tokio::spawn(tablecast_http::serve(
        listener,
        router,
        Arc::new(Plain),
        stop,
    ));

    let mut client = TcpStream::connect(address).await.unwrap();
    let handshake = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    client.write_all(handshake.as_bytes()).await.unwrap();
    let frame = b"\x81\x07at once";
    let mut heard = Vec::new();
    let hears = async {
        while !heard.ends_with(frame) {
            assert_ne!(client.read_buf(&mut heard).await.unwrap(), 0, "{heard:?}");
        }
    };
    tokio::time::timeout(Duration::from_secs(60), hears)
        .await
        .unwrap();
}
