//! The results of rooms.

use std::collections::{BTreeMap, HashMap};

use tablecast_core::RoomId;
use tablecast_core::backend::{BackendError, Keepsake, NewKeepsake};

/// All results together have at most this many bytes; beyond it the oldest are dropped.
/// They outlive their rooms by days, so the limit on rooms does not limit them, and a
/// client that makes rooms with results again and again must not fill the process' memory.
/// Enough for about 30,000 results of two kilobytes.
const BYTES: usize = 64 << 20;

/// The approximate overhead of a result: its id twice, and entries in two maps.
const OVERHEAD: usize = 256;

/// The stored form of the result, kept from now until `until`.
pub(super) fn written(new: &NewKeepsake, now: u64, until: u64) -> Result<Keepsake, BackendError> {
    Ok(Keepsake {
        what: new.what.encode()?,
        kept_at: now,
        kept_until: until,
    })
}

/// One for each room, the oldest first.
#[derive(Default)]
pub(super) struct Keepsakes {
    /// By room, with its number in the order.
    of: HashMap<RoomId, (u64, Keepsake)>,
    order: BTreeMap<u64, RoomId>,
    bytes: usize,
    /// The number of all results so far.
    count: u64,
}

impl Keepsakes {
    pub(super) fn get(&self, room: &RoomId, now: u64) -> Option<Keepsake> {
        let (_, keepsake) = self.of.get(room)?;
        (keepsake.kept_until > now).then(|| keepsake.clone())
    }

    /// Stores a room's result in place of the earlier one, and drops the oldest results if
    /// there are too many.
    pub(super) fn keep(&mut self, room: &RoomId, keepsake: Keepsake) {
        self.forget(room);
        self.count += 1;
        self.bytes += OVERHEAD + keepsake.what.len();
        self.order.insert(self.count, room.clone());
        self.of.insert(room.clone(), (self.count, keepsake));
        while self.bytes > BYTES
            && let Some((oldest, _)) = self.oldest()
        {
            let oldest = oldest.clone();
            self.forget(&oldest);
        }
    }

    pub(super) fn forget(&mut self, room: &RoomId) {
        if let Some((place, keepsake)) = self.of.remove(room) {
            self.order.remove(&place);
            self.bytes -= OVERHEAD + keepsake.what.len();
        }
    }

    fn oldest(&self) -> Option<(&RoomId, &Keepsake)> {
        let (_, room) = self.order.first_key_value()?;
        let (_, keepsake) = self.of.get(room)?;
        Some((room, keepsake))
    }

    /// Drops results whose time is over, at most `at_most`, the oldest first. A result with
    /// a shorter time waits for the older ones before it; their bytes are limited anyway.
    pub(super) fn sweep(&mut self, now: u64, at_most: usize) {
        for _ in 0..at_most {
            match self.oldest() {
                Some((oldest, keepsake)) if keepsake.kept_until <= now => {
                    let oldest = oldest.clone();
                    self.forget(&oldest);
                }
                _ => return,
            }
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        debug_assert_eq!(self.of.len(), self.order.len());
        self.of.len()
    }
}
