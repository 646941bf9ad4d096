//! What concerns all rooms.

use rusqlite::Connection;

use crate::rows::{self, Part, StoreRow};

/// What concerns all rooms, as it is after the last transaction.
#[derive(Clone, Copy)]
pub(crate) struct Totals {
    pub(crate) row: StoreRow,
    /// Rooms that are stored, some of which may have expired.
    pub(crate) stored: usize,
}

impl Totals {
    /// Forgets where a room stands, and these parts of it.
    pub(crate) fn remove_room(
        &mut self,
        connection: &Connection,
        id: &str,
        number: i64,
        parts: &[Part],
    ) -> rusqlite::Result<()> {
        rows::remove_room(connection, id, number, parts)?;
        self.stored = self.stored.saturating_sub(1);
        Ok(())
    }
}
