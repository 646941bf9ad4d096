//! WebSocket frames (RFC 6455): encoded once, decoded without an extra buffer. Nothing else
//! in the project knows frames.
//!
//! `tungstenite` parses the headers. Messages are assembled here, because tungstenite's
//! stream keeps a read buffer for each connection and cannot limit fragments or pings. A
//! test compares the two on arbitrary bytes.

use std::io::Cursor;

use bytes::Bytes;
use tablecast_core::CloseReason;
use tungstenite::Error as FrameError;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};

/// A message in more fragments than this is refused. Browsers send one frame for each
/// message; libraries that stream use a few.
pub const MAX_FRAGMENTS: usize = 64;

const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8A;

/// One or more encoded frames. Cloning shares the bytes, so a frame is encoded
/// once for everybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame(pub(crate) Bytes);

impl Frame {
    /// A text message.
    pub fn text(text: &str) -> Frame {
        single(TEXT, text.as_bytes())
    }

    pub(crate) fn close(reason: CloseReason) -> Frame {
        let mut payload = reason.code().to_be_bytes().to_vec();
        payload.extend_from_slice(reason.text().as_bytes());
        single(CLOSE, &payload)
    }

    pub(crate) fn ping() -> Frame {
        single(PING, &[])
    }

    /// One pong for each payload.
    pub(crate) fn pongs<'a>(payloads: impl IntoIterator<Item = &'a Bytes>) -> Frame {
        let mut frames = Frames::default();
        for payload in payloads {
            frames.put(PONG, payload);
        }
        frames.finish()
    }

    /// Its size in bytes, headers included.
    #[allow(clippy::len_without_is_empty, reason = "a frame is never empty")]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

fn single(first: u8, payload: &[u8]) -> Frame {
    // Bytes that exactly fill their buffer are shared without another allocation.
    let mut frames = Frames::with_capacity(header_length(payload.len()) + payload.len());
    frames.put(first, payload);
    frames.finish()
}

/// Several messages in one buffer, so that they reach a socket in one write.
#[derive(Debug, Default)]
pub struct Frames(Vec<u8>);

impl Frames {
    /// With capacity for this many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Frames(Vec::with_capacity(bytes))
    }

    /// Adds a text message.
    pub fn text(&mut self, text: &str) {
        self.put(TEXT, text.as_bytes());
    }

    pub(crate) fn append(&mut self, frame: &Frame) {
        self.0.extend_from_slice(&frame.0);
    }

    /// Their size in bytes, headers included.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All messages as one [`Frame`].
    pub fn finish(self) -> Frame {
        Frame(self.0.into())
    }

    /// A server's frame is not masked: a header of 2, 4 or 10 bytes and the
    /// payload.
    fn put(&mut self, first: u8, payload: &[u8]) {
        let length = payload.len();
        let bytes = header_length(length) + length;
        if self.0.capacity() == 0 {
            // The exact capacity, without the cost of growing: mostly there is only one frame.
            self.0 = Vec::with_capacity(bytes);
        } else {
            self.0.reserve(bytes);
        }
        self.0.push(first);
        match header_length(length) {
            2 => self.0.push(length as u8),
            4 => {
                self.0.push(126);
                self.0.extend_from_slice(&(length as u16).to_be_bytes());
            }
            _ => {
                self.0.push(127);
                self.0.extend_from_slice(&(length as u64).to_be_bytes());
            }
        }
        self.0.extend_from_slice(payload);
    }
}

fn header_length(payload: usize) -> usize {
    match payload {
        0..=125 => 2,
        126..=0xFFFF => 4,
        _ => 10,
    }
}

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
    /// There was an error: following bytes have no meaning.
    failed: bool,
    rest: Vec<u8>,
    message: Option<Box<Unfinished>>,
}

#[derive(Debug)]
struct Unfinished {
    kind: Data,
    payload: Vec<u8>,
    fragments: usize,
}

impl Decoder {
    /// Refuses messages of more than `max_message` bytes.
    pub fn new(max_message: usize) -> Self {
        Decoder {
            max_message,
            failed: false,
            rest: Vec::new(),
            message: None,
        }
    }

    /// Whether a frame or a message is unfinished.
    pub fn is_unfinished(&self) -> bool {
        !self.rest.is_empty() || self.message.is_some()
    }

