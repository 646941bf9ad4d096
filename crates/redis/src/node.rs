//! One Redis server: its command connection, and what is asked of its
//! subscription connection.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use redis::ConnectionInfo;
use tablecast_core::id::RoomId;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::client::Client;
use crate::link::{Backoff, Live, Loss};
use crate::topology::Address;

/// How it stands with the command connection.
#[derive(Clone)]
pub(crate) enum Link {
    /// The first attempt, or the first one after a connection ended: whoever
    /// has something to send may wait for it.
    Connecting,
    /// Commands work.
    Live(Arc<Live>),
    /// They do not, for this reason.
    Down(Arc<str>),
}

/// One Redis server.
pub(crate) struct Node {
    pub(crate) info: ConnectionInfo,
    /// As the Cluster names it.
    address: Option<Address>,
    pub(crate) link: watch::Sender<Link>,
    replace: Notify,
    changed: Mutex<Changed>,
    poked: Notify,
    /// Cancelled when the server is no longer part of the topology.
    pub(crate) cancel: CancellationToken,
}

/// For which rooms the subscription may have to change.
#[derive(Default)]
pub(crate) struct Changed {
    pub(crate) rooms: HashSet<RoomId>,
    /// For all of them.
    pub(crate) all: bool,
}

impl Node {
    /// Starts the tasks that keep its two connections.
    pub(crate) fn start(
        client: &Arc<Client>,
        info: ConnectionInfo,
        address: Option<Address>,
    ) -> Arc<Node> {
        let node = Arc::new(Node {
            info,
            address,
            link: watch::Sender::new(Link::Connecting),
            replace: Notify::new(),
            changed: Mutex::default(),
            poked: Notify::new(),
            cancel: client.cancel.child_token(),
        });
        let commands = keep_commands(Arc::clone(client), Arc::clone(&node));
        let subscription = crate::subscriber::keep(Arc::clone(client), Arc::clone(&node));
        for task in [
            futures_util::FutureExt::boxed(commands),
            futures_util::FutureExt::boxed(subscription),
        ] {
            client.notices.spawn_vital(node.cancel.clone(), task);
        }
        node
    }

    pub(crate) fn is_at(&self, address: &Address) -> bool {
        self.address.as_ref() == Some(address)
    }

    pub(crate) fn host(&self) -> &str {
        self.address.as_ref().map_or("", |address| &address.host)
    }

    /// Has the command connection made anew, since this server does not take
    /// writes: the name may lead to another one by now.
    pub(crate) fn replace(&self) {
        self.replace.notify_one();
    }

    /// Has the room's subscription compared with what is wished.
    pub(crate) fn poke(&self, room: &RoomId) {
        self.change(|changed| {
            changed.rooms.insert(room.clone());
        });
    }

    /// Has all subscriptions compared with what is wished.
    pub(crate) fn poke_all(&self) {
        self.change(|changed| changed.all = true);
    }

    /// Waits until there is something to compare, and takes it.
    pub(crate) async fn changed(&self) -> Changed {
        self.poked.notified().await;
        std::mem::take(&mut self.changed.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn change(&self, change: impl FnOnce(&mut Changed)) {
        change(&mut self.changed.lock().unwrap_or_else(PoisonError::into_inner));
        self.poked.notify_one();
    }
}

/// Keeps the command connection, for ever.
async fn keep_commands(client: Arc<Client>, node: Arc<Node>) {
    let server = node.info.addr().to_string();
    let mut backoff = Backoff::new();
    let mut working = true;
    loop {
        match Live::dial(&node.info).await {
            Ok((live, connection)) => {
                backoff.connected();
                if !working {
                    tracing::info!(%server, "redis answers again");
                }
                working = true;
                client.set_link(&node, Link::Live(Arc::new(live)));
                let loss = tokio::select! {
                    loss = connection.probe() => loss,
                    () = node.replace.notified() => Loss::Sick("this server does not take writes".into()),
                };
                tracing::warn!(%server, reason = %loss, "redis connection lost");
                client.set_link(
                    &node,
                    match loss {
                        Loss::Closed => Link::Connecting,
                        Loss::Sick(reason) => Link::Down(reason.into()),
                    },
                );
                backoff.lost().await;
            }
            Err(reason) => {
                if working {
                    tracing::warn!(%server, reason, "redis cannot be reached");
                }
                working = false;
                client.set_link(&node, Link::Down(reason.into()));
                client.refresh_topology();
                backoff.wait().await;
            }
        }
    }
}
