//! A byte that has changed on the disk is found, or costs one room, or nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod common;

use std::collections::BTreeMap;
use std::fs;

use futures_util::StreamExt;
use rusqlite::{Connection, Transaction};
use tablecast_core::Backend;
use tablecast_core::backend::{BackendError, Committed, Keepsake, Loaded};
use tablecast_sqlite::{SqliteBackend, check};
use tokio::task::JoinHandle;

use common::{Folder, HOUR, Hands, commit, create, keep, load, on_root_of, room, step, try_create};
use tablecast_testing::until;

const ROOMS: [&str; 4] = ["a", "b", "c", "lunch-at-noon"];

/// What is read of each room; times that pass are taken out.
type Content = BTreeMap<&'static str, (Option<Loaded>, Option<Keepsake>)>;

async fn content(backend: &SqliteBackend) -> Result<Content, (&'static str, String)> {
    let mut content = Content::new();
    for id in ROOMS {
        let corrupt = |error| match error {
            BackendError::Corrupt(what) => (id, what),
            other => panic!("{id}: {other}"),
        };
        let mut loaded = backend.load(&room(id), None).await.map_err(corrupt)?;
        if let Some(loaded) = &mut loaded {
            loaded.stamp.now = 0;
            // It is by the run, which is drawn anew where the file is another.
            loaded.position.epoch.0 = 0;
        }
        let kept = backend.keepsake(&room(id)).await.map_err(corrupt)?;
        content.insert(id, (loaded, kept));
    }
    Ok(content)
}

/// A database of which a part is damaged, until its rooms expire.
struct Expiring {
    folder: Folder,
    backend: SqliteBackend,
    clock: Hands,
    /// Ends with what was told of the health.
    health: JoinHandle<Vec<String>>,
    /// Rooms that are whole and can be removed, so that they must leave.
    whole: Vec<&'static str>,
}

impl Expiring {
    async fn open(folder: Folder) -> Option<Expiring> {
        let removable = removable(&folder);
        let clock = Hands::at(1_000_000);
        let backend = clock.try_open(&folder.options()).ok()?;
        let told = backend.health().map(|health| format!("{health:?}"));
        let health = tokio::spawn(told.collect());
        let mut whole = Vec::new();
        for id in ROOMS {
            let is_whole = match backend.load(&room(id), None).await {
                Ok(loaded) => loaded.is_some(),
                Err(BackendError::Corrupt(_)) => false,
                Err(other) => panic!("{id}: {other}"),
            };
            if is_whole && removable.contains(&id) {
                whole.push(id);
            }
        }
        Some(Expiring {
            folder,
            backend,
            clock,
            health,
            whole,
        })
    }

    /// All that can leave the file do, and nothing is told of the health.
    async fn expire(self, what: &str) {
        self.clock.advance(2 * HOUR);
        let connection = Connection::open(self.folder.database()).unwrap();
        let stay = async || self.whole.iter().any(|id| is_there(&connection, id));
        until(what, stay, |stay| !stay).await;
        let last = self.backend;
        drop(last);
        let told = self.health.await.unwrap();
        assert_eq!(told, Vec::<String>::new(), "{what}");
    }
}

/// Whether the room has a row. As far as can be told: what is damaged may be in the way.
fn is_there(connection: &Connection, id: &str) -> bool {
    let query = "SELECT count(*) FROM rooms WHERE id = ?";
    connection.query_row(query, [id], |row| row.get::<_, i64>(0)) != Ok(0)
}

/// Rooms whose row SQLite itself removes, in whatever order they go, so that it can be seen. It
/// refuses for ever where the list of what is free on the row's page is damaged, although all rows
/// can be read; it looks for none where the only row that is left on a page is damaged; and where a
/// damaged name puts the rows out of order, it finds some only while others are there.
fn removable(folder: &Folder) -> Vec<&'static str> {
    let copy = Folder::new();
    fs::copy(folder.database(), copy.database()).unwrap();
    let connection = Connection::open(copy.database()).unwrap();
    // Nobody needs the copy. It fails as what follows does.
    let _ = connection.pragma_update(None, "synchronous", "OFF");
    let mut ids = ROOMS.to_vec();
    for order in orders(&ROOMS) {
        let undone = connection.unchecked_transaction();
        let remove = "DELETE FROM rooms WHERE id = ?";
        let fails = |id: &&str| connection.execute(remove, [id]).is_err();
        let failed: Vec<&str> = order.into_iter().filter(fails).collect();
        ids.retain(|id| !failed.contains(id) && !is_there(&connection, id));
        if undone.and_then(Transaction::rollback).is_err() {
            return Vec::new();
        }
    }
    ids
}

