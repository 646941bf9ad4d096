//! What the tests of this crate share.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use tablecast_core::Forms;
use tablecast_core::backend::{
    Backend, BackendError, Commit, Committed, Created, Health, Loaded, NewRoom, Publication,
};
use tablecast_core::id::{NodeId, RoomId};
use tablecast_core::position::Position;
use tablecast_redis::{RedisBackend, RedisConfig};
pub use tablecast_testing::{DEADLINE, until};
use tablecast_testing::{Notification, Recorder};
use tokio::time::{Instant, timeout};

pub const TTL: Duration = Duration::from_secs(600);

/// A life to wait for the end of. The steps before the end, some of them by
/// `redis-cli`, have to fit into it on a busy machine.
pub const BRIEF: Duration = Duration::from_secs(6);

pub fn room(name: &str) -> RoomId {
    name.parse().unwrap()
}

pub fn new_room() -> NewRoom {
    NewRoom {
        snapshot: "state 0".into(),
        ttl: TTL,
        max_age: Duration::from_secs(86_400),
        alarm: None,
    }
}

/// A commit of these events; the snapshot names the seq.
pub fn step(expected: Position, events: &[&str]) -> Commit {
    Commit {
        expected,
        events: events
            .iter()
            .map(|event| Bytes::copy_from_slice(event.as_bytes()).into())
            .collect(),
        snapshot: Some(Bytes::from(format!("state {}", expected.seq + events.len() as u64)).into()),
        extend: Some(TTL),
        keepsake: None,
        alarm: None,
    }
}

/// For which a busy machine is no reason to give up.
pub fn patient() -> RedisConfig {
    RedisConfig {
        timeout: DEADLINE,
        ..RedisConfig::default()
    }
}

/// A backend that is connected, and [`patient`].
pub async fn connected(url: &str) -> RedisBackend {
    connected_with(url, &patient()).await
}

/// A backend that is connected, and waits for an answer, or for a slot, no longer than by default.
pub async fn connected_hasty(url: &str) -> RedisBackend {
    connected_with(url, &RedisConfig::default()).await
}

async fn connected_with(url: &str, config: &RedisConfig) -> RedisBackend {
    let backend = RedisBackend::connect_with(url, config).unwrap();
    let load = async || backend.load(&room("none"), None).await;
    until("the backend is connected", load, Result::is_ok)
        .await
        .unwrap();
    backend
}

/// Renews a node's lease: the ids of the live nodes.
pub async fn live(backend: &RedisBackend, node: &NodeId, lease: Duration) -> Vec<NodeId> {
    let live = backend.renew(node, Forms::FIRST, lease).await.unwrap();
    live.into_iter().map(|node| node.id).collect()
}

pub async fn created(backend: &RedisBackend, room: &RoomId) -> Position {
    match backend.create(room, new_room()).await.unwrap() {
        Created::New(position, _) => position,
        Created::Exists => panic!("{room} exists"),
    }
}

pub async fn accepted(backend: &RedisBackend, room: &RoomId, commit: Commit) -> Position {
    let after = commit.expected.after(commit.events.len());
    match backend.commit(room, commit).await {
        Ok(Committed::Accepted(_)) => after,
        other => panic!("expected it to be accepted: {other:?}"),
    }
}

pub async fn conflict(backend: &RedisBackend, room: &RoomId, commit: Commit) -> Loaded {
    missing(backend.commit(room, commit).await)
}

/// What a commit did not know.
pub fn missing(committed: Result<Committed, BackendError>) -> Loaded {
    match committed {
        Ok(Committed::Conflict(loaded)) => loaded,
        other => panic!("expected a conflict: {other:?}"),
    }
}

pub fn texts(loaded: &Loaded) -> Vec<String> {
    loaded
        .events
        .iter()
        .map(|event| String::from_utf8_lossy(&event.event).into_owned())
        .collect()
}

/// What a backend tells, and what of it was passed over.
pub struct Heard {
    recorder: Recorder,
    pub passed: VecDeque<Notification>,
}

