//! The bytes that are stored, published and answered. Everything that is decoded here comes
//! from outside: if it is malformed, that is an error.

use bytes::{BufMut, Bytes, BytesMut};
use redis::{FromRedisValue, Value};
use tablecast_core::Forms;
use tablecast_core::backend::{
    AlarmHint, Committed, Created, DueAlarms, Keepsake, LiveNode, Loaded, Publication, Snapshot,
    Stamp, StoredEvent,
};
use tablecast_core::position::{Epoch, Position};

/// Why something could not be decoded.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Malformed(String);

impl Malformed {
    fn new(what: impl Into<String>) -> Self {
        Malformed(what.into())
    }
}

/// The events of one commit, each as its length in 4 bytes (big endian) and its
/// bytes.
pub(crate) fn encode_events(events: &[Bytes]) -> BytesMut {
    let mut bytes = BytesMut::with_capacity(events.iter().map(|event| 4 + event.len()).sum());
    for event in events {
        // A Redis string holds at most 512 MiB, so a length always fits.
        bytes.put_u32(event.len() as u32);
        bytes.put_slice(event);
    }
    bytes
}

/// The opposite of [`encode_events`], without copying.
pub(crate) fn decode_events(mut bytes: Bytes) -> Result<Vec<Bytes>, Malformed> {
    let mut events = Vec::new();
    while !bytes.is_empty() {
        let cut = || Malformed::new("the events are cut off");
        let (length, _) = bytes.split_first_chunk::<4>().ok_or_else(cut)?;
        let end = 4 + u32::from_be_bytes(*length) as usize;
        if bytes.len() < end {
            return Err(cut());
        }
        events.push(bytes.split_to(end).slice(4..));
    }
    Ok(events)
}

/// What comes through a room's channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Of commit.lua.
    Publication(Publication),
    /// Of signal.lua.
    Signal(Bytes),
}

/// In the place of a publication's epoch, which is hexadecimal: a node that knows no signals takes
/// one for something of another program, and passes over it.
const SIGNAL: &str = "signal";

/// Encodes a signal of the backend with this name.
pub(crate) fn encode_signal(own_name: &str, signal: &[u8]) -> Vec<u8> {
    let head = format!("{own_name} {SIGNAL}\n");
    [head.as_bytes(), signal].concat()
}

/// Decodes what came through a room's channel; `None` if the backend with this name made it.
pub(crate) fn decode_heard(mut bytes: Bytes, own_name: &str) -> Result<Option<Heard>, Malformed> {
    let after_name = bytes.strip_prefix(own_name.as_bytes());
    if after_name.is_some_and(|rest| rest.starts_with(b" ")) {
        return Ok(None);
    }
    let wrong = || Malformed::new("the publication has no head of ours");
    let end = bytes.iter().position(|b| *b == b'\n').ok_or_else(wrong)?;
    let head = bytes.split_to(end + 1);
    let head = std::str::from_utf8(&head[..end]).map_err(|_| wrong())?;
    let mut fields = head.splitn(4, ' ');
    let mut field = || fields.next().ok_or_else(wrong);
    let (_by, epoch) = (field()?, field()?);
    if epoch == SIGNAL {
        return Ok(Some(Heard::Signal(bytes)));
    }
    let first = field()?;
    let publication = Publication {
        epoch: epoch.parse().map_err(|_| wrong())?,
        first: first.parse().map_err(|_| wrong())?,
        stamp: stamp(field()?)?,
        events: decode_events(bytes)?,
    };
    if publication.first == 0 || publication.events.is_empty() {
        return Err(Malformed::new("the publication holds no event"));
    }
    Ok(Some(Heard::Publication(publication)))
}

/// The answer of create.lua.
pub(crate) fn created(answer: Value) -> Result<Created, Malformed> {
    let mut fields = Fields::new(answer)?;
    match fields.text()?.as_str() {
        "exists" => Ok(Created::Exists),
        "new" => {
            let position = Position {
                epoch: fields.epoch()?,
                seq: 0,
            };
            Ok(Created::New(position, fields.stamp()?))
        }
        other => Err(Malformed::new(format!("create answered {other:?}"))),
    }
}

/// The answer of load.lua.
pub(crate) fn loaded(answer: Value, known: Option<Position>) -> Result<Option<Loaded>, Malformed> {
    let mut fields = Fields::new(answer)?;
    match fields.text()?.as_str() {
        "gone" => Ok(None),
        "room" => missing(fields, known).map(Some),
        other => Err(Malformed::new(format!("load answered {other:?}"))),
    }
}

