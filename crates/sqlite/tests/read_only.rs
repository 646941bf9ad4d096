//! The disk takes no writes any more while a database is open: it is told, and all goes on when
//! it does.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::process::{self, Command};
use std::time::Duration;

use futures_util::StreamExt;
use tablecast_core::Backend;
use tablecast_core::backend::{BackendError, Health};
use tablecast_sqlite::check;

use common::{Folder, commit, create, load, room, step, texts, try_create};

const NAME: &str = "while_the_disk_takes_no_writes_nothing_changes_and_rooms_can_be_read";

/// Set in the process that is limited.
const LIMITED: &str = "TABLECAST_TEST_LIMITED";

/// How large files may become by this process. Where it is 0 each write fails, for SQLite as on a
/// disk that the system has made read-only after an error (`SQLITE_IOERR_WRITE`), and unlike that
/// it can be had everywhere, and taken back.
fn limit(size: &str) {
    let pid = process::id().to_string();
    let limited = Command::new("prlimit")
        .args(["--pid", &pid, &format!("--fsize={size}:")])
        .status();
    assert!(limited.expect("prlimit, of util-linux").success());
}

#[tokio::test]
async fn while_the_disk_takes_no_writes_nothing_changes_and_rooms_can_be_read() {
    if std::env::var_os(LIMITED).is_none() {
        // Other tests would be limited too. A write beyond the limit is to fail, not to end it.
        let child = Command::new("sh")
            .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", NAME])
            .env(LIMITED, "1")
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&child.stdout);
        assert!(child.status.success(), "{told}");
        assert!(told.contains("1 passed"), "{told}");
        return;
    }
    let folder = Folder::new();
    let mut options = folder.options();
    options.timeout = Duration::from_secs(60);
    let backend = tablecast_sqlite::SqliteBackend::open(&options).unwrap();
    let mut health = backend.health();
    let position = create(&backend, "lunch").await;
    let position = commit(&backend, "lunch", position, "one").await;

    limit("0");
    // The room asks what became of it, as of each change whose outcome is unknown.
    let failed = backend.commit(&room("lunch"), step(position, "two")).await;
    assert!(
        matches!(
            failed,
            Err(BackendError::Unknown(_) | BackendError::Refused(_))
        ),
        "{failed:?}"
    );
    match health.next().await {
        Some(Health::Refusing { why, words }) => {
            assert_eq!(why, "its disk does not work");
            assert!(words.contains("disk I/O error"), "{words}");
        }
        other => panic!("{other:?}"),
    }
    let made = try_create(&backend, "dinner", "its state".into()).await;
    assert!(made.is_err(), "{made:?}");
    assert_eq!(texts(&load(&backend, "lunch").await), ["one"]);
    assert_eq!(backend.load(&room("dinner"), None).await, Ok(None));

    limit("unlimited");
    while health.next().await.unwrap() != Health::Up {}
    let position = commit(&backend, "lunch", position, "three").await;
    drop(backend);
    let backend = folder.open();
    assert_eq!(backend.new_run(), None);
    let loaded = load(&backend, "lunch").await;
    assert_eq!(loaded.position, position);
    assert_eq!(texts(&loaded), ["one", "three"]);
    let checked = check(&folder.database(), &mut |_| {}).unwrap();
    assert_eq!(checked.findings, []);
}
