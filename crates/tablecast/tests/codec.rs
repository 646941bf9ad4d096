//! The codec against `tungstenite`'s, on bytes nobody would think of, and a table
//! of what clients do wrong.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod codec {
    pub(crate) mod decoders;
}

use std::io::{self, Write};

use codec::decoders::{Input, MAX_FRAGMENTS, MAX_MESSAGE, Outcome, agree, ours, text_message};
use proptest::collection::vec;
use proptest::prelude::*;
use tablecast::codec::{Decoder, Frame, Frames, Received};
use tablecast::core::CloseReason;
use tablecast_testing::client::{
    BINARY, CLOSE, CONTINUES, ENDS, PING, PONG, TEXT, TEXT_BEGINS, frame,
};
use tungstenite::Message;
use tungstenite::error::Error;
use tungstenite::protocol::{Role, WebSocketContext};

/// One frame with any header and a payload of the length it says, mostly.
fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let first = prop_oneof![
        8 => prop::sample::select(vec![TEXT, BINARY, TEXT_BEGINS, CONTINUES, ENDS, PING, PONG]),
        1 => Just(CLOSE),
        1 => any::<u8>(),
    ];
    let text = prop_oneof![
        4 => "\\PC{0,40}".prop_map(String::into_bytes),
        2 => vec(any::<u8>(), 0..200),
        1 => (0..2 * MAX_MESSAGE).prop_map(|length| vec![b'x'; length]),
    ];
    let close = (any::<u16>(), "\\PC{0,20}")
        .prop_map(|(code, text)| [&code.to_be_bytes()[..], text.as_bytes()].concat());
    let close = prop_oneof![
        3 => close,
        1 => (990_u16..1020).prop_map(|code| code.to_be_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..4)
    ];
    let frames = (first, text, close)
        .prop_map(|(first, text, close)| frame(first, if first == CLOSE { &close } else { &text }));
    // A length that is longer than need be, which the standard forbids and both
    // let pass, or that nobody can mean.
    let odd = (any::<u8>(), any::<bool>(), any::<u64>(), 0..64_u32).prop_map(
        |(first, masked, length, shift)| {
            let mut bytes = vec![first, if masked { 0xFF } else { 0x7F }];
            bytes.extend_from_slice(&(length >> shift).to_be_bytes());
            bytes.extend_from_slice(&[0; 40]);
            bytes
        },
    );
    prop_oneof![30 => frames, 1 => odd]
}

/// Frames one after another, some of them damaged, or no frames at all.
fn any_stream() -> impl Strategy<Value = Vec<u8>> {
    let frames = vec(any_frame(), 0..12)
        .prop_map(|frames| frames.concat())
        .boxed();
    let damage = vec((any::<prop::sample::Index>(), any::<u8>()), 0..3);
    let damaged = (frames.clone(), damage).prop_map(|(mut bytes, damage)| {
        for (at, value) in damage {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
        }
        bytes
    });
    prop_oneof![4 => frames, 3 => damaged, 1 => vec(any::<u8>(), 0..300)]
}

/// The pieces of a stream that is cut at these places.
fn cut<'a>(bytes: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    at.extend([0, bytes.len()]);
    at.sort_unstable();
    at.windows(2).map(|two| &bytes[two[0]..two[1]]).collect()
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 500,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_bytes_mean_the_same_as_to_tungstenite_however_they_are_cut(
        bytes in any_stream(),
        cuts in vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let whole = ours([&bytes[..]]);
        agree(&bytes, &whole)?;
        let pieces = ours(cut(&bytes, &cuts));
        prop_assert_eq!(&pieces, &whole);
    }

}

/// Text, mostly with a fault somewhere.
fn perhaps_text() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        6 => "\\PC{0,12}".prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 0..3),
        // Characters that are cut, too long for what they say, or of no text.
        2 => prop::sample::select(vec![
            &b"\xE2\x82"[..], b"\xF0\x9F\x98", b"\xC0\x80", b"\xE0\x9F\xBF", b"\xED\xA0\x80", b"\xF4\x90",
        ])
        .prop_map(<[u8]>::to_vec),
    ];
    vec(part, 0..6).prop_map(|parts| parts.concat())
}

/// After how many of these bytes it is certain that no text begins with them.
fn certain_after(bytes: &[u8]) -> Option<usize> {
    let is_wrong = |length: &usize| match std::str::from_utf8(&bytes[..*length]) {
        Ok(_) => false,
        Err(error) => error.error_len().is_some(),
    };
    (1..=bytes.len()).find(is_wrong)
}

