//! What is damaged is named in the log, and not again and again.
#![allow(clippy::unwrap_used)]

mod common;

use std::fmt::Debug;
use std::sync::{Mutex, Once, PoisonError};

use rusqlite::Connection;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use common::{Folder, HOUR, Hands, commit, create, load, on_root_of, room};
use tablecast_core::Backend;
use tablecast_sqlite::{backup, check};
use tablecast_testing::until;

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Keeps what is logged as an error.
struct Errors;

impl Subscriber for Errors {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::ERROR
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        let mut lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(line.0);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0 += &format!("{field}={value:?} ");
    }
}

/// All tests of this file hear all lines.
fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing::subscriber::set_global_default(Errors).unwrap());
}

fn lines() -> Vec<String> {
    LINES.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// How often a room is named with this.
fn named(lines: &[String], room: &str, what: &str) -> usize {
    let room = format!("room={room:?}");
    let named = lines.iter().filter(|line| line.contains(&room));
    named.filter(|line| line.contains(what)).count()
}

/// A row that is damaged, and a page on which nothing can be removed.
#[tokio::test]
async fn what_cannot_leave_is_named_once() {
    listen();
    let folder = Folder::new();
    let clock = Hands::at(1_000_000);
    let backend = clock.open(&folder.options());
    for id in ["damaged", "whole"] {
        let position = create(&backend, id).await;
        commit(&backend, id, position, "one").await;
    }
    drop(backend);
    let connection = Connection::open(folder.database()).unwrap();
    let damage = "UPDATE due SET sum = sum + 1 WHERE id = 'damaged'";
    connection.execute(damage, ()).unwrap();
    drop(connection);
    on_root_of(&folder, "log", |page| page[..8].fill(0xff));

    let backend = clock.open(&folder.options());
    // Each time the sweep has come by once more.
    for id in ["first", "second", "third"] {
        create(&backend, id).await;
        clock.advance(2 * HOUR);
        until(id, async || backend.rooms(), |rooms| *rooms == 0).await;
    }
    drop(backend);
    let lines = lines();
    let of = |name: &str, what: &str| named(&lines, name, what);
    let stays = "a part of it stays in the file";
    for id in ["whole", "first", "second", "third"] {
        assert_eq!(of(id, stays), 1, "{id}: {lines:#?}");
    }
    // By the check after the start, if it came so far, and by the sweep.
    let named = of("damaged", "when it expires is damaged");
    assert!(matches!(named, 1 | 2), "{named}: {lines:#?}");
    let unhealthy = lines
        .iter()
        .filter(|line| line.contains("takes no changes"));
    assert_eq!(unhealthy.count(), 0, "{lines:#?}");
}

/// The list of what is free on a page, by its first byte: SQLite reads all rows there, and
/// removes none.
#[tokio::test]
async fn a_room_on_a_page_that_takes_no_change_is_named_once_and_others_leave() {
    listen();
    let folder = Folder::new();
    let clock = Hands::at(1_000_000);
    let backend = clock.open(&folder.options());
    let mut positions = Vec::new();
    for id in ["stuck", "stuck-too"] {
        positions.push(create(&backend, id).await);
    }
    drop(backend);
    on_root_of(&folder, "rooms", |page| page[1] ^= 1);

    let backend = clock.open(&folder.options());
    for (id, position) in ["stuck", "stuck-too"].into_iter().zip(positions) {
        assert_eq!(load(&backend, id).await.position, position);
    }
    let connection = Connection::open(folder.database()).unwrap();
    // What is due after them leaves: the sweep has come by.
    for number in 1..=3 {
        clock.advance(2 * HOUR);
        let at = 1_000_000 + number * 2 * HOUR.as_millis() as i64;
        let due = "INSERT INTO due (at, room, id, sum) VALUES (?, 0, 'other', 0)";
        connection.execute(due, [at]).unwrap();
        let count = "SELECT count(*) FROM due WHERE id = 'other'";
        let left = async || connection.query_row(count, (), |row| row.get(0)).unwrap();
        until("what is due later leaves", left, |left: &i64| *left == 0).await;
    }
    for id in ["stuck", "stuck-too"] {
        assert_eq!(backend.load(&room(id), None).await.unwrap(), None, "{id}");
    }
    drop((backend, connection));
    let lines = lines();
    for id in ["stuck", "stuck-too"] {
        let stays = "it stays in the file: database disk image is malformed";
        assert_eq!(named(&lines, id, stays), 1, "{id}: {lines:#?}");
    }
    // A copy has all rows, on pages of its own.
    let copy = folder.path().join("copy.db");
    backup(&folder.database(), &copy, &mut |_| {}).unwrap();
    for (path, is_whole) in [(folder.database(), false), (copy, true)] {
        let checked = check(&path, &mut |_| {}).unwrap();
        assert_eq!(
            checked.findings.is_empty(),
            is_whole,
            "{:?}",
            checked.findings
        );
        assert_eq!(checked.rooms, 2);
    }
}
