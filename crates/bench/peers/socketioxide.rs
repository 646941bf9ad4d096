//! socketioxide on axum: Socket.IO's protocol and rooms in Rust.
//!
//! `bench-socketioxide PORT`, at `ws://127.0.0.1:PORT/socket.io/?EIO=4&transport=websocket&room={room}`. A message is the
//! event `message` with one string.

use std::error::Error;
use std::sync::Arc;

use axum::Router;
use axum::serve::ListenerExt as _;
use socketioxide::extract::{Data, SocketRef};
use socketioxide::{SocketIo, TransportType};
use tokio::net::TcpListener;

// One thread, since there is one core.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let port: u16 = std::env::args()
        .nth(1)
        .ok_or("usage: bench-socketioxide PORT")?
        .parse()?;
    let (layer, io) = SocketIo::builder()
        .transports([TransportType::Websocket])
        .build_layer();
    io.ns("/", on_connect);
    let app = Router::new().layer(layer);
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    // What cannot be set is a connection that is gone.
    let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap_or_default());
    axum::serve(listener, app).await?;
    Ok(())
}

/// The room is the query's, and never changes.
async fn on_connect(socket: SocketRef) {
    let query = socket.req_parts().uri.query().unwrap_or_default();
    let room = query.split('&').find_map(|part| part.strip_prefix("room="));
    let room: Arc<str> = room.unwrap_or_default().into();
    socket.join(room.to_string());
    socket.on(
        "message",
        move |socket: SocketRef, Data(text): Data<String>| {
            let room = room.to_string();
            async move {
                // Fails for members whose queue is full, which then miss it.
                let _ = socket.within(room).emit("message", &text).await;
            }
        },
    );
}
