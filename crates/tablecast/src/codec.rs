//! WebSocket frames (RFC 6455): encoded once, decoded without an extra buffer. Nothing else
//! in the project knows frames.
//!
//! `tungstenite` parses the headers. Messages are assembled here, because tungstenite's
//! stream keeps a read buffer for each connection and cannot limit fragments or pings. A
//! test compares the two on arbitrary bytes.

mod frame;

use std::io::Cursor;
use std::str::Utf8Error;

use bytes::Bytes;
use tablecast_core::CloseReason;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};

pub use frame::{Frame, Frames};
pub(crate) use frame::{Part, parts};
pub(crate) use tungstenite::handshake::derive_accept_key as accept_key;

/// A message from the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Bytes),
}

/// What a client sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// A message, put together from its fragments.
    Message(Message),
    /// A ping; its payload goes back in a pong.
    Ping(Bytes),
    /// A pong.
    Pong,
    /// The closing handshake, with the client's code if it gave one.
    Close(Option<u16>),
}

/// Assembles messages from a client's bytes. It holds bytes only while a frame or a message
/// is unfinished.
#[derive(Debug)]
pub struct Decoder {
    max_message: usize,
    max_fragments: usize,
    /// There was an error: following bytes have no meaning.
    failed: bool,
    /// An unfinished header or control frame.
    rest: Vec<u8>,
    message: Option<Box<Unfinished>>,
}

impl Decoder {
    /// Refuses messages of more than `max_message` bytes or in more than `max_fragments`
    /// frames, of which one is always allowed.
    pub fn new(max_message: usize, max_fragments: usize) -> Self {
        Decoder {
            max_message,
            max_fragments: max_fragments.max(1),
            failed: false,
            rest: Vec::new(),
            message: None,
        }
    }

    /// Whether a frame or a message is unfinished.
    pub fn is_unfinished(&self) -> bool {
        !self.rest.is_empty() || self.message.is_some()
    }

    /// How many bytes it holds.
    #[cfg(feature = "fuzzing")]
    #[doc(hidden)]
    pub fn held(&self) -> usize {
        let message = self.message.as_ref().map_or(0, |it| it.content.len());
        self.rest.len() + message
    }

