//! A database that cannot be used is refused at the start, with the reason.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use rusqlite::Connection;
use tablecast_sqlite::{Problem, SqliteBackend, SqliteOptions, backup, check, dump};

use common::{Folder, create, load};

fn problem(path: &Path) -> Problem {
    match SqliteBackend::open(&SqliteOptions::new(path)) {
        Ok(_) => panic!("{} was opened", path.display()),
        Err(error) => {
            let name = path.to_str().unwrap();
            assert!(error.to_string().starts_with(name), "{error}");
            error.problem
        }
    }
}

/// Who may do what with a file.
fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_new_database_is_for_its_owner_alone() {
    let folder = Folder::new();
    let _backend = folder.open();
    for end in ["", "-wal", "-shm", "-run"] {
        assert_eq!(mode(&folder.beside(end)), 0o600, "rooms.db{end}");
    }
}

/// Such as a copy that `sqlite3` made: seats' secrets are in it.
#[test]
fn a_database_that_others_may_read_becomes_its_owners_alone() {
    let folder = Folder::new();
    drop(folder.open());
    let open_to_all = || fs::Permissions::from_mode(0o644);
    fs::set_permissions(folder.database(), open_to_all()).unwrap();
    // As a process that was killed leaves them.
    let reader = Connection::open(folder.database()).unwrap();
    let count = "SELECT count(*) FROM rooms";
    let rooms: i64 = reader.query_row(count, (), |row| row.get(0)).unwrap();
    assert_eq!(rooms, 0);
    assert_eq!(mode(&folder.beside("-wal")), 0o644);

    let backend = folder.open();
    for end in ["", "-wal", "-shm", "-run"] {
        assert_eq!(mode(&folder.beside(end)), 0o600, "rooms.db{end}");
    }
    drop((reader, backend));

    let other = folder.path().join("diary");
    fs::write(&other, "Dear diary, today we had pizza.").unwrap();
    fs::set_permissions(&other, open_to_all()).unwrap();
    assert!(matches!(problem(&other), Problem::NotADatabase));
    assert_eq!(mode(&other), 0o644);
}

#[test]
fn a_file_that_is_something_else_is_left_alone() {
    let folder = Folder::new();
    let text = "Dear diary, today we had pizza, and nobody minded.\n".repeat(100);
    fs::write(folder.database(), &text).unwrap();
    assert!(matches!(problem(&folder.database()), Problem::NotADatabase));
    assert_eq!(fs::read_to_string(folder.database()).unwrap(), text);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    // Nor is what happens to stand beside it.
    fs::write(folder.beside("-run"), "3 km before breakfast").unwrap();
    assert!(matches!(problem(&folder.database()), Problem::NotADatabase));
    let run = fs::read_to_string(folder.beside("-run")).unwrap();
    assert_eq!(run, "3 km before breakfast");

    let other = folder.path().join("other.db");
    let connection = Connection::open(&other).unwrap();
    connection
        .execute_batch("CREATE TABLE diary (text)")
        .unwrap();
    drop(connection);
    let before = fs::read(&other).unwrap();
    assert!(matches!(problem(&other), Problem::OtherProgram));
    assert_eq!(fs::read(&other).unwrap(), before);
}

#[test]
fn a_newer_version_is_refused_with_both_numbers() {
    let folder = Folder::new();
    drop(folder.open());
    let connection = Connection::open(folder.database()).unwrap();
    connection
        .pragma_update(None, "user_version", 1000)
        .unwrap();
    drop(connection);
    let problem = problem(&folder.database());
    assert!(
        matches!(problem, Problem::Newer { found: 1000, .. }),
        "{problem}"
    );
}

#[test]
fn whoever_has_it_is_named_however_the_file_is_reached() {
    let folder = Folder::new();
    let backend = folder.open();
    let link = folder.path().join("link.db");
    symlink(folder.database(), &link).unwrap();
    for path in [folder.database(), link.clone()] {
        match problem(&path) {
            Problem::InUse { process } => assert_eq!(process, std::process::id().to_string()),
            other => panic!("{other}"),
        }
    }
    drop(backend);
    drop(SqliteBackend::open(&SqliteOptions::new(&link)).unwrap());
    assert!(!folder.path().join("link.db-run").exists());
}

#[test]
fn a_place_where_nothing_can_be_written_is_named() {
    let folder = Folder::new();
    let nowhere = folder.path().join("no/such/folder/rooms.db");
    let said = problem(&nowhere).to_string();
    assert!(said.contains("no/such/folder"), "{said}");
    let said = problem(folder.path()).to_string();
    assert!(said.contains("directory"), "{said}");
    // Of the kernel's: not even root makes files there.
    let problem = problem(Path::new("/sys/rooms.db"));
    assert!(matches!(problem, Problem::ReadOnly(_)), "{problem}");
}

#[test]
fn a_program_that_has_locked_it_is_told_of() {
    let folder = Folder::new();
    drop(folder.open());
    let connection = Connection::open(folder.database()).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    let problem = problem(&folder.database());
    assert!(matches!(problem, Problem::Locked(_)), "{problem}");
}

#[test]
fn tables_that_mean_something_else_are_refused() {
    for change in [
        "DROP INDEX keepsakes_until",
        "DROP TABLE due",
        "ALTER TABLE rooms ADD COLUMN color TEXT",
        "CREATE INDEX another ON rooms (expires_at)",
        "CREATE TRIGGER t AFTER INSERT ON ROOMS BEGIN DELETE FROM due; END",
    ] {
        let folder = Folder::new();
        drop(folder.open());
        let connection = Connection::open(folder.database()).unwrap();
        connection.execute_batch(change).unwrap();
        drop(connection);
        let problem = problem(&folder.database());
        assert!(
            matches!(problem, Problem::Damaged(_)),
            "{change}: {problem}"
        );
    }
}

/// Litestream's, and what `ANALYZE` makes.
#[tokio::test]
async fn tables_of_other_programs_are_let_be() {
    let folder = Folder::new();
    let backend = folder.open();
    create(&backend, "lunch").await;
    let connection = Connection::open(folder.database()).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER);
             CREATE TABLE _litestream_lock (id INTEGER);
             INSERT INTO _litestream_seq VALUES (1, 1);
             CREATE VIEW ids AS SELECT id FROM rooms;
             ANALYZE;",
        )
        .unwrap();
    let analyzed = "SELECT count(*) FROM sqlite_stat1";
    let analyzed: i64 = connection
        .query_row(analyzed, (), |row| row.get(0))
        .unwrap();
    assert!(analyzed > 0);
    drop((connection, backend));

    let backend = folder.open();
    assert_eq!(backend.new_run(), None);
    assert_eq!(load(&backend, "lunch").await.position.seq, 0);
    let checked = check(&folder.database(), &mut |_| {}).unwrap();
    assert_eq!(checked.findings, []);
    dump(&folder.database(), &mut |_| true).unwrap();
    let copy = folder.path().join("copy.db");
    backup(&folder.database(), &copy, &mut |_| {}).unwrap();
}

/// A program beside it may look, and copy.
#[tokio::test]
async fn another_program_reads_while_it_is_open() {
    let folder = Folder::new();
    let backend = folder.open();
    create(&backend, "lunch").await;
    let connection = Connection::open(folder.database()).unwrap();
    let copy = folder.path().join("copy.db");
    connection
        .execute("VACUUM INTO ?", [copy.to_str().unwrap()])
        .unwrap();
    let copied = SqliteBackend::open(&SqliteOptions::new(&copy)).unwrap();
    assert_eq!(load(&copied, "lunch").await.position.seq, 0);
    create(&backend, "dinner").await;
}
