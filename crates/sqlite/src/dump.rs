//! Everything that a database holds, to be read elsewhere.

use std::path::Path;

use rusqlite::Connection;
use tablecast_core::backend::{Keepsake, Snapshot, StoredEvent};
use tablecast_core::position::Position;

use crate::check::{Finding, not_found, open_to_look};
use crate::due::text;
use crate::error::{OpenError, Problem, RowError};
use crate::rows::{self, StoreRow, unusable};
use crate::steps;

/// Something that a database holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dumped {
    /// A room. It may have expired and not have left the file yet.
    Room {
        /// Its id.
        id: String,
        /// Where it stands.
        position: Position,
        /// When it expires (ms since 1970).
        expires_at: u64,
        /// Its last stored state.
        snapshot: Snapshot,
        /// Its newest events.
        events: Vec<StoredEvent>,
    },
    /// What a room left.
    Keepsake {
        /// The room's id.
        id: String,
        /// What it left.
        keepsake: Keepsake,
    },
    /// Something that is damaged.
    Damaged(Finding),
}

/// Calls `each` with everything that a database holds, which may be in use, as it is at one
/// moment. It ends early when `each` returns false.
///
/// # Errors
/// It cannot be opened, or is damaged so much that its rows cannot be listed.
pub fn dump(path: &Path, each: &mut dyn FnMut(Dumped) -> bool) -> Result<(), OpenError> {
    let dumped = open_to_look(path).and_then(|connection| {
        let rows = connection.unchecked_transaction()?;
        let run = StoreRow::read(&rows)?.map_or(0, |row| row.run);
        let one = |id: &str| room(&rows, run, id);
        if list(&rows, "SELECT id FROM rooms ORDER BY id", &one, each)? {
            let one = |id: &str| keepsake(&rows, id);
            list(&rows, "SELECT id FROM keepsakes ORDER BY id", &one, each)?;
        }
        Ok(())
    });
    dumped.map_err(|problem| problem.at(path))
}

fn list(
    connection: &Connection,
    query: &str,
    one: &dyn Fn(&str) -> Result<Option<Dumped>, RowError>,
    each: &mut dyn FnMut(Dumped) -> bool,
) -> Result<bool, Problem> {
    let mut ids = connection.prepare(query)?;
    let mut ids = ids.query(())?;
    while let Some(row) = ids.next()? {
        let id = row.get_ref(0)?;
        let dumped = match id.as_str() {
            Ok(id) => one(id),
            Err(_) => Err(unusable("its id is no text")),
        };
        // All as of one moment: what is listed is there.
        let dumped = dumped.and_then(|dumped| dumped.ok_or_else(not_found));
        let dumped =
            dumped.unwrap_or_else(|error| Dumped::Damaged(Finding::new(Some(&text(id)), error)));
        if !each(dumped) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn room(connection: &Connection, run: i64, id: &str) -> Result<Option<Dumped>, RowError> {
    let loaded = steps::load(connection, run, id, None, 0)?;
    Ok(loaded.and_then(|loaded| {
        Some(Dumped::Room {
            id: id.to_owned(),
            position: loaded.position,
            expires_at: loaded.stamp.expires_at,
            snapshot: loaded.snapshot?,
            events: loaded.events,
        })
    }))
}

fn keepsake(connection: &Connection, id: &str) -> Result<Option<Dumped>, RowError> {
    let kept = rows::keepsake(connection, id)?;
    Ok(kept.map(|keepsake| Dumped::Keepsake {
        id: id.to_owned(),
        keepsake,
    }))
}