    /// Whether there was an error, so that following bytes are ignored.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed
    }

    /// Decodes received bytes; `input` is unmasked in place. Complete items go to `sink` in
    /// order. An error is found as soon as the bytes that make it one are there: a limit is
    /// checked by a frame's header, and text as it comes, frame complete or not.
    ///
    /// After an error all further bytes are ignored, so that a connection can be read to
    /// its end: closing a socket with unread bytes resets it, and the client may never see
    /// the close frame.
    ///
    /// # Errors
    /// The reason to close the connection. Items before the error have gone to `sink`.
    pub fn feed(
        &mut self,
        input: &mut [u8],
        mut sink: impl FnMut(Received),
    ) -> Result<(), CloseReason> {
        if self.failed {
            return Ok(());
        }
        let fed = self.take_in(input, &mut sink);
        self.failed = fed.is_err();
        fed
    }

    fn take_in(
        &mut self,
        input: &mut [u8],
        sink: &mut impl FnMut(Received),
    ) -> Result<(), CloseReason> {
        let mut joined = std::mem::take(&mut self.rest);
        let input = if joined.is_empty() {
            input
        } else {
            joined.extend_from_slice(input);
            &mut joined
        };
        let used = self.frames(input, sink)?;
        self.rest.extend_from_slice(&input[used..]);
        Ok(())
    }

    /// Decodes what is there and returns how many bytes it had. What remains is the
    /// beginning of a header or of a control frame.
    fn frames(
        &mut self,
        input: &mut [u8],
        sink: &mut impl FnMut(Received),
    ) -> Result<usize, CloseReason> {
        let mut used = 0;
        while used < input.len() {
            if let Some(message) = &mut self.message
                && message.left > 0
            {
                used += message.take_in(&mut input[used..])?;
            } else {
                let mut cursor = Cursor::new(&input[used..]);
                let (header, length) = match FrameHeader::parse(&mut cursor) {
                    Ok(Some(found)) => found,
                    Ok(None) => break,
                    Err(_) => return Err(CloseReason::Protocol),
                };
                let at = used + cursor.position() as usize;
                let mask = self.check(&header, length)?;
                let is_whole = length <= (input.len() - at) as u64;
                match header.opcode {
                    OpCode::Control(_) if !is_whole => break,
                    OpCode::Data(kind)
                        if !is_whole || !header.is_final || self.message.is_some() =>
                    {
                        // `check` bounded the length by `max_message`.
                        self.begin(kind, header.is_final, length as usize, mask)?;
                        used = at;
                    }
                    opcode => {
                        used = at + length as usize;
                        let payload = &mut input[at..used];
                        unmask(payload, mask);
                        sink(single_frame(opcode, payload)?);
                        continue;
                    }
                }
            }
            if let Some(message) = self.message.take_if(|message| message.is_complete()) {
                sink(Received::Message(message.finish()?));
            }
        }
        Ok(used)
    }

    /// Checks a frame by its header alone, so that no bytes are kept for a frame that will
    /// be refused.
    fn check(&self, header: &FrameHeader, length: u64) -> Result<[u8; 4], CloseReason> {
        let Some(mask) = header.mask else {
            return Err(CloseReason::Protocol);
        };
        if header.rsv1 || header.rsv2 || header.rsv3 {
            return Err(CloseReason::Protocol);
        }
        match header.opcode {
            OpCode::Control(_) => {
                if length > 125 || !header.is_final {
                    return Err(CloseReason::Protocol);
                }
            }
            OpCode::Data(kind) => {
                let continues = matches!(kind, Data::Continue);
                if continues != self.message.is_some() {
                    return Err(CloseReason::Protocol);
                }
                let (before, fragments) = match &self.message {
                    Some(message) => (message.content.len(), message.fragments),
                    None => (0, 0),
                };
                if length > (self.max_message - before) as u64 || fragments >= self.max_fragments {
                    return Err(CloseReason::TooBig);
                }
            }
        }
        Ok(mask)
    }

    /// Begins a frame of a message that is not complete with what is there.
    fn begin(
        &mut self,
        kind: Data,
        is_final: bool,
        length: usize,
        mask: [u8; 4],
    ) -> Result<(), CloseReason> {
        let message = match &mut self.message {
            Some(message) => message,
            none => none.insert(Box::new(Unfinished::new(kind)?)),
        };
        message.fragments += 1;
        message.is_final = is_final;
        message.left = length;
        message.mask = mask;
        Ok(())
    }
}

/// A control frame, or a message of one frame.
fn single_frame(opcode: OpCode, payload: &[u8]) -> Result<Received, CloseReason> {
    match opcode {
        OpCode::Control(Control::Ping) => Ok(Received::Ping(Bytes::copy_from_slice(payload))),
        OpCode::Control(Control::Pong) => Ok(Received::Pong),
        OpCode::Control(Control::Close) => close(payload),
        // Checked at its final place: the check is several times slower on unaligned bytes,
        // such as those after a frame's header.
        OpCode::Data(Data::Text) => match String::from_utf8(payload.to_vec()) {
            Ok(text) => Ok(Received::Message(Message::Text(text))),
            Err(_) => Err(CloseReason::NotUtf8),
        },
        OpCode::Data(Data::Binary) => Ok(Received::Message(Message::Binary(
            Bytes::copy_from_slice(payload),
        ))),
        OpCode::Data(Data::Continue | Data::Reserved(_))
        | OpCode::Control(Control::Reserved(_)) => Err(CloseReason::Protocol),
    }
}

/// A message of which more is to come.
#[derive(Debug)]
struct Unfinished {
    content: Content,
    fragments: usize,
    /// Its newest frame is the last one.
    is_final: bool,
    /// How many bytes of its newest frame are to come.
    left: usize,
    /// For the next byte of its newest frame.
    mask: [u8; 4],
}

