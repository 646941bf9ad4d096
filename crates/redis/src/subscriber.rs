//! A server's one subscription connection: which rooms are subscribed on it, and
//! what it delivers.
//!
//! Channels are subscribed one by one: several in one `SSUBSCRIBE` must share a
//! slot, and a refusal of one must not be a refusal of all.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use redis::aio::MultiplexedConnection;
use redis::{PushInfo, PushKind, RedisError, Value};
use tablecast_core::id::RoomId;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::client::Client;
use crate::link::{Backoff, Connection, DEADLINE, Loss, Trouble, explain};

use crate::node::{Changed, Node};
use crate::wire;

/// Subscriptions that are under way at once, after a reconnect.
const PIPELINE: usize = 256;

/// How long to wait before a subscription is tried again that was refused for a reason
/// that passes by itself: the slot is elsewhere or just being moved, a script keeps
/// Redis busy, it loads its data.
const RETRY_SOON: Duration = Duration::from_millis(100);

/// The same for a missing right, which somebody has to give first.
const RETRY_DENIED: Duration = Duration::from_secs(5);

/// Keeps the subscription connection, for ever.
pub(crate) async fn keep(client: Arc<Client>, node: Arc<Node>) {
    let server = node.info.addr().to_string();
    let mut backoff = Backoff::new();
    let mut working = true;
    loop {
        let mailbox = Arc::new(Mailbox::new(Arc::clone(&client)));
        let on_push = Arc::clone(&mailbox);
        match Connection::dial(&node.info, move |push| on_push.receive(push)).await {
            Ok(connection) => {
                backoff.connected();
                if !working {
                    tracing::info!(%server, "redis subscription connection made again");
                }
                let loss = use_up(&client, &node, &mailbox, &connection).await;
                tracing::warn!(%server, reason = %loss, "redis subscription connection lost");
                working = false;
                backoff.lost().await;
            }
            Err(error) => {
                if working {
                    tracing::warn!(%server, reason = explain(&error), "redis subscription connection cannot be made");
                }
                working = false;
                backoff.wait().await;
            }
        }
    }
}

/// Keeps the subscriptions of one connection until it is of no use any more.
async fn use_up(
    client: &Client,
    node: &Arc<Node>,
    mailbox: &Mailbox,
    connection: &Connection,
) -> Loss {
    let subscriptions = Subscriptions {
        client,
        node,
        mailbox,
        connection: &connection.commands,
        rooms: HashSet::new(),
        refused: Again::new(RETRY_SOON),
        denied: Again::new(RETRY_DENIED),
    };
    tokio::select! {
        loss = connection.probe() => loss,
        loss = subscriptions.serve() => loss,
        () = mailbox.taken_away.cancelled() => {
            client.refresh_topology();
            Loss::Sick("a slot was moved to another server".into())
        }
    }
}

/// Takes what the connection delivers. Runs on the connection's own task and
/// never blocks it.
struct Mailbox {
    client: Arc<Client>,
    /// Channels that were asked to be unsubscribed.
    leaving: Mutex<HashSet<String>>,
    /// Cancelled when Redis ended a subscription by itself, as it does when the
    /// slot moves. redis-rs takes that for the answer to whatever command is
    /// waiting, so the connection cannot be used further.
    taken_away: CancellationToken,
}

impl Mailbox {
    fn new(client: Arc<Client>) -> Self {
        Mailbox {
            client,
            leaving: Mutex::default(),
            taken_away: CancellationToken::new(),
        }
    }

    fn receive(&self, push: PushInfo) {
        let mut data = push.data.into_iter();
        let (Some(Value::BulkString(channel)), content) = (data.next(), data.next()) else {
            return;
        };
        match push.kind {
            PushKind::Message | PushKind::SMessage => self.deliver(&channel, content),
            PushKind::Unsubscribe | PushKind::SUnsubscribe => {
                let asked = std::str::from_utf8(&channel)
                    .is_ok_and(|channel| self.leaving().remove(channel));
                if !asked {
                    self.taken_away.cancel();
                }
            }
            _ => {}
        }
    }

    fn deliver(&self, channel: &[u8], content: Option<Value>) {
        let content = wire::bytes(content.unwrap_or(Value::Nil));
        // Whoever committed has the answer to the commit, or loads the room.
        if let Ok(content) = &content
            && wire::is_publication_of(&self.client.name, content)
        {
            return;
        }
        let Some(room) = self.client.keys.room_of(channel) else {
            return;
        };
        match content.and_then(wire::decode_publication) {
            Ok(publication) => self.client.wishes.publish(&room, publication),
            Err(error) => tracing::debug!(%room, %error, "ignored a publication that is not ours"),
        }
    }

    fn leaving(&self) -> MutexGuard<'_, HashSet<String>> {
        self.leaving.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is subscribed on one connection.
struct Subscriptions<'a> {
    client: &'a Client,
    node: &'a Arc<Node>,
    mailbox: &'a Mailbox,
    connection: &'a MultiplexedConnection,
    rooms: HashSet<RoomId>,
    /// Refused for a reason that passes by itself.
    refused: Again,
    /// Refused for a missing right.
    denied: Again,
}

