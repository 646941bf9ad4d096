//! The messages that are under way in one room, and the check that every member gets each
//! once, and all in one order.

use anyhow::{bail, ensure};

/// Identifies a message: its room, and its number, which no other message there has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Id {
    pub(super) room: u32,
    pub(super) seq: u32,
}

/// The place of one message in flight. A message's number modulo the number of slots is its slot.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Slot {
    pub(super) sender: u32,
    /// Of the message in flight, else of the last one.
    pub(super) seq: u32,
    /// The next message's.
    next: u32,
    /// When it was sent, or should have been. Nanoseconds on the load's clock.
    pub(super) sent: u64,
    /// Members who have not seen it yet.
    pub(super) pending: u32,
    /// How many messages the member who got it first had got before.
    place: Option<u64>,
}

/// What one member has seen.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    /// Deliveries since the room's reset.
    seen: u64,
    /// Number of the last probe seen.
    pub(super) probes: u32,
    /// The slots whose item is on the member's menu, a bit for each.
    pub(super) menu: u64,
}

/// A delivery without a fault.
#[derive(Debug, Clone, Copy)]
pub(super) struct Delivery {
    pub(super) slot: usize,
    pub(super) sender: u32,
    pub(super) sent: u64,
    /// All members have the message now.
    pub(super) is_last: bool,
}

#[derive(Debug, Default)]
pub(super) struct Room {
    /// Its number in the ids of its messages.
    number: u32,
    pub(super) slots: Vec<Slot>,
    /// Messages that somebody has seen since the reset.
    ordered: u64,
    /// Messages sent since the reset; senders take turns by it.
    pub(super) sent: u64,
}

impl Room {
    pub(super) fn new(number: u32) -> Self {
        Room {
            number,
            ..Room::default()
        }
    }

    /// Makes this many slots. Nothing may be in flight, and the caller resets the members' tallies.
    pub(super) fn reset(&mut self, slots: usize) {
        let next = self.slots.iter().map(|slot| slot.next).max();
        // The first message of a slot is even.
        let base = next.unwrap_or(0).next_multiple_of(2 * slots as u32);
        let slots = (base..).take(slots).map(|next| Slot {
            next,
            ..Slot::default()
        });
        self.slots = slots.collect();
        (self.ordered, self.sent) = (0, 0);
    }

    /// Whether the number of messages that a slot has had since the reset is odd.
    pub(super) fn is_odd(&self, slot: usize) -> bool {
        self.slots[slot].next as usize / self.slots.len() % 2 == 1
    }

    /// Notes that a message is sent to `to` members, and returns its id. `None` while the slot's last
    /// message is under way.
    pub(super) fn send(&mut self, slot: usize, sender: u32, to: u32, now: u64) -> Option<Id> {
        let slots = self.slots.len() as u32;
        let at = self.slots.get_mut(slot).filter(|slot| slot.pending == 0)?;
        *at = Slot {
            sender,
            seq: at.next,
            next: at.next + slots,
            sent: now,
            pending: to,
            place: None,
        };
        self.sent += 1;
        let (room, seq) = (self.number, at.seq);
        Some(Id { room, seq })
    }

    /// The number of a message.
    ///
    /// # Errors
    ///
    /// It is a message of another room.
    pub(super) fn own(&self, Id { room, seq }: Id) -> anyhow::Result<u32> {
        ensure!(
            room == self.number,
            "received message {seq} of room {room}: another room's"
        );
        Ok(seq)
    }

    /// Checks a delivery and counts it.
    ///
    /// # Errors
    ///
    /// The member should not have got it, or should have got another one first.
    pub(super) fn deliver(&mut self, tally: &mut Tally, seq: u32) -> anyhow::Result<Delivery> {
        let index = seq as usize % self.slots.len().max(1);
        let slot = match self.slots.get_mut(index) {
            Some(slot) if slot.pending > 0 && slot.seq == seq => slot,
            _ => bail!("received message {seq}, which is not under way: one too many"),
        };
        let place = *slot.place.get_or_insert_with(|| {
            self.ordered += 1;
            self.ordered - 1
        });
        ensure!(place >= tally.seen, "received message {seq} twice");
        ensure!(
            place == tally.seen,
            "received message {seq} where others had another first: that one is missing, or they were \
             reordered"
        );
        tally.seen += 1;
        slot.pending -= 1;
        Ok(Delivery {
            slot: index,
            sender: slot.sender,
            sent: slot.sent,
            is_last: slot.pending == 0,
        })
    }

    /// A slot for a new message. It is the first free one, so that few are used, and menus are short.
    pub(super) fn free_slot(&self) -> Option<usize> {
        self.slots.iter().position(|slot| slot.pending == 0)
    }

    /// The message that has waited longest.
    pub(super) fn oldest(&self) -> Option<&Slot> {
        let waiting = self.slots.iter().filter(|slot| slot.pending > 0);
        waiting.min_by_key(|slot| slot.sent)
    }

    /// Whether everything before the newest delivery has reached this member.
    pub(super) fn is_behind(&self, tally: &Tally) -> bool {
        tally.seen < self.ordered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Two {
        room: Room,
        members: [Tally; 2],
    }

    impl Two {
        fn new(slots: usize) -> Self {
            let mut room = Room::default();
            room.reset(slots);
            let members = [Tally::default(); 2];
            Two { room, members }
        }

        fn send(&mut self, slot: usize) -> Id {
            self.room.send(slot, 0, 2, 0).unwrap()
        }

        fn deliver(&mut self, member: usize, id: Id) -> Result<bool, String> {
            let delivery = self.room.deliver(&mut self.members[member], id.seq);
            let is_last = delivery.map(|delivery| delivery.is_last);
            is_last.map_err(|error| error.to_string())
        }
    }

    #[test]
    fn every_message_has_its_own_number() {
        let mut two = Two::new(2);
        let mut seen = Vec::new();
        for slots in [2, 3, 1] {
            two.room.reset(slots);
            two.members = [Tally::default(); 2];
            for slot in (0..slots).chain(0..slots) {
                let id = two.send(slot);
                assert!(!seen.contains(&id.seq), "{id:?} again");
                seen.push(id.seq);
                for member in 0..2 {
                    assert_eq!(two.deliver(member, id), Ok(member == 1));
                }
            }
        }
    }

    #[test]
    fn a_message_under_way_keeps_its_slot() {
        let mut two = Two::new(1);
        let id = two.send(0);
        assert_eq!(two.room.send(0, 0, 2, 0), None);
        two.deliver(0, id).unwrap();
        assert_eq!(two.room.oldest().map(|slot| slot.pending), Some(1));
        assert!(!two.room.is_behind(&two.members[0]) && two.room.is_behind(&two.members[1]));
        two.deliver(1, id).unwrap();
        assert!(two.room.oldest().is_none());
    }

    #[test]
    fn faults_are_told_apart() {
        let mut two = Two::new(2);
        let (first, second) = (two.send(0), two.send(1));
        let told = |delivery: Result<bool, String>, fault: &str| {
            let told = delivery.unwrap_err();
            assert!(told.contains(fault), "{told}");
        };
        let never = Id { seq: 99, ..first };
        told(two.deliver(0, never), "one too many");
        // Any order is fine, as long as it is everybody's.
        two.deliver(0, second).unwrap();
        told(two.deliver(0, second), "twice");
        told(two.deliver(1, first), "that one is missing");
        two.deliver(1, second).unwrap();
        told(two.deliver(1, second), "one too many");
    }
}
