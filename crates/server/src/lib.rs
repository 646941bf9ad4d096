//! The lunch server: friends choose lunch together, live. [`tablecast`] provides rooms,
//! members and fan-out; this crate adds the menu, HTTP and the configuration.
//!
//! A [`Server`] does no I/O until it gets a listener, so a test can start one on port 0.
// The print macros panic if stderr cannot be written.
#![warn(clippy::print_stderr)]

mod admin;
pub mod base_path;
pub mod check;
pub mod commands;
pub mod config;
mod docs;
pub mod health;
mod language;
pub mod listen;
pub mod log;
pub mod manual;
mod negotiation;
mod packed;
mod picture;
mod preview;
pub mod program;
mod reason;
mod routes;
mod since_1970;
mod status;
pub mod store;
pub mod tls;
pub mod version;
mod web;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tablecast_core::Backend;
use tokio::net::TcpListener;
use tokio::task::{JoinError, JoinHandle, JoinSet};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use admin::AdminSite;
use config::Config;
use routes::SiteState;
use tablecast_lunch_hub::LunchHub;
use tls::Certificates;

/// The part of the drain time that is reserved for HTTP requests under way; a tenth of the
/// drain time if that is less.
const HTTP_DRAIN: Duration = Duration::from_secs(2);

/// How long telling the members of a failed server may take.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// The server cannot continue: a part that it needs has ended. It has told its members to
/// come back elsewhere; the process must end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this server cannot go on: {0}")]
pub struct Failed(String);

impl From<JoinError> for Failed {
    fn from(error: JoinError) -> Self {
        Failed(format!("serving has ended: {error}"))
    }
}

/// A lunch server.
#[derive(Debug)]
pub struct Server {
    site: Arc<SiteState>,
    certificates: Option<Certificates>,
    /// Where plain HTTP is answered with the way to https.
    http: Option<TcpListener>,
    /// Where operators come, if they have an address of their own.
    operators: Option<TcpListener>,
}

impl Server {
    /// A server with its rooms in this backend. Must be called in a tokio
    /// runtime.
    pub fn new(config: Config, backend: Arc<dyn Backend>) -> Self {
        Server::with(config, backend, None, None)
    }

    /// As [`Server::new`], but it speaks https with these certificates, and answers plain HTTP at
    /// `http` with the way to https.
    pub fn secure(
        config: Config,
        backend: Arc<dyn Backend>,
        certificates: Certificates,
        http: Option<TcpListener>,
    ) -> Self {
        Server::with(config, backend, Some(certificates), http)
    }

    fn with(
        config: Config,
        backend: Arc<dyn Backend>,
        certificates: Option<Certificates>,
        http: Option<TcpListener>,
    ) -> Self {
        let hub = LunchHub::start(backend, config.hub.clone());
        routes::expect(hub.metrics());
        let tls = certificates.as_ref().map(|one| one.tls().clone());
        let table = match config.admin_listen {
            Some(_) => routes::public,
            None => routes::all,
        };
        Server {
            site: Arc::new(SiteState::new(hub, config, tls, table)),
            certificates,
            http,
            operators: None,
        }
    }

    /// The same server, to which operators come by this listener: that of
    /// [`Config::admin_listen`].
    #[must_use]
    pub fn with_operators(self, listener: TcpListener) -> Self {
        Server {
            operators: Some(listener),
            ..self
        }
    }

    /// The hub of its rooms.
    pub fn hub(&self) -> &LunchHub {
        &self.site.hub
    }

    /// Serves until `shutdown`, or until an operator asks it to end. Then it reports that it is not ready, accepts nobody, tells
    /// the members to come back elsewhere, and ends within the drain timeout.
    ///
    /// # Errors
    /// A part that it needs has ended: see [`Failed`].
    pub async fn run(
        mut self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), Failed> {
        let (stop, drain) = (CancellationToken::new(), CancellationToken::new());
        // They end when this function does.
        let mut beside = JoinSet::new();
        if let Some(certificates) = self.certificates.take() {
            if let Some(http) = self.http.take() {
                let port = listener.local_addr().map_or(0, |address| address.port());
                beside.spawn(certificates.redirect(http, port, stop.clone()));
            }
            beside.spawn(certificates.keep());
        }
        let serve = serve(listener, self.site.clone(), stop.clone());
        // A task of its own, so that a panic in it is noticed.
        let mut accepting = match self.operators.take() {
            None => tokio::spawn(serve),
            Some(operators) => {
                let site = Arc::new(AdminSite::new(self.site.clone(), drain.clone()));
                let router = admin::router(site.clone());
                let manage = tablecast_http::serve(operators, router, site, stop.clone());
                tokio::spawn(async {
                    tokio::join!(serve, manage);
                })
            }
        };
        let mut shutdown = pin!(shutdown);
        let failed = tokio::select! {
            ended = &mut accepting => Some(has_ended("accepting connections", ended)),
            Some(ended) = beside.join_next() => Some(has_ended("what TLS needs", ended)),
            reason = self.site.hub.failed() => Some(Failed(reason)),
            () = &mut shutdown => None,
            () = drain.cancelled() => None,
        };
        if let Some(failed) = failed {
            tracing::error!("{failed}; members are told to come back elsewhere");
            let told = self.site.hub.drain(LAST_WORDS / 2);
            let _ = timeout_at(Instant::now() + LAST_WORDS, told).await;
            return Err(failed);
        }
        let mut ending = pin!(self.end(accepting, stop));
        if drain.is_cancelled() {
            // A signal now is the first one, after which another ends the process.
            tokio::select! {
                ended = &mut ending => return ended,
                () = shutdown => {}
            }
        }
        ending.await
    }

    async fn end(
        self,
        mut accepting: JoinHandle<()>,
        stop: CancellationToken,
    ) -> Result<(), Failed> {
        let drain = self.site.config.drain_timeout;
        let end = Instant::now() + drain;
        let within = drain - HTTP_DRAIN.min(drain / 10);
        tracing::info!(?drain, "shutting down; a second signal ends at once");
        // Until the last member is gone, new connections are still accepted and answered: a
        // load balancer learns from `/readyz` that the server is draining.
        let drained = timeout_at(end, self.site.hub.drain(within));
        tokio::select! {
            ended = &mut accepting => return Err(has_ended("accepting connections", ended)),
            drained = drained => if drained.is_err() {
                tracing::warn!("not all members could be told in time");
            }
        }
        stop.cancel();
        match timeout_at(end, accepting).await {
            Ok(ended) => ended.map_err(Failed::from),
            Err(_) => {
                tracing::warn!("some HTTP requests were not answered in time");
                Ok(())
            }
        }
    }
}

/// Serves the site, by TLS if it has a certificate or hopes for one.
async fn serve(listener: TcpListener, site: Arc<SiteState>, stop: CancellationToken) {
    let router = routes::router(site.clone());
    match site.tls.clone() {
        Some(tls) => tablecast_http::serve_tls(listener, tls, router, site, stop).await,
        None => tablecast_http::serve(listener, router, site, stop).await,
    }
}

/// The failure when a task ends that must not before shutdown.
fn has_ended(what: &str, ended: Result<(), JoinError>) -> Failed {
    match ended {
        Ok(()) => Failed(format!("{what} has ended")),
        Err(error) => error.into(),
    }
}
