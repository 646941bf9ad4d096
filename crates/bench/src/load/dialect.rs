//! What messages look like in each protocol: made without allocating, and compared
//! byte by byte when they come back.

use std::io::Write as _;
use std::str;

use anyhow::{Context, bail, ensure};
use tablecast_lunch::MAX_ITEM_GRAPHEMES;

use super::room::{Delivery, Id, Room, Tally};
use crate::peers::Protocol;
use crate::wire;

/// An [`Id`] as text: room and number in hexadecimal.
const ID: usize = ROOM + 8;
const ROOM: usize = 6;

/// Numbers from here on are probes: they find out who has joined, before anything is
/// counted.
const PROBES: u32 = u32::MAX - 0xffff;

/// Socket.IO asks by the first whether somebody is there, and is answered with the second.
const HEARTBEAT: &[u8] = b"2";
const HEARTBEAT_ANSWER: &[u8] = b"3";

/// Before the item, in lines of the lunch server's text dialect.
const ADD: &str = "add:";
const REMOVE: &str = "remove:";

/// The largest message of a protocol.
pub(crate) fn most_bytes(protocol: Protocol) -> usize {
    match protocol {
        Protocol::Text | Protocol::SocketIo => usize::MAX,
        Protocol::Lunch => ADD.len() + MAX_ITEM_GRAPHEMES,
    }
}

/// What a text from the server was.
#[derive(Debug)]
pub(super) enum Heard {
    /// The member is in the room.
    Joined,
    Delivery(Delivery),
    /// It is to be answered with this text.
    Question(&'static [u8]),
    /// A probe, or in lenient loads what the member knew already.
    Nothing,
}

/// A client frame but for the id of the message.
#[derive(Debug)]
struct Template {
    frame: Vec<u8>,
    /// The unmasked text.
    text: Vec<u8>,
    /// Where the id is in the text.
    id_at: usize,
}

impl Template {
    fn new(before: &str, length: usize, after: &str) -> Self {
        let padding = length.saturating_sub(ID);
        let text = [before, &"0".repeat(ID), &"x".repeat(padding), after].concat();
        Template {
            frame: client_frame(wire::TEXT, text.as_bytes()),
            text: text.into_bytes(),
            id_at: before.len(),
        }
    }

    fn with_id(&mut self, id: Id) -> &[u8] {
        let mut digits = [0; ID];
        // Longer ones than there is room for are of no run.
        let _ = write!(&mut digits[..], "{:06x}{:08x}", id.room, id.seq);
        let id_at = self.frame.len() - self.text.len() + self.id_at;
        let masked = &mut self.frame[id_at..id_at + ID];
        for (at, (to, digit)) in masked.iter_mut().zip(digits).enumerate() {
            *to = digit ^ wire::MASK[(self.id_at + at) % 4];
        }
        &self.frame
    }

    /// The id in a text that must be like the template in all else.
    fn id_in(&self, text: &[u8]) -> Option<Id> {
        let (before, after) = (&self.text[..self.id_at], &self.text[self.id_at + ID..]);
        let id = text.strip_prefix(before)?.strip_suffix(after)?;
        let id = str::from_utf8(id).ok().filter(|id| id.len() == ID)?;
        let (room, seq) = id.split_at_checked(ROOM)?;
        Some(Id {
            room: u32::from_str_radix(room, 16).ok()?,
            seq: u32::from_str_radix(seq, 16).ok()?,
        })
    }
}

#[derive(Debug)]
pub(super) struct Dialect {
    protocol: Protocol,
    /// A message, or what adds an item to the menu.
    message: Template,
    /// What removes it again.
    removal: Template,
    /// An item as it stands on the menu.
    item: Template,
    is_lenient: bool,
}

impl Dialect {
    /// For messages whose text has so many bytes.
    pub(super) fn new(
        protocol: Protocol,
        payload: usize,
        is_lenient: bool,
    ) -> anyhow::Result<Self> {
        let item = payload.saturating_sub(ADD.len());
        let (before, length, after) = match protocol {
            Protocol::Text => ("", payload, ""),
            Protocol::SocketIo => ("42[\"message\",\"", payload, "\"]"),
            Protocol::Lunch => (ADD, item, ""),
        };
        ensure!(
            length >= ID,
            "a payload of {payload} bytes cannot carry room and number: at least {} bytes",
            ID + payload - length
        );
        ensure!(
            payload <= most_bytes(protocol),
            "a payload of {payload} bytes is no item on a menu: at most {} bytes",
            most_bytes(protocol)
        );
        Ok(Dialect {
            protocol,
            message: Template::new(before, length, after),
            removal: Template::new(REMOVE, item, ""),
            item: Template::new("\"", item, "\""),
            is_lenient,
        })
    }

