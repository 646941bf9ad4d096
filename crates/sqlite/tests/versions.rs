//! A database of each version that was ever written is read. With `TABLECAST_WRITE_DATA` set
//! the one of this version is written first; it is kept as it is from then on.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::Path;

use tablecast_core::backend::{AlarmHint, Committed};
use tablecast_core::{Backend, Position};
use tablecast_sqlite::{NewRun, check};

use common::{Folder, Hands, create, keep, load, room, step, texts};

/// So that nothing in them expires: the clock stands where it stood.
const NOW: u64 = 1_750_000_000_000;

const NEWEST: &str = "2.db";

#[tokio::test]
async fn a_database_of_each_version_is_read() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    if std::env::var_os("TABLECAST_WRITE_DATA").is_some() {
        write(&data.join(NEWEST)).await;
    }
    let mut versions = 0;
    for file in fs::read_dir(&data).unwrap() {
        let (folder, file) = (Folder::new(), file.unwrap());
        fs::copy(file.path(), folder.database()).unwrap();
        let backend = Hands::at(NOW).open(&folder.options());
        assert_eq!(backend.new_run(), Some(NewRun::NoRunFile));
        assert_eq!(backend.rooms(), 1);
        let loaded = load(&backend, "lunch").await;
        assert_eq!(loaded.snapshot.as_ref().unwrap().state, "the first state");
        assert_eq!(texts(&loaded), ["one", "pizza"]);
        let kept = backend.keepsake(&room("lunch")).await.unwrap().unwrap();
        assert_eq!(kept.what, "pizza");
        let due = async || backend.due_alarms(9).await.unwrap().hints;
        // The first version knew no alarms.
        let mut alarms = vec![alarm(1)];
        alarms.retain(|_| file.file_name() != "1.db");
        assert_eq!(due().await, alarms);
        ring(&backend, loaded.position, "three").await;
        assert_eq!(due().await, [alarm(3)], "in place of that of the same time");
        create(&backend, "dinner").await;
        drop(backend);
        assert_eq!(check(&folder.database(), &mut |_| {}).unwrap().findings, []);
        versions += 1;
    }
    assert_eq!(versions, 2, "all of them");
}

/// Commits one event that sets an alarm.
async fn ring(backend: &dyn Backend, expected: Position, event: &str) -> Position {
    let mut step = step(expected, event);
    step.alarm = Some(NOW);
    let committed = backend.commit(&room("lunch"), step).await;
    assert!(matches!(committed, Ok(Committed::Accepted(_))));
    expected.after(1)
}

/// The hint of it.
fn alarm(seq: u64) -> AlarmHint {
    let (at, room) = (NOW, room("lunch"));
    AlarmHint { at, room, seq }
}

async fn write(to: &Path) {
    let folder = Folder::new();
    let backend = Hands::at(NOW).open(&folder.options());
    let position = create(&backend, "lunch").await;
    let position = ring(&backend, position, "one").await;
    keep(&backend, "lunch", position, "pizza").await;
    drop(backend);
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::copy(folder.database(), to).unwrap();
}
