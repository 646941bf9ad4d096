//! axum with a `tokio::sync::broadcast` channel for each room, as its chat example has it.
//!
//! `tablecast-bench axum --listen ADDRESS:PORT`; rooms are `ws://ADDRESS:PORT/ws/{room}`.
//!
//! Two settings are not in that example, and both make it faster: all that waits in the channel is written at once
//! (`feed`, then one `flush`), and the read buffer of a connection has 4 KiB, not the 128 KiB that axum reserves by
//! default.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{self, Receiver, Sender};

/// Messages that a member may be behind before it is cut off.
const CAPACITY: usize = 256;

/// Bytes.
const READ_BUFFER: usize = 4 * 1024;

type Rooms = Arc<Mutex<HashMap<String, Sender<Message>>>>;

pub(crate) fn app() -> Router {
    Router::new()
        .route("/ws/{room}", get(upgrade))
        .with_state(Rooms::default())
}

async fn upgrade(
    State(rooms): State<Rooms>,
    Path(room): Path<String>,
    upgrade: WebSocketUpgrade,
) -> Response {
    // Before the answer, so that whoever sees it misses nothing.
    let (sender, receiver) = {
        let mut rooms = rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = rooms
            .entry(room)
            .or_insert_with(|| broadcast::channel(CAPACITY).0);
        (sender.clone(), sender.subscribe())
    };
    upgrade
        .read_buffer_size(READ_BUFFER)
        .on_upgrade(|socket| member(socket, sender, receiver))
}

/// One member, until it leaves.
async fn member(socket: WebSocket, sender: Sender<Message>, receiver: Receiver<Message>) {
    let (sink, mut stream) = socket.split();
    let mut forward = tokio::spawn(forward(sink, receiver));
    let receive = async {
        while let Some(Ok(message)) = stream.next().await {
            if let Message::Text(_) = message {
                // Fails only without receivers, and ours lives.
                let _ = sender.send(message);
            }
        }
    };
    tokio::select! {
        () = receive => forward.abort(),
        _ = &mut forward => {}
    }
}

/// What the room says goes to the member, until it is gone or too far behind.
async fn forward(
    mut sink: impl futures_util::Sink<Message, Error = axum::Error> + Unpin,
    mut receiver: Receiver<Message>,
) -> Result<(), axum::Error> {
    loop {
        match receiver.recv().await {
            Ok(message) => sink.feed(message).await?,
            Err(RecvError::Closed | RecvError::Lagged(_)) => return Ok(()),
        }
        while let Ok(message) = receiver.try_recv() {
            sink.feed(message).await?;
        }
        sink.flush().await?;
    }
}
