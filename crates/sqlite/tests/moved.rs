//! The files are removed, moved or replaced while the database is open: no change is
//! acknowledged that no later process would find.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Barrier};
use std::thread;

use futures_util::StreamExt;
use tablecast_core::Backend;
use tablecast_core::backend::{BackendError, Health};
use tablecast_sqlite::{NewRun, OpenError, Problem, SqliteBackend, backup, check, dump};

use common::{Files, Folder, commit, create, load, room, step, texts, try_create};

const WHY: &str = "its database was moved or removed";

#[tokio::test]
async fn what_was_moved_away_takes_no_changes_until_it_is_back() {
    for end in ["", "-wal", "-shm"] {
        let folder = Folder::new();
        let backend = folder.open();
        let mut health = backend.health();
        let position = create(&backend, "lunch").await;
        let away = folder.path().join("away");
        fs::rename(folder.beside(end), &away).unwrap();
        let refused = backend.commit(&room("lunch"), step(position, "one")).await;
        assert_eq!(refused, Err(BackendError::Refused(WHY.to_owned())), "{end}");
        match health.next().await {
            Some(Health::Refusing { why, words }) => {
                assert_eq!(why, WHY);
                assert!(words.contains(&format!("rooms.db{end} ")), "{words}");
            }
            other => panic!("{other:?}"),
        }
        // What is there can be read.
        assert_eq!(load(&backend, "lunch").await.position, position);

        fs::rename(&away, folder.beside(end)).unwrap();
        assert_eq!(health.next().await, Some(Health::Up), "{end}");
        commit(&backend, "lunch", position, "two").await;
        drop(backend);
        let backend = folder.open();
        assert_eq!(backend.new_run(), None, "{end}");
        assert_eq!(texts(&load(&backend, "lunch").await), ["two"]);
    }
}

/// Nobody asks for a change, and it is noticed all the same.
#[tokio::test]
async fn a_directory_that_was_removed_is_told_of() {
    let folder = Folder::new();
    let backend = folder.open();
    create(&backend, "lunch").await;
    fs::remove_dir_all(folder.path()).unwrap();
    match backend.health().next().await {
        Some(Health::Refusing { why, .. }) => assert_eq!(why, WHY),
        other => panic!("{other:?}"),
    }
    drop(backend);
}

#[tokio::test]
async fn another_file_in_the_databases_place_is_not_written_to() {
    let folder = Folder::new();
    let backend = folder.open();
    let position = create(&backend, "lunch").await;
    let copy = folder.path().join("copy.db");
    backup(&folder.database(), &copy, &mut |_| {}).unwrap();
    commit(&backend, "lunch", position, "one").await;
    fs::rename(&copy, folder.database()).unwrap();
    let made = try_create(&backend, "dinner", "state".into()).await;
    assert_eq!(made, Err(BackendError::Refused(WHY.to_owned())));
    let before = fs::read(folder.database()).unwrap();
    drop(backend);
    assert_eq!(fs::read(folder.database()).unwrap(), before);
}

/// A backup in the place of a database that was changed after it, by a process that was
/// killed: the log of those changes lies beside it. Returns where the backup was made.
async fn backup_beside_a_log(folder: &Folder) -> PathBuf {
    let backend = folder.open();
    let position = create(&backend, "lunch").await;
    let copy = folder.path().join("copy.db");
    backup(&folder.database(), &copy, &mut |_| {}).unwrap();
    commit(&backend, "lunch", position, "one").await;
    let killed = Files::of(folder);
    drop(backend);
    killed.put_back(folder);
    // As `cp` does: into the same file.
    fs::write(folder.database(), fs::read(&copy).unwrap()).unwrap();
    copy
}

/// SQLite would take it over into the backup, which mixes both.
#[tokio::test]
async fn a_backup_is_not_mixed_with_the_log_of_what_was_there_before() {
    let folder = Folder::new();
    let copy = backup_beside_a_log(&folder).await;
    let log = fs::read(folder.beside("-wal")).unwrap();
    let but_run = || {
        let mut files = files(&folder);
        // It names the process that tried last.
        files.remove(OsStr::new("rooms.db-run"));
        files
    };
    let before = but_run();
    let problem = SqliteBackend::open(&folder.options())
        .err()
        .unwrap()
        .problem;
    assert!(matches!(problem, Problem::ForeignLog { .. }), "{problem}");
    assert!(problem.to_string().contains("rooms.db-wal"), "{problem}");
    assert_eq!(fs::read(folder.beside("-wal")).unwrap(), log, "it is kept");
    assert!(but_run() == before, "nothing is touched");

    // The same without any database: SQLite would remove it.
    fs::remove_file(folder.database()).unwrap();
    let problem = SqliteBackend::open(&folder.options())
        .err()
        .unwrap()
        .problem;
    assert!(matches!(problem, Problem::ForeignLog { .. }), "{problem}");
    assert_eq!(fs::read(folder.beside("-wal")).unwrap(), log, "it is kept");
    assert!(!folder.database().exists());

    fs::copy(&copy, folder.database()).unwrap();
    fs::remove_file(folder.beside("-wal")).unwrap();
    let backend = folder.open();
    assert_eq!(backend.new_run(), Some(NewRun::Backup));
    assert_eq!(load(&backend, "lunch").await.events, []);
}

