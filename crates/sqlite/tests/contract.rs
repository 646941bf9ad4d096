//! The contract every backend passes, on a SQLite database.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;

use tablecast_sqlite::{SqliteBackend, SyncMode};
use tablecast_testing::contract::Nodes;

use common::Folder;

fn nodes(sync: SyncMode) -> Nodes {
    let folder = Folder::new();
    let mut options = folder.options();
    options.sync = sync;
    let one = SqliteBackend::open(&options).unwrap();
    let two = one.another_node();
    Nodes::new(Arc::new(one), Arc::new(two)).keeping(folder)
}

mod normal {
    use super::*;

    tablecast_testing::backend_contract!(nodes(SyncMode::Normal));
}

mod full {
    use super::*;

    tablecast_testing::backend_contract!(nodes(SyncMode::Full));
}
