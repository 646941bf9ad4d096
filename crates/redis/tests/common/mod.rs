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
use futures_util::StreamExt;
use tablecast_core::backend::{
    Backend, BackendError, Commit, Committed, Created, Health, Loaded, NewRoom, Notice, Notices,
};
use tablecast_core::id::RoomId;
use tablecast_core::position::Position;
use tablecast_redis::RedisBackend;
use tokio::time::{Instant, sleep, timeout};

/// How long a test waits for anything: nothing takes as long, on a busy machine neither.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub const TTL: Duration = Duration::from_secs(600);

/// A life to wait for the end of. The steps before the end, some of them by
/// `redis-cli`, have to fit into it on a busy machine.
pub const BRIEF: Duration = Duration::from_secs(3);

pub fn room(name: &str) -> RoomId {
    name.parse().unwrap()
}

pub fn new_room() -> NewRoom {
    NewRoom {
        snapshot: "state 0".into(),
        ttl: TTL,
        max_age: Duration::from_secs(86_400),
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
    }
}

/// A backend that is connected.
pub async fn connected(url: &str) -> RedisBackend {
    let backend = RedisBackend::connect(url).unwrap();
    eventually("the backend is connected", async || {
        backend.load(&room("none"), None).await.ok()
    })
    .await;
    backend
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
    match backend.commit(room, commit).await {
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

/// Tries until it gives something.
pub async fn eventually<T>(what: &str, mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = attempt().await {
            return value;
        }
        assert!(
            start.elapsed() < PATIENCE,
            "waited {PATIENCE:?} in vain: {what}"
        );
        // sleep: between two attempts
        sleep(Duration::from_millis(20)).await;
    }
}

/// The notices of a backend, and those that were passed over.
pub struct Heard {
    notices: Notices,
    pub passed: VecDeque<Notice>,
}

impl Heard {
    pub fn of(backend: &RedisBackend) -> Heard {
        Heard {
            notices: backend.notices(),
            passed: VecDeque::new(),
        }
    }

    /// The next notice for which `pick` gives something.
    pub async fn find<T>(&mut self, what: &str, mut pick: impl FnMut(&Notice) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let next = tokio::time::timeout_at(deadline, self.notices.next()).await;
            let Ok(notice) = next else {
                panic!(
                    "waited {PATIENCE:?} in vain: {what}; passed over {:?}",
                    self.passed
                )
            };
            let notice = notice.expect("the notices have not ended");
            let beginning = Health::Down("not connected yet".to_owned());
            if notice == Notice::Health(beginning) {
                continue;
            }
            if let Some(found) = pick(&notice) {
                return found;
            }
            self.passed.push_back(notice);
        }
    }

    pub async fn up(&mut self) {
        self.find("up", |notice| {
            (*notice == Notice::Health(Health::Up)).then_some(())
        })
        .await;
    }

    /// Why it is down, or takes no changes.
    pub async fn down(&mut self) -> String {
        self.find("down", |notice| match notice {
            Notice::Health(Health::Down(reason)) => Some(reason.clone()),
            Notice::Health(Health::Refusing { words, .. }) => Some(words.clone()),
            _ => None,
        })
        .await
    }

    /// The words in which Redis says why it takes no changes, once they hold this.
    pub async fn refusing(&mut self, part: &str) -> String {
        self.find("a refusal", |notice| match notice {
            Notice::Health(Health::Refusing { words, .. }) if words.contains(part) => {
                Some(words.clone())
            }
            _ => None,
        })
        .await
    }

    pub async fn resync(&mut self, wanted: &RoomId) {
        self.find("a resync", |notice| match notice {
            Notice::Resync(None) => Some(()),
            Notice::Resync(Some(room)) if room == wanted => Some(()),
            _ => None,
        })
        .await;
    }

    /// The seq of the first event, and the events, of the room's next publication.
    pub async fn published(&mut self, wanted: &RoomId) -> (u64, Vec<Bytes>) {
        self.find("a publication", |notice| match notice {
            Notice::Published {
                room,
                first,
                events,
                ..
            } if room == wanted => Some((*first, events.clone())),
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
    let other = RedisBackend::connect(url).unwrap();
    let start = Instant::now();
    loop {
        assert!(start.elapsed() < PATIENCE, "no publication arrives");
        let Ok(Some(loaded)) = backend.load(room, None).await else {
            // sleep: between two attempts
            sleep(Duration::from_millis(20)).await;
            continue;
        };
        let mut position = loaded.position;
        let Ok(Committed::Accepted(_)) = backend.commit(room, step(position, &["x"])).await else {
            continue;
        };
        position.seq += 1;
        let Ok(Committed::Accepted(_)) = other.commit(room, step(position, &["y"])).await else {
            continue;
        };
        if timeout(Duration::from_secs(1), heard.published(room))
            .await
            .is_ok()
        {
            return;
        }
    }
}

/// Whether it has not happened, and will not.
pub fn is_unavailable<T>(outcome: &Result<T, BackendError>) -> bool {
    matches!(
        outcome,
        Err(BackendError::Unavailable(_) | BackendError::Refused(_))
    )
}
