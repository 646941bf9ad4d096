//! What concerns all rooms.

use crate::rows::StoreRow;

/// What concerns all rooms, as it is after the last transaction.
#[derive(Clone, Copy)]
pub(crate) struct Totals {
    pub(crate) row: StoreRow,
    /// Rooms that are stored, some of which may have expired.
    pub(crate) stored: usize,
}