/// All orders of some ids.
fn orders(ids: &[&'static str]) -> Vec<Vec<&'static str>> {
    let begins = |at: usize| {
        let mut others = ids.to_vec();
        let first = others.remove(at);
        let rest = orders(&others).into_iter();
        rest.map(move |rest| [vec![first], rest].concat())
    };
    match ids {
        [] => vec![Vec::new()],
        ids => (0..ids.len()).flat_map(begins).collect(),
    }
}

/// A database in which each room has events and has left something, all at one time.
async fn small(folder: &Folder) -> Content {
    let backend = Hands::at(1_000_000).open(&folder.options());
    for id in ROOMS {
        let mut position = create(&backend, id).await;
        for event in ["one", "two"] {
            position = commit(&backend, id, position, event).await;
        }
        keep(&backend, id, position, "pizza").await;
    }
    content(&backend).await.unwrap()
}

/// Makes the file with pages so small that few of their bytes mean nothing.
fn with_small_pages(folder: &Folder) {
    let connection = Connection::open(folder.database()).unwrap();
    let small = "PRAGMA page_size = 512; PRAGMA auto_vacuum = INCREMENTAL; VACUUM;";
    connection.execute_batch(small).unwrap();
}

/// What becomes of a database of which a byte has changed.
async fn outcome(at: usize, damaged: &[u8], run: &[u8], expected: &Content) -> &'static str {
    let folder = Folder::new();
    fs::write(folder.database(), damaged).unwrap();
    fs::write(folder.beside("-run"), run).unwrap();
    let Some(opened) = Expiring::open(folder).await else {
        return "refused at the start";
    };
    let found = check(&opened.folder.database(), &mut |_| {});
    let is_found = found.map_or(true, |checked| !checked.findings.is_empty());
    let content = content(&opened.backend).await;
    let all_leave = opened.whole == ROOMS;
    assert!(is_found || all_leave, "byte {at} is not found");
    let outcome = match content {
        Ok(same) if same == *expected => "nothing differs",
        Ok(other) => {
            assert!(is_found, "byte {at} is not found: {other:?}");
            "found by the check"
        }
        Err((id, what)) => {
            assert!(is_found, "byte {at} is not found, in room {id}: {what}");
            "one room is lost"
        }
    };
    opened.expire(&format!("byte {at}")).await;
    outcome
}

/// Every byte of a small database is changed in turn; `TABLECAST_EVERY_BYTE` has all of
/// them looked at, else it is one of 11, others each time.
#[tokio::test]
async fn a_changed_byte_is_found_or_changes_nothing() {
    let every = std::env::var_os("TABLECAST_EVERY_BYTE").is_some();
    let folder = Folder::new();
    with_small_pages(&folder);
    let expected = small(&folder).await;
    let whole = fs::read(folder.database()).unwrap();
    let run = fs::read(folder.beside("-run")).unwrap();
    let (step, first) = if every {
        (1, 0)
    } else {
        (11, fastrand::usize(..11))
    };
    // Many at once, since each waits about a second for its rooms to leave.
    let outcomes = futures_util::stream::iter((first..whole.len()).step_by(step))
        .map(|at| {
            let mut damaged = whole.clone();
            damaged[at] ^= 1 << fastrand::u32(..8);
            let (run, expected) = (&run, &expected);
            async move { outcome(at, &damaged, run, expected).await }
        })
        .buffer_unordered(48)
        .fold(BTreeMap::<&str, usize>::new(), async |mut all, outcome| {
            *all.entry(outcome).or_default() += 1;
            all
        })
        .await;
    println!("{outcomes:?}");
    assert!(outcomes.len() > 1, "{outcomes:?}");
}

/// Every bit of the head of the page that each transaction writes: where that is damaged no
/// change would pass, once the row has another length.
#[tokio::test]
async fn the_page_that_each_change_needs_is_refused_at_the_start_or_works() {
    let folder = Folder::new();
    small(&folder).await;
    let whole = fs::read(folder.database()).unwrap();
    let run = fs::read(folder.beside("-run")).unwrap();
    let connection = Connection::open(folder.database()).unwrap();
    let page = "SELECT rootpage FROM sqlite_schema WHERE name = 'store'";
    let page: u32 = connection.query_row(page, (), |row| row.get(0)).unwrap();
    let head = (page as usize - 1) * 4096;
    let mut expiring = Vec::new();
    for bit in 0..64 {
        let folder = Folder::new();
        let mut damaged = whole.clone();
        damaged[head + bit / 8] ^= 1 << (bit % 8);
        fs::write(folder.database(), &damaged).unwrap();
        fs::write(folder.beside("-run"), &run).unwrap();
        if let Some(opened) = Expiring::open(folder).await {
            expiring.push((bit, opened));
        }
    }
    assert!((1..64).contains(&expiring.len()), "{}", expiring.len());
    expire_all(&mut expiring).await;
}

/// All at once, since each takes about a second.
async fn expire_all(expiring: &mut Vec<(usize, Expiring)>) {
    let all = expiring.drain(..).map(|(at, opened)| async move {
        opened.expire(&format!("byte {at}")).await;
    });
    futures_util::future::join_all(all).await;
}

/// Rows and pages that the sweep comes to first.
#[tokio::test]
async fn what_is_damaged_keeps_no_other_room_from_leaving() {
    let mut expiring = Vec::new();
    for (what, change) in [
        ("a room's name", "UPDATE due SET id = 'z' WHERE id = 'a'"),
        (
            "a name that is no text",
            "UPDATE due SET id = CAST(x'61ff' AS TEXT) WHERE id = 'a'",
        ),
        ("a time below zero", "UPDATE due SET at = -5 WHERE id = 'a'"),
        (
            "a time that is far",
            "UPDATE due SET at = 1 << 60 WHERE id = 'a'",
        ),
        (
            "another's number",
            "UPDATE due SET room = -room WHERE id = 'a'",
        ),
        ("all times are lost", "DELETE FROM due"),
        (
            "a room is not found",
            "UPDATE rooms SET id = CAST(x'61ff' AS TEXT) WHERE id = 'a'",
        ),
        (
            "a time is below zero",
            "UPDATE rooms SET expires_at = -5 WHERE id = 'a'",
        ),
        (
            "a result's time",
            "UPDATE keepsakes SET kept_until = -5 WHERE id = 'a'",
        ),
    ] {
        let folder = Folder::new();
        small(&folder).await;
        let connection = Connection::open(folder.database()).unwrap();
        connection.execute(change, ()).unwrap();
        drop(connection);
        expiring.push((what, Expiring::open(folder).await.expect(what)));
    }
    for table in ["log", "due", "snapshots", "keepsakes", "keepsakes_until"] {
        let folder = Folder::new();
        small(&folder).await;
        {
            // It has no event, so it is whole when all logs are damaged.
            let backend = Hands::at(1_000_000).open(&folder.options());
            let made = try_create(&backend, "new", "its state".into()).await;
            made.unwrap();
        }
        on_root_of(&folder, table, |page| page[..8].fill(0xff));
        let mut opened = Expiring::open(folder).await.expect(table);
        if table != "snapshots" {
            opened.whole.push("new");
        }
        expiring.push((table, opened));
    }
    for (what, opened) in expiring {
        opened.expire(what).await;
    }
}

/// In a row, which SQLite does not notice.
#[tokio::test]
async fn a_byte_of_a_row_costs_that_room_alone() {
    let folder = Folder::new();
    let backend = folder.open();
    for id in ROOMS {
        let position = create(&backend, id).await;
        commit(&backend, id, position, &format!("the event of {id}")).await;
    }
    drop(backend);
    let mut bytes = fs::read(folder.database()).unwrap();
    let event = b"the event of b";
    let at = bytes.windows(event.len()).position(|part| part == event);
    bytes[at.expect("it is stored")] ^= 0x20;
    fs::write(folder.database(), bytes).unwrap();

    let checked = check(&folder.database(), &mut |_| {}).unwrap();
    let findings: Vec<_> = checked.findings.iter().map(ToString::to_string).collect();
    assert_eq!(
        findings,
        ["room b: the room's log is damaged: its checksum is wrong"]
    );
    let backend = folder.open();
    for id in ROOMS {
        match (id, backend.load(&room(id), None).await) {
            ("b", Err(BackendError::Corrupt(_))) => {}
            ("b", other) => panic!("{other:?}"),
            (_, loaded) => {
                let position = loaded.unwrap().unwrap().position;
                commit(&backend, id, position, "another").await;
                assert_eq!(load(&backend, id).await.events.len(), 2);
            }
        }
    }
}

/// In SQLite's own structure, in the midst of one room's log: what others want in the same
/// moment is done.
#[tokio::test]
async fn a_page_that_is_damaged_costs_what_is_on_it_alone() {
    const EVENTS: usize = 200;
    let folder = Folder::new();
    let backend = folder.open();
    for id in ROOMS {
        let mut position = create(&backend, id).await;
        for n in 0..EVENTS {
            position = commit(&backend, id, position, &format!("{id}: {n:>80}")).await;
        }
    }
    drop(backend);
    let mut bytes = fs::read(folder.database()).unwrap();
    let event = format!("b: {:>80}", EVENTS / 2);
    let at = bytes
        .windows(event.len())
        .rposition(|part| part == event.as_bytes());
    let page = at.expect("it is stored") / 4096 * 4096;
    bytes[page..page + 8].fill(0xff);
    fs::write(folder.database(), bytes).unwrap();

    let findings = check(&folder.database(), &mut |_| {}).unwrap().findings;
    assert!(!findings.is_empty());
    let backend = folder.open();
    // Where b stands is on another page.
    let mut positions = Vec::new();
    for id in ROOMS {
        let known = load(&backend, "a").await.position;
        let loaded = backend.load(&room(id), Some(known)).await;
        match loaded {
            Ok(Some(loaded)) => positions.push((id, loaded.position)),
            Err(BackendError::Corrupt(_)) => assert_eq!(id, "b"),
            other => panic!("{id}: {other:?}"),
        }
    }
    assert_eq!(positions.len(), ROOMS.len() - 1);
    for (id, position) in positions {
        let (b, other_room) = (room("b"), room(id));
        let (damaged, other) = tokio::join!(
            backend.commit(&b, step(position, "never")),
            backend.commit(&other_room, step(position, "another")),
        );
        assert!(
            matches!(damaged, Err(BackendError::Corrupt(_))),
            "{damaged:?}"
        );
        assert!(matches!(other, Ok(Committed::Accepted(_))), "{other:?}");
    }
}
