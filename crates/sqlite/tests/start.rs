//! What is said at the start to whoever runs the server.
#![allow(clippy::unwrap_used)]

mod common;

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};

use tablecast_sqlite::{SqliteOptions, SyncMode};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use common::{Folder, Hands, create};

/// Keeps the warnings, a line each.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::WARN
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// What a start with this clock and these options warns of.
fn warnings(clock: u64, options: &SqliteOptions) -> Vec<String> {
    let warnings = Warnings::default();
    tracing::subscriber::with_default(warnings.clone(), || {
        drop(Hands::at(clock).open(options));
    });
    warnings.0.lock().unwrap().clone()
}

#[tokio::test]
async fn a_clock_that_is_behind_the_databases_is_told_with_both_times() {
    const IN_2099: u64 = 4_070_908_800_000;
    const IN_2026: u64 = 1_767_225_600_000;
    let folder = Folder::new();
    let options = folder.options();
    let backend = Hands::at(IN_2099).open(&options);
    create(&backend, "lunch").await;
    drop(backend);
    assert_eq!(
        warnings(IN_2099 - 59_000, &options),
        [""; 0],
        "it is set now and then"
    );
    let said = warnings(IN_2026, &options);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("2026-01-01T00:00:00Z"), "{said:?}");
    assert!(said[0].contains("2099-01-01T00:00:"), "{said:?}");
}

#[test]
fn a_system_that_does_not_tell_its_boot_id_is_told_of_where_it_matters() {
    for (sync, boot_id, lines) in [
        (SyncMode::Normal, "", 1),
        (SyncMode::Normal, "one", 0),
        (SyncMode::Full, "", 0),
    ] {
        let folder = Folder::new();
        let said = warnings(1_000, &folder.options_of(sync, boot_id));
        assert_eq!(said.len(), lines, "{sync} {boot_id:?}: {said:?}");
        assert!(said.iter().all(|line| line.contains("boot id")), "{said:?}");
    }
}
