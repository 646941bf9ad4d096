//! The machine loses power: of what was written since a file was last synced each sector is
//! on the disk, or is not.
//!
//! One change is made at a time, and after some of them the log is taken over as the store's
//! own thread does when it is long, so it is known what SQLite has synced. With `full` that is its log; at a
//! checkpoint, with either setting, first the log and then, once its pages are written, the
//! database. The file beside it is synced at the start alone.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::fs;

use bytes::Bytes;
use rusqlite::Connection;
use tablecast_core::Backend;
use tablecast_core::backend::Committed;
use tablecast_core::position::Epoch;
use tablecast_sqlite::{NewRun, SqliteBackend, SyncMode};

use common::{Folder, create, load, room, step, texts};
use tablecast_testing::until;

const ROOMS: [&str; 3] = ["a", "b", "c"];

/// Changes in all.
const CHANGES: usize = 600;

/// After so many the log is taken over. It stays so short that the store does not empty it by
/// itself while a copy of the files is made.
const CHECKPOINT: usize = 120;

/// What a disk writes whole, or not at all.
const SECTOR: usize = 512;

/// What stands in the files of a database.
#[derive(Clone, Default)]
struct Disk {
    database: Vec<u8>,
    log: Vec<u8>,
    run: Vec<u8>,
}

impl Disk {
    fn of(folder: &Folder) -> Disk {
        let read = |end| fs::read(folder.beside(end)).unwrap_or_default();
        Disk {
            database: read(""),
            log: read("-wal"),
            run: read("-run"),
        }
    }

    fn put_back(&self, folder: &Folder) {
        let _ = fs::remove_file(folder.beside("-shm"));
        // Into the same files, as they are the same after a loss of power.
        fs::write(folder.beside(""), &self.database).unwrap();
        fs::write(folder.beside("-wal"), &self.log).unwrap();
        fs::write(folder.beside("-run"), &self.run).unwrap();
    }
}

/// Of a file that was like this when it was synced, and is like that now, what is on the disk:
/// of each sector the old or the new, and of the new length a part.
fn mix(old: &[u8], new: &[u8]) -> Vec<u8> {
    let shortest = old.len().min(new.len());
    let longest = old.len().max(new.len());
    let mut mixed = new.to_vec();
    mixed.resize(longest, 0);
    // As chance has it nearly all, nearly none, or some of it was written.
    let share = fastrand::f64();
    for at in (0..longest).step_by(SECTOR) {
        if fastrand::f64() < share {
            continue;
        }
        let end = (at + SECTOR).min(longest);
        for (place, byte) in mixed[at..end].iter_mut().enumerate() {
            *byte = old.get(at + place).copied().unwrap_or(0);
        }
    }
    mixed.truncate(fastrand::usize(shortest..=longest));
    mixed
}

/// As [`mix`], of SQLite's log: when it begins anew, its header is synced before anything else
/// of it is written over.
fn mix_log(old: &[u8], new: &[u8]) -> Vec<u8> {
    const HEADER: usize = 32;
    let mut mixed = mix(old, new);
    mixed[..HEADER].copy_from_slice(&new[..HEADER]);
    mixed
}

/// A disk that lost power, and how many changes it must have at least and at most.
struct Lost {
    disk: Disk,
    changes: std::ops::RangeInclusive<usize>,
}

/// Takes the log over: whether all of it was.
fn take_over(folder: &Folder) -> bool {
    let connection = Connection::open(folder.database()).unwrap();
    let behind = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", (), |row| {
        Ok(row.get::<_, i64>(1)? - row.get::<_, i64>(2)?)
    });
    behind.unwrap() == 0
}