impl Unfinished {
    fn new(kind: Data) -> Result<Self, CloseReason> {
        let content = match kind {
            Data::Text => Content::Text(Text::default()),
            Data::Binary => Content::Binary(Vec::new()),
            Data::Continue | Data::Reserved(_) => return Err(CloseReason::Protocol),
        };
        Ok(Unfinished {
            content,
            fragments: 0,
            is_final: false,
            left: 0,
            mask: [0; 4],
        })
    }

    /// Takes what belongs to the newest frame, and returns how many bytes that were.
    fn take_in(&mut self, input: &mut [u8]) -> Result<usize, CloseReason> {
        let count = self.left.min(input.len());
        let payload = &mut input[..count];
        unmask(payload, self.mask);
        self.mask.rotate_left(count % 4);
        self.left -= count;
        match &mut self.content {
            Content::Text(text) => text.push(payload)?,
            Content::Binary(bytes) => bytes.extend_from_slice(payload),
        }
        Ok(count)
    }

    fn is_complete(&self) -> bool {
        self.is_final && self.left == 0
    }

    fn finish(self) -> Result<Message, CloseReason> {
        match self.content {
            Content::Text(text) if text.cut.is_empty() => Ok(Message::Text(text.checked)),
            Content::Text(_) => Err(CloseReason::NotUtf8),
            Content::Binary(bytes) => Ok(Message::Binary(bytes.into())),
        }
    }
}

#[derive(Debug)]
enum Content {
    Text(Text),
    Binary(Vec<u8>),
}

impl Content {
    fn len(&self) -> usize {
        match self {
            Content::Text(text) => text.checked.len() + text.cut.len(),
            Content::Binary(bytes) => bytes.len(),
        }
    }
}

/// Text that is checked as it comes, each byte once.
#[derive(Debug, Default)]
struct Text {
    checked: String,
    /// The first bytes of a character of which more is to come.
    cut: Vec<u8>,
}

impl Text {
    fn push(&mut self, bytes: &[u8]) -> Result<(), CloseReason> {
        let mut whole = std::mem::take(&mut self.cut);
        whole.extend_from_slice(bytes);
        self.cut = whole.split_off(whole.len() - cut_short(&whole));
        let is_wrong = |error: Utf8Error| error.error_len().is_some();
        if std::str::from_utf8(&self.cut).is_err_and(is_wrong) {
            return Err(CloseReason::NotUtf8);
        }
        let whole = std::str::from_utf8(&whole).map_err(|_| CloseReason::NotUtf8)?;
        self.checked.push_str(whole);
        Ok(())
    }
}

/// How many bytes at the end begin a character of which more must follow.
fn cut_short(bytes: &[u8]) -> usize {
    match bytes {
        [.., 0xC0..=0xFF] => 1,
        [.., 0xE0..=0xFF, _] => 2,
        [.., 0xF0..=0xFF, _, _] => 3,
        _ => 0,
    }
}

fn close(payload: &[u8]) -> Result<Received, CloseReason> {
    match payload {
        [] => Ok(Received::Close(None)),
        [high, low, text @ ..] => {
            std::str::from_utf8(text).map_err(|_| CloseReason::NotUtf8)?;
            let code = u16::from_be_bytes([*high, *low]);
            if !CloseCode::from(code).is_allowed() {
                return Err(CloseReason::Protocol);
            }
            Ok(Received::Close(Some(code)))
        }
        [_] => Err(CloseReason::Protocol),
    }
}

/// Eight bytes at a time; the compiler widens it further.
fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let mut chunks = payload.chunks_exact_mut(8);
    for chunk in &mut chunks {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(chunk);
        chunk.copy_from_slice(&(u64::from_ne_bytes(bytes) ^ wide).to_ne_bytes());
    }
    for (byte, mask) in chunks
        .into_remainder()
        .iter_mut()
        .zip(mask.into_iter().cycle())
    {
        *byte ^= mask;
    }
}
