//! What is damaged is named in the log, and not again and again.
#![allow(clippy::unwrap_used)]

mod common;

use std::fmt::Debug;
use std::fs;
use std::sync::{Mutex, PoisonError};

use rusqlite::Connection;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use common::{Folder, HOUR, Hands, commit, create};
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

/// A row that is damaged, and a page on which nothing can be removed.
#[tokio::test]
async fn what_cannot_leave_is_named_once() {
    tracing::subscriber::set_global_default(Errors).unwrap();
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
    let query = "SELECT rootpage FROM sqlite_schema WHERE name = 'log'";
    let root: u32 = connection.query_row(query, (), |row| row.get(0)).unwrap();
    drop(connection);
    let mut bytes = fs::read(folder.database()).unwrap();
    bytes[(root as usize - 1) * 4096..][..8].fill(0xff);
    fs::write(folder.database(), bytes).unwrap();

    let backend = clock.open(&folder.options());
    // Each time the sweep has come by once more.
    for id in ["first", "second", "third"] {
        create(&backend, id).await;
        clock.advance(2 * HOUR);
        until(id, async || backend.rooms(), |rooms| *rooms == 0).await;
    }
    drop(backend);
    let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    let of = |name: &str, what: &str| {
        let name = format!("room={name:?}");
        let named = lines.iter().filter(|line| line.contains(&name));
        named.filter(|line| line.contains(what)).count()
    };
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
