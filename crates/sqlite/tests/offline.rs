//! Check, dump and backup, while the database is in use and while it is not.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::thread;

use tablecast_sqlite::{
    Dumped, NewRun, Problem, SqliteBackend, SqliteOptions, backup, check, dump,
};

use common::{Folder, commit, create, keep, load, texts};

async fn with_rooms(folder: &Folder) -> SqliteBackend {
    let backend = folder.open();
    for id in ["a", "b", "c"] {
        let position = create(&backend, id).await;
        let position = commit(&backend, id, position, "one").await;
        keep(&backend, id, position, "pizza").await;
    }
    backend
}

#[tokio::test]
async fn a_database_is_looked_at_while_it_is_in_use_and_after() {
    let folder = Folder::new();
    let mut backend = Some(with_rooms(&folder).await);
    for _ in 0..2 {
        let mut told = Vec::new();
        let checked = check(&folder.database(), &mut |progress| told.push(progress)).unwrap();
        assert_eq!((checked.rooms, checked.keepsakes), (3, 3));
        assert_eq!(checked.findings, []);
        let last = told.last().unwrap();
        assert_eq!((told.len(), last.done, last.of), (3, 3, 3));
        backend = None;
    }
    assert!(backend.is_none());
    let missing = check(&folder.path().join("missing.db"), &mut |_| {});
    assert!(matches!(missing.unwrap_err().problem, Problem::Missing));
    assert!(!folder.path().join("missing.db").exists());
}

#[tokio::test]
async fn all_that_is_stored_is_dumped() {
    let folder = Folder::new();
    let backend = with_rooms(&folder).await;
    let mut all = Vec::new();
    dump(&folder.database(), &mut |dumped| {
        all.push(dumped);
        true
    })
    .unwrap();
    assert_eq!(all.len(), 6);
    for (dumped, name) in all.iter().zip(["a", "b", "c", "a", "b", "c"]) {
        match dumped {
            Dumped::Room {
                id,
                position,
                snapshot,
                events,
                ..
            } => {
                let loaded = load(&backend, name).await;
                assert_eq!((id.as_str(), *position), (name, loaded.position));
                assert_eq!(Some(snapshot), loaded.snapshot.as_ref());
                assert_eq!(events, &loaded.events);
            }
            Dumped::Keepsake { id, keepsake } => {
                assert_eq!((id.as_str(), &keepsake.what[..]), (name, &b"pizza"[..]));
            }
            Dumped::Damaged(finding) => panic!("{finding}"),
        }
    }
    let mut count = 0;
    dump(&folder.database(), &mut |_| {
        count += 1;
        false
    })
    .unwrap();
    assert_eq!(count, 1);
}

/// An id that is no text, and one by which its row is not found.
#[tokio::test]
async fn what_is_damaged_is_dumped_as_such_and_the_rest_too() {
    let folder = Folder::new();
    drop(with_rooms(&folder).await);
    let connection = rusqlite::Connection::open(folder.database()).unwrap();
    for table in ["rooms", "keepsakes"] {
        let damage = format!("UPDATE {table} SET id = CAST(x'61ff' AS TEXT) WHERE id = 'a'");
        connection.execute(&damage, ()).unwrap();
    }
    drop(connection);
    let (mut whole, mut damaged) = (Vec::new(), Vec::new());
    dump(&folder.database(), &mut |dumped| {
        match dumped {
            Dumped::Room { id, .. } | Dumped::Keepsake { id, .. } => whole.push(id),
            Dumped::Damaged(finding) => damaged.push(finding.to_string()),
        }
        true
    })
    .unwrap();
    assert_eq!(whole, ["b", "c", "b", "c"]);
    assert_eq!(damaged.len(), 2, "{damaged:?}");
    for finding in damaged {
        assert!(finding.starts_with("room a"), "{finding}");
    }
}

/// What came after the backup is known to members, so they must not take the room for the
/// one that they know.
#[tokio::test]
async fn a_backup_is_whole_and_begins_a_new_run() {
    let folder = Folder::new();
    let backend = with_rooms(&folder).await;
    let copy = folder.path().join("copy.db");
    backup(&folder.database(), &copy, &mut |_| {}).unwrap();
    let mode = fs::metadata(&copy).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let old = load(&backend, "a").await;
    commit(&backend, "a", old.position, "after the backup").await;

    let again = backup(&folder.database(), &copy, &mut |_| {}).unwrap_err();
    assert!(again.to_string().contains("already"), "{again}");
    assert_eq!(check(&copy, &mut |_| {}).unwrap().findings, []);

    // In the place of the database, and beside what its process left there.
    drop(backend);
    fs::write(folder.database(), fs::read(&copy).unwrap()).unwrap();
    let backend = folder.open();
    assert_eq!(backend.new_run(), Some(NewRun::Backup));
    let loaded = load(&backend, "a").await;
    assert_ne!(loaded.position.epoch, old.position.epoch);
    assert_eq!(texts(&loaded), texts(&old));
    drop(backend);
    assert_eq!(folder.open().new_run(), None);

    // Elsewhere; and it is vacuumed step by step as its origin is.
    let backend = SqliteBackend::open(&SqliteOptions::new(&copy)).unwrap();
    assert_eq!(backend.new_run(), Some(NewRun::Backup));
    let connection = rusqlite::Connection::open(&copy).unwrap();
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    assert_eq!(pragma("auto_vacuum").unwrap(), 2);
}

/// As when two timers begin one at the same time.
#[tokio::test]
async fn of_two_backups_of_one_name_one_is_made_whole() {
    let folder = Folder::new();
    drop(with_rooms(&folder).await);
    let copy = folder.path().join("copy.db");
    for _ in 0..20 {
        let make = || backup(&folder.database(), &copy, &mut |_| {});
        let made = thread::scope(|scope| {
            let other = scope.spawn(make);
            [make(), other.join().unwrap()]
        });
        let refused: Vec<_> = made.into_iter().filter_map(Result::err).collect();
        assert_eq!(refused.len(), 1, "{refused:?}");
        assert!(refused[0].to_string().contains("already"), "{refused:?}");
        assert_eq!(check(&copy, &mut |_| {}).unwrap().findings, []);
        fs::remove_file(&copy).unwrap();
    }
    assert_eq!(copies(&folder), 0);
}

/// How many files there are of a copy.
fn copies(folder: &Folder) -> usize {
    let all = fs::read_dir(folder.path()).unwrap();
    let names = all.map(|one| one.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.contains("copy")).count()
}

#[tokio::test]
async fn a_backup_that_cannot_be_made_leaves_nothing() {
    let folder = Folder::new();
    drop(with_rooms(&folder).await);
    let nowhere = folder.path().join("no/copy.db");
    assert!(backup(&folder.database(), &nowhere, &mut |_| {}).is_err());
    let missing = folder.path().join("missing.db");
    let copy = folder.path().join("copy.db");
    assert!(backup(&missing, &copy, &mut |_| {}).is_err());
    assert_eq!(copies(&folder), 0);
}
