//! A byte that has changed on the disk is found, or costs one room, or nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod common;

use std::collections::BTreeMap;
use std::fs;

use tablecast_core::Backend;
use tablecast_core::backend::{BackendError, Committed, Keepsake, Loaded};
use tablecast_sqlite::{SqliteBackend, check};

use common::{Folder, commit, create, keep, load, room, step};

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

/// Every byte of a small database is changed in turn; `TABLECAST_EVERY_BYTE` has all of
/// them looked at, else it is one of 211, others each time.
#[tokio::test]
async fn a_changed_byte_is_found_or_changes_nothing() {
    let every = std::env::var_os("TABLECAST_EVERY_BYTE").is_some();
    let folder = Folder::new();
    let backend = folder.open();
    for id in ROOMS {
        let mut position = create(&backend, id).await;
        for event in ["one", "two"] {
            position = commit(&backend, id, position, event).await;
        }
        keep(&backend, id, position, "pizza").await;
    }
    let expected = content(&backend).await.unwrap();
    drop(backend);
    let whole = fs::read(folder.database()).unwrap();
    let run = fs::read(folder.beside("-run")).unwrap();
    let (step, first) = if every {
        (1, 0)
    } else {
        (211, fastrand::usize(..211))
    };
    let mut outcomes = BTreeMap::<&str, usize>::new();
    for at in (first..whole.len()).step_by(step) {
        let mut damaged = whole.clone();
        damaged[at] ^= 1 << fastrand::u32(..8);
        fs::write(folder.database(), &damaged).unwrap();
        fs::write(folder.beside("-run"), &run).unwrap();
        let outcome = match SqliteBackend::open(&folder.options()) {
            Err(_) => "refused at the start",
            Ok(backend) => {
                let found = check(&folder.database(), &mut |_| {});
                let is_found = found.map_or(true, |checked| !checked.findings.is_empty());
                match content(&backend).await {
                    Ok(same) if same == expected => "nothing differs",
                    Ok(other) => {
                        assert!(is_found, "byte {at} is not found: {other:?}");
                        "found by the check"
                    }
                    Err((id, what)) => {
                        assert!(is_found, "byte {at} is not found, in room {id}: {what}");
                        "one room is lost"
                    }
                }
            }
        };
        *outcomes.entry(outcome).or_default() += 1;
    }
    println!("{outcomes:?}");
    assert!(outcomes.len() > 1, "{outcomes:?}");
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
