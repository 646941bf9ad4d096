//! socketioxide on axum: Socket.IO's protocol and rooms in Rust.
//!
//! `tablecast-bench socketioxide --listen ADDRESS:PORT`, at
//! `ws://ADDRESS:PORT/socket.io/?EIO=4&transport=websocket&room={room}`. A message is the event `message` with one
//! string.

use std::sync::Arc;

use axum::Router;
use socketioxide::extract::{Data, SocketRef};
use socketioxide::{SocketIo, TransportType};

pub(crate) fn app() -> Router {
    let (layer, io) = SocketIo::builder()
        .transports([TransportType::Websocket])
        .build_layer();
    io.ns("/", on_connect);
    Router::new().layer(layer)
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