/// How many events of the room were lost with its log, if this answer of load.lua or
/// commit.lua reports it.
pub(crate) fn lost(answer: &Value) -> Option<i64> {
    match answer.as_sequence()?.get(9)? {
        Value::Int(lost) => Some(*lost),
        _ => None,
    }
}

/// The answer of commit.lua.
pub(crate) fn committed(answer: Value, expected: Position) -> Result<Committed, Malformed> {
    if let Value::BulkString(answer) = &answer {
        let text = std::str::from_utf8(answer).map_err(|_| Malformed::new("expected text"))?;
        return stamp(text).map(Committed::Accepted);
    }
    let mut fields = Fields::new(answer)?;
    match fields.text()?.as_str() {
        "gone" => Ok(Committed::Gone),
        "conflict" => missing(fields, Some(expected)).map(Committed::Conflict),
        other => Err(Malformed::new(format!("commit answered {other:?}"))),
    }
}

/// The answer of keepsake.lua.
pub(crate) fn keepsake(answer: Value) -> Result<Option<Keepsake>, Malformed> {
    let mut fields = Fields::new(answer)?;
    match fields.text()?.as_str() {
        "nothing" => Ok(None),
        "kept" => Ok(Some(Keepsake {
            what: bytes(fields.next()?)?,
            kept_at: fields.number()?,
            kept_until: fields.number()?,
        })),
        other => Err(Malformed::new(format!("keepsake answered {other:?}"))),
    }
}

/// The answer of renew.lua: each node and its forms. Members of the set that are not ids are
/// not nodes, and what is not understood of a node's forms counts as the first.
pub(crate) fn nodes(answer: Value) -> Result<Vec<LiveNode>, Malformed> {
    let nodes: Vec<(String, String)> = read(answer, "nodes with their forms")?;
    let live = nodes.iter().filter_map(|(id, forms)| {
        Some(LiveNode {
            id: id.parse().ok()?,
            forms: forms.parse().unwrap_or(Forms::FIRST),
        })
    });
    Ok(live.collect())
}

/// A hint of an alarm as note.lua stores it.
pub(crate) fn encode_hint(hint: &AlarmHint) -> String {
    format!("{} {} {}", hint.at, hint.room, hint.seq)
}

/// The opposite of [`encode_hint`].
fn decode_hint(text: &str) -> Option<AlarmHint> {
    let mut fields = text.splitn(3, ' ');
    Some(AlarmHint {
        at: fields.next()?.parse().ok()?,
        room: fields.next()?.parse().ok()?,
        seq: fields.next()?.parse().ok()?,
    })
}

/// The answer of due.lua. Members of the set that are not hints are passed over.
pub(crate) fn due(answer: Value) -> Result<DueAlarms, Malformed> {
    let mut fields = Fields::new(answer)?;
    let now = fields.number()?;
    let hints: Vec<String> = fields
        .0
        .map(|hint| read(hint, "a hint"))
        .collect::<Result<_, _>>()?;
    let hints = hints.iter().filter_map(|hint| decode_hint(hint)).collect();
    Ok(DueAlarms { now, hints })
}

/// `NOW EXPIRES_AT`.
fn stamp(text: &str) -> Result<Stamp, Malformed> {
    let wrong = || Malformed::new("expected two times");
    let (now, expires_at) = text.split_once(' ').ok_or_else(wrong)?;
    Ok(Stamp {
        now: now.parse().map_err(|_| wrong())?,
        expires_at: expires_at.parse().map_err(|_| wrong())?,
    })
}

/// What room.lua's `missing` answers, after its kind.
fn missing(mut fields: Fields, known: Option<Position>) -> Result<Loaded, Malformed> {
    let position = Position {
        epoch: fields.epoch()?,
        seq: fields.number()?,
    };
    let stamp = fields.stamp()?;
    let dies_at = fields.number()?;
    let (seq, state): (Option<u64>, _) = (read(fields.next()?, "a number")?, fields.next()?);
    let snapshot = match (seq, state) {
        (Some(seq), state) => Some(Snapshot {
            seq,
            state: bytes(state)?,
        }),
        (None, Value::Nil) => None,
        (None, _) => return Err(Malformed::new("a state without its seq")),
    };
    let mut events = log(fields.next()?)?;
    match (&snapshot, known) {
        // Exactly the events after the requested position.
        (None, Some(known)) => {
            events.retain(|event| event.seq > known.seq);
            if !lead(&events, known.seq, position.seq) {
                return Err(Malformed::new("the log has a hole"));
            }
        }
        (None, None) => return Err(Malformed::new("an answer without a snapshot")),
        // A lost log (evicted, or deleted by hand) does no harm if the snapshot is the
        // newest state.
        (Some(snapshot), _) => {
            if !lead(&events, snapshot.seq, position.seq) {
                if snapshot.seq != position.seq {
                    let hole = "the log does not lead from the snapshot to the newest event";
                    return Err(Malformed::new(hole));
                }
                events.clear();
            }
        }
    }
    Ok(Loaded {
        position,
        stamp,
        dies_at,
        snapshot,
        events,
    })
}