/// All files of the folder.
fn files(folder: &Folder) -> BTreeMap<OsString, Vec<u8>> {
    let entries = fs::read_dir(folder.path()).unwrap().map(Result::unwrap);
    entries
        .map(|entry| (entry.file_name(), fs::read(entry.path()).unwrap()))
        .collect()
}

type Look = fn(&Folder) -> Result<(), OpenError>;

/// What only looks at a database.
const LOOKS: [(&str, Look); 3] = [
    ("check", |folder| {
        check(&folder.database(), &mut |_| {}).map(drop)
    }),
    ("dump", |folder| dump(&folder.database(), &mut |_| true)),
    ("backup", |folder| {
        let to = folder.path().join("another.db");
        backup(&folder.database(), &to, &mut |_| {})
    }),
];

#[tokio::test]
async fn whoever_looks_at_a_backup_does_not_mix_it_with_the_log_of_another() {
    for (name, look) in LOOKS {
        let folder = Folder::new();
        backup_beside_a_log(&folder).await;
        let before = files(&folder);
        let problem = look(&folder).err().map(|error| error.problem);
        assert!(
            matches!(problem, Some(Problem::ForeignLog { .. })),
            "{name}: {problem:?}"
        );
        assert!(files(&folder) == before, "{name}: nothing is touched");
    }
}

/// The system drops the locks of a process on a file when that closes any handle to it.
/// Without them another program that looks would remove the log which is in use.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn sqlites_locks_stay_whoever_else_of_this_process_opens_the_database() {
    use std::io;
    use std::os::unix::fs::MetadataExt;

    let folder = Folder::new();
    let backend = folder.open();
    let position = create(&backend, "lunch").await;
    let database = folder.database().metadata().unwrap();
    // Not from /proc/locks: the list of the whole machine, which changes while it is read.
    let process = PathBuf::from(format!("/proc/{}", std::process::id()));
    let locks = || {
        let handles = fs::read_dir(process.join("fd")).unwrap();
        // Others of this process may close theirs meanwhile.
        let of = |handle: io::Result<fs::DirEntry>| {
            let handle = handle?;
            let is_its = handle.path().metadata()?.ino() == database.ino();
            match is_its {
                true => fs::read_to_string(process.join("fdinfo").join(handle.file_name())),
                false => Ok(String::new()),
            }
        };
        let mut locks = Vec::new();
        for info in handles.filter_map(|handle| of(handle).ok()) {
            let lines = info.lines().filter(|line| line.starts_with("lock:"));
            // What stands before is its place in the list.
            let lines = lines.filter_map(|line| line.split_once("POSIX"));
            locks.extend(lines.map(|(_, lock)| lock.to_owned()));
        }
        locks.sort();
        locks
    };
    let before = locks();
    assert!(!before.is_empty());
    for (name, look) in LOOKS {
        look(&folder).unwrap();
        assert_eq!(locks(), before, "{name}");
    }
    for is_removed in [false, true] {
        if is_removed {
            fs::remove_file(folder.beside("-run")).unwrap();
        }
        let again = SqliteBackend::open(&folder.options()).err().unwrap();
        assert!(matches!(again.problem, Problem::InUse { .. }), "{again}");
        assert_eq!(locks(), before, "-run is removed: {is_removed}");
    }
    commit(&backend, "lunch", position, "one").await;
}

/// Of a new database, and of one that is there: one of them has it, and the others are told so.
#[test]
fn of_many_that_start_at_the_same_moment_one_has_it() {
    const STARTS: usize = 8;
    let folder = Folder::new();
    for _ in 0..10 {
        let barrier = Arc::new(Barrier::new(STARTS));
        let starts: Vec<_> = (0..STARTS)
            .map(|_| {
                let (barrier, options) = (Arc::clone(&barrier), folder.options());
                thread::spawn(move || {
                    barrier.wait();
                    let opened = SqliteBackend::open(&options);
                    // Nobody closes it before all have tried.
                    barrier.wait();
                    opened.map(drop).map_err(|error| error.problem)
                })
            })
            .collect();
        let opened: Vec<_> = starts.into_iter().map(|one| one.join().unwrap()).collect();
        let refused = opened.iter().filter_map(|one| one.as_ref().err());
        for problem in refused.clone() {
            assert!(matches!(problem, Problem::InUse { .. }), "{problem}");
        }
        assert_eq!(refused.count(), STARTS - 1);
    }
    let backend = folder.open();
    assert_eq!(backend.new_run(), None);
}
