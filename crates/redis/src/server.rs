//! One Redis server: its two connections, and the rooms that are watched there.

use std::ops::RangeInclusive;
use std::sync::Arc;

use parking_lot::Mutex;
use redis::ConnectionInfo;
use tablecast_core::backend::{BackendError, Health};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::check::{self, Changes};
use crate::connection::{Backoff, Live, Loss, Told, late};
use crate::context::Context;
use crate::refusal::{Trouble, unavailable};
use crate::rooms::Rooms;
use crate::slots::Address;
use crate::subscriptions;

/// The state of the command connection.
#[derive(Clone)]
pub(crate) enum Link {
    /// The first attempt, or the first one after a connection ended: callers may wait for
    /// it.
    Connecting,
    /// Commands work.
    Live(Arc<Live>),
    /// Commands do not work, for this reason.
    Down(Trouble),
}

/// One Redis server. A standalone one is a Cluster of one that has all slots.
pub(crate) struct Server {
    context: Arc<Context>,
    info: ConnectionInfo,
    /// Its address in the Cluster.
    address: Option<Address>,
    /// The slots that it has.
    slots: Mutex<Vec<RangeInclusive<u16>>>,
    link: watch::Sender<Link>,
    changes: Changes,
    rooms: Arc<Rooms>,
    cancel: CancellationToken,
}

/// A server is the same as itself alone.
impl PartialEq for Server {
    fn eq(&self, other: &Server) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Server {
    /// Starts the tasks that keep its two connections.
    pub(crate) fn start(
        context: &Arc<Context>,
        info: ConnectionInfo,
        address: Option<Address>,
    ) -> Arc<Server> {
        let server = Arc::new(Server {
            context: Arc::clone(context),
            changes: Changes::new(info.addr().to_string()),
            info: info.clone(),
            address,
            slots: Mutex::default(),
            link: watch::Sender::new(Link::Connecting),
            rooms: Arc::default(),
            cancel: context.cancel.child_token(),
        });
        let subscriptions = subscriptions::keep(Arc::clone(context), info, server.rooms.clone());
        context.spawn_vital(server.cancel.clone(), subscriptions);
        let commands = keep_commands(Arc::clone(&server));
        context.spawn_vital(server.cancel.clone(), commands);
        server
    }

    /// Stops it, because it is no longer part of the Cluster.
    pub(crate) fn stop(&self) {
        self.cancel.cancel();
    }

    pub(crate) fn address(&self) -> Option<&Address> {
        self.address.as_ref()
    }

    pub(crate) fn host(&self) -> &str {
        self.address.as_ref().map_or("", |address| &address.host)
    }

    pub(crate) fn rooms(&self) -> &Rooms {
        &self.rooms
    }

    pub(crate) fn set_slots(&self, slots: Vec<RangeInclusive<u16>>) {
        *self.slots.lock() = slots;
    }

    fn owns(&self, slot: u16) -> bool {
        self.slots.lock().iter().any(|range| range.contains(&slot))
    }

    /// Its health. `None`: not known yet.
    pub(crate) fn health(&self) -> Option<Health> {
        let health = match &*self.link.borrow() {
            Link::Connecting => return None,
            Link::Down(trouble) => trouble.health(),
            Link::Live(_) => self.changes.health()?,
        };
        Some(match (health, &self.address) {
            (Health::Refusing { why, words }, Some(at)) => Health::Refusing {
                why,
                words: format!("{}:{}: {words}", at.host, at.port),
            },
            (health, _) => health,
        })
    }

    /// Where it is, and what it told of itself, while commands work.
    pub(crate) fn told(&self) -> Option<(String, Told)> {
        match &*self.link.borrow() {
            Link::Live(live) => Some((self.info.addr().to_string(), live.told.clone())),
            Link::Connecting | Link::Down(_) => None,
        }
    }

    /// The state of the command connection.
    pub(crate) fn link(&self) -> Link {
        self.link.borrow().clone()
    }

    /// Its command connection; waits while it is being made.
    pub(crate) async fn ready(&self, deadline: Instant) -> Result<Arc<Live>, BackendError> {
        let mut link = self.link.subscribe();
        let settled = link.wait_for(|link| !matches!(link, Link::Connecting));
        let link = match timeout_at(deadline, settled).await {
            Ok(Ok(link)) => link.clone(),
            Ok(Err(_)) | Err(_) => Link::Connecting,
        };
        match link {
            Link::Live(live) => Ok(live),
            Link::Down(trouble) => Err(trouble.error()),
            Link::Connecting => Err(unavailable(late("not connected", self.context.timeout))),
        }
    }

    /// A room's change was refused here. Returns true if refusals are known already.
    pub(crate) fn doubt(&self) -> bool {
        self.changes.doubt()
    }

    fn set_link(&self, link: Link) {
        self.link.send_replace(link);
        self.context.health.send_replace(());
    }
}

/// Keeps the command connection, for ever.
async fn keep_commands(server: Arc<Server>) {
    let name = server.info.addr().to_string();
    let mut backoff = Backoff::new();
    let mut working = true;
    let mut eviction = None;
    loop {
        match Live::dial(&server.info, server.context.timeout).await {
            Ok((live, connection)) => {
                backoff.connected();
                if !working {
                    tracing::info!(server = %name, "redis answers again");
                }
                working = true;
                if live.told.eviction != eviction {
                    eviction.clone_from(&live.told.eviction);
                    // Rooms are keys with an expiry, and every policy but this one may
                    // delete them early.
                    if let Some(policy) = eviction.as_deref().filter(|it| *it != "noeviction") {
                        tracing::warn!(
                            server = %name,
                            "redis may delete rooms when its memory is full: maxmemory-policy is {policy}, and should be noeviction"
                        );
                    }
                }
                let live = Arc::new(live);
                server.changes.begin();
                server.set_link(Link::Live(Arc::clone(&live)));
                let loss = tokio::select! {
                    loss = live.probe(&connection) => loss,
                    loss = check::keep(&server.context, &server.changes, |slot| server.owns(slot), &live) => loss,
                    () = live.replaced() => Loss::Sick(Trouble::replica()),
                };
                tracing::warn!(server = %name, reason = %loss, "redis connection lost");
                server.set_link(match loss {
                    Loss::Closed => Link::Connecting,
                    Loss::Sick(trouble) => Link::Down(trouble),
                });
                backoff.lost().await;
            }
            Err(trouble) => {
                if working {
                    tracing::warn!(server = %name, reason = %trouble, "redis cannot be used");
                }
                working = false;
                server.set_link(Link::Down(trouble));
                server.context.refresh.notify_one();
                backoff.wait().await;
            }
        }
    }
}