/// Whether the events lead from this seq, or an earlier one, to the newest without a gap.
fn lead(events: &[StoredEvent], from: u64, newest: u64) -> bool {
    let mut pairs = events.windows(2);
    let reach = match (events.first(), events.last()) {
        (Some(first), Some(last)) => first.seq <= from.saturating_add(1) && last.seq == newest,
        _ => from == newest,
    };
    reach && pairs.all(|pair| pair[0].seq.checked_add(1) == Some(pair[1].seq))
}

/// The entries of the log: `[[id, ["first", SEQ, "events", BYTES]], …]`.
fn log(entries: Value) -> Result<Vec<StoredEvent>, Malformed> {
    let mut events = Vec::new();
    for entry in array(entries)? {
        let mut entry = array(entry)?.into_iter();
        let (Some(_id), Some(fields)) = (entry.next(), entry.next()) else {
            return Err(Malformed::new("an entry of the log without fields"));
        };
        let Ok([_, first, _, payload]) = <[Value; 4]>::try_from(array(fields)?) else {
            return Err(Malformed::new("an entry of the log without its two fields"));
        };
        let first: u64 = read(first, "a number")?;
        for (seq, event) in (first..).zip(decode_events(bytes(payload)?)?) {
            events.push(StoredEvent { seq, event });
        }
    }
    Ok(events)
}

/// An answer of a script, read field by field.
struct Fields(std::vec::IntoIter<Value>);

impl Fields {
    fn new(answer: Value) -> Result<Self, Malformed> {
        array(answer).map(|fields| Fields(fields.into_iter()))
    }

    fn next(&mut self) -> Result<Value, Malformed> {
        self.0
            .next()
            .ok_or_else(|| Malformed::new("the answer is cut off"))
    }

    fn text(&mut self) -> Result<String, Malformed> {
        read(self.next()?, "text")
    }

    fn number(&mut self) -> Result<u64, Malformed> {
        read(self.next()?, "a number")
    }

    fn epoch(&mut self) -> Result<Epoch, Malformed> {
        self.text()?
            .parse()
            .map_err(|error| Malformed::new(format!("the epoch: {error}")))
    }

    fn stamp(&mut self) -> Result<Stamp, Malformed> {
        Ok(Stamp {
            now: self.number()?,
            expires_at: self.number()?,
        })
    }
}

fn array(value: Value) -> Result<Vec<Value>, Malformed> {
    match value {
        Value::Array(values) => Ok(values),
        _ => Err(Malformed::new("expected an array")),
    }
}

pub(crate) fn bytes(value: Value) -> Result<Bytes, Malformed> {
    match value {
        Value::BulkString(bytes) => Ok(bytes.into()),
        _ => Err(Malformed::new("expected a string")),
    }
}

