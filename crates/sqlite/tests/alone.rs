//! A database is one process' at a time, and what another one does to it is noticed.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::Path;

use futures_util::StreamExt;
use rusqlite::Connection;
use rusqlite::types::Value;
use tablecast_core::Backend;
use tablecast_core::backend::{BackendError, Health};
use tablecast_sqlite::{Problem, SqliteBackend, SqliteOptions};

use common::{Folder, create, load, room, step, try_create};

#[track_caller]
fn is_in_use(path: &Path) {
    match SqliteBackend::open(&SqliteOptions::new(path)) {
        Ok(_) => panic!("{} was opened", path.display()),
        Err(error) => assert!(matches!(error.problem, Problem::InUse { .. }), "{error}"),
    }
}

#[tokio::test]
async fn the_database_itself_is_locked_whatever_becomes_of_the_file_beside_it() {
    let folder = Folder::new();
    let backend = folder.open();
    create(&backend, "lunch").await;
    fs::remove_file(folder.beside("-run")).unwrap();
    is_in_use(&folder.database());
    assert!(!folder.beside("-run").exists(), "nothing is left beside it");

    let link = folder.path().join("link.db");
    fs::hard_link(folder.database(), &link).unwrap();
    is_in_use(&link);
    assert!(!folder.path().join("link.db-run").exists());

    create(&backend, "dinner").await;
    drop(backend);
    let backend = folder.open();
    assert_eq!(backend.rooms(), 2);
}

/// As when a second server, against all locks, had it: both count for themselves.
#[tokio::test]
async fn what_another_process_has_committed_ends_all_changes() {
    let folder = Folder::new();
    let backend = folder.open();
    let position = create(&backend, "lunch").await;
    let connection = Connection::open(folder.database()).unwrap();
    let older: [Value; 7] = connection
        .query_row("SELECT * FROM store", (), |row| {
            let column = |at| row.get(at);
            let [a, b, c, d, e, f, g] = std::array::from_fn(column);
            Ok([a?, b?, c?, d?, e?, f?, g?])
        })
        .unwrap();
    create(&backend, "dinner").await;
    let before = load(&backend, "dinner").await;
    connection
        .execute(
            "REPLACE INTO store VALUES (?, ?, ?, ?, ?, ?, ?)",
            rusqlite::params_from_iter(older),
        )
        .unwrap();

    let refused = BackendError::Refused("another program has changed its database".to_owned());
    let made = try_create(&backend, "breakfast", "state".into()).await;
    assert_eq!(made, Err(refused.clone()));
    let done = backend.commit(&room("lunch"), step(position, "one")).await;
    assert_eq!(done, Err(refused));
    match backend.health().next().await {
        Some(Health::Refusing { why, words }) => {
            assert_eq!(why, "another program has changed its database");
            assert!(words.contains("restart"), "what is to be done: {words}");
        }
        other => panic!("{other:?}"),
    }
    let stamp = load(&backend, "dinner").await.stamp;
    let after = load(&backend, "dinner").await;
    assert_eq!(tablecast_core::backend::Loaded { stamp, ..after }, {
        let mut before = before;
        before.stamp = stamp;
        before
    });
}

#[tokio::test]
async fn the_rows_of_a_new_room_overwrite_nothing() {
    let folder = Folder::new();
    let backend = folder.open();
    create(&backend, "lunch").await;
    let connection = Connection::open(folder.database()).unwrap();
    connection
        .execute("INSERT INTO snapshots VALUES (2, x'07', 0)", ())
        .unwrap();
    let made = try_create(&backend, "dinner", "state".into()).await;
    assert!(matches!(made, Err(BackendError::Corrupt(_))), "{made:?}");
    let state: Vec<u8> = connection
        .query_row("SELECT state FROM snapshots WHERE room = 2", (), |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(state, [7]);
    assert_eq!(backend.load(&room("dinner"), None).await, Ok(None));
}
