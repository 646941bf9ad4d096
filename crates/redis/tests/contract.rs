//! The contract every backend passes, on one Redis and on a Cluster.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::sync::{Arc, Mutex, PoisonError, Weak};

use tablecast_core::{Backend, RoomId};
use tablecast_testing::contract::Nodes;
use tablecast_testing::redis::{RedisCluster, RedisServer};
use tablecast_testing::until;

/// A store that tests which run at the same time share, since starting one takes
/// longer than most tests; the last of them ends it.
struct Shared<T>(Mutex<Weak<T>>);

impl<T> Shared<T> {
    const fn new() -> Self {
        Shared(Mutex::new(Weak::new()))
    }

    fn get(&self, start: impl FnOnce() -> T) -> Arc<T> {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        running.upgrade().unwrap_or_else(|| {
            let started = Arc::new(start());
            *running = Arc::downgrade(&started);
            started
        })
    }
}

/// A backend that has connected.
async fn connected(url: &str) -> Arc<dyn Backend> {
    let backend = Arc::new(common::connected(url).await);
    // Rooms whose slots are on different servers of a Cluster.
    let rooms: Vec<RoomId> = ["a", "b", "c", "d"]
        .iter()
        .map(|id| id.parse().unwrap())
        .collect();
    for room in &rooms {
        let load = async || backend.load(room, None).await;
        until("it is connected", load, Result::is_ok).await.unwrap();
    }
    backend
}

mod standalone {
    use super::*;

    static SERVER: Shared<RedisServer> = Shared::new();

    async fn nodes() -> Nodes {
        let server = SERVER.get(|| RedisServer::start(&[]));
        let url = server.url();
        Nodes::new(connected(&url).await, connected(&url).await).keeping(server)
    }

    tablecast_testing::backend_contract!(nodes().await);
}

mod cluster {
    use super::*;

    static CLUSTER: Shared<RedisCluster> = Shared::new();

    async fn nodes() -> Nodes {
        let cluster = CLUSTER.get(RedisCluster::start);
        let url = cluster.url();
        Nodes::new(connected(&url).await, connected(&url).await).keeping(cluster)
    }

    tablecast_testing::backend_contract!(nodes().await);
}
