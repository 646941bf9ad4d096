//! The part of WebSocket that the load generator and the bare limit need: messages of one
//! frame, and a handshake with a fixed key. And the part of HTTP that makes rooms and reads
//! metrics.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::time::Duration;

use anyhow::{Context, bail};

/// The key of the example in RFC 6455. Every handshake here has it.
pub(crate) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// The answer to [`KEY`], from the same example.
pub(crate) const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

pub(crate) const TEXT: u8 = 0x1;
pub(crate) const CLOSE: u8 = 0x8;
pub(crate) const PING: u8 = 0x9;
pub(crate) const PONG: u8 = 0xa;

const FIN: u8 = 0x80;
const MASKED: u8 = 0x80;

/// Any value but zeros, so that a server gains nothing if it does not unmask those.
pub(crate) const MASK: [u8; 4] = [0x5a, 0xc3, 0x17, 0x88];

/// A frame that was found in a buffer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) opcode: u8,
    /// Where its payload is in the buffer.
    pub(crate) payload: Range<usize>,
    pub(crate) mask: Option<[u8; 4]>,
}

/// The frame at the start of the buffer, or `None` while a part of it is missing.
///
/// # Errors
///
/// It has reserved bits set or is one of several fragments, which no peer needs.
pub(crate) fn first_frame(buffer: &[u8]) -> anyhow::Result<Option<Frame>> {
    let &[first, second, ..] = buffer else {
        return Ok(None);
    };
    if first & 0xf0 != FIN {
        bail!("a frame that begins with {first:#04x}: fragments and extensions are not read here");
    }
    let (extended, announced) = match second & 0x7f {
        126 => (2, None),
        127 => (8, None),
        length => (0, Some(usize::from(length))),
    };
    let mask_at = 2 + extended;
    let payload_at = mask_at + if second & MASKED == 0 { 0 } else { 4 };
    if buffer.len() < payload_at {
        return Ok(None);
    }
    let length = announced.unwrap_or_else(|| {
        let bytes = &buffer[2..mask_at];
        bytes
            .iter()
            .fold(0, |length, &byte| (length << 8) | usize::from(byte))
    });
    let Some(end) = payload_at.checked_add(length) else {
        bail!("a frame of {length} bytes");
    };
    Ok((buffer.len() >= end).then(|| Frame {
        opcode: first & 0xf,
        payload: payload_at..end,
        mask: buffer[mask_at..payload_at].try_into().ok(),
    }))
}

/// Appends the header of an unfragmented frame.
pub(crate) fn put_header(out: &mut Vec<u8>, opcode: u8, length: usize, mask: Option<[u8; 4]>) {
    out.push(FIN | opcode);
    let masked = if mask.is_some() { MASKED } else { 0 };
    if length < 126 {
        out.push(masked | length as u8);
    } else if let Ok(length) = u16::try_from(length) {
        out.push(masked | 126);
        out.extend(length.to_be_bytes());
    } else {
        out.push(masked | 127);
        out.extend((length as u64).to_be_bytes());
    }
    out.extend(mask.iter().flatten());
}

/// Masks a payload, or unmasks it, which is the same operation.
pub(crate) fn apply_mask(payload: &mut [u8], mask: [u8; 4]) {
    for (byte, key) in payload.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
}

/// Where the head of an HTTP message ends, after its empty line.
pub(crate) fn head_end(buffer: &[u8]) -> Option<usize> {
    let end = b"\r\n\r\n";
    buffer
        .windows(end.len())
        .position(|window| window == end)
        .map(|at| at + end.len())
}

/// The first part of a message, kept until the rest has come.
#[derive(Debug, Default)]
pub(crate) struct Carry(Vec<u8>);

impl Carry {
    /// Fills the buffer with what was kept, and behind it with what can be read now, which may be
    /// nothing. Returns how many bytes are in it.
    pub(crate) fn read(&mut self, mut from: impl Read, buffer: &mut [u8]) -> io::Result<usize> {
        let kept = self.0.len();
        if kept >= buffer.len() {
            return Err(ErrorKind::OutOfMemory.into());
        }
        buffer[..kept].copy_from_slice(&self.0);
        self.0.clear();
        match from.read(&mut buffer[kept..]) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(read) => Ok(kept + read),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(kept),
            Err(error) => Err(error),
        }
    }

    /// Keeps the first part of a message for the next [`Carry::read`].
    pub(crate) fn keep(&mut self, rest: &[u8]) {
        self.0.extend_from_slice(rest);
    }
}

/// The body of a server's answer to a request such as `GET /metrics`.
pub(crate) fn ask(server: SocketAddr, request: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let rest = "Content-Length: 0\r\nConnection: close\r\n\r\n";
    write!(stream, "{request} HTTP/1.1\r\nHost: {server}\r\n{rest}")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let body = head_end(answer.as_bytes()).context("no answer")?;
    Ok(answer.split_off(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_was_put_is_found_again() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            for mask in [None, Some(MASK)] {
                let mut bytes = Vec::new();
                put_header(&mut bytes, TEXT, length, mask);
                let header = bytes.len();
                bytes.resize(header + length, 7);
                for part in [0, 1, header - 1, bytes.len() - 1] {
                    assert_eq!(first_frame(&bytes[..part]).unwrap(), None, "{length}");
                }
                bytes.push(0);
                let frame = first_frame(&bytes).unwrap().unwrap();
                let payload = header..header + length;
                let expected = Frame {
                    opcode: TEXT,
                    payload,
                    mask,
                };
                assert_eq!(frame, expected);
            }
        }
    }

    #[test]
    fn a_fragment_is_refused() {
        assert!(first_frame(&[TEXT, 0]).is_err());
        assert!(first_frame(&[FIN | 0x40 | TEXT, 0]).is_err());
    }
}
