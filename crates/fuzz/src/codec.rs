//! What a client sends after the upgrade: our decoder against tungstenite's.

use std::io::{self, Cursor, Read, Write};

use tablecast::codec::{Decoder, Message as Whole, Received};
use tablecast_core::CloseReason;
use tungstenite::Message;
use tungstenite::error::{CapacityError, Error};
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::OpCode;
use tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};

/// The largest message.
const MAX_MESSAGE: usize = 1024;

/// The most frames of a message.
const MAX_FRAGMENTS: usize = 64;

/// Longer frames are refused by tungstenite by their header alone.
const MAX_FRAME: usize = 16 * MAX_MESSAGE;

/// The longest header of a client's frame.
const MAX_HEADER: usize = 14;

/// The first byte says how the others, which are a stream, are cut.
///
/// # Panics
/// The stream means something else to tungstenite, or if it is cut, or the decoder holds more
/// than one message.
pub fn check(input: &[u8]) {
    let Some((seed, stream)) = input.split_first() else {
        return;
    };
    let whole = ours([stream]);
    agree(stream, &whole);
    assert_eq!(ours(stream.chunks(1)), whole, "byte by byte");
    assert_eq!(ours(cut(stream, *seed)), whole, "in pieces");
}

/// What was received before the fault, if there was one. Nothing is looked at after a close frame.
#[derive(Debug, PartialEq)]
struct Outcome {
    received: Vec<Received>,
    fault: Option<CloseReason>,
    unfinished: bool,
}

fn ours<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut decoder = Decoder::new(MAX_MESSAGE, MAX_FRAGMENTS);
    let mut received = Vec::new();
    for piece in pieces {
        let mut closed = false;
        let fed = decoder.feed(&mut piece.to_vec(), |next| {
            if !closed {
                closed = matches!(next, Received::Close(_));
                received.push(next);
            }
        });
        assert!(
            decoder.held() < MAX_MESSAGE + MAX_HEADER,
            "{} bytes are held",
            decoder.held()
        );
        if closed || fed.is_err() {
            return Outcome {
                received,
                // What follows a close frame is ignored, right or wrong.
                fault: fed.err().filter(|_| !closed),
                unfinished: false,
            };
        }
    }
    Outcome {
        received,
        fault: None,
        unfinished: decoder.is_unfinished(),
    }
}

/// Pieces whose lengths follow from the seed.
fn cut(mut stream: &[u8], seed: u8) -> Vec<&[u8]> {
    let mut random = fastrand::Rng::with_seed(seed.into());
    let mut pieces = Vec::new();
    while !stream.is_empty() {
        let most = 2 << random.u32(..8);
        let length = random.usize(..most).min(stream.len());
        let (piece, rest) = stream.split_at(length);
        pieces.push(piece);
        stream = rest;
    }
    pieces
}

/// What tungstenite finds. A frame that is too long is told apart from a message that is, because
/// it is found before anything else in its header.
#[derive(Debug, PartialEq)]
enum Fault {
    Is(CloseReason),
    FrameTooLong,
}

/// A stream whose end has not come yet.
struct Stream<'a>(&'a [u8]);

impl Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            count => Ok(count),
        }
    }
}

impl Write for Stream<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn theirs(stream: &[u8]) -> (Vec<Received>, Option<Fault>) {
    let config = WebSocketConfig::default()
        .read_buffer_size(4096)
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_FRAME));
    let mut context = WebSocketContext::new(Role::Server, Some(config));
    let mut stream = Stream(stream);
    let mut received = Vec::new();
    let fault = loop {
        match context.read(&mut stream) {
            Ok(Message::Text(text)) => {
                received.push(Received::Message(Whole::Text(text.to_string())));
            }
            Ok(Message::Binary(bytes)) => received.push(Received::Message(Whole::Binary(bytes))),
            Ok(Message::Ping(payload)) => received.push(Received::Ping(payload)),
            Ok(Message::Pong(_)) => received.push(Received::Pong),
            Ok(Message::Close(Some(close))) if close.reason == "Protocol violation" => {
                // Its way to say that the code was not allowed.
                break Some(Fault::Is(CloseReason::Protocol));
            }
            Ok(Message::Close(close)) => {
                received.push(Received::Close(close.map(|close| close.code.into())));
                break None;
            }
            Ok(Message::Frame(_)) => unreachable!("only for writing"),
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => break None,
            Err(Error::Protocol(_)) => break Some(Fault::Is(CloseReason::Protocol)),
            Err(Error::Utf8(_)) => break Some(Fault::Is(CloseReason::NotUtf8)),
            Err(Error::Capacity(CapacityError::MessageTooLong { size, max_size })) => {
                let is_frame = max_size == MAX_FRAME && size > MAX_FRAME;
                break Some(match is_frame {
                    true => Fault::FrameTooLong,
                    false => Fault::Is(CloseReason::TooBig),
                });
            }
            Err(error) => panic!("tungstenite: {error}"),
        }
    };
    (received, fault)
}

/// Whether a message of the stream has more frames than are allowed.
fn has_too_many_fragments(mut stream: &[u8]) -> bool {
    let mut count = 0;
    let mut cursor = Cursor::new(stream);
    while let Ok(Some((header, length))) = FrameHeader::parse(&mut cursor) {
        if let OpCode::Data(_) = header.opcode {
            count += 1;
            if count > MAX_FRAGMENTS {
                return true;
            }
            if header.is_final {
                count = 0;
            }
        }
        let end = cursor.position().saturating_add(length);
        let next = usize::try_from(end).ok().and_then(|end| stream.get(end..));
        let Some(next) = next else { break };
        stream = next;
        cursor = Cursor::new(stream);
    }
    false
}

/// Both decoders agree, except where they differ on purpose:
/// - ours judges a frame by its header, and text as it comes, theirs when all of the frame is there;
/// - theirs measures a frame before it looks at the rest of its header, so what is both too long
///   and wrong is `Protocol` to ours;
/// - theirs does not limit the number of fragments.
fn agree(stream: &[u8], ours: &Outcome) {
    let (received, fault) = theirs(stream);
    match (ours.fault, fault) {
        (Some(CloseReason::TooBig), _) if has_too_many_fragments(stream) => {
            assert!(received.starts_with(&ours.received));
        }
        (Some(reason), Some(Fault::FrameTooLong)) => {
            assert_eq!(ours.received, received);
            assert!(matches!(
                reason,
                CloseReason::TooBig | CloseReason::Protocol
            ));
        }
        (Some(reason), None) => {
            // Theirs waits for the rest of the frame: give it one.
            let mut whole = stream.to_vec();
            whole.resize(whole.len() + MAX_FRAME, 0);
            let (received, fault) = theirs(&whole);
            assert_eq!(ours.received, received);
            assert_eq!(fault, Some(Fault::Is(reason)));
        }
        (ours_fault, fault) => {
            assert_eq!(ours.received, received);
            assert_eq!(ours_fault.map(Fault::Is), fault);
        }
    }
}
