//! What the store can do on this machine, beside memory:
//! `cargo run --release -p tablecast-sqlite --example figures -- FOLDER [PART [COUNT]]`.
//!
//! | part | what it shows | `COUNT` |
//! |---|---|---|
//! | `load` | changes a second, and how long each waits | seconds, 5 |
//! | `start` | how long a start takes | rooms, 100000 |
//! | `rest` | the memory of this process that rooms at rest take | rooms, 100000 |
//! | `size` | the size of the files after changes, and after all rooms have expired | changes, 1000000 |
//!
//! Without a part all are shown, each in a process of its own. A change is one event of 100
//! bytes in one room, with a state of 2 KB as often as the store asks for it. Each room has
//! one under way at a time.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tablecast::MemoryBackend;
use tablecast_core::backend::{Backend, Commit, Committed, Created, NewRoom};
use tablecast_core::id::unique;
use tablecast_core::{Position, RoomId};
use tablecast_sqlite::{SqliteBackend, SqliteOptions, SyncMode};

const HOUR: Duration = Duration::from_secs(3600);

/// Changes that come one after the other, and those that come together.
const ROOMS: [usize; 3] = [1, 100, 1000];

#[tokio::main]
async fn main() {
    let mut args = std::env::args().skip(1);
    let folder = PathBuf::from(args.next().unwrap_or_else(|| ".".to_owned()));
    let Some(part) = args.next() else {
        for part in ["load", "start", "rest", "size"] {
            let mut this = Command::new(std::env::current_exe().unwrap());
            assert!(this.arg(&folder).arg(part).status().unwrap().success());
        }
        return;
    };
    let count = args.next().map(|text| text.parse::<usize>().unwrap());
    match part.as_str() {
        "load" => loads(&folder, count.unwrap_or(5) as u64).await,
        "start" => opening(&folder, count.unwrap_or(100_000)).await,
        "rest" => resting(&folder, count.unwrap_or(100_000)).await,
        "size" => shrinking(&folder, count.unwrap_or(1_000_000)).await,
        other => panic!("{other} is no part"),
    }
}

async fn loads(folder: &Path, seconds: u64) {
    for rooms in ROOMS {
        let memory = Arc::new(MemoryBackend::new());
        load("memory", memory, rooms, seconds).await;
        for sync in [SyncMode::Normal, SyncMode::Full] {
            let database = Database::new(folder);
            let backend = Arc::new(database.open(sync));
            load(&format!("sync={sync}"), backend, rooms, seconds).await;
            println!("    {}", database.sizes());
        }
    }
}

/// Changes as fast as they are answered, and then at half that rate.
async fn load(name: &str, backend: Arc<dyn Backend>, rooms: usize, seconds: u64) {
    let mut all = Vec::new();
    for n in 0..rooms {
        let id: RoomId = format!("room-{n}").parse().unwrap();
        let position = create(&*backend, &id).await;
        all.push((id, position));
    }
    let rate = changes(name, &backend, &mut all, seconds, Duration::ZERO).await;
    let pause = Duration::from_secs_f64(rooms as f64 / (rate / 2.0));
    changes("    at half of that", &backend, &mut all, seconds, pause).await;
}

/// Each room has a change this long after the last one began, or when that is answered.
async fn changes(
    name: &str,
    backend: &Arc<dyn Backend>,
    rooms: &mut Vec<(RoomId, Position)>,
    seconds: u64,
    pause: Duration,
) -> f64 {
    let begin = Instant::now();
    let end = begin + Duration::from_secs(seconds);
    let count = rooms.len();
    let tasks: Vec<_> = rooms
        .drain(..)
        .map(|(id, mut position)| {
            let backend = backend.clone();
            tokio::spawn(async move {
                let mut took = Vec::new();
                // Spread over the pause, as people are.
                let mut next = begin + pause.mul_f64(fastrand::f64());
                while next < end {
                    if !pause.is_zero() {
                        tokio::time::sleep_until(next.into()).await;
                    }
                    let asked = Instant::now();
                    position = change(&*backend, &id, position).await;
                    took.push(asked.elapsed());
                    // Who was late does not hurry.
                    next = Instant::now().max(next + pause);
                    // What is in memory has its answer at once: others would never have a turn.
                    tokio::task::yield_now().await;
                }
                (id, position, took)
            })
        })
        .collect();
    let mut took = Vec::new();
    for task in tasks {
        let (id, position, its) = task.await.unwrap();
        rooms.push((id, position));
        took.extend(its);
    }
    let rate = took.len() as f64 / begin.elapsed().as_secs_f64();
    took.sort_unstable();
    let at = |share: f64| took[(took.len() as f64 * share) as usize];
    println!(
        "{name}, {count} rooms: {rate:.0} changes/s, half in {:?}, 99 % in {:?}, 99.9 % in {:?}",
        at(0.5),
        at(0.99),
        at(0.999)
    );
    rate
}

