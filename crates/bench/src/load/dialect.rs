//! The messages of each protocol: they are made without allocating, and compared byte by
//! byte when they come back.

use std::io::Write as _;
use std::str;

use anyhow::{Context, Result, bail, ensure};
use tablecast_lunch::MAX_ITEM_GRAPHEMES;

use super::room::{Delivery, Id, Room, Tally};
use crate::peers::Protocol;
use crate::wire;

/// An [`Id`] as text: room and number in hexadecimal.
const ID: usize = ROOM + 8;
const ROOM: usize = 6;

/// Messages with numbers from here on are probes, which show who has joined before anything is
/// counted.
const PROBES: u32 = u32::MAX - 0xffff;

/// By the first a server of Socket.IO asks whether the client is alive; the client answers with the second.
const HEARTBEAT: &[u8] = b"2";
const HEARTBEAT_ANSWER: &[u8] = b"3";

/// What is before the item in a command of the lunch server's text dialect.
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
    /// The client must answer with this text.
    Question(&'static [u8]),
    /// A probe; or, if the load is lenient, a menu that the member has had already.
    Nothing,
}

/// A frame of a client in which the id of the message is still to be filled in.
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
        // It fails for larger numbers than a run has.
        let _ = write!(&mut digits[..], "{:06x}{:08x}", id.room, id.seq);
        let id_at = self.frame.len() - self.text.len() + self.id_at;
        let masked = &mut self.frame[id_at..id_at + ID];
        for (at, (to, digit)) in masked.iter_mut().zip(digits).enumerate() {
            *to = digit ^ wire::MASK[(self.id_at + at) % 4];
        }
        &self.frame
    }

    /// The id in a text, if all else in it is as in the template.
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
    /// A message; in the lunch dialect the command that adds an item.
    message: Template,
    /// The command that removes the item again.
    removal: Template,
    /// An item as it stands on the menu.
    item: Template,
    is_lenient: bool,
}

impl Dialect {
    /// For messages with this many bytes of text.
    pub(super) fn new(protocol: Protocol, payload: usize, is_lenient: bool) -> Result<Self> {
        let item = payload.saturating_sub(ADD.len());
        let (before, length, after) = match protocol {
            Protocol::Text => ("", payload, ""),
            Protocol::SocketIo => ("42[\"message\",\"", payload, "\"]"),
            Protocol::Lunch => (ADD, item, ""),
        };
        let (least, most) = (ID + payload - length, most_bytes(protocol));
        ensure!(
            length >= ID && payload <= most,
            "a payload of {payload} bytes: it must have room and number, so {least} to {most} bytes"
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
            // Each has a bit in `Tally::menu`.
            Protocol::Lunch => 64,
        }
    }

    /// Whether a member may join a little after the handshake.
    pub(super) fn needs_probes(&self) -> bool {
        self.protocol != Protocol::Lunch
    }

    /// The frame of a message to which [`Room::send`] has given a number. In the lunch dialect each slot has
    /// an item, and its messages add and remove that item in turn.
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

    /// Whether a slot's item is on the menu, or will be once the message under way has arrived.
    pub(super) fn is_on_menu(&self, room: &Room, slot: usize) -> bool {
        self.protocol == Protocol::Lunch && room.is_odd(slot)
    }

    pub(super) fn probe(&mut self, room: u32, attempt: u32) -> &[u8] {
        let seq = PROBES + attempt;
        self.message.with_id(Id { room, seq })
    }

    /// Reads a text that came after the handshake, before the member is in the room.
    ///
    /// # Errors
    ///
    /// It is not what should come then.
    pub(super) fn welcome(&self, text: &[u8]) -> Result<Heard> {
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

    /// Reads a text that came to a member of a room.
    ///
    /// # Errors
    ///
    /// It is not what should come then.
    pub(super) fn hear(&self, text: &[u8], room: &mut Room, tally: &mut Tally) -> Result<Heard> {
        match self.protocol {
            Protocol::SocketIo if text == HEARTBEAT => {
                return Ok(Heard::Question(HEARTBEAT_ANSWER));
            }
            Protocol::SocketIo | Protocol::Text => {}
            Protocol::Lunch => return self.menu(text, room, tally),
        }
        let id = self.message.id_in(text).with_context(|| strange(text))?;
        let seq = room.own(id)?;
        if seq >= PROBES {
            tally.probes = tally.probes.max(seq - PROBES);
            return Ok(Heard::Nothing);
        }
        Ok(Heard::Delivery(room.deliver(tally, seq)?))
    }

    /// A menu differs from the member's last one by one item, and that shows which message it is.
    fn menu(&self, text: &[u8], room: &mut Room, tally: &mut Tally) -> Result<Heard> {
        let mut menu = 0;
        let items = text
            .strip_prefix(b"[")
            .and_then(|text| text.strip_suffix(b"]"));
        let items = items
            .with_context(|| strange(text))?
            .split(|byte| *byte == b',');
        for item in items.filter(|item| !item.is_empty()) {
            let id = self.item.id_in(item).with_context(|| strange(text))?;
            let item = 1_u64.checked_shl(room.own(id)?);
            menu |= item.with_context(|| strange(text))?;
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
        let delivery = room.deliver(tally, seq)?;
        tally.menu = menu;
        Ok(Heard::Delivery(delivery))
    }
}

/// A frame as a client sends it, masked.
pub(super) fn client_frame(opcode: u8, text: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    wire::put_header(&mut frame, opcode, text.len(), Some(wire::MASK));
    let header = frame.len();
    frame.extend_from_slice(text);
    wire::apply_mask(&mut frame[header..], wire::MASK);
    frame
}

/// Describes a text that should not have come.
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
            let id = room.send(slot, slot as u32, 1, 0).unwrap();
            let mut frame = dialect.message(room, id).to_vec();
            let text = wire::first_frame(&frame).unwrap().unwrap().payload;
            wire::apply_mask(&mut frame[text.clone()], wire::MASK);
            let text = String::from_utf8(frame[text].to_vec()).unwrap();
            let (command, item) = text.split_once(':').unwrap();
            (command.to_owned(), item.to_owned())
        };
        let ((add, a), (_, b)) = (send(&mut room, 0), send(&mut room, 1));
        assert_eq!(add, "add");
        let dialect = Dialect::new(Protocol::Lunch, 32, false).unwrap();
        let mut hear =
            |room: &mut Room, text: String| match dialect.hear(text.as_bytes(), room, &mut tally) {
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
