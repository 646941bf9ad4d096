//! A copy of all pages, as SQLite's backup API and Litestream make it, in the place of a database
//! of which the log is still there: it is refused, or the log makes it the newest state. It is
//! never a mix of both.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;

use rusqlite::Connection;
use tablecast_sqlite::{Problem, SqliteBackend, check};

use common::{Files, Folder, commit, create, load, on_root_of, texts};

/// Takes the log over, and gives the pages of the database.
fn pages(folder: &Folder, how: &str) -> Vec<u8> {
    let connection = Connection::open(folder.database()).unwrap();
    let taken = connection.query_row(&format!("PRAGMA wal_checkpoint({how})"), (), |row| {
        Ok((row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
    });
    let (all, done) = taken.unwrap();
    assert_eq!(all, done);
    fs::read(folder.database()).unwrap()
}

/// The database as it was at some moments, and the files of a process that was killed at the end.
struct Moments {
    folder: Folder,
    older: Vec<u8>,
    /// When the log began.
    beginning: Vec<u8>,
    /// When the log had taken one change, and was taken over.
    amid: Vec<u8>,
    killed: Files,
    newest: Vec<u8>,
}

impl Moments {
    async fn new() -> Moments {
        let folder = Folder::new();
        let backend = folder.open();
        let position = create(&backend, "lunch").await;
        let older = pages(&folder, "TRUNCATE");
        let position = commit(&backend, "lunch", position, "one").await;
        let beginning = pages(&folder, "TRUNCATE");
        let position = commit(&backend, "lunch", position, "two").await;
        // The log does not begin anew while somebody reads it.
        let reader = Connection::open(folder.database()).unwrap();
        reader.execute_batch("BEGIN; SELECT * FROM store;").unwrap();
        let amid = pages(&folder, "PASSIVE");
        let position = commit(&backend, "lunch", position, "three").await;
        let killed = Files::of(&folder);
        reader.execute_batch("COMMIT").unwrap();
        drop(reader);
        commit(&backend, "lunch", position, "four").await;
        drop(backend);
        let newest = fs::read(folder.database()).unwrap();
        Moments {
            folder,
            older,
            beginning,
            amid,
            killed,
            newest,
        }
    }

    /// The log of the process that was killed, beside this database.
    fn put(&self, database: &[u8]) {
        self.killed.put_back(&self.folder);
        fs::write(self.folder.database(), database).unwrap();
    }

    /// Nothing takes this database, nor touches it.
    fn is_refused(&self, what: &str, database: &[u8]) {
        self.put(database);
        let files = || ["", "-wal", "-shm"].map(|end| fs::read(self.folder.beside(end)).ok());
        let before = files();
        let path = self.folder.database();
        for problem in [
            SqliteBackend::open(&self.folder.options()).map(drop).err(),
            check(&path, &mut |_| {}).map(drop).err(),
        ] {
            let problem = problem.map(|error| error.problem);
            assert!(
                matches!(problem, Some(Problem::ForeignLog { .. })),
                "{what}: {problem:?}"
            );
        }
        assert!(files() == before, "{what}: nothing is touched");
    }

    /// It becomes what was there when the process was killed.
    async fn is_newest(&self, what: &str, database: &[u8]) {
        self.put(database);
        let checked = check(&self.folder.database(), &mut |_| {}).unwrap();
        assert_eq!(checked.findings, [], "{what}");
        self.put(database);
        let backend = self.folder.open();
        assert_eq!(backend.new_run(), None, "{what}");
        let events = texts(&load(&backend, "lunch").await);
        assert_eq!(events, ["one", "two", "three"], "{what}");
    }
}

#[tokio::test]
async fn a_log_that_does_not_go_on_from_a_database_is_refused() {
    let moments = Moments::new().await;
    moments.is_refused("an older copy", &moments.older);
    moments.is_refused("a newer database", &moments.newest);

    let other = Folder::new();
    fs::write(other.database(), &moments.beginning).unwrap();
    drop(other.open());
    let other = fs::read(other.database()).unwrap();
    moments.is_refused("a copy that went on by itself", &other);

    let diary = Folder::new();
    let connection = Connection::open(diary.database()).unwrap();
    connection
        .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE diary (text);")
        .unwrap();
    drop(connection);
    let diary = fs::read(diary.database()).unwrap();
    moments.is_refused("a database of another program", &diary);
}

#[tokio::test]
async fn a_database_becomes_the_newest_state_by_its_own_log() {
    let moments = Moments::new().await;
    moments
        .is_newest("as the log began", &moments.beginning)
        .await;
    moments
        .is_newest("a part is taken over", &moments.amid)
        .await;

    // As a loss of power leaves a page that was being written: it is in the log, too.
    moments.put(&moments.amid);
    let damaged = Folder::new();
    fs::write(damaged.database(), &moments.amid).unwrap();
    on_root_of(&damaged, "store", |page| page.fill(0xff));
    let damaged = fs::read(damaged.database()).unwrap();
    moments
        .is_newest("the row of the store is damaged", &damaged)
        .await;
}

/// It tells where pages are, which SQLite finds out anew.
#[tokio::test]
async fn an_index_of_another_log_does_no_harm() {
    let moments = Moments::new().await;
    let backend = moments.folder.open();
    let index = fs::read(moments.folder.beside("-shm")).unwrap();
    drop(backend);
    fs::write(moments.folder.database(), &moments.older).unwrap();
    fs::write(moments.folder.beside("-shm"), index).unwrap();
    let backend = moments.folder.open();
    assert!(backend.new_run().is_some());
    assert_eq!(load(&backend, "lunch").await.events, []);
    let position = load(&backend, "lunch").await.position;
    commit(&backend, "lunch", position, "five").await;
}
