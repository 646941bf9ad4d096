//! FastAPI's WebSocket chat, done right: everybody sees the same messages in the same
//! order, joining and leaving lose nothing, and a member who does not read delays nobody.
//!
//! `cargo run -p tablecast --example chat [-- --listen ADDR]`, then in two
//! terminals `websocat ws://127.0.0.1:8000/ws/1` and `…/ws/2`.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use axum::{Router, routing::get};
use tablecast::channel::{Channel, Subscription};
use tablecast::codec::Frame;
use tablecast::config::ConnectionConfig;
use tablecast::connection::{Connection, Message};
use tablecast::outbox::Outbox;
use tablecast::upgrade::Upgrade;

async fn join(
    State(channel): State<Arc<Channel>>,
    Path(client_id): Path<u64>,
    upgrade: Upgrade,
) -> Response {
    let config = ConnectionConfig::default();
    let outbox = Arc::new(Outbox::new(config.outbox));
    // Before the answer, so that a client that gets the answer misses nothing.
    let seat = channel.join(outbox.clone());
    upgrade.accept_with(config, outbox, None, move |connection| {
        chat(channel, seat, client_id, connection)
    })
}

async fn chat(
    channel: Arc<Channel>,
    seat: Subscription,
    client_id: u64,
    mut connection: Connection,
) {
    while let Some(message) = connection.recv().await {
        let Message::Text(text) = message else {
            continue;
        };
        // If this fails, the connection ends, and `recv` reports it.
        let _ = connection.send(&format!("You wrote: {text}"));
        channel.broadcast(Frame::text(&format!("Client #{client_id} says: {text}")));
    }
    drop(seat);
    channel.broadcast(Frame::text(&format!("Client #{client_id} left the chat")));
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip_while(|arg| arg != "--listen").skip(1);
    let address = args.next().unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    let app = Router::new()
        .route("/ws/{client_id}", get(join))
        .with_state(Channel::new());
    let listener = tokio::net::TcpListener::bind(&address).await?;
    eprintln!("listening on {}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