    /// The most messages that can be under way in one room.
    pub(super) fn most_in_flight(&self) -> usize {
        match self.protocol {
            Protocol::Text | Protocol::SocketIo => 1024,
            // A bit each in `Tally::menu`.
            Protocol::Lunch => 64,
        }
    }

    /// Whether somebody may have joined a little later than the handshake says.
    pub(super) fn needs_probes(&self) -> bool {
        self.protocol != Protocol::Lunch
    }

    /// The frame of a message that [`Room::send`] has numbered. In the lunch dialect a slot
    /// is an item, which its messages add and remove in turn.
    pub(super) fn message(&mut self, room: &Room, id: Id) -> &[u8] {
        if self.protocol != Protocol::Lunch {
            return self.message.with_id(id);
        }
        let slot = id.seq as usize % room.slots.len();
        let template = match room.is_odd(slot) {
            true => &mut self.message,
            false => &mut self.removal,
        };
        template.with_id(Id {
            seq: slot as u32,
            ..id
        })
    }

    /// Whether the next message of a slot is to remove what this one or the last one has added.
    pub(super) fn is_on_menu(&self, room: &Room, slot: usize) -> bool {
        self.protocol == Protocol::Lunch && room.is_odd(slot)
    }

    pub(super) fn probe(&mut self, room: u32, attempt: u32) -> &[u8] {
        let seq = PROBES + attempt;
        self.message.with_id(Id { room, seq })
    }

    /// What a text says that came between the handshake and being in the room.
    ///
    /// # Errors
    ///
    /// It is not what should have come.
    pub(super) fn welcome(&self, text: &[u8]) -> anyhow::Result<Heard> {
        Ok(match (self.protocol, text) {
            (Protocol::Lunch, b"[]") | (Protocol::SocketIo, [b'4', b'0', ..]) => Heard::Joined,
            (Protocol::SocketIo, HEARTBEAT) => Heard::Question(HEARTBEAT_ANSWER),
            (Protocol::SocketIo, [b'0', ..]) => Heard::Question(b"40"),
            _ => bail!(
                "received before it had joined: {}",
                String::from_utf8_lossy(text)
            ),
        })
    }

    /// What a text says that came to a member of a room.
    ///
    /// # Errors
    ///
    /// It is not what should have come.
    pub(super) fn hear(
        &self,
        text: &[u8],
        number: u32,
        room: &mut Room,
        tally: &mut Tally,
    ) -> anyhow::Result<Heard> {
        match self.protocol {
            Protocol::SocketIo if text == HEARTBEAT => {
                return Ok(Heard::Question(HEARTBEAT_ANSWER));
            }
            Protocol::SocketIo | Protocol::Text => {}
            Protocol::Lunch => return self.menu(text, number, room, tally),
        }
        let id = self.message.id_in(text).with_context(|| strange(text))?;
        ours(id, number)?;
        if id.seq >= PROBES {
            tally.probes = tally.probes.max(id.seq - PROBES);
            return Ok(Heard::Nothing);
        }
        Ok(Heard::Delivery(room.deliver(tally, id)?))
    }

