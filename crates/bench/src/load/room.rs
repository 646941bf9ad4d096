//! What is under way in one room, and whether every member sees all of it once and
//! in one order.

use std::fmt;

/// Identifies a message: its room and its number, unique there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Id {
    pub(super) room: u32,
    pub(super) seq: u32,
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "message {}", self.seq)
    }
}

/// The place of one message in flight.
///
/// Numbers modulo the number of slots are the slot, so that they lead back to it.
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
    pending: u32,
    /// Somebody has seen it, so its place in the order is settled.
    is_ordered: bool,
    /// What is on the menu, named after the message that added it: then the next one
    /// removes it. The lunch dialect alone uses this.
    pub(super) item: Option<Id>,
}

/// What one member has seen.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    /// Deliveries since the room's reset.
    seen: u64,
    /// Slots whose item is on the member's menu.
    pub(super) menu: u64,
}

/// A delivery that should not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The message is not in flight: never sent, or all have seen it.
    Extra(Id),
    /// The member has seen it before.
    Twice(Id),
    /// Another message was due, as others have seen it first.
    OutOfOrder { due: u32, came: Id },
}

impl std::error::Error for Fault {}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Extra(id) => write!(f, "received {id}, which is not under way: one too many"),
            Fault::Twice(id) => write!(f, "received {id} twice"),
            Fault::OutOfOrder { due, came } => write!(
                f,
                "received {came} where others had message {due} first: that one is missing, or they \
                 were reordered"
            ),
        }
    }
}

/// A delivery that should be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Delivery {
    pub(super) slot: usize,
    pub(super) sender: u32,
    pub(super) sent: u64,
    /// Nobody waits for the message any more.
    pub(super) is_last: bool,
}

#[derive(Debug, Default)]
pub(super) struct Room {
    pub(super) slots: Vec<Slot>,
    /// The slots of the messages that not all have seen, in the order they were first
    /// seen; a ring, indexed by the number of the delivery.
    order: Vec<u32>,
    ordered: u64,
    /// Messages sent since the reset; senders take turns by it.
    pub(super) sent: u64,
}

impl Room {
    /// Makes place for so many messages in flight. Nothing may be in flight, and the
    /// members' tallies must be reset too.
    pub(super) fn reset(&mut self, slots: usize) {
        let next = self.slots.iter().map(|slot| slot.next).max();
        let base = next.unwrap_or(0).next_multiple_of(slots as u32);
        self.slots.clear();
        self.slots.extend((base..).take(slots).map(|next| Slot {
            next,
            ..Slot::default()
        }));
        self.order.clear();
        self.order.resize(slots, 0);
        self.ordered = 0;
        self.sent = 0;
    }

    /// Notes that a message is on its way to so many members. `None` while the slot's
    /// last one is still under way.
    pub(super) fn send(&mut self, slot: usize, sender: u32, to: u32, now: u64) -> Option<u32> {
        let slots = self.slots.len() as u32;
        let at = self.slots.get_mut(slot)?;
        if at.pending > 0 {
            return None;
        }
        let seq = at.next;
        *at = Slot {
            sender,
            seq,
            next: seq + slots,
            sent: now,
            pending: to,
            is_ordered: false,
            item: at.item,
        };
        self.sent += 1;
        Some(seq)
    }

    /// Checks a delivery and counts it.
    pub(super) fn deliver(&mut self, tally: &mut Tally, id: Id) -> Result<Delivery, Fault> {
        let slots = self.slots.len();
        let index = id.seq as usize % slots.max(1);
        let slot = match self.slots.get_mut(index) {
            Some(slot) if slot.pending > 0 && slot.seq == id.seq => slot,
            _ => return Err(Fault::Extra(id)),
        };
        // At most as many messages are in flight as there are slots, so what this
        // member has not seen yet is still in the ring.
        let place = (tally.seen % slots as u64) as usize;
        if tally.seen == self.ordered {
            if slot.is_ordered {
                return Err(Fault::Twice(id));
            }
            slot.is_ordered = true;
            self.order[place] = index as u32;
            self.ordered += 1;
        } else if self.order[place] != index as u32 {
            let due = self.order[place] as usize;
            return Err(Fault::OutOfOrder {
                due: self.slots[due].seq,
                came: id,
            });
        }
        tally.seen += 1;
        slot.pending -= 1;
        Ok(Delivery {
            slot: index,
            sender: slot.sender,
            sent: slot.sent,
            is_last: slot.pending == 0,
        })
    }

    /// A slot for a new message. The first one, so that few are in use, and menus are
    /// short.
    pub(super) fn free_slot(&self) -> Option<usize> {
        self.slots.iter().position(|slot| slot.pending == 0)
    }

    /// The message that has waited longest, with how many members it waits for.
    pub(super) fn oldest(&self) -> Option<(&Slot, u32)> {
        let waiting = self.slots.iter().filter(|slot| slot.pending > 0);
        waiting
            .min_by_key(|slot| slot.sent)
            .map(|slot| (slot, slot.pending))
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
            let seq = self.room.send(slot, 0, 2, 0).unwrap();
            Id { room: 0, seq }
        }

        fn deliver(&mut self, member: usize, id: Id) -> Result<bool, Fault> {
            let delivery = self.room.deliver(&mut self.members[member], id);
            delivery.map(|delivery| delivery.is_last)
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
                assert!(!seen.contains(&id.seq), "{id} again");
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
        assert_eq!(two.room.oldest().map(|(_, waits)| waits), Some(1));
        assert!(!two.room.is_behind(&two.members[0]) && two.room.is_behind(&two.members[1]));
        two.deliver(1, id).unwrap();
        assert!(two.room.oldest().is_none());
    }

    #[test]
    fn faults_are_told_apart() {
        let mut two = Two::new(2);
        let (first, second) = (two.send(0), two.send(1));
        let never = Id { seq: 99, ..first };
        assert_eq!(two.deliver(0, never), Err(Fault::Extra(never)));
        // Any order is fine, as long as it is everybody's.
        two.deliver(0, second).unwrap();
        assert_eq!(two.deliver(0, second), Err(Fault::Twice(second)));
        let fault = Fault::OutOfOrder {
            due: second.seq,
            came: first,
        };
        assert_eq!(two.deliver(1, first), Err(fault));
        two.deliver(1, second).unwrap();
        assert_eq!(two.deliver(1, second), Err(Fault::Extra(second)));
    }
}
