//! Positions in a room's history.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::{HexError, hex, written_as_text};

/// Names one unbroken history of a room. A backend that may have lost part of a
/// history begins a new epoch, so that two histories are never mixed: equal
/// positions always mean equal state. Printed as 16 hex digits, because a
/// JavaScript number cannot hold it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(
        description = "Names one unbroken history of a room: positions of two are never compared.",
        extend("pattern" = "^[0-9a-f]{16}$")
    )
)]
#[serde(try_from = "String", into = "String")]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for Epoch {
    type Err = HexError;

    fn from_str(text: &str) -> Result<Self, HexError> {
        hex(text, 16).map(|value| Epoch(value as u64))
    }
}

written_as_text!(Epoch);

/// A point in a room's history: the epoch, and the seq of the last event in it.
/// A new room is at seq 0; its first event has seq 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Position {
    /// The history.
    pub epoch: Epoch,
    /// The last event in it.
    pub seq: u64,
}

/// The relation of incoming events to a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// They begin right after it: apply them.
    Next,
    /// They are all known already: ignore them.
    Old,
    /// Some are known and some are new: apply those from index `known` on.
    Overlap {
        /// How many of them are known already.
        known: usize,
    },
    /// Events in between are missing: load the room again.
    Gap,
    /// They belong to another history: load the room again.
    OtherEpoch,
}

impl Position {
    /// The relation of `count` events, the first with seq `first`, to this position.
    pub fn order(&self, epoch: Epoch, first: u64, count: usize) -> Order {
        if epoch != self.epoch {
            return Order::OtherEpoch;
        }
        let next = self.seq + 1;
        match first.cmp(&next) {
            std::cmp::Ordering::Equal => Order::Next,
            std::cmp::Ordering::Greater => Order::Gap,
            std::cmp::Ordering::Less => {
                let known = next - first;
                if known >= count as u64 {
                    Order::Old
                } else {
                    Order::Overlap {
                        known: known as usize,
                    }
                }
            }
        }
    }

    /// The position `count` events later.
    pub fn after(self, count: usize) -> Position {
        Position {
            epoch: self.epoch,
            seq: self.seq + count as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_stand_in_one_of_five_ways_to_a_position() {
        let here = Position {
            epoch: Epoch(7),
            seq: 10,
        };
        assert_eq!(here.order(Epoch(7), 11, 3), Order::Next);
        assert_eq!(here.order(Epoch(7), 8, 3), Order::Old);
        assert_eq!(here.order(Epoch(7), 9, 3), Order::Overlap { known: 2 });
        assert_eq!(here.order(Epoch(7), 12, 1), Order::Gap);
        assert_eq!(here.order(Epoch(8), 11, 1), Order::OtherEpoch);
        assert_eq!(here.after(2).seq, 12);
    }

    #[test]
    fn an_epoch_survives_printing() {
        assert_eq!(Epoch(u64::MAX).to_string().parse(), Ok(Epoch(u64::MAX)));
        assert!("7".parse::<Epoch>().is_err());
    }
}
