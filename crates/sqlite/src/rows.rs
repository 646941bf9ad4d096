//! The rows of each table: read with their checksum, and written with it.

use bytes::{Buf, Bytes};
use rusqlite::{Connection, OptionalExtension, Row, params};
use tablecast_core::backend::{Keepsake, StoredEvent};
use tablecast_core::position::{Epoch, Position};

use crate::checksum::{self, Table};
use crate::error::RowError;

/// SQLite's numbers have a sign. What is compared or added up stays below its highest;
/// a time beyond it is as good as for ever.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> Result<u64, RowError> {
    u64::try_from(number).map_err(|_| unusable("a number that is below zero"))
}

/// A row that has nothing but numbers.
fn numbers<const N: usize>(row: &Row<'_>) -> rusqlite::Result<[i64; N]> {
    let mut numbers = [0; N];
    for (column, number) in numbers.iter_mut().enumerate() {
        *number = row.get(column)?;
    }
    Ok(numbers)
}

pub(crate) fn unusable(what: impl Into<String>) -> RowError {
    RowError::Unusable(what.into())
}

fn check(found: i64, expected: i64, what: &str) -> Result<(), RowError> {
    if found == expected {
        Ok(())
    } else {
        Err(unusable(format!(
            "{what} is damaged: its checksum is wrong"
        )))
    }
}

/// What concerns all rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StoreRow {
    pub(crate) run: i64,
    pub(crate) commits: u64,
    /// Rooms made so far.
    pub(crate) rooms: u64,
    pub(crate) clock: u64,
    pub(crate) is_backup: bool,
}

impl StoreRow {
    fn sum(&self) -> i64 {
        let numbers = [
            self.run,
            signed(self.commits),
            signed(self.rooms),
            signed(self.clock),
            i64::from(self.is_backup),
        ];
        checksum::of(Table::Store, &numbers, "", &[])
    }

    /// `None`: a database in which nothing was stored yet.
    pub(crate) fn read(connection: &Connection) -> Result<Option<StoreRow>, RowError> {
        let mut row = connection.prepare_cached(
            "SELECT run, commits, rooms, clock, is_backup, sum FROM store WHERE one = 1",
        )?;
        let read = row.query_row((), numbers::<6>).optional()?;
        read.map(StoreRow::of).transpose()
    }

    /// Of `run, commits, rooms, clock, is_backup, sum`.
    pub(crate) fn of(numbers: [i64; 6]) -> Result<StoreRow, RowError> {
        let [run, commits, rooms, clock, is_backup, sum] = numbers;
        let row = StoreRow {
            run,
            commits: unsigned(commits)?,
            rooms: unsigned(rooms)?,
            clock: unsigned(clock)?,
            is_backup: is_backup != 0,
        };
        check(sum, row.sum(), "the row of the whole store")?;
        Ok(row)
    }

    pub(crate) fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        let mut write = connection.prepare_cached(
            "REPLACE INTO store (one, run, commits, rooms, clock, is_backup, sum)
             VALUES (1, ?, ?, ?, ?, ?, ?)",
        )?;
        write.execute(params![
            self.run,
            signed(self.commits),
            signed(self.rooms),
            signed(self.clock),
            self.is_backup,
            self.sum()
        ])?;
        Ok(())
    }
}

/// Where a room stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RoomRow {
    pub(crate) number: i64,
    pub(crate) history: i64,
    pub(crate) seq: u64,
    pub(crate) snapshot_seq: u64,
    pub(crate) expires_at: u64,
    pub(crate) dies_at: u64,
}

impl RoomRow {
    fn sum(&self, id: &str) -> i64 {
        let numbers = [
            self.number,
            self.history,
            signed(self.seq),
            signed(self.snapshot_seq),
            signed(self.expires_at),
            signed(self.dies_at),
        ];
        checksum::of(Table::Rooms, &numbers, id, &[])
    }

    pub(crate) fn position(&self, run: i64) -> Position {
        Position {
            epoch: Epoch((self.history ^ run).cast_unsigned()),
            seq: self.seq,
        }
    }

    pub(crate) fn read(connection: &Connection, id: &str) -> Result<Option<RoomRow>, RowError> {
        let mut row = connection.prepare_cached(
            "SELECT number, history, seq, snapshot_seq, expires_at, dies_at, sum FROM rooms
             WHERE id = ?",
        )?;
        let read = row.query_row([id], numbers::<7>).optional()?;
        let Some([number, history, seq, snapshot_seq, expires_at, dies_at, sum]) = read else {
            return Ok(None);
        };
        let row = RoomRow {
            number,
            history,
            seq: unsigned(seq)?,
            snapshot_seq: unsigned(snapshot_seq)?,
            expires_at: unsigned(expires_at)?,
            dies_at: unsigned(dies_at)?,
        };
        check(sum, row.sum(id), "where the room stands")?;
        Ok(Some(row))
    }