    /// Whether there was an error, so that following bytes are ignored.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed
    }

    /// Decodes received bytes; `input` is unmasked in place. Complete items go to `sink` in
    /// order. After an error all further bytes are ignored, so that a connection can be
    /// read to its end: closing a socket with unread bytes resets it, and the client may
    /// never see the close frame.
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
        if self.rest.is_empty() {
            let used = self.frames(input, sink)?;
            self.rest.extend_from_slice(&input[used..]);
        } else {
            let mut rest = std::mem::take(&mut self.rest);
            rest.extend_from_slice(input);
            let used = self.frames(&mut rest, sink)?;
            if used < rest.len() {
                rest.drain(..used);
                self.rest = rest;
            }
        }
        Ok(())
    }

    /// Decodes whole frames and returns how many bytes they had.
    fn frames(
        &mut self,
        input: &mut [u8],
        sink: &mut impl FnMut(Received),
    ) -> Result<usize, CloseReason> {
        let mut used = 0;
        while used < input.len() {
            let mut cursor = Cursor::new(&input[used..]);
            let (header, length) = match FrameHeader::parse(&mut cursor) {
                Ok(Some(found)) => found,
                Ok(None) => break,
                Err(FrameError::Protocol(_) | _) => return Err(CloseReason::Protocol),
            };
            let at = used + cursor.position() as usize;
            let mask = self.check(&header, length)?;
            // `check` bounded the length by `max_message`, so this cannot overflow.
            let end = at + length as usize;
            if end > input.len() {
                break;
            }
            let payload = &mut input[at..end];
            unmask(payload, mask);
            if let Some(received) = self.frame(&header, payload)? {
                sink(received);
            }
            used = end;
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
                    Some(message) => (message.payload.len(), message.fragments),
                    None => (0, 0),
                };
                if length > (self.max_message - before) as u64 || fragments >= MAX_FRAGMENTS {
                    return Err(CloseReason::TooBig);
                }
            }
        }
        Ok(mask)
    }

    fn frame(
        &mut self,
        header: &FrameHeader,
        payload: &[u8],
    ) -> Result<Option<Received>, CloseReason> {
        match header.opcode {
            OpCode::Control(Control::Ping) => {
                Ok(Some(Received::Ping(Bytes::copy_from_slice(payload))))
            }
            OpCode::Control(Control::Pong) => Ok(Some(Received::Pong)),
            OpCode::Control(Control::Close) => close(payload).map(Some),
            OpCode::Control(Control::Reserved(_)) | OpCode::Data(Data::Reserved(_)) => {
                Err(CloseReason::Protocol)
            }
            OpCode::Data(Data::Continue) => {
                let Some(message) = &mut self.message else {
                    return Err(CloseReason::Protocol);
                };
                message.payload.extend_from_slice(payload);
                message.fragments += 1;
                if !header.is_final {
                    return Ok(None);
                }
                match self.message.take() {
                    Some(whole) => complete(whole.kind, whole.payload).map(Some),
                    None => Ok(None),
                }
            }
            OpCode::Data(kind) if header.is_final => complete(kind, payload.to_vec()).map(Some),
            OpCode::Data(kind) => {
                self.message = Some(Box::new(Unfinished {
                    kind,
                    payload: payload.to_vec(),
                    fragments: 1,
                }));
                Ok(None)
            }
        }
    }
}

/// Text is checked at its final place: the check is several times slower on unaligned
/// bytes, such as those after a frame's header.
fn complete(kind: Data, payload: Vec<u8>) -> Result<Received, CloseReason> {
    let message = match kind {
        Data::Text => Message::Text(String::from_utf8(payload).map_err(|_| CloseReason::NotUtf8)?),
        Data::Binary => Message::Binary(payload.into()),
        Data::Continue | Data::Reserved(_) => return Err(CloseReason::Protocol),
    };
    Ok(Received::Message(message))
}

fn close(payload: &[u8]) -> Result<Received, CloseReason> {
    match payload {
        [] => Ok(Received::Close(None)),
        [high, low, text @ ..] => {
            let code = u16::from_be_bytes([*high, *low]);
            if !CloseCode::from(code).is_allowed() {
                return Err(CloseReason::Protocol);
            }
            std::str::from_utf8(text).map_err(|_| CloseReason::NotUtf8)?;
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