/// Makes changes, and remembers what would be on the disk if the power were lost.
async fn lose(folder: &Folder, sync: SyncMode) -> (Epoch, Vec<Lost>) {
    let all = std::env::var_os("TABLECAST_POWER_LOSSES").is_some();
    let backend = SqliteBackend::open(&folder.options_of(sync, "one")).unwrap();
    let mut positions = Vec::new();
    for id in ROOMS {
        positions.push(create(&backend, id).await);
    }
    let epoch = positions[0].epoch;
    let mut lost = Vec::new();
    // With `normal` what is synced is what stood there at the last checkpoint. The files as
    // they are now will do for the first, since none comes before.
    let mut synced = (Disk::of(folder), 0);
    let mut before = synced.0.clone();
    let first_run = before.run.clone();
    for change in 0..CHANGES {
        let at = change % ROOMS.len();
        let mut step = step(positions[at], &change.to_string());
        if change % 150 < ROOMS.len() {
            step.snapshot = Some(Bytes::from(change.to_string()).into());
        }
        let committed = backend.commit(&room(ROOMS[at]), step).await.unwrap();
        assert!(matches!(committed, Committed::Accepted(_)));
        positions[at] = positions[at].after(1);
        if change % CHECKPOINT == CHECKPOINT - 1 {
            let taken_over = async || take_over(folder);
            until("the log is taken over", taken_over, |is| *is).await;
        }
        let now = Disk::of(folder);
        let is_checkpoint = now.database != before.database;
        if is_checkpoint || all || change % 40 == 17 {
            let (base, least) = match sync {
                SyncMode::Normal => (&synced.0, synced.1),
                SyncMode::Full => (&before, change),
            };
            // The file beside is any that was ever written, as nobody waits for it. But it is
            // written after what it tells of, which with `full` is on the disk then.
            let mut runs = vec![first_run.clone(), before.run.clone()];
            if sync == SyncMode::Normal {
                runs.push(now.run.clone());
            }
            let run = runs.swap_remove(fastrand::usize(..runs.len()));
            let log_lost = Disk {
                database: before.database.clone(),
                log: mix_log(&base.log, &now.log),
                run: run.clone(),
            };
            lost.push(Lost {
                disk: log_lost,
                changes: least..=change + 1,
            });
            if is_checkpoint {
                let database_torn = Disk {
                    database: mix(&before.database, &now.database),
                    log: now.log.clone(),
                    run,
                };
                lost.push(Lost {
                    disk: database_torn,
                    changes: change + 1..=change + 1,
                });
            }
        }
        if is_checkpoint {
            synced = (now.clone(), change + 1);
        }
        before = now;
    }
    assert!(synced.1 > 0, "no checkpoint was among them");
    (epoch, lost)
}

/// What is there of the changes: as many as this, and no other.
async fn survived(backend: &SqliteBackend) -> usize {
    let mut counts = Vec::new();
    for (at, id) in ROOMS.iter().enumerate() {
        let loaded = load(backend, id).await;
        let expected = (at..).step_by(ROOMS.len()).map(|change| change.to_string());
        let expected: Vec<String> = expected.take(loaded.events.len()).collect();
        assert_eq!(texts(&loaded), expected);
        assert_eq!(loaded.position.seq, loaded.events.len() as u64);
        counts.push(loaded.events.len());
    }
    let all: usize = counts.iter().sum();
    let in_order = |at: usize| all / ROOMS.len() + usize::from(at < all % ROOMS.len());
    let expected: Vec<usize> = (0..ROOMS.len()).map(in_order).collect();
    assert_eq!(
        counts, expected,
        "the first {all} in the order in which they came"
    );
    all
}

#[tokio::test]
async fn with_full_nothing_acknowledged_is_lost_with_the_power() {
    let folder = Folder::new();
    let options = folder.options_of(SyncMode::Full, "two");
    let (epoch, all) = lose(&folder, SyncMode::Full).await;
    for Lost { disk, changes } in all {
        disk.put_back(&folder);
        let backend = SqliteBackend::open(&options).unwrap();
        assert_eq!(backend.new_run(), None);
        let survived = survived(&backend).await;
        assert!(changes.contains(&survived), "{survived} of {changes:?}");
        assert_eq!(load(&backend, "a").await.position.epoch, epoch);
    }
}

#[tokio::test]
async fn with_normal_the_newest_may_be_lost_and_every_room_begins_a_new_epoch() {
    let folder = Folder::new();
    let options = folder.options_of(SyncMode::Normal, "two");
    let (epoch, all) = lose(&folder, SyncMode::Normal).await;
    for Lost { disk, changes } in all {
        disk.put_back(&folder);
        let backend = SqliteBackend::open(&options).unwrap();
        let why = backend.new_run();
        assert!(
            matches!(why, Some(NewRun::Reboot | NewRun::Behind)),
            "{why:?}"
        );
        let survived = survived(&backend).await;
        assert!(changes.contains(&survived), "{survived} of {changes:?}");
        assert_ne!(load(&backend, "a").await.position.epoch, epoch);
    }
}
