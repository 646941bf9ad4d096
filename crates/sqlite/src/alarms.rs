//! The hints of rooms' alarms. Each is written in one transaction with the commit that sets the
//! alarm.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params};
use tablecast_core::backend::AlarmHint;

use crate::checksum::{self, Table};
use crate::due::text;
use crate::error::RowError;
use crate::rows::signed;

fn sum(at: i64, id: &str, seq: i64) -> i64 {
    checksum::of(Table::Alarms, &[at, seq], id, &[])
}

/// Notes that a room has an alarm at this time, set by the commit whose first event has this seq, in
/// place of what was noted of both before.
pub(crate) fn write(connection: &Connection, at: u64, id: &str, seq: u64) -> rusqlite::Result<()> {
    let (at, seq) = (signed(at), signed(seq));
    let mut before = connection.prepare_cached("DELETE FROM alarms WHERE at = ? AND id = ?")?;
    before.execute(params![at, id])?;
    let mut write =
        connection.prepare_cached("INSERT INTO alarms (at, id, seq, sum) VALUES (?, ?, ?, ?)")?;
    write.execute(params![at, id, seq, sum(at, id, seq)])?;
    Ok(())
}

/// Forgets a hint. Whether it was there.
pub(crate) fn forget(connection: &Connection, hint: &AlarmHint) -> rusqlite::Result<bool> {
    let mut forget =
        connection.prepare_cached("DELETE FROM alarms WHERE at = ? AND id = ? AND seq = ?")?;
    let row = params![signed(hint.at), hint.room.as_str(), signed(hint.seq)];
    Ok(forget.execute(row)? > 0)
}

/// The hints that are due, the earliest first, without those that are damaged.
pub(crate) fn due(
    connection: &Connection,
    now: u64,
    limit: usize,
) -> Result<Vec<AlarmHint>, RowError> {
    let mut due = connection.prepare_cached(
        "SELECT at, id, seq, sum FROM alarms WHERE at <= ? ORDER BY at, id, seq LIMIT ?",
    )?;
    let mut rows = due.query(params![signed(now), signed(limit as u64)])?;
    let mut hints = Vec::new();
    while let Some(row) = rows.next()? {
        hints.extend(read(row)?.ok());
    }
    Ok(hints)
}

/// Reads a row of `at, id, seq, sum`; of a damaged one the room's id, as far as it can be read.
pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Result<AlarmHint, String>> {
    let id = text(row.get_ref(1)?);
    let (ValueRef::Integer(at), ValueRef::Integer(seq)) = (row.get_ref(0)?, row.get_ref(2)?) else {
        return Ok(Err(id));
    };
    let is_whole = row.get_ref(3)? == ValueRef::Integer(sum(at, &id, seq));
    let (room, at, seq) = (id.parse(), u64::try_from(at), u64::try_from(seq));
    Ok(match (room, at, seq) {
        (Ok(room), Ok(at), Ok(seq)) if is_whole => Ok(AlarmHint { at, room, seq }),
        _ => Err(id),
    })
}
