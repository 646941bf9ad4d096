//! Servers to test against, on a free port of this machine alone.
#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod rooms;
pub(crate) mod secrets;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use tablecast::MemoryBackend;
use tablecast::channel::Channel;
use tablecast::codec::Frame;
use tablecast::config::{ConnectionConfig, OutboxLimits};
use tablecast::connection::{Connection, Message};
use tablecast::core::CloseReason;
use tablecast::outbox::Outbox;
use tablecast::upgrade::Upgrade;
use tablecast_testing::until;

/// A store's clock that a test moves by hand, so that a busy machine ends no life, and
/// no lease, before its time.
#[derive(Clone)]
pub(crate) struct Hands(Arc<AtomicU64>);

impl Hands {
    pub(crate) fn new() -> Hands {
        Hands(Arc::new(AtomicU64::new(1_000_000)))
    }

    /// An empty store with this clock.
    pub(crate) fn store(&self) -> MemoryBackend {
        let hands = self.clone();
        MemoryBackend::with_clock(move || hands.now())
    }

    /// Milliseconds since 1970.
    pub(crate) fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    pub(crate) fn pass(&self, time: Duration) {
        self.0.fetch_add(time.as_millis() as u64, Ordering::SeqCst);
    }

    /// As when somebody sets the clock of the store's machine.
    pub(crate) fn set_to(&self, now: u64) {
        self.0.store(now, Ordering::SeqCst);
    }
}

/// So long that a test which waits for it fails by its own deadline.
pub(crate) const NEVER: Duration = Duration::from_secs(3600);

/// Nothing happens by itself.
pub(crate) fn patient() -> ConnectionConfig {
    ConnectionConfig {
        outbox: OutboxLimits {
            bytes: 64 * 1024,
            time: NEVER,
        },
        ping_interval: NEVER,
        pong_timeout: NEVER,
        handshake: NEVER,
        ..ConnectionConfig::default()
    }
}

/// Serves on a free port until the runtime ends.
pub(crate) async fn serve(app: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// A room in which every text goes to everybody, its sender too.
#[derive(Default)]
pub(crate) struct Relay {
    pub(crate) channel: Arc<Channel>,
    /// The outbox of everybody who ever joined, in order of joining.
    pub(crate) outboxes: Mutex<Vec<Arc<Outbox>>>,
    /// Why connections ended, in order of ending.
    pub(crate) ended: Mutex<Vec<CloseReason>>,
}

impl Relay {
    /// Serves it at `/` with these settings.
    pub(crate) async fn serve(config: ConnectionConfig) -> (Arc<Relay>, SocketAddr) {
        let relay = Arc::new(Relay::default());
        let app = {
            let relay = relay.clone();
            Router::new().route(
                "/",
                get(async move |upgrade: Upgrade| relay.join(upgrade, config)),
            )
        };
        (relay, serve(app).await)
    }

    /// Joins before the answer, so that whoever has the answer misses nothing.
    fn join(
        self: Arc<Self>,
        upgrade: Upgrade,
        config: ConnectionConfig,
    ) -> axum::response::Response {
        let outbox = Arc::new(Outbox::new(config.outbox));
        let seat = self.channel.join(outbox.clone());
        self.outboxes.lock().unwrap().push(outbox.clone());
        upgrade.accept_with(
            config,
            outbox,
            None,
            async move |mut connection: Connection| {
                while let Some(message) = connection.recv().await {
                    if let Message::Text(text) = message {
                        self.channel.broadcast(Frame::text(&text));
                    }
                }
                drop(seat);
                let reason = connection.outbox().close_reason();
                self.ended
                    .lock()
                    .unwrap()
                    .push(reason.expect("it ended for a reason"));
            },
        )
    }

    /// Waits until this many connections have ended.
    pub(crate) async fn ended(&self, count: usize) -> Vec<CloseReason> {
        let ended = async || self.ended.lock().unwrap().clone();
        until("connections end", ended, |ended| ended.len() >= count).await
    }
}

/// FastAPI's documentation's chat, as the example `chat` is.
pub(crate) fn chat() -> Router {
    let channel = Channel::new();
    let join = async move |Path(id): Path<u64>, upgrade: Upgrade| {
        let config = ConnectionConfig::default();
        let outbox = Arc::new(Outbox::new(config.outbox));
        let seat = channel.join(outbox.clone());
        upgrade.accept_with(
            config,
            outbox,
            None,
            async move |mut connection: Connection| {
                while let Some(message) = connection.recv().await {
                    let Message::Text(text) = message else {
                        continue;
                    };
                    let _ = connection.send(&format!("You wrote: {text}"));
                    channel.broadcast(Frame::text(&format!("Client #{id} says: {text}")));
                }
                drop(seat);
                channel.broadcast(Frame::text(&format!("Client #{id} left the chat")));
            },
        )
    };
    Router::new().route("/ws/{client_id}", get(join))
}
