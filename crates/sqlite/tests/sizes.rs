//! How large the files are: what has expired leaves them, and what waits in SQLite's log is
//! bounded.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::sync::Arc;

use tablecast_core::Backend;

use common::{Folder, HOUR, Hands, commit, create, keep, load, room};
use tablecast_testing::until;

/// Of a room, its log and what it left nothing stays in the file when its time is over.
#[tokio::test]
async fn what_has_expired_leaves_the_file() {
    const ROOMS: usize = 100;
    let folder = Folder::new();
    let hands = Hands::at(1);
    let backend = hands.open(&folder.options());
    for n in 0..ROOMS {
        let id = format!("room-{n}");
        let state = vec![7; 50_000].into();
        common::try_create(&backend, &id, state).await.unwrap();
        let position = load(&backend, &id).await.position;
        keep(&backend, &id, position, "pizza").await;
    }
    assert_eq!(backend.rooms(), ROOMS);
    hands.advance(2 * HOUR);
    until(
        "all rooms have left",
        async || backend.rooms(),
        |rooms| *rooms == 0,
    )
    .await;
    assert!(backend.keepsake(&room("room-7")).await.unwrap().is_some());
    hands.advance(8 * 24 * HOUR);
    let database = folder.database();
    let read = async || {
        let connection = rusqlite::Connection::open(&database).unwrap();
        ["rooms", "snapshots", "log", "due", "keepsakes"].map(|table| {
            let count = format!("SELECT count(*) FROM {table}");
            connection
                .query_row(&count, (), |row| row.get::<_, i64>(0))
                .unwrap()
        })
    };
    until("all rows have left", read, |rows| *rows == [0_i64; 5]).await;
    let length = async || fs::metadata(&database).unwrap().len();
    until("the file is short", length, |length| *length < 4 << 20).await;
}

/// Each change is of another room than the ones before, and so of another page: it is taken
/// over more slowly than it comes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_is_bounded_while_changes_come_without_a_pause() {
    const ROOMS: usize = 500;
    const CHANGES: usize = 40;
    // As `checkpoints.rs` has it, and the pages of one transaction.
    const BOUND: u64 = (12_000 + 1000) * (4096 + 24);
    let folder = Folder::new();
    let backend = Arc::new(folder.open());
    let tasks: Vec<_> = (0..ROOMS)
        .map(|n| {
            let backend = backend.clone();
            tokio::spawn(async move {
                let id = format!("room-{n}");
                let mut position = create(&*backend, &id).await;
                for _ in 0..CHANGES {
                    position = commit(&*backend, &id, position, &"x".repeat(100)).await;
                }
            })
        })
        .collect();
    let log = || fs::metadata(folder.beside("-wal")).map_or(0, |log| log.len());
    let mut longest = 0;
    for task in tasks {
        while !task.is_finished() {
            longest = longest.max(log());
            tokio::task::yield_now().await;
        }
        task.await.unwrap();
    }
    assert!(longest <= BOUND, "{longest} bytes");
    let length = async || log();
    until(
        "the log is emptied when there is a pause",
        length,
        |length| *length == 0,
    )
    .await;
    drop(backend);
}