    pub(crate) fn write_new(&self, connection: &Connection, id: &str) -> rusqlite::Result<()> {
        let mut write = connection.prepare_cached(
            "INSERT INTO rooms
             (id, number, history, seq, snapshot_seq, expires_at, dies_at, sum)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )?;
        write.execute(params![
            id,
            self.number,
            self.history,
            signed(self.seq),
            signed(self.snapshot_seq),
            signed(self.expires_at),
            signed(self.dies_at),
            self.sum(id)
        ])?;
        Ok(())
    }

    /// Writes what a commit changes.
    pub(crate) fn write_step(&self, connection: &Connection, id: &str) -> rusqlite::Result<()> {
        let mut write = connection.prepare_cached(
            "UPDATE rooms SET seq = ?, snapshot_seq = ?, expires_at = ?, sum = ? WHERE id = ?",
        )?;
        write.execute(params![
            signed(self.seq),
            signed(self.snapshot_seq),
            signed(self.expires_at),
            self.sum(id),
            id
        ])?;
        Ok(())
    }

    /// The state at `snapshot_seq`.
    pub(crate) fn snapshot(&self, connection: &Connection) -> Result<Bytes, RowError> {
        let mut row =
            connection.prepare_cached("SELECT state, sum FROM snapshots WHERE room = ?")?;
        let read = row
            .query_row([self.number], |row| {
                Ok((row.get::<_, Vec<u8>>(0)?, row.get(1)?))
            })
            .optional()?;
        let (state, sum) = read.ok_or_else(|| unusable("the room's state is missing"))?;
        check(sum, self.snapshot_sum(&state), "the room's state")?;
        Ok(state.into())
    }

    /// The state of a new room. There is none yet.
    pub(crate) fn write_first_snapshot(
        &self,
        connection: &Connection,
        state: &[u8],
    ) -> rusqlite::Result<()> {
        let write = "INSERT INTO snapshots (room, state, sum) VALUES (?, ?, ?)";
        self.write_state(connection, write, state)
    }

    pub(crate) fn write_snapshot(
        &self,
        connection: &Connection,
        state: &[u8],
    ) -> rusqlite::Result<()> {
        let write = "REPLACE INTO snapshots (room, state, sum) VALUES (?, ?, ?)";
        self.write_state(connection, write, state)
    }

    fn write_state(
        &self,
        connection: &Connection,
        write: &str,
        state: &[u8],
    ) -> rusqlite::Result<()> {
        let mut write = connection.prepare_cached(write)?;
        write.execute(params![self.number, state, self.snapshot_sum(state)])?;
        Ok(())
    }

    fn snapshot_sum(&self, state: &[u8]) -> i64 {
        snapshot_sum(self.number, signed(self.snapshot_seq), state)
    }

