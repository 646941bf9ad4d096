//! The stored forms: how events and states become bytes and are read again.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tablecast_protocol::position::Position;

use crate::logic::Logic;
use crate::membership::{Membership, Op};
use crate::room::{Event, Room};

/// The version of the stored form of snapshots.
const FORMAT: u32 = 3;

/// Stored bytes that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum StoredError {
    /// They are not the expected JSON.
    #[error("not in the expected form: {0}")]
    Form(#[from] serde_json::Error),
    /// They were written by another version.
    #[error("format {found}, but only format {FORMAT} is understood")]
    Format {
        /// The format of these bytes.
        found: u32,
    },
    /// They contradict themselves: the seats of a room are in no order, or of members still to come.
    #[error("the seats are not in the order of joining")]
    Seats,
}

/// A value that can become a [`Record`].
pub trait Encode: Send + Sync + 'static {
    /// The stored form; the same at each call.
    ///
    /// # Errors
    /// The application's types cannot be serialised.
    fn encode(&self) -> Result<Bytes, StoredError>;
}

/// Something to be stored: an event or a state. Its bytes are made only on request, so a
/// store in the same process does not pay for bytes that nobody reads. It is immutable;
/// cloning shares it.
#[derive(Clone)]
pub struct Record(Arc<dyn Encode>);

impl Record {
    /// Its bytes.
    ///
    /// # Errors
    /// As [`Encode::encode`]. On this error a backend changes nothing.
    pub fn encode(&self) -> Result<Bytes, StoredError> {
        self.0.encode()
    }
}

impl<T: Encode> From<Arc<T>> for Record {
    fn from(record: Arc<T>) -> Self {
        Record(record)
    }
}

/// Anything that serde can write, stored as JSON.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: Serialize + Send + Sync + 'static> Encode for Json<T> {
    fn encode(&self) -> Result<Bytes, StoredError> {
        Ok(serde_json::to_vec(&self.0)?.into())
    }
}

impl Encode for Bytes {
    fn encode(&self) -> Result<Bytes, StoredError> {
        Ok(self.clone())
    }
}

impl From<Bytes> for Record {
    fn from(bytes: Bytes) -> Self {
        Record(Arc::new(bytes))
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Record").field(&self.encode()).finish()
    }
}

/// The stored form of an event; the backend stores its seq separately.
#[derive(Serialize, Deserialize)]
struct Stored<C> {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    op: Option<Op>,
    change: C,
}

impl<E: Serialize> Event<E> {
    /// The stored form.
    ///
    /// # Errors
    /// The logic's event cannot be written as JSON.
    pub fn encode(&self) -> Result<Bytes, StoredError> {
        Ok(serde_json::to_vec(&Stored {
            op: self.op,
            change: &self.change,
        })?
        .into())
    }
}

impl<E: Serialize + Send + Sync + 'static> Encode for Event<E> {
    fn encode(&self) -> Result<Bytes, StoredError> {
        Event::encode(self)
    }
}

impl<E: for<'de> Deserialize<'de>> Event<E> {
    /// Reads the stored form of the event at this seq.
    ///
    /// # Errors
    /// The bytes are not an event of this logic.
    pub fn decode(seq: u64, bytes: &[u8]) -> Result<Self, StoredError> {
        let Stored { op, change } = serde_json::from_slice(bytes)?;
        Ok(Event { seq, op, change })
    }
}

#[derive(Serialize, Deserialize)]
struct StoredRoom<M, L> {
    format: u32,
    seats: usize,
    ttl_ms: u64,
    members: M,
    logic: L,
}

impl<L: Logic> Room<L> {
    /// The stored form of the state. The position is stored separately.
    ///
    /// # Errors
    /// The logic cannot be written as JSON.
    pub fn encode(&self) -> Result<Bytes, StoredError> {
        let stored = StoredRoom {
            format: FORMAT,
            seats: self.seats,
            ttl_ms: u64::try_from(self.ttl.as_millis()).unwrap_or(u64::MAX),
            members: &self.members,
            logic: &self.logic,
        };
        Ok(serde_json::to_vec(&stored)?.into())
    }

    /// Reads the stored form of the state at this position.
    ///
    /// # Errors
    /// The bytes are not a room of this logic and version.
    pub fn decode(position: Position, bytes: &[u8]) -> Result<Self, StoredError> {
        let stored: StoredRoom<Membership, L> = serde_json::from_slice(bytes)?;
        if stored.format != FORMAT {
            return Err(StoredError::Format {
                found: stored.format,
            });
        }
        if !stored.members.is_sound(position.seq) {
            return Err(StoredError::Seats);
        }
        Ok(Room {
            position,
            seats: stored.seats,
            ttl: Duration::from_millis(stored.ttl_ms),
            members: stored.members,
            logic: stored.logic,
        })
    }
}

impl<L: Logic> Encode for Room<L> {
    fn encode(&self) -> Result<Bytes, StoredError> {
        Room::encode(self)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tablecast_protocol::position::Epoch;
    use tablecast_protocol::{MemberId, Rejection};

    use super::*;
    use crate::logic::Member;

    #[derive(Clone, Debug, Serialize, Deserialize)]
    struct Nothing {}

    impl Logic for Nothing {
        type Command = ();
        type Event = ();

        fn decide(&self, _: Member<'_>, (): &()) -> Result<Vec<()>, Rejection> {
            Ok(Vec::new())
        }

        fn apply(&mut self, _: MemberId, (): &()) {}
    }

    #[test]
    fn a_room_whose_seats_are_in_no_order_is_refused() {
        let read = |members: &[u64], applied: &[u64]| {
            let seat = |member: &u64| {
                format!(
                    r#"{{"member":{member},"name":"a","colour":0,"token":"{:032}","presence":{{"away":{{"until":1}}}}}}"#,
                    0
                )
            };
            let command =
                |member: &u64| format!(r#"[{member},{{"op":{{"number":1,"digest":1}},"seq":1}}]"#);
            let seats: Vec<String> = members.iter().map(seat).collect();
            let applied: Vec<String> = applied.iter().map(command).collect();
            let (seats, applied) = (seats.join(","), applied.join(","));
            let stored = format!(
                r#"{{"format":{FORMAT},"seats":9,"ttl_ms":1,"members":{{"seats":[{seats}],"applied":[{applied}]}},"logic":{{}}}}"#
            );
            let position = Position {
                epoch: Epoch(1),
                seq: 9,
            };
            Room::<Nothing>::decode(position, stored.as_bytes())
        };
        assert_eq!(read(&[1, 4, 9], &[1, 9]).unwrap().members.taken(), 3);
        for (members, applied) in [
            (&[4, 1][..], &[][..]),
            (&[4, 4], &[]),
            (&[10], &[]),
            (&[1, 4], &[4, 1]),
            (&[1, 4], &[4, 4]),
        ] {
            let refused = read(members, applied).unwrap_err();
            assert!(matches!(refused, StoredError::Seats), "{refused}");
        }
    }
}
