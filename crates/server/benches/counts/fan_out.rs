//! Frames, outboxes and channels, without a runtime and without sockets of the system.

use std::hint::black_box;
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tablecast::OutboxLimits;
use tablecast::channel::Channel;
use tablecast::codec::{Decoder, Frame};
use tablecast::outbox::{Outbox, Socket};

use crate::repeat;

/// 32 bytes.
pub(crate) const TEXT: &str = "a message of exactly 32 bytes ok";

/// Takes everything, or nothing while it is full.
#[derive(Clone, Default)]
struct Sink {
    full: Arc<AtomicBool>,
}

impl Socket for Sink {
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.full.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(slices.iter().map(|slice| slice.len()).sum())
    }
}

fn outbox(sink: Sink) -> Arc<Outbox> {
    let outbox = Outbox::new(OutboxLimits::default());
    outbox.attach(Box::new(sink));
    Arc::new(outbox)
}

/// A client's frame with a text of less than 64 KiB.
pub(crate) fn masked(text: &str) -> Vec<u8> {
    let length = text.len();
    let mut frame = vec![0x81];
    match u8::try_from(length) {
        Ok(short @ 0..=125) => frame.push(0x80 | short),
        _ => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
        }
    }
    let mask = [0x12, 0x34, 0x56, 0x78];
    frame.extend_from_slice(&mask);
    frame.extend(
        text.bytes()
            .zip(mask.into_iter().cycle())
            .map(|(b, m)| b ^ m),
    );
    frame
}

/// A text of this many bytes is read. All of it ASCII: in other texts the standard library's check of
/// UTF-8 costs so much that nothing of ours would be seen beside it.
pub(crate) fn decode(bytes: usize) -> usize {
    const TIMES: usize = 100;
    let text = TEXT.repeat(bytes / TEXT.len());
    let frame = masked(&text);
    let mut decoder = Decoder::new(16 * 1024, 64);
    // Decoding unmasks in place, so each time needs bytes of its own.
    let mut inputs = vec![frame; 1 + TIMES].into_iter();
    repeat(TIMES, || {
        let mut input = inputs.next().unwrap();
        let mut texts = 0;
        let fed = decoder.feed(&mut input, |received| {
            texts += 1;
            black_box(received);
        });
        assert!(fed.is_ok() && texts == 1);
    })
}

pub(crate) fn encode() -> usize {
    repeat(100, || {
        black_box(Frame::text(black_box(TEXT)));
    })
}

/// One frame to every member, all of whose sockets take it.
pub(crate) fn broadcast(members: usize) -> usize {
    let channel = Channel::new();
    let seats: Vec<_> = (0..members)
        .map(|_| channel.join(outbox(Sink::default())))
        .collect();
    let frame = Frame::text(TEXT);
    let times = repeat(20, || {
        assert_eq!(channel.broadcast(black_box(&frame).clone()), members);
    });
    drop(seats);
    times
}

/// 64 frames wait for a socket that takes nothing, and are written when it does.
pub(crate) fn full_socket() -> usize {
    let sink = Sink::default();
    let outbox = outbox(sink.clone());
    let frame = Frame::text(TEXT);
    let times = repeat(20, || {
        sink.full.store(true, Ordering::Relaxed);
        for _ in 0..64 {
            outbox.send(black_box(&frame)).unwrap();
        }
        sink.full.store(false, Ordering::Relaxed);
        outbox.writable();
    });
    assert_eq!(outbox.queued_bytes(), 0);
    times
}