/// Not with redis-rs' own words: they repeat the whole value, which may be a room's state.
fn read<T: FromRedisValue>(value: Value, what: &str) -> Result<T, Malformed> {
    redis::from_redis_value(value).map_err(|_| Malformed::new(format!("expected {what}")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn events() -> Vec<Bytes> {
        vec![
            Bytes::from_static(b"\0\r\n\xff"),
            Bytes::new(),
            Bytes::from_static(b"x"),
        ]
    }

    #[test]
    fn events_of_any_bytes_survive_and_a_cut_is_noticed() {
        let encoded = encode_events(&events()).freeze();
        assert_eq!(decode_events(encoded.clone()), Ok(events()));
        // A cut between two events looks like fewer events; anywhere else it is an error.
        for end in [1, 3, 5, 7, 9, 11, 13, encoded.len() - 1] {
            let decoded = decode_events(encoded.slice(..end));
            assert!(
                decoded.is_err() || decoded.unwrap().len() < 3,
                "cut at {end}"
            );
        }
        assert!(decode_events(Bytes::from_static(b"\xff\xff\xff\xffx")).is_err());
    }

    #[test]
    fn a_foreign_publication_is_an_error_and_never_a_panic() {
        let mut good = b"me 00000000000000ab 7 1000 2000\n".to_vec();
        good.extend_from_slice(&encode_events(&events()));
        let decode = |bytes| decode_heard(bytes, "other");
        let Ok(Some(Heard::Publication(decoded))) = decode(good.clone().into()) else {
            panic!("it is one");
        };
        assert_eq!((decoded.epoch, decoded.first), (Epoch(0xab), 7));
        assert_eq!(
            decoded.stamp,
            Stamp {
                now: 1000,
                expires_at: 2000
            }
        );
        assert_eq!(decoded.events, events());
        assert_eq!(decode_heard(good.clone().into(), "me"), Ok(None));
        let signal: Bytes = encode_signal("me", b"a\n\xff").into();
        assert_eq!(decode_heard(signal.clone(), "me"), Ok(None));
        let heard = Heard::Signal(Bytes::from_static(b"a\n\xff"));
        assert_eq!(decode(signal), Ok(Some(heard)));

        for end in 0..good.len() {
            // Must not panic for any input.
            let _ = decode(Bytes::copy_from_slice(&good[..end]));
        }
        for foreign in [
            &b""[..],
            b"hello",
            b"\n",
            b"a b c d e\n",
            b"me 00000000000000ab 0 1 2\n\0\0\0\x01x",
            b"me 00000000000000ab 1 1 2\n",
            b"me 00000000000000ab 1 -1 2\n\0\0\0\x01x",
            b"me 00000000000000ab 1 1\n\0\0\0\x01x",
            b"me 00000000000000ab 1 1 2 3\n\0\0\0\x01x",
            b"\xff\xfe\n",
        ] {
            assert!(decode(Bytes::from_static(foreign)).is_err(), "{foreign:?}");
        }
    }

    #[test]
    fn what_is_no_hint_is_passed_over() {
        let hint = AlarmHint {
            at: 1_750_000_000_000,
            room: "lunch-1".parse().unwrap(),
            seq: 7,
        };
        let stored = encode_hint(&hint);
        assert_eq!(stored, "1750000000000 lunch-1 7");
        let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let odd = ["", "x", "1 a", "1 a b", "1 a 2 3", "-1 a 2", "1 a/b 2"];
        let members = odd.into_iter().chain([&*stored]).map(text);
        let answer = [text("5")].into_iter().chain(members).collect();
        let found = due(Value::Array(answer)).unwrap();
        assert_eq!((found.now, found.hints), (5, vec![hint]));
    }

    fn room(seq: i64, snapshot: Option<i64>, entries: &[(u64, usize)]) -> Value {
        let string = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let entries = entries.iter().map(|(first, count)| {
            let payload = encode_events(&vec![Bytes::from_static(b"e"); *count]).to_vec();
            Value::Array(vec![
                string("id"),
                Value::Array(vec![
                    string("first"),
                    string(&first.to_string()),
                    string("events"),
                    Value::BulkString(payload),
                ]),
            ])
        });
        Value::Array(vec![
            string("room"),
            string("00000000000000ab"),
            Value::Int(seq),
            Value::Int(1),
            Value::Int(2),
            Value::Int(3),
            snapshot.map_or(Value::Nil, Value::Int),
            snapshot.map_or(Value::Nil, |_| string("state")),
            Value::Array(entries.collect()),
        ])
    }

    #[test]
    fn a_log_with_a_hole_is_never_taken_for_a_history() {
        let known = Some(Position {
            epoch: Epoch(0xab),
            seq: 5,
        });
        let seqs = |answer| {
            loaded(answer, known).map(|room| {
                room.unwrap()
                    .events
                    .iter()
                    .map(|event| event.seq)
                    .collect::<Vec<_>>()
            })
        };
        assert_eq!(seqs(room(8, None, &[(4, 3), (7, 2)])), Ok(vec![6, 7, 8]));
        assert_eq!(seqs(room(5, None, &[])), Ok(vec![]));
        assert!(seqs(room(8, None, &[(4, 3), (8, 1)])).is_err());
        assert!(seqs(room(8, None, &[(7, 2)])).is_err());
        assert!(seqs(room(8, None, &[(6, 1)])).is_err());
        assert!(seqs(room(8, Some(6), &[(8, 1)])).is_err());
        assert_eq!(seqs(room(8, Some(6), &[(2, 7)])), Ok((2..=8).collect()));
        assert_eq!(
            seqs(room(8, Some(8), &[])),
            Ok(vec![]),
            "the snapshot is enough"
        );
    }
}
