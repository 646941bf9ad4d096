//! The contract that every backend passes, on one server and on a Cluster.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::sync::{Arc, Mutex, Weak};

use common::connected;
use tablecast::testing::contract::Nodes;
use tablecast_redis::testing::{RedisCluster, RedisServer};

mod standalone {
    use super::*;

    async fn nodes() -> Nodes {
        let server = RedisServer::start(&[]);
        let (a, b) = (
            connected(&server.url()).await,
            connected(&server.url()).await,
        );
        Nodes::new(Arc::new(a), Arc::new(b)).keeping(server)
    }

    tablecast::backend_contract!(nodes().await);
}

mod cluster {
    use super::*;

    async fn nodes() -> Nodes {
        let cluster = shared();
        let (a, b) = (
            connected(&cluster.url()).await,
            connected(&cluster.url()).await,
        );
        Nodes::new(Arc::new(a), Arc::new(b)).keeping(cluster)
    }

    /// One for all tests that run at the same time, since it takes a while to
    /// start; it ends with the last of them.
    fn shared() -> Arc<RedisCluster> {
        static SHARED: Mutex<Weak<RedisCluster>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap();
        shared.upgrade().unwrap_or_else(|| {
            let cluster = Arc::new(RedisCluster::start());
            *shared = Arc::downgrade(&cluster);
            cluster
        })
    }

    tablecast::backend_contract!(nodes().await);
}