    /// A menu differs from the member's last one by one item, which tells the message.
    fn menu(
        &self,
        text: &[u8],
        number: u32,
        room: &mut Room,
        tally: &mut Tally,
    ) -> anyhow::Result<Heard> {
        let mut menu = 0;
        let items = text
            .strip_prefix(b"[")
            .and_then(|text| text.strip_suffix(b"]"));
        let items = items
            .with_context(|| strange(text))?
            .split(|byte| *byte == b',');
        for item in items.filter(|item| !item.is_empty()) {
            let id = self.item.id_in(item).with_context(|| strange(text))?;
            ours(id, number)?;
            menu |= 1_u64.checked_shl(id.seq).with_context(|| strange(text))?;
        }
        let change: u64 = menu ^ tally.menu;
        if change == 0 && self.is_lenient {
            return Ok(Heard::Nothing);
        }
        ensure!(
            change.count_ones() == 1,
            "received a menu with {} changes since the last one, and each change is one menu",
            change.count_ones()
        );
        let slot = room.slots.get(change.trailing_zeros() as usize);
        let seq = slot.with_context(|| strange(text))?.seq;
        let delivery = room.deliver(tally, Id { room: number, seq })?;
        tally.menu = menu;
        Ok(Heard::Delivery(delivery))
    }
}

fn ours(id: Id, room: u32) -> anyhow::Result<()> {
    ensure!(
        id.room == room,
        "received message {} of room {}: another room's",
        id.seq,
        id.room
    );
    Ok(())
}

/// A masked frame.
pub(super) fn client_frame(opcode: u8, text: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    wire::put_header(&mut frame, opcode, text.len(), Some(wire::MASK));
    let header = frame.len();
    frame.extend_from_slice(text);
    wire::apply_mask(&mut frame[header..], wire::MASK);
    frame
}

/// Says what came, as far as it can be shown.
fn strange(text: &[u8]) -> String {
    let shown = &text[..text.len().min(80)];
    format!(
        "received {} bytes that are no message of this run: {}",
        text.len(),
        String::from_utf8_lossy(shown)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOMEONE: Id = Id {
        room: 0xabcdef,
        seq: 0x89ab_cdef,
    };

    #[test]
    fn an_id_survives_the_way() {
        for (protocol, length) in [
            (Protocol::Text, 32),
            (Protocol::Text, 16 << 10),
            (Protocol::SocketIo, 33),
            (Protocol::Lunch, 34),
        ] {
            let mut dialect = Dialect::new(protocol, length, false).unwrap();
            let mut bytes = dialect.message.with_id(SOMEONE).to_vec();
            let frame = wire::first_frame(&bytes).unwrap().unwrap();
            let text = &mut bytes[frame.payload];
            wire::apply_mask(text, frame.mask.unwrap());
            assert_eq!(dialect.message.id_in(text), Some(SOMEONE), "{protocol:?}");
            *text.last_mut().unwrap() ^= 1;
            assert_eq!(dialect.message.id_in(text), None, "{protocol:?}");
        }
    }

    #[test]
    fn a_menu_tells_which_change_it_shows() {
        let mut dialect = Dialect::new(Protocol::Lunch, 32, false).unwrap();
        let mut room = Room::default();
        room.reset(2);
        let mut tally = Tally::default();
        let mut send = |room: &mut Room, slot| {
            let seq = room.send(slot, slot as u32, 1, 0).unwrap();
            let mut frame = dialect.message(room, Id { room: 0, seq }).to_vec();
            let text = wire::first_frame(&frame).unwrap().unwrap().payload;
            wire::apply_mask(&mut frame[text.clone()], wire::MASK);
            let text = String::from_utf8(frame[text].to_vec()).unwrap();
            let (command, item) = text.split_once(':').unwrap();
            (command.to_owned(), item.to_owned())
        };
        let ((add, a), (_, b)) = (send(&mut room, 0), send(&mut room, 1));
        assert_eq!(add, "add");
        let dialect = Dialect::new(Protocol::Lunch, 32, false).unwrap();
        let mut hear = |room: &mut Room, text: String| match dialect.hear(
            text.as_bytes(),
            0,
            room,
            &mut tally,
        ) {
            Ok(Heard::Delivery(delivery)) => Ok(delivery.slot),
            other => Err(format!("{other:?}")),
        };
        assert!(hear(&mut room, format!("[\"{a}\",\"{b}\"]")).is_err());
        assert_eq!(hear(&mut room, format!("[\"{b}\"]")), Ok(1));
        assert!(hear(&mut room, format!("[\"{b}\"]")).is_err());
        assert_eq!(hear(&mut room, format!("[\"{b}\",\"{a}\"]")), Ok(0));
        assert_eq!(send(&mut room, 1), ("remove".to_owned(), b.clone()));
        assert_eq!(hear(&mut room, format!("[\"{a}\"]")), Ok(1));
        assert!(hear(&mut room, format!("[\"{b}\"]")).is_err());
    }
}
