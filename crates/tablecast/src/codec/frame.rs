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

/// One frame that was encoded here.
pub(crate) enum Part<'a> {
    Text(&'a [u8]),
    Ping,
    /// With code and text.
    Close(u16, &'a str),
    Other,
}

/// Takes encoded frames apart again, of which each is whole.
pub(crate) fn parts(mut frames: &[u8]) -> impl Iterator<Item = Part<'_>> {
    std::iter::from_fn(move || {
        let (kind, length, rest) = match frames {
            [kind, 127, rest @ ..] => {
                let (length, rest) = rest.split_first_chunk()?;
                (kind, u64::from_be_bytes(*length) as usize, rest)
            }
            [kind, 126, rest @ ..] => {
                let (length, rest) = rest.split_first_chunk()?;
                (kind, u16::from_be_bytes(*length).into(), rest)
            }
            [kind, length, rest @ ..] => (kind, usize::from(*length), rest),
            _ => return None,
        };
        let (payload, rest) = rest.split_at_checked(length)?;
        frames = rest;
        Some(match (*kind, payload) {
            (TEXT, text) => Part::Text(text),
            (PING, _) => Part::Ping,
            (CLOSE, [high, low, text @ ..]) => Part::Close(
                u16::from_be_bytes([*high, *low]),
                std::str::from_utf8(text).unwrap_or_default(),
            ),
            _ => Part::Other,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_any_length_are_taken_apart_as_they_were_put_together() {
        let texts = [0, 125, 126, 0xFFFF, 0x1_0000].map(|length| "x".repeat(length));
        let mut frames = Frames::default();
        frames.append(&Frame::ping());
        for text in &texts {
            frames.text(text);
        }
        frames.append(&Frame::binary(b"abc"));
        frames.append(&Frame::close(CloseReason::RoomFull));
        let frames = frames.finish();
        let said = parts(&frames.0).map(|part| match part {
            Part::Text(text) => format!("text {}", text.len()),
            Part::Ping => "ping".to_owned(),
            Part::Close(code, text) => format!("{code} {text}"),
            Part::Other => "other".to_owned(),
        });
        let expected = [
            "ping",
            "text 0",
            "text 125",
            "text 126",
            "text 65535",
            "text 65536",
            "other",
            "4403 room full",
        ];
        assert_eq!(said.collect::<Vec<_>>(), expected);
    }
}
