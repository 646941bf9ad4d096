//! A server's only subscription connection: it is reconciled with the rooms that are
//! watched there, and delivers their publications.
//!
//! Channels are subscribed one by one: several in one `SSUBSCRIBE` must share a slot, and a
//! refusal of one must not refuse all.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use parking_lot::Mutex;
use redis::aio::MultiplexedConnection;
use redis::{ConnectionInfo, PushInfo, PushKind, RedisError, Value};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::connection::{Backoff, Connection, Loss, late};
use crate::context::Context;
use crate::encoding::{self, Heard};
use crate::refusal::{Trouble, explain};
use crate::rooms::{Channel, Rooms};

/// How many subscriptions are under way at once after a reconnect.
const PIPELINE: usize = 256;

/// The wait before a subscription is tried again after a temporary refusal: the slot is
/// elsewhere or is being moved, a script keeps Redis busy, or Redis is loading its data.
const RETRY_SOON: Duration = Duration::from_millis(100);

/// The same for a missing right, which somebody must grant first.
const RETRY_DENIED: Duration = Duration::from_secs(5);

/// Keeps the subscription connection, for ever.
pub(crate) async fn keep(context: Arc<Context>, info: ConnectionInfo, rooms: Arc<Rooms>) {
    let server = info.addr().to_string();
    let mut backoff = Backoff::new();
    let mut working = true;
    loop {
        let deliveries = Arc::new(Deliveries {
            context: Arc::clone(&context),
            rooms: Arc::clone(&rooms),
            leaving: Mutex::default(),
            taken_away: CancellationToken::new(),
        });
        let on_push = Arc::clone(&deliveries);
        match Connection::dial(&info, context.timeout, move |push| on_push.receive(push)).await {
            Ok(connection) => {
                backoff.connected();
                if !working {
                    tracing::info!(%server, "redis subscription connection made again");
                }
                rooms.follow();
                let loss = use_up(&deliveries, &connection).await;
                rooms.unfollow();
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

/// Keeps the subscriptions of one connection until the connection fails.
async fn use_up(deliveries: &Deliveries, connection: &Connection) -> Loss {
    let subscriptions = Subscriptions {
        deliveries,
        connection: &connection.commands,
        subscribed: HashSet::new(),
        refused: Again::new(RETRY_SOON),
        denied: Again::new(RETRY_DENIED),
    };
    tokio::select! {
        loss = connection.probe(|_| {}) => loss,
        loss = subscriptions.serve() => loss,
        () = deliveries.taken_away.cancelled() => {
            deliveries.context.refresh.notify_one();
            Loss::Sick(Trouble::Away("a slot was moved to another server".into()))
        }
    }
}

/// Handles the connection's deliveries. Runs on the connection's own task and never blocks
/// it.
struct Deliveries {
    context: Arc<Context>,
    rooms: Arc<Rooms>,
    /// Channels whose unsubscription was requested.
    leaving: Mutex<HashSet<Channel>>,
    /// Cancelled when Redis has ended a subscription on its own, as it does when the slot
    /// moves. redis-rs takes that message for the answer to a waiting command, so the
    /// connection cannot be used any more.
    taken_away: CancellationToken,
}

impl Deliveries {
    fn receive(&self, push: PushInfo) {
        let mut data = push.data.into_iter();
        let (Some(Value::BulkString(channel)), content) = (data.next(), data.next()) else {
            return;
        };
        // Our channels are text.
        let channel = String::from_utf8_lossy(&channel);
        match push.kind {
            PushKind::Message | PushKind::SMessage => self.deliver(&channel, content),
            PushKind::Unsubscribe | PushKind::SUnsubscribe => {
                let was_asked = self.leaving.lock().remove(&*channel);
                if !was_asked {
                    self.taken_away.cancel();
                }
            }
            _ => {}
        }
    }

    fn deliver(&self, channel: &str, content: Option<Value>) {
        let content = encoding::bytes(content.unwrap_or(Value::Nil));
        let own_name = &self.context.name;
        match content.and_then(|content| encoding::decode_heard(content, own_name)) {
            Ok(Some(Heard::Publication(publication))) => self.rooms.publish(channel, publication),
            Ok(Some(Heard::Signal(signal))) => self.rooms.signal(channel, &signal),
            // The committer gets the answer to the commit, or loads the room.
            Ok(None) => {}
            Err(error) => {
                tracing::debug!(channel, %error, "ignored a publication that is not ours");
            }
        }
    }
}

/// The subscriptions on one connection.
struct Subscriptions<'a> {
    deliveries: &'a Deliveries,
    connection: &'a MultiplexedConnection,
    subscribed: HashSet<Channel>,
    /// Refused for a temporary reason.
    refused: Again,
    /// Refused for a missing right.
    denied: Again,
}

/// Subscriptions to try again, all at the same time: so a right that is missing for many
/// rooms is logged once in a while, not once for each room.
struct Again {
    after: Duration,
    channels: HashSet<Channel>,
    at: Instant,
}

impl Again {
    fn new(after: Duration) -> Self {
        Again {
            after,
            channels: HashSet::new(),
            at: Instant::now(),
        }
    }

    /// Channels that wait already do not wait longer because of new ones.
    fn add(&mut self, channels: HashSet<Channel>) {
        if self.channels.is_empty() {
            self.at = Instant::now() + self.after;
        }
        self.channels.extend(channels);
    }

    /// The waiting channels, when it is time.
    async fn due(&mut self) -> HashSet<Channel> {
        if self.channels.is_empty() {
            std::future::pending::<()>().await;
        }
        sleep_until(self.at).await;
        std::mem::take(&mut self.channels)
    }
}

/// What a channel needs.
#[derive(Clone, Copy)]
enum Step {
    Subscribe,
    Unsubscribe,
}

impl Subscriptions<'_> {
    /// Reconciles the subscriptions with the watched rooms, until the connection fails.
    async fn serve(mut self) -> Loss {
        loop {
            let changed = tokio::select! {
                changed = self.deliveries.rooms.changed() => changed,
                due = self.refused.due() => due,
                due = self.denied.due() => due,
            };
            if let Err(loss) = self.reconcile(changed).await {
                return loss;
            }
        }
    }

    async fn reconcile(&mut self, channels: HashSet<Channel>) -> Result<(), Loss> {
        let steps: Vec<_> = channels
            .into_iter()
            .filter_map(|channel| Some((self.step(&channel)?, channel)))
            .collect();
        let (deliveries, connection) = (self.deliveries, self.connection);
        let mut done = stream::iter(steps)
            .map(|(step, channel)| async move {
                let outcome = take(step, deliveries, connection.clone(), &channel).await;
                (step, channel, outcome)
            })
            .buffer_unordered(PIPELINE);
        let (mut refused, mut denied) = (HashSet::new(), HashSet::new());
        let mut why_denied = None;
        while let Some((step, channel, outcome)) = done.next().await {
            match (step, outcome?) {
                (Step::Subscribe, Ok(())) => {
                    deliveries.rooms.subscribed(&channel, true);
                    self.subscribed.insert(channel);
                }
                (Step::Subscribe, Err(error)) if is_denial(&error) => {
                    let reason = explain(&error);
                    deliveries.rooms.refused(&channel, &reason);
                    why_denied.get_or_insert(reason);
                    denied.insert(channel);
                }
                (Step::Subscribe, Err(error)) => {
                    tracing::debug!(%channel, reason = explain(&error), "redis refuses a subscription");
                    // A waiting caller may still get it in time.
                    if error.is_cluster_error() {
                        deliveries.context.refresh.notify_one();
                    }
                    refused.insert(channel);
                }
                // Redis refuses this only if the slot is no longer its own, and then it has
                // ended the subscription itself.
                (Step::Unsubscribe, Ok(()) | Err(_)) => {
                    self.subscribed.remove(&channel);
                }
            }
        }
        if let Some(reason) = why_denied {
            tracing::warn!(reason, rooms = denied.len(), "redis refuses subscriptions");
        }
        self.refused.add(refused);
        self.denied.add(denied);
        Ok(())
    }

    fn step(&self, channel: &str) -> Option<Step> {
        let rooms = &self.deliveries.rooms;
        match (rooms.is_watched(channel), self.subscribed.contains(channel)) {
            (true, false) => Some(Step::Subscribe),
            (false, true) => Some(Step::Unsubscribe),
            (true, true) => {
                rooms.subscribed(channel, false);
                None
            }
            (false, false) => None,
        }
    }
}

fn is_denial(error: &RedisError) -> bool {
    matches!(error.code(), Some("NOPERM" | "NOAUTH"))
}

/// Makes one step. The outer error is from the connection, the inner one is an answer of
/// Redis.
async fn take(
    step: Step,
    deliveries: &Deliveries,
    mut connection: MultiplexedConnection,
    channel: &Channel,
) -> Result<Result<(), RedisError>, Loss> {
    let name = match (step, deliveries.context.is_cluster) {
        (Step::Subscribe, false) => "SUBSCRIBE",
        (Step::Subscribe, true) => "SSUBSCRIBE",
        (Step::Unsubscribe, false) => "UNSUBSCRIBE",
        (Step::Unsubscribe, true) => "SUNSUBSCRIBE",
    };
    if matches!(step, Step::Unsubscribe) {
        deliveries.leaving.lock().insert(Arc::clone(channel));
    }
    let mut command = redis::cmd(name);
    command.arg(&**channel);
    let limit = deliveries.context.timeout;
    match timeout(limit, command.query_async::<Value>(&mut connection)).await {
        Ok(Ok(_)) => Ok(Ok(())),
        Ok(Err(error)) if error.code().is_some() => {
            deliveries.leaving.lock().remove(&**channel);
            Ok(Err(error))
        }
        Ok(Err(error)) => Err(Loss::Sick(Trouble::Away(explain(&error)))),
        Err(_) => {
            let reason = late(&format!("no answer to {name}"), limit);
            Err(Loss::Sick(Trouble::Away(reason)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn channels_that_are_denied_one_by_one_are_tried_again_together() {
        let began = Instant::now();
        let mut denied = Again::new(RETRY_DENIED);
        for name in ["a", "b", "c"] {
            denied.add(HashSet::from([Channel::from(name)]));
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        denied.add(HashSet::new());
        assert_eq!(denied.due().await.len(), 3);
        assert_eq!(began.elapsed(), RETRY_DENIED);
        assert!(denied.channels.is_empty());
    }
}
