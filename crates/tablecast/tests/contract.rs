//! The contract suite, on rooms in memory.

use std::sync::Arc;

use tablecast::MemoryBackend;
use tablecast_testing::FaultyBackend;
use tablecast_testing::contract::Nodes;

mod memory {
    use super::*;

    async fn nodes() -> Nodes {
        let one = MemoryBackend::new();
        let two = one.another_node();
        Nodes::new(Arc::new(one), Arc::new(two))
    }

    tablecast_testing::backend_contract!(nodes().await);
}

/// While nothing is asked to fail, the faulty backend is as good as any.
mod faulty {
    use super::*;

    async fn nodes() -> Nodes {
        let one = MemoryBackend::new();
        let two = one.another_node();
        Nodes::new(
            Arc::new(FaultyBackend::new(Arc::new(one))),
            Arc::new(FaultyBackend::new(Arc::new(two))),
        )
    }

    tablecast_testing::backend_contract!(nodes().await);
}
