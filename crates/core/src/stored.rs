//! The stored forms: how events and states become bytes and are read again.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tablecast_protocol::position::Position;

use crate::forms::Forms;
use crate::logic::Logic;
use crate::membership::{Membership, Op};
use crate::room::{Change, Event, Room};

/// Stored bytes that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum StoredError {
    /// They are not the expected JSON.
    #[error("not in the expected form: {0}")]
    Form(#[from] serde_json::Error),
    /// They were written by another version of the program.
    #[error(
        "stored in form {found}, but this program reads {} to {known}",
        Forms::FIRST
    )]
    Forms {
        /// The lowest forms that read these bytes.
        found: Forms,
        /// The newest forms that this program reads.
        known: Forms,
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

/// What is read of bytes in any form.
fn read<T: DeserializeOwned>(bytes: &[u8], known: Forms) -> Result<T, StoredError> {
    let stored = serde_json::from_slice(bytes);
    stored.map_err(|error| match serde_json::from_slice(bytes) {
        Ok(found) if !known.read(found) => StoredError::Forms { found, known },
        Ok(_) | Err(_) => StoredError::Form(error),
    })
}

/// Refuses forms that are not read, although the bytes look as if they were understood.
fn check(found: Forms, known: Forms) -> Result<(), StoredError> {
    match known.read(found) {
        true => Ok(()),
        false => Err(StoredError::Forms { found, known }),
    }
}

fn unless(form: u32, first: u32) -> Option<u32> {
    (form != first).then_some(form)
}

/// The stored form of an event; the backend stores its seq separately. An event of the first
/// forms does not say them.
#[derive(Serialize, Deserialize)]
struct Stored<C> {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    format: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    app: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    op: Option<Op>,
    change: C,
}

/// Few events are longer. To find that out by growing costs a seventh of writing them.
const EVENT_BYTES: usize = 256;

/// A room of a few members and items is not longer.
const ROOM_BYTES: usize = 4096;

fn json(value: &impl Serialize, usual_bytes: usize) -> Result<Bytes, StoredError> {
    let mut bytes = Vec::with_capacity(usual_bytes);
    serde_json::to_writer(&mut bytes, value)?;
    Ok(bytes.into())
}

impl<E: Serialize> Event<E> {
    /// The stored form.
    ///
    /// # Errors
    /// The logic's event cannot be written as JSON.
    pub fn encode(&self) -> Result<Bytes, StoredError> {
        let stored = Stored {
            format: unless(self.forms.rooms, Forms::FIRST.rooms),
            app: unless(self.forms.app, Forms::FIRST.app),
            op: self.op,
            change: &self.change,
        };
        json(&stored, EVENT_BYTES)
    }
}

impl<E: Serialize + Send + Sync + 'static> Encode for Event<E> {
    fn encode(&self) -> Result<Bytes, StoredError> {
        Event::encode(self)
    }
}

impl<E: DeserializeOwned> Event<E> {
    /// Reads the stored form of the event at this seq.
    ///
    /// # Errors
    /// The bytes are not an event of this logic, or of a version that it does not read.
    pub fn decode<L: Logic<Event = E>>(seq: u64, bytes: &[u8]) -> Result<Self, StoredError> {
        let known = Forms::of::<L>();
        let stored: Stored<Change<E>> = read(bytes, known)?;
        let forms = Forms {
            rooms: stored.format.unwrap_or(Forms::FIRST.rooms),
            app: stored.app.unwrap_or(Forms::FIRST.app),
        };
        check(forms, known)?;
        Ok(Event {
            seq,
            op: stored.op,
            forms,
            change: stored.change,
        })
    }
}