impl Heard {
    pub fn of(backend: &RedisBackend) -> Heard {
        Heard {
            recorder: Recorder::new().with_health(backend),
            passed: VecDeque::new(),
        }
    }

    pub async fn watch(
        &mut self,
        backend: &RedisBackend,
        room: &RoomId,
    ) -> Result<(), BackendError> {
        self.recorder.watch(backend, room).await
    }

    pub fn unwatch(&mut self, room: &RoomId) {
        self.recorder.unwatch(room);
    }

    /// The next notification for which `pick` gives something.
    pub async fn find<T>(
        &mut self,
        what: &str,
        mut pick: impl FnMut(&Notification) -> Option<T>,
    ) -> T {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let next = tokio::time::timeout_at(deadline, self.recorder.next()).await;
            let Ok(heard) = next else {
                panic!(
                    "waited {DEADLINE:?} in vain: {what}; passed over {:?}",
                    self.passed
                )
            };
            let beginning = Health::Down("not connected yet".to_owned());
            if heard == Notification::Health(beginning) {
                continue;
            }
            if let Some(found) = pick(&heard) {
                return found;
            }
            self.passed.push_back(heard);
        }
    }

    pub async fn up(&mut self) {
        self.find("up", |heard| {
            (*heard == Notification::Health(Health::Up)).then_some(())
        })
        .await;
    }

    /// Why it is down, or takes no changes.
    pub async fn down(&mut self) -> String {
        self.find("down", |heard| match heard {
            Notification::Health(Health::Down(reason)) => Some(reason.clone()),
            Notification::Health(Health::Refusing { words, .. }) => Some(words.clone()),
            _ => None,
        })
        .await
    }

    /// The words in which Redis says why it takes no changes, once they hold this.
    pub async fn refusing(&mut self, part: &str) -> String {
        self.find("a refusal", |heard| match heard {
            Notification::Health(Health::Refusing { words, .. }) if words.contains(part) => {
                Some(words.clone())
            }
            _ => None,
        })
        .await
    }

    pub async fn missed(&mut self, wanted: &RoomId) {
        self.find("something missed", |heard| match heard {
            Notification::Missed(room) if room == wanted => Some(()),
            _ => None,
        })
        .await;
    }

    /// Both, in any order.
    pub async fn up_and_missed(&mut self, wanted: &RoomId) {
        let (mut is_up, mut has_missed) = (false, false);
        self.find("up, and something missed", |heard| {
            is_up |= *heard == Notification::Health(Health::Up);
            has_missed |= matches!(heard, Notification::Missed(room) if room == wanted);
            (is_up && has_missed).then_some(())
        })
        .await;
    }

    /// The seq of the first event, and the events, of the room's next publication.
    pub async fn published(&mut self, wanted: &RoomId) -> (u64, Vec<Bytes>) {
        self.find("a publication", |heard| match heard {
            Notification::Published(room, Publication { first, events, .. }) if room == wanted => {
                Some((*first, events.clone()))
            }
            _ => None,
        })
        .await
    }
}

/// Commits, here and by another backend at `url`, until the other's events come
/// through, as a node does after a fault.
pub async fn publications_arrive(
    backend: &RedisBackend,
    heard: &mut Heard,
    room: &RoomId,
    url: &str,
) {
    let other = connected(url).await;
    let commit = async || {
        let loaded = backend.load(room, None).await;
        let Ok(Some(Loaded { mut position, .. })) = loaded else {
            return Err(format!("{loaded:?}"));
        };
        for by in [backend, &other] {
            match by.commit(room, step(position, &["x"])).await {
                Ok(Committed::Accepted(_)) => position.seq += 1,
                other => return Err(format!("{other:?}")),
            }
        }
        let published = timeout(Duration::from_secs(1), heard.published(room)).await;
        published.map_err(|late| late.to_string())
    };
    let arrived = until("publications arrive", commit, Result::is_ok).await;
    arrived.unwrap();
}

/// Whether it has not happened, and will not.
pub fn is_unavailable<T>(outcome: &Result<T, BackendError>) -> bool {
    matches!(
        outcome,
        Err(BackendError::Unavailable(_) | BackendError::Refused(_))
    )
}
