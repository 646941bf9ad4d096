//! What leaves the file: expired rooms, what they left when its time is over, and free
//! pages. In steps so small that nobody who waits for the writer notices.

use rusqlite::Connection;

use crate::error::RowError;
use crate::rows::{self, Due, RoomRow};
use crate::totals::Totals;

/// Rooms of one step, and as many keepsakes. A room has up to 448 events.
const ROOMS: usize = 16;

/// Free pages that may stay, beside a quarter of those in use: about 2 MB.
const FREE_PAGES: i64 = 512;

/// Pages that one step gives back.
const FREED: i64 = 64;

pub(crate) struct Swept {
    /// Something was changed.
    pub(crate) some: bool,
    /// More is to be done.
    pub(crate) rest: bool,
}

/// Forgets some of what has expired. Within a transaction.
pub(crate) fn expired(
    connection: &Connection,
    totals: &mut Totals,
    now: u64,
) -> rusqlite::Result<Swept> {
    let due = match Due::until(connection, now, ROOMS) {
        Ok(due) => due,
        Err(RowError::Sqlite(error)) => return Err(error),
        Err(RowError::Unusable(what)) => {
            tracing::error!(what, "when rooms expire cannot be read");
            Vec::new()
        }
    };
    for due in &due {
        due.remove(connection)?;
        match RoomRow::read(connection, &due.id) {
            Err(RowError::Sqlite(error)) => return Err(error),
            // A later room of this id has a row of its own.
            Ok(room) if room.is_none_or(|room| room.number != due.room) => {}
            Ok(Some(room)) if room.expires_at > now => room.due(&due.id).write(connection)?,
            Ok(_) => {
                remove(connection, due)?;
                totals.stored = totals.stored.saturating_sub(1);
            }
            Err(RowError::Unusable(what)) => {
                tracing::error!(room = due.id, what, "a damaged room is forgotten");
                remove(connection, due)?;
                totals.stored = totals.stored.saturating_sub(1);
            }
        }
    }
    let keepsakes = rows::remove_old_keepsakes(connection, now, ROOMS)?;
    Ok(Swept {
        some: !due.is_empty() || keepsakes > 0,
        rest: due.len() == ROOMS || keepsakes == ROOMS,
    })
}

fn remove(connection: &Connection, due: &Due) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM rooms WHERE id = ?")?
        .execute([&due.id])?;
    rows::remove_parts(connection, due.room)
}

/// Gives some free pages back, if there are many.
pub(crate) fn free_pages(connection: &Connection) -> rusqlite::Result<Swept> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (free, all) = (pragma("freelist_count")?, pragma("page_count")?);
    let too_many = free - FREE_PAGES - (all - free) / 4;
    if too_many > 0 {
        let mut vacuum = connection.prepare(&format!("PRAGMA incremental_vacuum({FREED})"))?;
        let mut pages = vacuum.query(())?;
        // A page a row.
        while pages.next()?.is_some() {}
    }
    Ok(Swept {
        some: too_many > 0,
        rest: too_many > FREED,
    })
}
