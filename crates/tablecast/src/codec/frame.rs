//! Frames that are sent, encoded once for everybody.

use bytes::Bytes;
use tablecast_core::CloseReason;

const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
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

    /// A binary message.
    pub fn binary(bytes: &[u8]) -> Frame {
        single(BINARY, bytes)
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
