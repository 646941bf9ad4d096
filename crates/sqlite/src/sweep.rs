//! What leaves the file: expired rooms, what they left when its time is over, and free
//! pages. In steps so small that nobody who waits for the writer notices.
//!
//! Damage must not keep others from leaving: a row that cannot be removed is passed over and
//! named once. Where the times of expiry are damaged, a slow walk through all rooms finds
//! what they hide.

use std::collections::BTreeSet;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Params, Row, params};

use crate::check::{DUE_IS_DAMAGED, Finding};
use crate::due::{self, Due};
use crate::error::{self, RowError};
use crate::rows::{self, Part, RoomRow, signed};
use crate::totals::Totals;

/// Rooms of one step, and as many keepsakes. A room has up to 448 events.
const ROOMS: usize = 16;

/// Rooms of one step at which the walk looks.
const LOOKED_AT: usize = 64;

/// Free pages that may stay, beside a quarter of those in use: about 2 MB.
const FREE_PAGES: i64 = 512;

/// Pages that one step gives back.
const FREED: i64 = 64;

/// What has come of a step.
#[derive(Default)]
pub(crate) struct Swept {
    /// Something was changed.
    pub(crate) some: bool,
    /// More is to be looked at.
    pub(crate) rest: bool,
    /// What was met for the first time.
    pub(crate) damaged: Vec<Finding>,
}

impl Swept {
    pub(crate) fn find(&mut self, room: Option<&str>, what: impl ToString) {
        self.damaged.push(Finding::new(room, what));
    }
}

/// Something whose time seems to be over.
pub(crate) enum Expired {
    /// A room is due.
    Due(due::Read),
    /// What a room left, by its row.
    Kept(i64),
    /// A room to which the walk has come.
    Walked(String),
}

/// What to remove of a room, beside where it stands: all, or what can be. The rest stays in
/// the file, where no later room finds it.
pub(crate) const WAYS: [&[Part]; 4] = [Part::ALL, &[Part::State], &[Part::Log], &[]];

/// How far it has come. What is behind has left the file or cannot; what is added later comes
/// due later.
#[derive(Clone)]
pub(crate) struct Sweeper {
    due: (i64, i64),
    kept: (i64, i64),
    /// The walk, which begins again at its end.
    room: String,
    /// Tables that were told to be damaged.
    told: BTreeSet<&'static str>,
}

impl Sweeper {
    pub(crate) fn new() -> Sweeper {
        Sweeper {
            due: (i64::MIN, i64::MIN),
            kept: (i64::MIN, i64::MIN),
            room: String::new(),
            told: BTreeSet::new(),
        }
    }

    /// Finds some of what has expired. Not within a transaction: SQLite commits none that has
    /// met damage.
    pub(crate) fn find(
        &mut self,
        connection: &Connection,
        now: u64,
        swept: &mut Swept,
    ) -> rusqlite::Result<Vec<Expired>> {
        let mut expired = self.dues(connection, now, swept)?;
        expired.extend(self.keepsakes(connection, now, swept)?);
        if !swept.rest {
            expired.extend(self.walk(connection, now, swept)?);
        }
        Ok(expired)
    }

    fn dues(
        &mut self,
        connection: &Connection,
        now: u64,
        swept: &mut Swept,
    ) -> rusqlite::Result<Vec<Expired>> {
        let (found, damage) = list(
            connection,
            "SELECT at, room, id, sum FROM due WHERE (at, room) > (?, ?) AND at <= ?
             ORDER BY at, room LIMIT ?",
            params![self.due.0, self.due.1, signed(now), ROOMS as i64],
            due::Read::of,
        )?;
        self.note("when rooms expire", damage, swept);
        swept.rest |= found.len() == ROOMS;
        // A damaged row may have a key that is out of order.
        let keys = found.iter().map(|read| read.due.key());
        self.due = keys.fold(self.due, Ord::max);
        Ok(found.into_iter().map(Expired::Due).collect())
    }

    fn keepsakes(
        &mut self,
        connection: &Connection,
        now: u64,
        swept: &mut Swept,
    ) -> rusqlite::Result<Vec<Expired>> {
        let (found, damage) = list(
            connection,
            "SELECT kept_until, rowid FROM keepsakes
             WHERE (kept_until, rowid) > (?, ?) AND kept_until <= ?
             ORDER BY kept_until, rowid LIMIT ?",
            params![self.kept.0, self.kept.1, signed(now), ROOMS as i64],
            |row| Ok(number(row.get_ref(0)?).zip(number(row.get_ref(1)?))),
        )?;
        self.note("what rooms left", damage, swept);
        swept.rest |= found.len() == ROOMS;
        self.kept = found.iter().copied().fold(self.kept, Ord::max);
        let rows = found.into_iter().map(|(_, row)| Expired::Kept(row));
        Ok(rows.collect())
    }

    /// Looks at the next rooms, for those whose time of expiry is lost.
    fn walk(
        &mut self,
        connection: &Connection,
        now: u64,
        swept: &mut Swept,
    ) -> rusqlite::Result<Vec<Expired>> {
        let (found, damage) = list(
            connection,
            "SELECT id, expires_at FROM rooms WHERE id > ? ORDER BY id LIMIT ?",
            params![self.room, LOOKED_AT as i64],
            |row| {
                let id = row.get_ref(0)?.as_str().ok().map(str::to_owned);
                Ok(id.zip(number(row.get_ref(1)?)))
            },
        )?;
        self.note("where rooms stand", damage, swept);
        let mut is_end = found.len() < LOOKED_AT;
        let mut expired = Vec::new();
        for (id, expires_at) in found {
            if expired.len() == ROOMS {
                is_end = false;
                break;
            }
            self.room = id.clone().max(std::mem::take(&mut self.room));
            if expires_at <= signed(now) {
                expired.push(Expired::Walked(id));
            }
        }
        if is_end {
            self.room.clear();
        }
        swept.rest |= !expired.is_empty() && !is_end;
        Ok(expired)
    }