proptest! {
    #![proptest_config(config())]

    /// Hostile input 44.
    #[test]
    fn what_is_no_text_is_refused_at_the_byte_that_makes_it_so_however_it_is_cut(
        bytes in perhaps_text(),
        fragments in vec(any::<prop::sample::Index>(), 0..4),
        cuts in vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let fragments = cut(&bytes, &fragments);
        let certain = certain_after(&bytes);
        let mut stream = Vec::new();
        // Where the byte is in the stream that makes it wrong; at the end one may be missing.
        let mut fault_at = None;
        let mut before = 0;
        for (number, payload) in fragments.iter().enumerate() {
            let kind = if number == 0 { TEXT_BEGINS } else { CONTINUES };
            let is_last = number + 1 == fragments.len();
            stream.extend(frame(kind | if is_last { 0x80 } else { 0 }, payload));
            before += payload.len();
            if fault_at.is_none() && certain.is_some_and(|certain| certain <= before) {
                fault_at = certain.map(|certain| stream.len() - (before - certain));
            }
        }
        if fault_at.is_none() && std::str::from_utf8(&bytes).is_err() {
            fault_at = Some(stream.len());
        }
        for pieces in [cut(&stream, &cuts), stream.chunks(1).collect()] {
            let mut decoder = Decoder::new(MAX_MESSAGE, MAX_FRAGMENTS);
            let mut received = Vec::new();
            let mut fed = 0;
            let refused = pieces.iter().find_map(|piece| {
                fed += piece.len();
                let fed_now = decoder.feed(&mut piece.to_vec(), |item| received.push(item));
                fed_now.err().map(|reason| (reason, fed - piece.len()..fed))
            });
            match fault_at {
                None => {
                    prop_assert_eq!(refused, None);
                    let text = String::from_utf8(bytes.clone()).unwrap();
                    prop_assert_eq!(received, [text_message(text)]);
                }
                Some(at) => {
                    let (reason, piece) = refused.unwrap();
                    prop_assert_eq!(reason, CloseReason::NotUtf8);
                    prop_assert!(piece.contains(&(at - 1)), "byte {} in {:?}", at, piece);
                    prop_assert_eq!(received, []);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 100,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_is_encoded_is_what_a_client_reads(
        texts in vec("\\PC{0,300}", 1..10),
        long in 0..3_usize,
        binary in vec(any::<u8>(), 0..300),
    ) {
        let mut frames = Frames::default();
        let mut texts = texts;
        texts.push("x".repeat([125, 126, 65_536][long]));
        for text in &texts {
            frames.text(text);
        }
        let bytes = frames.finish();
        let single: usize = texts.iter().map(|text| Frame::text(text).len()).sum();
        prop_assert_eq!(bytes.len(), single, "several in one are as long as each alone");

        let mut context = WebSocketContext::new(Role::Client, None);
        let bytes = [wire(&bytes), wire(&Frame::binary(&binary))].concat();
        let mut input = Input(&bytes);
        for text in &texts {
            match context.read(&mut input) {
                Ok(Message::Text(read)) => prop_assert_eq!(read.as_str(), text),
                other => prop_assert!(false, "{:?}", other),
            }
        }
        match context.read(&mut input) {
            Ok(Message::Binary(read)) => prop_assert_eq!(read, binary),
            other => prop_assert!(false, "{:?}", other),
        }
        let no_more = matches!(context.read(&mut input), Err(Error::Io(_)));
        prop_assert!(no_more);
    }
}

/// What goes over the wire for a frame: written to a socket that takes all.
fn wire(frame: &Frame) -> Vec<u8> {
    use std::io::IoSlice;
    use std::sync::{Arc, Mutex};
    use tablecast::config::OutboxLimits;
    use tablecast::outbox::{Outbox, Socket};

    struct Sink(Arc<Mutex<Vec<u8>>>);
    impl Socket for Sink {
        fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
            self.0.lock().unwrap().write_vectored(slices)
        }
    }

    let written = Arc::new(Mutex::new(Vec::new()));
    let outbox = Outbox::new(OutboxLimits::default());
    outbox.attach(Box::new(Sink(written.clone())));
    outbox.send(frame).unwrap();
    written.lock().unwrap().clone()
}

/// What becomes of these frames: given at once and byte by byte, which must not
/// differ (hostile input 52).
fn given(frames: &[Vec<u8>]) -> Outcome {
    let bytes = frames.concat();
    let whole = ours([&bytes[..]]);
    assert_eq!(ours(bytes.chunks(1)), whole, "byte by byte");
    whole
}

fn fault(frames: &[Vec<u8>]) -> Option<CloseReason> {
    given(frames).fault
}

/// A frame whose header only is sent.
fn header(first: u8, length: u64) -> Vec<u8> {
    let mut bytes = vec![first, 0xFF];
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes
}

/// Each case begins with the number of its hostile input.
#[test]
fn what_is_no_frame_is_a_protocol_error() {
    let unmasked = vec![TEXT, 2, b'h', b'i'];
    let cases: Vec<(&str, Vec<Vec<u8>>)> = vec![
        ("33 unmasked", vec![unmasked]),
        ("34 reserved bit 1", vec![frame(TEXT | 0x40, b"x")]),
        ("34 reserved bit 2", vec![frame(TEXT | 0x20, b"x")]),
        ("34 reserved bit 3", vec![frame(PING | 0x10, b"x")]),
        ("35 reserved data opcode", vec![frame(0x83, b"x")]),
        ("35 reserved control opcode", vec![frame(0x8B, b"")]),
        ("37 ping of 126 bytes", vec![frame(PING, &[0; 126])]),
        ("37 close of 126 bytes", vec![frame(CLOSE, &[0; 126])]),
        ("38 fragmented ping", vec![frame(0x09, b"x")]),
        ("39 stray continuation", vec![frame(ENDS, b"x")]),
        (
            "39 stray unfinished continuation",
            vec![frame(CONTINUES, b"x")],
        ),
        (
            "40 text inside a message",
            vec![frame(TEXT_BEGINS, b"x"), frame(TEXT, b"y")],
        ),
        (
            "40 binary inside a message",
            vec![frame(TEXT_BEGINS, b"x"), frame(BINARY, b"y")],
        ),
    ];
    for (name, frames) in cases {
        assert_eq!(fault(&frames), Some(CloseReason::Protocol), "{name}");
    }
}

/// Hostile input 36.
#[test]
fn what_is_too_long_is_refused_by_its_header_alone() {
    for length in [1 << 63, u64::MAX, (1 << 32) + 1, MAX_MESSAGE as u64 + 1] {
        for first in [TEXT, BINARY, TEXT_BEGINS] {
            assert_eq!(
                fault(&[header(first, length)]),
                Some(CloseReason::TooBig),
                "{length}"
            );
        }
        // Hostile input 36 inside a message: before + length must not overflow either.
        let begun = frame(TEXT_BEGINS, &[b'x'; 100]);
        assert_eq!(
            fault(&[begun, header(ENDS, length)]),
            Some(CloseReason::TooBig),
            "{length}"
        );
    }
}

/// Hostile input 50.
#[test]
fn a_message_is_bounded_as_a_whole_and_in_fragments() {
    let full = vec![b'x'; MAX_MESSAGE];
    assert_eq!(fault(&[frame(TEXT, &full)]), None);
    assert_eq!(
        fault(&[frame(TEXT, &[&full[..], b"x"].concat())]),
        Some(CloseReason::TooBig)
    );
    let (half, rest) = full.split_at(MAX_MESSAGE / 2);
    assert_eq!(fault(&[frame(TEXT_BEGINS, half), frame(ENDS, rest)]), None);
    let more = [rest, b"x"].concat();
    assert_eq!(
        fault(&[frame(TEXT_BEGINS, half), frame(ENDS, &more)]),
        Some(CloseReason::TooBig)
    );
}

/// Hostile inputs 41 and 42.
#[test]
fn fragments_are_bounded_even_if_they_hold_nothing() {
    for payload in [&b""[..], b"x"] {
        let mut frames = vec![frame(TEXT_BEGINS, payload)];
        frames.resize(MAX_FRAGMENTS - 1, frame(CONTINUES, payload));
        frames.push(frame(ENDS, payload));
        let text = String::from_utf8(payload.repeat(MAX_FRAGMENTS)).unwrap();
        assert_eq!(given(&frames).received, [text_message(text)]);

        frames.insert(1, frame(CONTINUES, payload));
        assert_eq!(fault(&frames), Some(CloseReason::TooBig));
        // It does not get as far as the end of them.
        let flood = [
            vec![frame(TEXT_BEGINS, payload)],
            vec![frame(CONTINUES, payload); 70],
        ];
        assert_eq!(fault(&flood.concat()), Some(CloseReason::TooBig));
    }
}

/// Hostile input 44.
#[test]
fn text_is_utf8_wherever_it_is_cut() {
    let text = "김치찌개 👨‍👩‍👧‍👦".as_bytes();
    let whole = [text_message(String::from_utf8(text.to_vec()).unwrap())];
    for at in 0..=text.len() {
        let (one, two) = text.split_at(at);
        assert_eq!(
            given(&[frame(TEXT_BEGINS, one), frame(ENDS, two)]).received,
            whole
        );
    }
    for bad in [
        &[0xFF][..],
        &[0xC0, 0x80],
        &[0xED, 0xA0, 0x80],
        &[0xF4, 0x90, 0x80, 0x80],
        &[0xE2, 0x82],
    ] {
        assert_eq!(
            fault(&[frame(TEXT, bad)]),
            Some(CloseReason::NotUtf8),
            "{bad:?}"
        );
        let (one, two) = bad.split_at(1);
        let two = frame(ENDS, two);
        assert_eq!(
            fault(&[frame(TEXT_BEGINS, one), two]),
            Some(CloseReason::NotUtf8),
            "{bad:?}"
        );
        assert_eq!(fault(&[frame(BINARY, bad)]), None, "binary may be anything");
    }
}

/// Hostile input 45.
#[test]
fn a_close_frame_is_as_the_standard_says() {
    let close = |code: u16| frame(CLOSE, &code.to_be_bytes());
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, u16::MAX] {
        assert_eq!(fault(&[close(code)]), Some(CloseReason::Protocol), "{code}");
    }
    for code in [1000, 1001, 1002, 1003, 1007, 1009, 1011, 3000, 4000, 4999] {
        assert_eq!(
            given(&[close(code)]).received,
            [Received::Close(Some(code))]
        );
    }
    assert_eq!(
        given(&[frame(CLOSE, b"")]).received,
        [Received::Close(None)]
    );
    assert_eq!(fault(&[frame(CLOSE, b"x")]), Some(CloseReason::Protocol));
    assert_eq!(
        fault(&[frame(CLOSE, &[3, 0xE8, 0xFF])]),
        Some(CloseReason::NotUtf8)
    );
}

#[test]
fn control_frames_between_fragments_do_not_disturb_the_message() {
    let frames = [
        frame(TEXT_BEGINS, b"a"),
        frame(PING, b"p"),
        frame(CONTINUES, b"b"),
        frame(PONG, b""),
        frame(ENDS, b"c"),
    ];
    let received = given(&frames).received;
    let ping = Received::Ping(b"p".to_vec().into());
    assert_eq!(received, [ping, Received::Pong, text_message("abc".into())]);
}

/// Hostile input 46.
#[test]
fn what_follows_a_close_frame_does_not_undo_it() {
    let frames = [
        frame(CLOSE, &1000_u16.to_be_bytes()),
        frame(TEXT, b"x"),
        vec![0xFF; 100],
    ];
    let outcome = ours([&frames.concat()[..]]);
    assert_eq!(outcome.received, [Received::Close(Some(1000))]);
    assert_eq!(outcome.fault, None);
}

/// So that a connection can be read to its end without taking its bytes for frames.
#[test]
fn after_a_fault_nothing_is_understood_any_more() {
    let mut decoder = Decoder::new(MAX_MESSAGE, MAX_FRAGMENTS);
    let mut feed = |bytes: Vec<u8>| {
        let mut count = 0;
        let fed = decoder.feed(&mut bytes.clone(), |_| count += 1);
        (fed, count)
    };
    let too_big = header(TEXT, MAX_MESSAGE as u64 + 1);
    assert_eq!(feed(too_big), (Err(CloseReason::TooBig), 0));
    for bytes in [frame(TEXT, b"x"), vec![0xFF; 100]] {
        assert_eq!(feed(bytes), (Ok(()), 0));
    }
}

#[test]
fn only_what_is_unfinished_is_kept() {
    let mut decoder = Decoder::new(MAX_MESSAGE, MAX_FRAGMENTS);
    let mut feed = |bytes: &[u8]| {
        decoder.feed(&mut bytes.to_vec(), |_| {}).unwrap();
        decoder.is_unfinished()
    };
    let text = frame(TEXT, b"hello");
    assert!(!feed(&text));
    assert!(feed(&text[..3]));
    assert!(!feed(&text[3..]));
    assert!(feed(&frame(TEXT_BEGINS, b"a")));
    assert!(feed(&frame(PING, b"")));
    assert!(!feed(&frame(ENDS, b"a")));
}
