//! The lunch server: friends choose lunch together, live. Rooms, members and
//! fan-out are [`tablecast`]'s; here are the menu, the HTTP around it, and
//! everything an operator sets.
//!
//! A [`Server`] does no I/O until it is given a listener, so a test starts one on
//! port 0.
#![forbid(unsafe_code)]

mod accept;
pub mod base_path;
mod client;
pub mod config;
mod docs;
mod language;
mod limits;
pub mod menu;
mod negotiation;
pub mod origin;
mod problem;
mod routes;
pub mod store;
mod web;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tablecast::Hub;
use tablecast_core::Backend;
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use config::Config;
use menu::Menu;
use routes::Shared;

/// How much of the drain time is kept for HTTP requests under way, at most; a
/// tenth of it if that is less.
const HTTP_DRAIN: Duration = Duration::from_secs(2);

/// A lunch server.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
}

impl Server {
    /// A server with its rooms in this backend. Must be called in a tokio
    /// runtime.
    pub fn new(config: Config, backend: Arc<dyn Backend>) -> Self {
        let hub = Hub::start(backend, config.hub.clone());
        Server {
            shared: Arc::new(Shared::new(hub, config)),
        }
    }

    /// Its rooms.
    pub fn hub(&self) -> &Hub<Menu> {
        &self.shared.hub
    }

    /// Serves until `shutdown`; then says that it is not ready, lets nobody in,
    /// tells the members to come back elsewhere, and ends within the drain
    /// timeout.
    pub async fn run(self, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        let stop = CancellationToken::new();
        let router = routes::router(self.shared.clone());
        let mut accepting = pin!(accept::run(listener, router, stop.clone()));
        tokio::select! {
            () = &mut accepting => return,
            () = shutdown => {}
        }

        let drain = self.shared.config.drain_timeout;
        let end = Instant::now() + drain;
        let within = drain - HTTP_DRAIN.min(drain / 10);
        tracing::info!(?drain, "shutting down; a second signal ends at once");
        // New connections are still accepted and told so, until the last member
        // is gone: a load balancer learns it from `/readyz`.
        let drained = timeout_at(end, self.shared.hub.drain(within));
        tokio::select! {
            () = &mut accepting => return,
            drained = drained => if drained.is_err() {
                tracing::warn!("not all members could be told in time");
            }
        }
        stop.cancel();
        if timeout_at(end, accepting).await.is_err() {
            tracing::warn!("some HTTP requests were not answered in time");
        }
        tracing::info!("ended");
    }
}