    /// Notes once what cannot be read.
    fn note(&mut self, what: &'static str, error: Option<rusqlite::Error>, swept: &mut Swept) {
        if let Some(error) = error
            && self.told.insert(what)
        {
            swept.find(None, format!("{what} cannot be read: {error}"));
        }
    }

    /// Gives some free pages back, if there are many.
    pub(crate) fn free_pages(
        &mut self,
        connection: &Connection,
        swept: &mut Swept,
    ) -> rusqlite::Result<Freed> {
        match free_pages(connection) {
            Err(error) if error::is_local(&error) => {
                self.note("the list of free pages", Some(error), swept);
                Ok(Freed::default())
            }
            freed => freed,
        }
    }
}

#[derive(Default)]
pub(crate) struct Freed {
    pub(crate) some: bool,
    /// More can be given back.
    pub(crate) rest: bool,
}

fn free_pages(connection: &Connection) -> rusqlite::Result<Freed> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (free, all) = (pragma("freelist_count")?, pragma("page_count")?);
    let too_many = free - FREE_PAGES - (all - free) / 4;
    if too_many > 0 {
        let mut vacuum = connection.prepare(&format!("PRAGMA incremental_vacuum({FREED})"))?;
        let mut pages = vacuum.query(())?;
        // A page a row.
        while pages.next()?.is_some() {}
    }
    Ok(Freed {
        some: too_many > 0,
        rest: too_many > FREED,
    })
}

/// What has come of one transaction.
#[derive(Default)]
pub(crate) struct Forgotten {
    pub(crate) has_changed: bool,
    pub(crate) damaged: Vec<Finding>,
}

impl Forgotten {
    fn find(&mut self, room: &str, what: impl ToString) {
        self.damaged.push(Finding::new(Some(room), what));
    }
}

impl Expired {
    /// The room that it is about, as far as it is known.
    pub(crate) fn room(&self) -> Option<&str> {
        match self {
            Expired::Due(read) => Some(&read.due.id),
            Expired::Walked(id) => Some(id),
            Expired::Kept(_) => None,
        }
    }

    /// Whether it is to be named where it cannot be removed. The walk comes again and again.
    pub(crate) fn is_named(&self) -> bool {
        !matches!(self, Expired::Walked(_))
    }

    /// Forgets it, if it has expired. Within a transaction.
    pub(crate) fn forget(
        &self,
        connection: &Connection,
        totals: &mut Totals,
        now: u64,
        parts: &[Part],
        forgotten: &mut Forgotten,
    ) -> rusqlite::Result<()> {
        match self {
            Expired::Kept(row) => {
                rows::remove_keepsake_at(connection, *row)?;
                forgotten.has_changed = true;
            }
            Expired::Due(read) => {
                let (due, id) = (&read.due, &read.due.id);
                forgotten.has_changed |= due.remove(connection)?;
                if !read.is_whole {
                    // Which room it was, and when it expires, is not known. The walk finds it.
                    forgotten.find(id, DUE_IS_DAMAGED);
                    return Ok(());
                }
                match RoomRow::read(connection, id) {
                    // A later room of this id has a row of its own.
                    Ok(room) if room.is_none_or(|room| room.number != due.room) => {}
                    Ok(Some(room)) if room.expires_at > now => {
                        Due::of(id, &room).write(connection)?;
                    }
                    Ok(_) => totals.remove_room(connection, id, due.room, parts)?,
                    Err(RowError::Sqlite(error)) => return Err(error),
                    Err(RowError::Unusable(what)) => {
                        forgotten.find(id, format!("{what}; it is forgotten"));
                        totals.remove_room(connection, id, due.room, parts)?;
                    }
                }
            }
            Expired::Walked(id) => match RoomRow::read(connection, id) {
                Ok(Some(room)) if room.expires_at <= now => {
                    totals.remove_room(connection, id, room.number, parts)?;
                    forgotten.has_changed = true;
                }
                Err(RowError::Sqlite(error)) => return Err(error),
                Ok(_) | Err(RowError::Unusable(_)) => {}
            },
        }
        Ok(())
    }
}

/// What a query finds before it comes to damage, and what that was.
fn list<T>(
    connection: &Connection,
    query: &str,
    params: impl Params,
    mut read: impl FnMut(&Row<'_>) -> rusqlite::Result<Option<T>>,
) -> rusqlite::Result<(Vec<T>, Option<rusqlite::Error>)> {
    let mut found = Vec::new();
    let list = || {
        let mut query = connection.prepare_cached(query)?;
        let mut rows = query.query(params)?;
        while let Some(row) = rows.next()? {
            found.extend(read(row)?);
        }
        Ok(())
    };
    match list() {
        Err(error) if !error::is_local(&error) => Err(error),
        listed => Ok((found, listed.err())),
    }
}

/// A number as it is stored, if it is one.
fn number(value: ValueRef<'_>) -> Option<i64> {
    value.as_i64().ok()
}
