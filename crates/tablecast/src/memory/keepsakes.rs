//! What rooms left.

use std::collections::{BTreeMap, HashMap};

use tablecast_core::RoomId;
use tablecast_core::backend::{BackendError, Keepsake, NewKeepsake};

/// All keepsakes together have at most so many bytes; past it the oldest go. They
/// outlive their rooms by days, so the bound on rooms does not bound them, and a client
/// that makes a room and has it leave something, again and again, must not fill the
/// process' memory. Some 30,000 results of two kilobytes.
const BYTES: usize = 64 << 20;

/// What one costs besides its own bytes, about: its id twice and its place in two maps.
const OVERHEAD: usize = 256;

/// The keepsake as it is kept from now on, until then.
pub(super) fn written(new: &NewKeepsake, now: u64, until: u64) -> Result<Keepsake, BackendError> {
    Ok(Keepsake {
        what: new.what.encode()?,
        kept_at: now,
        kept_until: until,
    })
}

/// One a room, the oldest first.
#[derive(Default)]
pub(super) struct Keepsakes {
    /// By room, with its place in the order.
    of: HashMap<RoomId, (u64, Keepsake)>,
    order: BTreeMap<u64, RoomId>,
    bytes: usize,
    /// How many there ever were.
    count: u64,
}

impl Keepsakes {
    pub(super) fn get(&self, room: &RoomId, now: u64) -> Option<Keepsake> {
        let (_, keepsake) = self.of.get(room)?;
        (keepsake.kept_until > now).then(|| keepsake.clone())
    }

    /// Keeps it in place of what the room left before, and forgets the oldest if they
    /// become too many.
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

    /// Forgets those whose time is over, at most so many, beginning with the oldest.
    /// What is kept for a shorter time than one before it waits for that one; their
    /// bytes are bounded anyway.
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