#[derive(Serialize, Deserialize)]
struct StoredRoom<M, L> {
    format: u32,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    app: Option<u32>,
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
            format: self.forms.rooms,
            app: unless(self.forms.app, Forms::FIRST.app),
            seats: self.seats,
            ttl_ms: u64::try_from(self.ttl.as_millis()).unwrap_or(u64::MAX),
            members: &self.members,
            logic: &self.logic,
        };
        json(&stored, ROOM_BYTES)
    }

    /// Reads the stored form of the state at this position.
    ///
    /// # Errors
    /// The bytes are not a room of this logic, or of a version that it does not read.
    pub fn decode(position: Position, bytes: &[u8]) -> Result<Self, StoredError> {
        let known = Forms::of::<L>();
        let stored: StoredRoom<Membership, L> = read(bytes, known)?;
        let forms = Forms {
            rooms: stored.format,
            app: stored.app.unwrap_or(Forms::FIRST.app),
        };
        check(forms, known)?;
        if !stored.members.is_sound(position.seq) {
            return Err(StoredError::Seats);
        }
        Ok(Room {
            position,
            forms,
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
    use std::sync::Arc;

    use tablecast_protocol::MemberId;
    use tablecast_protocol::position::Epoch;

    use super::*;
    use crate::draft::{Draft, Join};
    use crate::history::History;
    use crate::id::{ConnectionId, SeatToken};
    use crate::logic::{Context, Rejection};

    /// A number that goes up; in the second version of its forms also by two.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Number<const FORMS: u32> {
        value: u32,
        #[serde(default, skip_serializing_if = "is_zero")]
        leaps: u32,
    }

    fn is_zero(value: &u32) -> bool {
        *value == 0
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Up {
        Step {},
        Leap {},
    }

    impl<const FORMS: u32> Logic for Number<FORMS> {
        type Command = bool;
        type Event = Up;
        const FORMS: u32 = FORMS;

        fn form(event: &Up) -> u32 {
            match event {
                Up::Step {} => 1,
                Up::Leap {} => 2,
            }
        }

        fn decide(&self, _: &Context<'_>, leap: &bool) -> Result<Vec<Up>, Rejection> {
            Ok(vec![if *leap { Up::Leap {} } else { Up::Step {} }])
        }

        fn apply(&mut self, _: Option<MemberId>, event: &Up) {
            match event {
                Up::Step {} => self.value += 1,
                Up::Leap {} => {
                    self.value += 2;
                    self.leaps += 1;
                }
            }
        }
    }

    type New = Number<2>;
    type Old = Number<1>;

    const NOWHERE: Position = Position {
        epoch: Epoch(1),
        seq: 0,
    };

    const SECOND: Forms = Forms { rooms: 3, app: 2 };

    fn begin() -> Room<New> {
        let number = Number { value: 0, leaps: 0 };
        Room::new(NOWHERE, 1, Duration::from_secs(600), number)
    }

    /// One joins, and gives these commands while all nodes read `forms`: what is stored, and
    /// the code of the refusal, if one was refused.
    fn go(
        room: &mut Room<New>,
        forms: Forms,
        commands: &[bool],
    ) -> (Vec<Bytes>, Option<&'static str>) {
        let history = History::default();
        let mut draft = Draft::new(room, &history, forms, 0);
        let join = Join {
            name: None,
            colour: None,
            token: SeatToken(7),
            person: None,
            role: None,
            node: "n".parse().unwrap(),
            connection: ConnectionId(1),
        };
        let member = draft.join(&join).unwrap();
        let mut refused = None;
        for (number, command) in (draft.room().position.seq..).zip(commands) {
            let op = Op { number, digest: 0 };
            if let Err(rejection) = draft.command(member, op, command) {
                refused = Some(rejection.code.as_str());
            }
        }
        let (newer, events) = draft.finish();
        *room = newer;
        let stored = events.iter().map(|event: &Arc<_>| event.encode().unwrap());
        (stored.collect(), refused)
    }

    fn text(bytes: &[u8]) -> &str {
        std::str::from_utf8(bytes).unwrap()
    }

    #[test]
    fn nothing_newer_than_the_oldest_node_reads_is_made() {
        let mut room = begin();
        let (stored, refused) = go(&mut room, Forms::FIRST, &[true, false]);
        assert_eq!(refused, Some("not_yet"));
        assert_eq!((room.logic.value, room.forms), (1, Forms::FIRST));
        for (seq, bytes) in (1..).zip(&stored) {
            assert!(!text(bytes).contains("\"app\""), "{}", text(bytes));
            Event::decode::<Old>(seq, bytes).unwrap();
        }
        let state = room.encode().unwrap();
        assert!(
            text(&state).starts_with(r#"{"format":3,"seats""#),
            "{}",
            text(&state)
        );
        let read = Room::<Old>::decode(room.position, &state).unwrap();
        assert_eq!((read.logic.value, read.forms), (1, Forms::FIRST));
    }

    #[test]
    fn what_an_older_version_cannot_read_says_so_and_what_it_can_read_it_reads() {
        let mut room = begin();
        let (stored, refused) = go(&mut room, SECOND, &[false, true, false]);
        assert_eq!(refused, None);
        let error = |error: StoredError| error.to_string();
        let unread = "stored in form 3.2, but this program reads 3.1 to 4.1";
        for (seq, bytes) in (1..).zip(&stored) {
            let read = Event::decode::<New>(seq, bytes).unwrap();
            assert_eq!(read.encode().unwrap(), bytes);
            let read = Event::decode::<Old>(seq, bytes).map(drop).map_err(error);
            let expected = if seq == 3 {
                Err(unread.to_owned())
            } else {
                Ok(())
            };
            assert_eq!(read, expected, "{}", text(bytes));
        }
        let state = room.encode().unwrap();
        assert_eq!(Room::<New>::decode(room.position, &state).unwrap(), room);
        // Its field that this version does not know would be left out in silence.
        let read = Room::<Old>::decode(room.position, &state).map_err(error);
        assert_eq!(read.err().as_deref(), Some(unread));
    }

    /// An older node cannot read it any more, whether it has one such event or more.
    #[test]
    fn a_room_that_has_newer_events_may_get_more_of_them() {
        let mut room = begin();
        go(&mut room, SECOND, &[true]);
        let (_, refused) = go(&mut room, Forms::FIRST, &[true]);
        assert_eq!((refused, room.logic.value), (None, 4));
    }

    #[test]
    fn an_event_of_an_unknown_kind_names_the_forms_that_it_needs() {
        let later = br#"{"format":5,"app":2,"change":{"later":{"member":1}}}"#;
        let error = Event::decode::<New>(1, later).unwrap_err().to_string();
        assert_eq!(
            error,
            "stored in form 5.2, but this program reads 3.1 to 4.2"
        );
        let damaged = br#"{"change":{"later":{"member":1}}}"#;
        let error = Event::decode::<New>(1, damaged).unwrap_err().to_string();
        assert!(
            error.starts_with("not in the expected form: unknown variant"),
            "{error}"
        );
        let state = br#"{"format":2,"seats":"ten"}"#;
        let error = Room::<New>::decode(NOWHERE, state).unwrap_err().to_string();
        assert_eq!(
            error,
            "stored in form 2.1, but this program reads 3.1 to 4.2"
        );
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
                r#"{{"format":3,"seats":9,"ttl_ms":1,"members":{{"seats":[{seats}],"applied":[{applied}]}},"logic":{{"value":0}}}}"#
            );
            let position = Position {
                epoch: Epoch(1),
                seq: 9,
            };
            Room::<Old>::decode(position, stored.as_bytes())
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