/// Subscriptions to be tried again, all at the same time.
struct Again {
    after: Duration,
    rooms: HashSet<RoomId>,
    at: Instant,
}

impl Again {
    fn new(after: Duration) -> Self {
        Again {
            after,
            rooms: HashSet::new(),
            at: Instant::now(),
        }
    }

    /// Those that wait already do not wait longer for one more.
    fn insert(&mut self, room: RoomId) {
        if self.rooms.is_empty() {
            self.at = Instant::now() + self.after;
        }
        self.rooms.insert(room);
    }

    async fn due(&self) {
        if self.rooms.is_empty() {
            std::future::pending::<()>().await;
        }
        sleep_until(self.at).await;
    }

    fn take(&mut self) -> Changed {
        Changed {
            rooms: std::mem::take(&mut self.rooms),
            all: false,
        }
    }
}

/// What a room's subscription needs.
enum Step {
    Subscribe,
    Unsubscribe,
}

impl Subscriptions<'_> {
    /// Follows the wishes until the connection fails.
    async fn serve(mut self) -> Loss {
        self.node.poke_all();
        loop {
            let changed = tokio::select! {
                changed = self.node.changed() => changed,
                () = self.refused.due() => self.refused.take(),
                () = self.denied.due() => self.denied.take(),
            };
            if let Err(loss) = self.follow(changed).await {
                return loss;
            }
        }
    }

    async fn follow(&mut self, changed: Changed) -> Result<(), Loss> {
        let mut rooms = changed.rooms;
        if changed.all {
            rooms.extend(self.client.wished());
            rooms.extend(self.rooms.iter().cloned());
        }
        let steps: Vec<_> = rooms
            .into_iter()
            .filter_map(|room| Some((self.step(&room)?, room)))
            .collect();
        let (client, mailbox, connection) = (self.client, self.mailbox, self.connection);
        let mut done = stream::iter(steps)
            .map(|(step, room)| async move {
                let outcome = take(&step, client, mailbox, connection.clone(), &room).await;
                (step, room, outcome)
            })
            .buffer_unordered(PIPELINE);
        let mut denied = None;
        while let Some((step, room, outcome)) = done.next().await {
            match (outcome?, step) {
                (Ok(()), Step::Subscribe) => {
                    client.wishes.subscribed(&room, true);
                    self.rooms.insert(room);
                }
                (Ok(()), Step::Unsubscribe) => {
                    self.rooms.remove(&room);
                }
                (Err(error), Step::Subscribe) if is_denial(&error) => {
                    client.wishes.refused(&room, &error);
                    denied.get_or_insert(error);
                    self.denied.insert(room);
                }
                (Err(error), Step::Subscribe) => {
                    tracing::debug!(%room, reason = explain(&error), "redis refuses a subscription");
                    // Whoever waits may still get it in time.
                    if error.is_cluster_error() {
                        client.refresh_topology();
                    }
                    self.refused.insert(room);
                }
                // Redis refuses it only where the slot is no longer its own, and
                // there it has ended the subscription itself.
                (Err(_), Step::Unsubscribe) => {
                    self.rooms.remove(&room);
                }
            }
        }
        if let Some(error) = denied {
            tracing::warn!(
                reason = explain(&error),
                rooms = self.denied.rooms.len(),
                "redis refuses subscriptions"
            );
        }
        Ok(())
    }

    fn step(&self, room: &RoomId) -> Option<Step> {
        let wished = self.client.is_wished_at(room, self.node);
        match (wished, self.rooms.contains(room)) {
            (true, false) => Some(Step::Subscribe),
            (false, true) => Some(Step::Unsubscribe),
            (true, true) => {
                self.client.wishes.subscribed(room, false);
                None
            }
            (false, false) => None,
        }
    }
}

fn is_denial(error: &RedisError) -> bool {
    matches!(error.code(), Some("NOPERM" | "NOAUTH"))
}

/// Takes one step. The outer error is that of the connection, the inner one an
/// answer of Redis.
async fn take(
    step: &Step,
    client: &Client,
    mailbox: &Mailbox,
    mut connection: MultiplexedConnection,
    room: &RoomId,
) -> Result<Result<(), RedisError>, Loss> {
    let channel = client.keys.channel(room);
    let name = match (step, client.is_cluster()) {
        (Step::Subscribe, false) => "SUBSCRIBE",
        (Step::Subscribe, true) => "SSUBSCRIBE",
        (Step::Unsubscribe, false) => "UNSUBSCRIBE",
        (Step::Unsubscribe, true) => "SUNSUBSCRIBE",
    };
    if matches!(step, Step::Unsubscribe) {
        mailbox.leaving().insert(channel.clone());
    }
    let mut command = redis::cmd(name);
    command.arg(&channel);
    match timeout(DEADLINE, command.query_async::<Value>(&mut connection)).await {
        Ok(Ok(_)) => Ok(Ok(())),
        Ok(Err(error)) if error.code().is_some() => {
            mailbox.leaving().remove(&channel);
            Ok(Err(error))
        }
        Ok(Err(error)) => Err(Loss::Sick(Trouble::Away(explain(&error)))),
        Err(_) => {
            let reason = format!("no answer to {name} within 1 s");
            Err(Loss::Sick(Trouble::Away(reason)))
        }
    }
}
