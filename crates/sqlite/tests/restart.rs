//! What is there after a restart, and whether members go on where they were.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;

use tablecast_core::Backend;
use tablecast_core::backend::Stamp;
use tablecast_sqlite::{NewRun, SqliteBackend, SyncMode};

use common::{Files, Folder, HOUR, Hands, commit, create, keep, load, room, texts};

#[tokio::test]
async fn all_that_was_acknowledged_is_there_after_a_restart() {
    let folder = Folder::new();
    let backend = folder.open();
    assert_eq!(backend.new_run(), Some(NewRun::New));
    let first = create(&backend, "lunch").await;
    let position = commit(&backend, "lunch", first, "one").await;
    let position = keep(&backend, "lunch", position, "pizza").await;
    let before = load(&backend, "lunch").await;
    let kept = backend.keepsake(&room("lunch")).await.unwrap();
    drop(backend);

    let backend = folder.open();
    assert_eq!(backend.new_run(), None);
    assert_eq!(backend.rooms(), 1);
    let after = load(&backend, "lunch").await;
    let stamp = Stamp {
        now: before.stamp.now,
        ..after.stamp
    };
    assert!(after.stamp.now >= before.stamp.now, "the clock went back");
    assert_eq!(tablecast_core::backend::Loaded { stamp, ..after }, before);
    assert_eq!(backend.keepsake(&room("lunch")).await.unwrap(), kept);
    let since = backend.load(&room("lunch"), Some(first)).await.unwrap();
    assert_eq!(texts(&since.unwrap()), ["one", "pizza"]);
    commit(&backend, "lunch", position, "three").await;
}

#[tokio::test]
async fn a_process_that_died_loses_nothing_and_members_go_on() {
    for sync in [SyncMode::Normal, SyncMode::Full] {
        let folder = Folder::new();
        let options = folder.options_of(sync, "boot");
        let backend = SqliteBackend::open(&options).unwrap();
        let mut position = create(&backend, "lunch").await;
        for event in ["one", "two", "three"] {
            position = commit(&backend, "lunch", position, event).await;
        }
        let files = Files::of(&folder);
        drop(backend);
        files.put_back(&folder);

        let backend = SqliteBackend::open(&options).unwrap();
        assert_eq!(backend.new_run(), None, "{sync}");
        let loaded = load(&backend, "lunch").await;
        assert_eq!(loaded.position, position, "{sync}");
        assert_eq!(texts(&loaded), ["one", "two", "three"]);
    }
}

/// After a loss of power the last changes may be missing: nobody may take the room for the
/// one that they knew.
#[tokio::test]
async fn after_a_reboot_every_room_begins_a_new_epoch_unless_all_is_on_the_disk() {
    for (sync, is_closed, new_run) in [
        (SyncMode::Normal, false, Some(NewRun::Reboot)),
        (SyncMode::Normal, true, None),
        (SyncMode::Full, false, None),
        (SyncMode::Full, true, None),
    ] {
        let folder = Folder::new();
        let backend = SqliteBackend::open(&folder.options_of(sync, "one")).unwrap();
        let first = create(&backend, "lunch").await;
        let old = commit(&backend, "lunch", first, "one").await;
        let files = Files::of(&folder);
        drop(backend);
        if !is_closed {
            files.put_back(&folder);
        }

        // How it is kept from now on does not count.
        let backend = SqliteBackend::open(&folder.options_of(SyncMode::Full, "two")).unwrap();
        assert_eq!(backend.new_run(), new_run, "{sync}, closed: {is_closed}");
        let loaded = backend
            .load(&room("lunch"), Some(old))
            .await
            .unwrap()
            .unwrap();
        let is_same = loaded.position.epoch == old.epoch;
        assert_eq!(is_same, new_run.is_none(), "{sync}, closed: {is_closed}");
        assert_eq!(loaded.snapshot.is_some(), new_run.is_some());
        assert_eq!(loaded.position.seq, 1);
        let position = commit(&backend, "lunch", loaded.position, "two").await;
        assert_eq!(texts(&load(&backend, "lunch").await), ["one", "two"]);

        drop(backend);
        let backend = SqliteBackend::open(&folder.options_of(sync, "two")).unwrap();
        assert_eq!(backend.new_run(), None, "a run begins once");
        assert_eq!(load(&backend, "lunch").await.position, position);
    }
}

/// Whatever else stands in the database's place.
#[tokio::test]
async fn a_database_that_is_not_the_one_that_was_left_begins_a_new_run() {
    type Change = fn(&Folder, &Files);
    let changes: [(Change, NewRun); 4] = [
        (
            |folder, older| {
                let run = fs::read(folder.beside("-run")).unwrap();
                older.put_back(folder);
                fs::write(folder.beside("-run"), run).unwrap();
            },
            NewRun::Behind,
        ),
        (
            |folder, _| fs::remove_file(folder.beside("-run")).unwrap(),
            NewRun::NoRunFile,
        ),
        (
            |folder, _| fs::write(folder.beside("-run"), "tablecast 1 process=").unwrap(),
            NewRun::NoRunFile,
        ),
        (
            |folder, _| {
                let copy = folder.beside("-copy");
                fs::copy(folder.database(), &copy).unwrap();
                fs::rename(copy, folder.database()).unwrap();
            },
            NewRun::Copy,
        ),
    ];
    for (change, why) in changes {
        let folder = Folder::new();
        let backend = folder.open();
        let first = create(&backend, "lunch").await;
        let older = Files::of(&folder);
        let old = commit(&backend, "lunch", first, "one").await;
        drop(backend);
        change(&folder, &older);
        let backend = folder.open();
        assert_eq!(backend.new_run(), Some(why));
        let loaded = load(&backend, "lunch").await;
        assert_ne!(loaded.position.epoch, old.epoch, "{why}");
    }
}

#[tokio::test]
async fn the_clock_does_not_go_back_over_a_restart() {
    let folder = Folder::new();
    let hands = Hands::at(1_000_000);
    let backend = hands.open(&folder.options());
    let first = create(&backend, "lunch").await;
    hands.advance(HOUR / 2);
    commit(&backend, "lunch", first, "one").await;
    drop(backend);

    let backend = Hands::at(5).open(&folder.options());
    let stamp = load(&backend, "lunch").await.stamp;
    assert_eq!(stamp.now, 1_000_000 + HOUR.as_millis() as u64 / 2);
}
