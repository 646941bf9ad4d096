//! One Redis server: its command connection, and what is asked of its
//! subscription connection.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redis::ConnectionInfo;
use tablecast_core::backend::Health;
use tablecast_core::id::RoomId;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::check;
use crate::client::Client;
use crate::link::{Backoff, Live, Loss, Trouble};
use crate::refusal::Refusal;
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
    Down(Arc<Trouble>),
}

/// Whether changes pass, while commands work.
enum Standing {
    /// The connection is new, and none was tried yet.
    Untried,
    /// They do.
    Taking,
    /// They do not. Of those that were tried since, so many passed in a row.
    Refusing(Refusal, u8),
}

/// After a refusal so many changes in a row have to pass before a server counts as one
/// that takes them: memory that is just full takes one now and then.
const PASSES: u8 = 2;

/// One Redis server.
pub(crate) struct Node {
    pub(crate) info: ConnectionInfo,
    /// As the Cluster names it.
    address: Option<Address>,
    pub(crate) link: watch::Sender<Link>,
    standing: Mutex<Standing>,
    doubted: Notify,
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
            standing: Mutex::new(Standing::Untried),
            doubted: Notify::new(),
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
            client.spawn_vital(node.cancel.clone(), task);
        }
        node
    }

    pub(crate) fn is_at(&self, address: &Address) -> bool {
        self.address.as_ref() == Some(address)
    }

    pub(crate) fn host(&self) -> &str {
        self.address.as_ref().map_or("", |address| &address.host)
    }

    /// A change has passed that was tried.
    pub(crate) fn passed(&self) {
        let mut standing = self.standing();
        match &mut *standing {
            Standing::Taking => return,
            Standing::Untried => {}
            Standing::Refusing(_, passes) => {
                *passes += 1;
                if *passes < PASSES {
                    return;
                }
                tracing::info!(server = %self.info.addr(), "redis takes changes again");
            }
        }
        *standing = Standing::Taking;
    }

    /// A change was refused that was tried.
    pub(crate) fn refused(&self, refusal: Refusal) {
        let mut standing = self.standing();
        let is_known =
            matches!(&*standing, Standing::Refusing(known, _) if known.is_like(&refusal));
        if !is_known {
            tracing::warn!(server = %self.info.addr(), reason = refusal.words, "redis takes no changes");
        }
        *standing = Standing::Refusing(refusal, 0);
    }

    /// A change of somebody was refused: whether others are is tried at once. True: that
    /// is known already.
    pub(crate) fn doubt(&self) -> bool {
        let mut standing = self.standing();
        match &mut *standing {
            Standing::Untried | Standing::Taking => {
                self.doubted.notify_one();
                false
            }
            Standing::Refusing(_, passes) => {
                *passes = 0;
                true
            }
        }
    }

    /// Waits until there is a reason to try a change.
    pub(crate) async fn doubted(&self) {
        self.doubted.notified().await;
    }

    /// Commands work: whether changes pass is still to be seen.
    fn begin_to_try(&self) {
        let mut standing = self.standing();
        if matches!(&*standing, Standing::Taking) {
            *standing = Standing::Untried;
        }
    }

    /// How the server is; nothing, while that is not known.
    pub(crate) fn health(&self) -> Option<Health> {
        let health = match &*self.link.borrow() {
            Link::Connecting => return None,
            Link::Down(trouble) => trouble.health(),
            Link::Live(_) => match &*self.standing() {
                Standing::Untried => return None,
                Standing::Taking => Health::Up,
                Standing::Refusing(refusal, _) => refusal.health(),
            },
        };
        Some(match (health, &self.address) {
            (Health::Refusing { why, words }, Some(at)) => Health::Refusing {
                why,
                words: format!("{}:{}: {words}", at.host, at.port),
            },
            (health, _) => health,
        })
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
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
    let mut eviction = None;
    loop {
        match Live::dial(&node.info).await {
            Ok((live, connection)) => {
                backoff.connected();
                if !working {
                    tracing::info!(%server, "redis answers again");
                }
                working = true;
                if live.eviction != eviction {
                    eviction.clone_from(&live.eviction);
                    warn_of_eviction(&server, eviction.as_deref());
                }
                let live = Arc::new(live);
                node.begin_to_try();
                client.set_link(&node, Link::Live(Arc::clone(&live)));
                let loss = tokio::select! {
                    loss = live.probe(&connection) => loss,
                    loss = check::keep(&client, &node, &live) => loss,
                    () = node.replace.notified() => {
                        Loss::Sick(Trouble::Refusing(Refusal::replica()))
                    }
                };
                tracing::warn!(%server, reason = %loss, "redis connection lost");
                client.set_link(
                    &node,
                    match loss {
                        Loss::Closed => Link::Connecting,
                        Loss::Sick(trouble) => Link::Down(Arc::new(trouble)),
                    },
                );
                backoff.lost().await;
            }
            Err(trouble) => {
                if working {
                    tracing::warn!(%server, reason = %trouble, "redis cannot be used");
                }
                working = false;
                client.set_link(&node, Link::Down(Arc::new(trouble)));
                client.refresh_topology();
                backoff.wait().await;
            }
        }
    }
}

/// Rooms are keys that expire, so every policy but one may delete some that live.
fn warn_of_eviction(server: &str, policy: Option<&str>) {
    if let Some(policy) = policy.filter(|policy| *policy != "noeviction") {
        tracing::warn!(
            %server,
            "redis may delete rooms when its memory is full: maxmemory-policy is {policy}, and should be noeviction"
        );
    }
}
