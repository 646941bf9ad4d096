//! A disk that is full: nothing is half done, it is told, and all goes on when there is space.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use futures_util::StreamExt;
use tablecast_core::Backend;
use tablecast_core::backend::{BackendError, Created, Health};

use common::{Folder, HOUR, Hands, create, load, room, step, try_create};
use tablecast_testing::until;

/// 40 pages: enough for the tables and a few rooms.
const PAGES: u32 = 40;

#[tokio::test]
async fn while_the_disk_is_full_changes_are_refused_and_rooms_can_be_read() {
    let folder = Folder::new();
    let mut options = folder.options();
    options.max_pages = Some(PAGES);
    let hands = Hands::at(1);
    let backend = hands.open(&options);
    let mut health = backend.health();
    let position = create(&backend, "lunch").await;

    let large = bytes::Bytes::from(vec![1; 20_000]);
    let mut made = 0;
    let refused = loop {
        match try_create(&backend, &format!("room-{made}"), large.clone()).await {
            Ok(Created::New(..)) => made += 1,
            other => break other,
        }
        assert!(made < PAGES, "it is never full");
    };
    assert_eq!(
        refused,
        Err(BackendError::Refused("its disk is full".into()))
    );
    match health.next().await {
        Some(Health::Refusing { why, words }) => {
            assert_eq!(why, "its disk is full");
            assert!(words.contains("full"), "in SQLite's words: {words}");
        }
        other => panic!("{other:?}"),
    }
    // Not a row of the room that was refused is there.
    let id = room(&format!("room-{made}"));
    assert_eq!(backend.load(&id, None).await, Ok(None));
    assert_eq!(load(&backend, "lunch").await.position, position);

    // The rooms expire, and leave their space.
    hands.advance(2 * HOUR);
    assert_eq!(health.next().await, Some(Health::Up));
    until(
        "all rooms have left",
        async || backend.rooms(),
        |rooms| *rooms == 0,
    )
    .await;
    create(&backend, "dinner").await;
}

/// The log may be what has filled the disk, while the database has free pages.
#[tokio::test]
async fn when_the_disk_is_full_the_log_is_taken_over_however_short_it_is() {
    let folder = Folder::new();
    let mut options = folder.options();
    options.max_pages = Some(PAGES);
    let backend = Hands::at(1).open(&options);
    create(&backend, "lunch").await;
    let connection = rusqlite::Connection::open(folder.database()).unwrap();
    let left = || -> i64 {
        let log = connection.query_row("PRAGMA wal_checkpoint(NOOP)", (), |row| {
            Ok(row.get::<_, i64>(1)? - row.get::<_, i64>(2)?)
        });
        log.unwrap()
    };
    assert!(left() > 0);
    let refused = try_create(&backend, "large", vec![1; 1_000_000].into()).await;
    assert_eq!(
        refused,
        Err(BackendError::Refused("its disk is full".into()))
    );
    until("the log is taken over", async || left(), |left| *left == 0).await;
}

/// What is too large fails alone: the others of its transaction are stored.
#[tokio::test]
async fn a_change_that_does_not_fit_is_whole_or_not_there() {
    let folder = Folder::new();
    let mut options = folder.options();
    options.max_pages = Some(PAGES);
    let backend = Hands::at(1).open(&options);
    let position = create(&backend, "lunch").await;
    let mut large = step(position, "large");
    large.snapshot = Some(bytes::Bytes::from(vec![1; 1_000_000]).into());
    let refused = backend.commit(&room("lunch"), large).await;
    assert_eq!(
        refused,
        Err(BackendError::Refused("its disk is full".into()))
    );
    let loaded = load(&backend, "lunch").await;
    assert_eq!((loaded.position, loaded.events.len()), (position, 0));
    // There is space for a small one at once.
    let small = async || {
        let done = backend
            .commit(&room("lunch"), step(position, "small"))
            .await;
        done.is_ok()
    };
    assert!(
        tokio::time::timeout(Duration::from_secs(60), small())
            .await
            .unwrap()
    );
}