/// How long a start takes with many rooms.
async fn opening(folder: &Path, rooms: usize) {
    let database = Database::new(folder);
    let backend = Arc::new(database.open(SyncMode::Normal));
    let begin = Instant::now();
    make_many(&backend, 0..rooms).await;
    println!("{rooms} rooms made in {:?}", begin.elapsed());
    println!("    {}", database.sizes());
    let begin = Instant::now();
    drop(backend);
    println!("closed in {:?}", begin.elapsed());
    let begin = Instant::now();
    let backend = database.open(SyncMode::Normal);
    println!(
        "opened with {} rooms in {:?}",
        backend.rooms(),
        begin.elapsed()
    );
    let begin = Instant::now();
    let id = "room-7".parse().unwrap();
    backend.load(&id, None).await.unwrap().unwrap();
    println!("the first of them loaded in {:?}", begin.elapsed());
}

/// What rooms that nobody is in take of this process' memory: of twice as many the second
/// half, when SQLite's caches are full.
async fn resting(folder: &Path, rooms: usize) {
    let database = Database::new(folder);
    let backend = Arc::new(database.open(SyncMode::Normal));
    println!("without rooms {} KiB of memory", resident_kib());
    make_many(&backend, 0..rooms).await;
    let half = resident_kib();
    println!("with {rooms} rooms {half} KiB");
    make_many(&backend, rooms..2 * rooms).await;
    let all = resident_kib();
    let each = (all as f64 - half as f64) * 1024.0 / rooms as f64;
    println!(
        "with {} rooms {all} KiB: {each:.1} bytes a room at rest",
        backend.rooms()
    );
}

/// What is in memory of this process alone, in KiB.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    line.unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap()
}

/// The file's size after many changes, and after all rooms have expired.
async fn shrinking(folder: &Path, changes: usize) {
    let database = Database::new(folder);
    let now = Arc::new(AtomicU64::new(1));
    let clock = now.clone();
    let options = database.options(SyncMode::Normal);
    let backend =
        SqliteBackend::open_with_clock(&options, move || clock.load(Ordering::Relaxed)).unwrap();
    let backend = Arc::new(backend);
    const ROOMS: usize = 1000;
    let tasks: Vec<_> = (0..ROOMS)
        .map(|n| {
            let backend = backend.clone();
            tokio::spawn(async move {
                let id = format!("room-{n}").parse().unwrap();
                let mut position = create(&*backend, &id).await;
                for _ in 0..changes / ROOMS {
                    position = change(&*backend, &id, position).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    // The log is taken over, and emptied.
    tokio::time::sleep(Duration::from_secs(5)).await;
    println!(
        "after {changes} changes in {ROOMS} rooms: {}",
        database.sizes()
    );
    now.fetch_add(HOUR.as_millis() as u64 + 1, Ordering::Relaxed);
    let begin = Instant::now();
    while backend.rooms() > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    println!(
        "all of them forgotten {:?} after they expired",
        begin.elapsed()
    );
    tokio::time::sleep(Duration::from_secs(5)).await;
    println!("    {}", database.sizes());
}

async fn make_many(backend: &Arc<SqliteBackend>, rooms: Range<usize>) {
    let tasks: Vec<_> = (0..64)
        .map(|task| {
            let (backend, rooms) = (backend.clone(), rooms.clone());
            tokio::spawn(async move {
                for n in rooms.skip(task).step_by(64) {
                    create(&*backend, &format!("room-{n}").parse().unwrap()).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

async fn create(backend: &dyn Backend, id: &RoomId) -> Position {
    let new = NewRoom {
        snapshot: Bytes::from(vec![b's'; 500]),
        ttl: HOUR,
        max_age: 24 * HOUR,
        alarm: None,
    };
    match backend.create(id, new).await {
        Ok(Created::New(position, _)) => position,
        other => panic!("{id}: {other:?}"),
    }
}

async fn change(backend: &dyn Backend, id: &RoomId, expected: Position) -> Position {
    let after = expected.after(1);
    let interval = backend.snapshot_interval() as u64;
    let state = || Bytes::from(vec![b's'; 2000]).into();
    let commit = Commit {
        expected,
        events: vec![Bytes::from(vec![b'e'; 100]).into()],
        snapshot: after.seq.is_multiple_of(interval).then(state),
        extend: Some(HOUR),
        keepsake: None,
        alarm: None,
    };
    match backend.commit(id, commit).await {
        Ok(Committed::Accepted(_)) => after,
        other => panic!("{id}: {other:?}"),
    }
}

/// A database that is removed again.
struct Database(PathBuf);

impl Database {
    fn new(folder: &Path) -> Self {
        let folder = folder.join(format!("figures-{:016x}", unique()));
        std::fs::create_dir_all(&folder).unwrap();
        Database(folder)
    }

    fn options(&self, sync: SyncMode) -> SqliteOptions {
        SqliteOptions {
            sync,
            // On a busy machine an answer may take long, and is to be seen all the same.
            timeout: Duration::from_secs(60),
            ..SqliteOptions::new(self.0.join("rooms.db"))
        }
    }

    fn open(&self, sync: SyncMode) -> SqliteBackend {
        SqliteBackend::open(&self.options(sync)).unwrap()
    }

    fn sizes(&self) -> String {
        let size = |end| {
            let file = self.0.join(format!("rooms.db{end}"));
            file.metadata().map_or(0, |file| file.len() / 1024)
        };
        format!("file {} KiB, log {} KiB", size(""), size("-wal"))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
