//! Our decoder and `tungstenite`'s, given the same bytes, and whether they agree.

use std::io::{self, Read, Write};

use proptest::prelude::*;
use tablecast::codec::{Decoder, Message as Whole, Received};
use tablecast::core::CloseReason;
use tungstenite::Message;
use tungstenite::error::{CapacityError, Error};
use tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};

/// The largest message in these tests.
pub(crate) const MAX_MESSAGE: usize = 4096;

/// The most frames of a message in these tests.
pub(crate) const MAX_FRAGMENTS: usize = 64;

/// Longer frames are refused by `tungstenite` by their header alone.
pub(crate) const MAX_FRAME: usize = 64 * 1024;

/// All that was received before the fault, if there was one. Nothing is looked at
/// after a close frame.
#[derive(Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) received: Vec<Received>,
    pub(crate) fault: Option<CloseReason>,
    unfinished: bool,
}

impl Outcome {
    fn is_over(&self) -> bool {
        self.fault.is_some() || matches!(self.received.last(), Some(Received::Close(_)))
    }
}

/// Our decoder, given these pieces one after another.
pub(crate) fn ours<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut decoder = Decoder::new(MAX_MESSAGE, MAX_FRAGMENTS);
    let mut outcome = Outcome {
        received: Vec::new(),
        fault: None,
        unfinished: false,
    };
    for piece in pieces {
        let mut closed = false;
        let fed = decoder.feed(&mut piece.to_vec(), |received| {
            if !closed {
                closed = matches!(received, Received::Close(_));
                outcome.received.push(received);
            }
        });
        // What follows a close frame is ignored, right or wrong.
        if !closed {
            outcome.fault = fed.err();
        }
        if outcome.is_over() {
            return outcome;
        }
    }
    outcome.unfinished = decoder.is_unfinished();
    outcome
}

pub(crate) struct Input<'a>(pub(crate) &'a [u8]);

impl Read for Input<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            count => Ok(count),
        }
    }
}

impl Write for Input<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a fault is to `tungstenite`. A frame that is too long is told apart from a
/// message that is, because it is found before anything else in its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Is(CloseReason),
    FrameTooLong,
}

/// `tungstenite`, given all at once.
fn theirs(bytes: &[u8]) -> (Vec<Received>, Option<Fault>) {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_FRAME));
    let mut context = WebSocketContext::new(Role::Server, Some(config));
    let mut input = Input(bytes);
    let mut received = Vec::new();
    let fault = loop {
        match context.read(&mut input) {
            Ok(Message::Text(text)) => received.push(text_message(text.to_string())),
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
                break Some(if is_frame {
                    Fault::FrameTooLong
                } else {
                    Fault::Is(CloseReason::TooBig)
                });
            }
            Err(error) => panic!("tungstenite: {error}"),
        }
    };
    (received, fault)
}

pub(crate) fn text_message(text: String) -> Received {
    Received::Message(Whole::Text(text))
}

/// Both decoders agree, except where they differ on purpose:
/// - ours judges a frame by its header and its text as it comes, theirs when all of it is
///   there;
/// - theirs measures a frame before it looks at the rest of its header, so what
///   is both too long and wrong is `Protocol` to ours.
pub(crate) fn agree(bytes: &[u8], ours: &Outcome) -> Result<(), TestCaseError> {
    let (received, fault) = theirs(bytes);
    match (ours.fault, fault) {
        (Some(reason), Some(Fault::FrameTooLong)) => {
            prop_assert_eq!(&ours.received, &received);
            prop_assert!(matches!(
                reason,
                CloseReason::TooBig | CloseReason::Protocol
            ));
        }
        (Some(reason), None) => {
            // Theirs waits for the rest of the frame: give it one.
            let mut whole = bytes.to_vec();
            whole.resize(whole.len() + MAX_FRAME, 0);
            let (received, fault) = theirs(&whole);
            prop_assert_eq!(&ours.received, &received);
            prop_assert_eq!(fault, Some(Fault::Is(reason)));
        }
        (ours_fault, fault) => {
            prop_assert_eq!(&ours.received, &received);
            prop_assert_eq!(ours_fault.map(Fault::Is), fault);
        }
    }
    Ok(())
}
