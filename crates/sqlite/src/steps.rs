//! What is asked of the rows: load a room, make one, take one step. Each is called within
//! a transaction.

use std::time::Duration;

use bytes::Bytes;
use rusqlite::Connection;
use tablecast_core::backend::{
    BackendError, Commit, Committed, Created, Keepsake, LOG_EVENTS, Loaded, NewRoom, Snapshot,
    Stamp,
};
use tablecast_core::id::unique;
use tablecast_core::position::Position;
use tablecast_core::stored::Record;

use crate::alarms;
use crate::due::Due;
use crate::error::RowError;
use crate::rows::{self, Part, RoomRow, unusable};
use crate::totals::Totals;

/// A commit whose records have become bytes.
pub(crate) struct Step {
    pub(crate) expected: Position,
    pub(crate) events: Vec<Bytes>,
    snapshot: Option<Bytes>,
    extend: Option<Duration>,
    keepsake: Option<(Bytes, Duration)>,
    alarm: Option<u64>,
}

impl Step {
    pub(crate) fn new(commit: Commit) -> Result<Step, BackendError> {
        let keepsake = commit.keepsake.map(|new| {
            let what = new.what.encode()?;
            Ok::<_, BackendError>((what, new.ttl))
        });
        Ok(Step {
            expected: commit.expected,
            events: commit
                .events
                .iter()
                .map(Record::encode)
                .collect::<Result<_, _>>()?,
            snapshot: commit.snapshot.map(|state| state.encode()).transpose()?,
            extend: commit.extend,
            keepsake: keepsake.transpose()?,
            alarm: commit.alarm,
        })
    }
}

/// Where the room stands, and what is missing since `known`. `None`: there is no room; at
/// `now` 0 none has expired.
pub(crate) fn load(
    connection: &Connection,
    run: i64,
    id: &str,
    known: Option<Position>,
    now: u64,
) -> Result<Option<Loaded>, RowError> {
    let room = RoomRow::read(connection, id)?.filter(|room| room.expires_at > now);
    room.map(|room| missing(connection, run, &room, known, now))
        .transpose()
}

fn missing(
    connection: &Connection,
    run: i64,
    room: &RoomRow,
    known: Option<Position>,
    now: u64,
) -> Result<Loaded, RowError> {
    let position = room.position(run);
    let mut loaded = Loaded {
        position,
        stamp: stamp(room, now),
        dies_at: room.dies_at,
        snapshot: None,
        events: Vec::new(),
    };
    let known = known.filter(|known| known.epoch == position.epoch && known.seq <= room.seq);
    if let Some(known) = known {
        loaded.events = room.events_after(connection, known.seq)?;
        let reaches = |first: u64| first == known.seq + 1;
        if known.seq == room.seq
            || loaded
                .events
                .first()
                .is_some_and(|event| reaches(event.seq))
        {
            return Ok(loaded);
        }
    }
    loaded.events = if room.seq == 0 {
        Vec::new()
    } else {
        room.events_after(connection, 0)?
    };
    let first = loaded
        .events
        .first()
        .map_or(room.seq + 1, |event| event.seq);
    if first > room.snapshot_seq + 1 {
        return Err(unusable("the room's log does not reach back to its state"));
    }
    loaded.snapshot = Some(Snapshot {
        seq: room.snapshot_seq,
        state: room.snapshot(connection)?,
    });
    Ok(loaded)
}

/// Makes a room.
pub(crate) fn create(
    connection: &Connection,
    totals: &mut Totals,
    id: &str,
    new: &NewRoom,
    now: u64,
) -> Result<Created, RowError> {
    if let Some(old) = RoomRow::read(connection, id)? {
        if old.expires_at > now {
            return Ok(Created::Exists);
        }
        totals.remove_room(connection, id, old.number, Part::ALL)?;
    }
    totals.stored += 1;
    totals.row.rooms += 1;
    let dies_at = after(now, new.max_age);
    let room = RoomRow {
        number: rows::signed(totals.row.rooms),
        history: unique().cast_signed(),
        seq: 0,
        snapshot_seq: 0,
        expires_at: after(new.alarm.unwrap_or(0).max(now), new.ttl).min(dies_at),
        dies_at,
    };
    room.write_new(connection, id)?;
    room.write_first_snapshot(connection, &new.snapshot)?;
    Due::of(id, &room).write(connection)?;
    rows::remove_keepsake(connection, id)?;
    if let Some(at) = new.alarm {
        alarms::write(connection, at, id, 0)?;
    }
    Ok(Created::New(
        room.position(totals.row.run),
        stamp(&room, now),
    ))
}

/// Takes one step, if the room stands where it expects it.
pub(crate) fn commit(
    connection: &Connection,
    run: i64,
    id: &str,
    step: &Step,
    now: u64,
) -> Result<Committed, RowError> {
    let room = RoomRow::read(connection, id)?.filter(|room| room.expires_at > now);
    let Some(mut room) = room else {
        return Ok(Committed::Gone);
    };
    if room.position(run) != step.expected {
        let missing = missing(connection, run, &room, Some(step.expected), now)?;
        return Ok(Committed::Conflict(missing));
    }
    room.seq += step.events.len() as u64;
    match &step.snapshot {
        Some(state) => {
            room.snapshot_seq = room.seq;
            room.write_snapshot(connection, state)?;
            room.trim_log(connection, room.seq.saturating_sub(LOG_EVENTS as u64))?;
        }
        // Refused, since the log would grow without bound.
        None if room.seq - room.snapshot_seq > LOG_EVENTS as u64 => {
            return Err(unusable(format!(
                "a commit without a snapshot, {} events after the last one; \
                 at most {LOG_EVENTS} are kept",
                room.seq - room.snapshot_seq
            )));
        }
        None => {}
    }
    room.write_events(connection, &step.events)?;
    if let Some(extend) = step.extend {
        let extended = after(now, extend).min(room.dies_at);
        room.expires_at = room.expires_at.max(extended);
    }
    room.write_step(connection, id)?;
    if let Some((what, ttl)) = &step.keepsake {
        let keepsake = Keepsake {
            what: what.clone(),
            kept_at: now,
            kept_until: after(now, *ttl),
        };
        rows::write_keepsake(connection, id, &keepsake)?;
    }
    if let Some(at) = step.alarm {
        alarms::write(connection, at, id, step.expected.seq + 1)?;
    }
    Ok(Committed::Accepted(stamp(&room, now)))
}

fn stamp(room: &RoomRow, now: u64) -> Stamp {
    Stamp {
        now,
        expires_at: room.expires_at,
    }
}

/// A time that can be stored, however long it is.
fn after(now: u64, duration: Duration) -> u64 {
    let ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    now.saturating_add(ms).min(i64::MAX.cast_unsigned())
}
