//! Only the fan-out: every text goes unchanged to everybody in the room, including its
//! sender.
//!
//! `cargo run --release -p tablecast --example relay -- --listen 127.0.0.1:8000`;
//! rooms are `ws://127.0.0.1:8000/ws/{room}`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use axum::extract::{Path, State};
use axum::response::Response;
use axum::{Router, routing::get};
use tablecast::channel::{Channel, Subscription};
use tablecast::codec::Frame;
use tablecast::config::ConnectionConfig;
use tablecast::connection::{Connection, Message};
use tablecast::outbox::Outbox;
use tablecast::upgrade::Upgrade;

/// A room lives as long as somebody is in it.
type Rooms = Arc<Mutex<HashMap<String, Weak<Channel>>>>;

async fn join(State(rooms): State<Rooms>, Path(room): Path<String>, upgrade: Upgrade) -> Response {
    let channel = {
        let mut rooms = rooms.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(channel) = rooms.get(&room).and_then(Weak::upgrade) {
            channel
        } else {
            rooms.retain(|_, channel| channel.strong_count() > 0);
            let channel = Channel::new();
            rooms.insert(room, Arc::downgrade(&channel));
            channel
        }
    };
    let config = ConnectionConfig::default();
    let outbox = Arc::new(Outbox::new(config.outbox));
    // Before the answer, so that a client that gets the answer misses nothing.
    let seat = channel.join(outbox.clone());
    upgrade.accept_with(config, outbox, None, move |connection| {
        relay(channel, seat, connection)
    })
}

async fn relay(channel: Arc<Channel>, _seat: Subscription, mut connection: Connection) {
    while let Some(message) = connection.recv().await {
        if let Message::Text(text) = message {
            channel.broadcast(Frame::text(&text));
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip_while(|arg| arg != "--listen").skip(1);
    let address = args.next().unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    // A worker looks for input after it has run all ready tasks, as an event loop does.
    // tokio's default is every 61 tasks; then new input runs before the tasks that did not
    // fit into the worker's queue of 256, and with thousands of busy rooms some wait ten
    // times as long as others.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .event_interval(16 * 1024)
        .build()?;
    // On a worker: this thread would have to be woken for each connection, and would then
    // have to wake a worker.
    Ok(runtime.block_on(runtime.spawn(serve(address)))??)
}

async fn serve(address: String) -> std::io::Result<()> {
    let app = Router::new()
        .route("/ws/{room}", get(join))
        .with_state(Rooms::default());
    let listener = tokio::net::TcpListener::bind(&address).await?;
    eprintln!("listening on {}", listener.local_addr()?);
    // Prepared once; the router itself would be prepared for each connection.
    axum::serve(listener, app.into_make_service()).await
}
