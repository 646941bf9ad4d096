//! Only a connection: each message goes back as it came, text and binary.
//!
//! `cargo run -p tablecast --example echo -- --listen 127.0.0.1:8000`. Further options, with
//! their defaults: `--message-bytes 16384`, `--message-fragments 64`. `cargo xtask autobahn`
//! runs the Autobahn suite against it.

use std::error::Error;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use axum::{Router, routing::get};
use tablecast::codec::Frame;
use tablecast::connection::{Connection, Message};
use tablecast::upgrade::Upgrade;
use tablecast::{ConnectionConfig, OutboxLimits};

async fn open(State(config): State<ConnectionConfig>, upgrade: Upgrade) -> Response {
    upgrade.accept(config, echo)
}

async fn echo(mut connection: Connection) {
    while let Some(message) = connection.recv().await {
        let frame = match message {
            Message::Text(text) => Frame::text(&text),
            Message::Binary(bytes) => Frame::binary(&bytes),
        };
        if connection.outbox().send(&frame).is_err() {
            break;
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut address = "127.0.0.1:8000".to_owned();
    let mut config = ConnectionConfig::default();
    let mut args = std::env::args().skip(1);
    while let Some(option) = args.next() {
        let value = args
            .next()
            .ok_or_else(|| format!("{option} needs a value"))?;
        match option.as_str() {
            "--listen" => address = value,
            "--message-bytes" => config.message_bytes = value.parse()?,
            "--message-fragments" => config.message_fragments = value.parse()?,
            _ => return Err(format!("no such option: {option}").into()),
        }
    }
    // What comes in goes out: two of the largest messages may wait. Each may take the time of
    // a client that sends and reads a megabyte a second.
    let patience = Duration::from_secs(config.message_bytes as u64 >> 20);
    config.handshake = config.handshake.max(patience);
    config.outbox = OutboxLimits {
        bytes: config.outbox.bytes.max(2 * config.message_bytes),
        time: config.outbox.time.max(2 * patience),
    };
    let app = Router::new().route("/", get(open)).with_state(config);
    let listener = tokio::net::TcpListener::bind(&address).await?;
    eprintln!("listening on {}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}
