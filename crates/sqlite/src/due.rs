//! When to look whether a room has expired.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params};

use crate::checksum::{self, Table};
use crate::rows::{RoomRow, signed};

/// When to look whether a room has expired.
#[derive(Debug, Clone)]
pub(crate) struct Due {
    at: i64,
    pub(crate) room: i64,
    pub(crate) id: String,
}

impl Due {
    /// At its expiry.
    pub(crate) fn of(id: &str, room: &RoomRow) -> Due {
        Due {
            at: signed(room.expires_at),
            room: room.number,
            id: id.to_owned(),
        }
    }

    /// By which the rows are ordered.
    pub(crate) fn key(&self) -> (i64, i64) {
        (self.at, self.room)
    }

    fn sum(&self) -> i64 {
        checksum::of(Table::Due, &[self.at, self.room], &self.id, &[])
    }

    pub(crate) fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        let mut write = connection
            .prepare_cached("REPLACE INTO due (at, room, id, sum) VALUES (?, ?, ?, ?)")?;
        write.execute(params![self.at, self.room, self.id, self.sum()])?;
        Ok(())
    }

    /// Whether it was there.
    pub(crate) fn remove(&self, connection: &Connection) -> rusqlite::Result<bool> {
        let mut remove = connection.prepare_cached("DELETE FROM due WHERE at = ? AND room = ?")?;
        Ok(remove.execute(params![self.at, self.room])? > 0)
    }
}

/// A row that was read.
#[derive(Debug, Clone)]
pub(crate) struct Read {
    /// As far as it can be read.
    pub(crate) due: Due,
    /// Its checksum is right.
    pub(crate) is_whole: bool,
}

impl Read {
    /// Of `at, room, id, sum`. `None`: its key is no number, which no query finds.
    pub(crate) fn of(row: &Row<'_>) -> rusqlite::Result<Option<Read>> {
        let (ValueRef::Integer(at), ValueRef::Integer(room)) = (row.get_ref(0)?, row.get_ref(1)?)
        else {
            return Ok(None);
        };
        let id = text(row.get_ref(2)?);
        let due = Due { at, room, id };
        let is_whole = row.get_ref(3)? == ValueRef::Integer(due.sum());
        Ok(Some(Read { due, is_whole }))
    }
}

/// An id as it is stored, damaged or not.
pub(crate) fn text(value: ValueRef<'_>) -> String {
    match value.as_bytes() {
        Ok(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Err(_) => String::new(),
    }
}