    /// The events after this seq, up to the newest. They may begin later, where the log
    /// does not reach back so far.
    pub(crate) fn events_after(
        &self,
        connection: &Connection,
        seq: u64,
    ) -> Result<Vec<StoredEvent>, RowError> {
        let mut rows = connection.prepare_cached(
            "SELECT last, events, sum FROM log WHERE room = ? AND last > ? ORDER BY last",
        )?;
        let mut rows = rows.query(params![self.number, signed(seq)])?;
        let mut events: Vec<StoredEvent> = Vec::new();
        while let Some(row) = rows.next()? {
            let (last, bytes, sum): (i64, Vec<u8>, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            check(sum, log_sum(self.number, last, &bytes), "the room's log")?;
            let step = decode_events(bytes.into())?;
            let first = (unsigned(last)? + 1).checked_sub(step.len() as u64);
            let next = events.last().map(|event| event.seq + 1);
            match first {
                Some(first) if next.is_none_or(|next| next == first) => {
                    events.extend(stored(first, step));
                }
                _ => return Err(unusable("the room's log has a gap")),
            }
        }
        if events.last().map_or(seq, |event| event.seq) != self.seq {
            return Err(unusable("the end of the room's log is missing"));
        }
        // A row may begin before.
        let known = events.partition_point(|event| event.seq <= seq);
        events.drain(..known);
        Ok(events)
    }

    /// Adds the events of one commit, of which the last has seq `self.seq`.
    pub(crate) fn write_events(
        &self,
        connection: &Connection,
        events: &[Bytes],
    ) -> rusqlite::Result<()> {
        let mut write = connection
            .prepare_cached("INSERT INTO log (room, last, events, sum) VALUES (?, ?, ?, ?)")?;
        let (last, bytes) = (signed(self.seq), encode_events(events));
        let sum = log_sum(self.number, last, &bytes);
        write.execute(params![self.number, last, bytes, sum])?;
        Ok(())
    }

    /// Forgets the events up to this seq.
    pub(crate) fn trim_log(&self, connection: &Connection, seq: u64) -> rusqlite::Result<()> {
        let mut trim = connection.prepare_cached("DELETE FROM log WHERE room = ? AND last <= ?")?;
        trim.execute(params![self.number, signed(seq)])?;
        Ok(())
    }
}

/// A part of a room that may be damaged by itself.
#[derive(Clone, Copy)]
pub(crate) enum Part {
    State,
    Log,
}

impl Part {
    /// The whole of a room, beside where it stands.
    pub(crate) const ALL: &[Part] = &[Part::State, Part::Log];
}

/// Forgets where a room stands, and these parts of it.
pub(crate) fn remove_room(
    connection: &Connection,
    id: &str,
    number: i64,
    parts: &[Part],
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM rooms WHERE id = ?")?
        .execute([id])?;
    for part in parts {
        let remove = match part {
            Part::State => "DELETE FROM snapshots WHERE room = ?",
            Part::Log => "DELETE FROM log WHERE room = ?",
        };
        connection.prepare_cached(remove)?.execute([number])?;
    }
    Ok(())
}

pub(crate) fn log_sum(room: i64, last: i64, events: &[u8]) -> i64 {
    checksum::of(Table::Log, &[room, last], "", events)
}

pub(crate) fn snapshot_sum(room: i64, snapshot_seq: i64, state: &[u8]) -> i64 {
    checksum::of(Table::Snapshots, &[room, snapshot_seq], "", state)
}

fn stored(first: u64, events: Vec<Bytes>) -> impl Iterator<Item = StoredEvent> {
    (first..)
        .zip(events)
        .map(|(seq, event)| StoredEvent { seq, event })
}

fn encode_events(events: &[Bytes]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(events.iter().map(|event| 4 + event.len()).sum());
    for event in events {
        // SQLite takes no row of 2 GB, which is well below.
        let length = u32::try_from(event.len()).unwrap_or(u32::MAX);
        bytes.extend(length.to_le_bytes());
        bytes.extend_from_slice(event);
    }
    bytes
}

fn decode_events(mut bytes: Bytes) -> Result<Vec<Bytes>, RowError> {
    let mut events = Vec::new();
    while !bytes.is_empty() {
        let length = bytes.try_get_u32_le().ok().map(|length| length as usize);
        match length {
            Some(length) if length <= bytes.len() => events.push(bytes.split_to(length)),
            _ => return Err(unusable("the room's log cannot be understood")),
        }
    }
    if events.is_empty() {
        return Err(unusable("the room's log has a commit without events"));
    }
    Ok(events)
}

/// What the room keeps beyond its life, whether its time is over or not.
pub(crate) fn keepsake(connection: &Connection, id: &str) -> Result<Option<Keepsake>, RowError> {
    let mut row = connection
        .prepare_cached("SELECT what, kept_at, kept_until, sum FROM keepsakes WHERE id = ?")?;
    let read = row
        .query_row([id], |row| {
            let what: Vec<u8> = row.get(0)?;
            let numbers: [i64; 3] = [row.get(1)?, row.get(2)?, row.get(3)?];
            Ok((what, numbers))
        })
        .optional()?;
    let Some((what, [kept_at, kept_until, sum])) = read else {
        return Ok(None);
    };
    let expected = keepsake_sum(id, kept_at, kept_until, &what);
    check(sum, expected, "what the room left")?;
    Ok(Some(Keepsake {
        what: what.into(),
        kept_at: unsigned(kept_at)?,
        kept_until: unsigned(kept_until)?,
    }))
}

pub(crate) fn write_keepsake(
    connection: &Connection,
    id: &str,
    keepsake: &Keepsake,
) -> rusqlite::Result<()> {
    let mut write = connection.prepare_cached(
        "REPLACE INTO keepsakes (id, what, kept_at, kept_until, sum) VALUES (?, ?, ?, ?, ?)",
    )?;
    let (kept_at, kept_until) = (signed(keepsake.kept_at), signed(keepsake.kept_until));
    let sum = keepsake_sum(id, kept_at, kept_until, &keepsake.what);
    write.execute(params![id, &*keepsake.what, kept_at, kept_until, sum])?;
    Ok(())
}

pub(crate) fn remove_keepsake(connection: &Connection, id: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM keepsakes WHERE id = ?")?
        .execute([id])?;
    Ok(())
}

/// Forgets what stands in this row of the table.
pub(crate) fn remove_keepsake_at(connection: &Connection, rowid: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM keepsakes WHERE rowid = ?")?
        .execute([rowid])?;
    Ok(())
}

pub(crate) fn keepsake_sum(id: &str, kept_at: i64, kept_until: i64, what: &[u8]) -> i64 {
    checksum::of(Table::Keepsakes, &[kept_at, kept_until], id, what)
}
