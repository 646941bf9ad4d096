//! Channel and outbox under schedules that chance would seldom find:
//! `cargo test -p tablecast --features shuttle --test interleavings`. Without the
//! feature there is nothing here, since shuttle's locks work nowhere else.
#![cfg(feature = "shuttle")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::Mutex;
use shuttle::thread;
use tablecast::channel::Channel;
use tablecast::codec::Frame;
use tablecast::config::{ConnectionConfig, OutboxLimits};
use tablecast::connection::Connection;
use tablecast::core::CloseReason;
use tablecast::outbox::{Outbox, Socket};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Schedules tried by each test.
const SCHEDULES: usize = 1500;

/// The first byte of a close frame.
const CLOSE: u8 = 0x88;

/// A socket with more room than this takes everything at once.
const PLENTY: usize = usize::MAX / 2;

/// A socket that takes as much as the test gives it room for, in pieces of any
/// size, or breaks.
#[derive(Default)]
struct Wire {
    taken: Vec<u8>,
    room: usize,
    broken: bool,
    waker: Option<Waker>,
}

#[derive(Clone, Default)]
struct Fake(Arc<Mutex<Wire>>);

impl Fake {
    fn with_room(room: usize) -> Fake {
        let fake = Fake::default();
        fake.give(room);
        fake
    }

    fn give(&self, room: usize) {
        let mut wire = self.0.lock().unwrap();
        wire.room = wire.room.saturating_add(room);
        if let Some(waker) = wire.waker.take() {
            waker.wake();
        }
    }

    fn break_it(&self) {
        self.0.lock().unwrap().broken = true;
    }

    fn write(&self, bytes: &[u8], waker: Option<&Waker>) -> io::Result<usize> {
        let mut wire = self.0.lock().unwrap();
        if wire.broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let fits = bytes.len().min(wire.room);
        if fits == 0 {
            wire.waker = waker.cloned();
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = if wire.room > PLENTY {
            fits
        } else {
            thread_rng().gen_range(1..=fits)
        };
        wire.room -= count;
        wire.taken.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    /// The whole frames that were written, and whether part of another one was.
    fn frames(&self) -> (Vec<Vec<u8>>, bool) {
        let taken = self.0.lock().unwrap().taken.clone();
        let (mut frames, mut rest) = (Vec::new(), &taken[..]);
        // Frames of these tests are shorter than 126 bytes.
        while let [_, length, ..] = *rest {
            let end = 2 + usize::from(length);
            if rest.len() < end {
                break;
            }
            frames.push(rest[2..end].to_vec());
            if rest[0] == CLOSE {
                assert_eq!(rest.len(), end, "nothing follows the close frame");
                let last = frames.last_mut().unwrap();
                last.splice(..0, *b"close ");
            }
            rest = &rest[end..];
        }
        (frames, !rest.is_empty())
    }

    /// The texts that were written, whole, without the close frame.
    fn texts(&self) -> Vec<String> {
        let (frames, partial) = self.frames();
        assert!(!partial, "only whole frames");
        let texts = frames
            .into_iter()
            .map(|frame| String::from_utf8_lossy(&frame).into_owned());
        texts.filter(|text| !text.starts_with("close ")).collect()
    }
}

impl Socket for Fake {
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let bytes: Vec<u8> = slices
            .iter()
            .flat_map(|slice| slice.iter().copied())
            .collect();
        self.write(&bytes, None)
    }
}

fn outbox(fake: &Fake, limits: OutboxLimits) -> Arc<Outbox> {
    let outbox = Arc::new(Outbox::new(limits));
    outbox.attach(Box::new(fake.clone()));
    outbox
}

fn limits(bytes: usize) -> OutboxLimits {
    OutboxLimits {
        bytes,
        ..OutboxLimits::default()
    }
}

fn explore(test: impl Fn() + Send + Sync + 'static) {
    shuttle::check_random(test, SCHEDULES);
}

/// Where `part` lies in `all`, without a gap.
fn is_window(part: &[String], all: &[String]) -> bool {
    part.is_empty() || all.windows(part.len()).any(|window| window == part)
}

#[test]
fn nobody_is_lost_or_doubled_and_all_see_the_same_order() {
    explore(|| {
        let channel = Channel::new();
        let plenty = OutboxLimits::default();
        let witness = Fake::with_room(usize::MAX);
        let _witness = channel.join(outbox(&witness, plenty));
        let speakers: Vec<_> = (0..2)
            .map(|speaker| {
                let channel = channel.clone();
                thread::spawn(move || {
                    for number in 0..3 {
                        let reached =
                            channel.broadcast(Frame::text(&format!("{speaker}-{number}")));
                        assert!((1..=4).contains(&reached), "{reached}");
                    }
                })
            })
            .collect();
        let stays: Vec<_> = (0..2)
            .map(|_| {
                let channel = channel.clone();
                thread::spawn(move || {
                    // Full at once, so that most of it goes through the queue.
                    let fake = Fake::with_room(7);
                    let outbox = outbox(&fake, plenty);
                    let seat = channel.join(outbox.clone());
                    for _ in 0..6 {
                        fake.give(4);
                        outbox.writable();
                    }
                    (fake, outbox, seat)
                })
            })
            .collect();
        let leaves = {
            let channel = channel.clone();
            thread::spawn(move || {
                let fake = Fake::with_room(usize::MAX);
                let seat = channel.join(outbox(&fake, plenty));
                thread::yield_now();
                drop(seat);
                fake
            })
        };
        for speaker in speakers {
            speaker.join().unwrap();
        }
        let stays: Vec<_> = stays.into_iter().map(|one| one.join().unwrap()).collect();
        let left = leaves.join().unwrap();

        let all = witness.texts();
        assert_eq!(all.len(), 6, "each message once");
        for speaker in ["0-", "1-"] {
            let said: Vec<_> = all
                .iter()
                .filter(|text| text.starts_with(speaker))
                .collect();
            assert!(said.is_sorted(), "each speaker's words in order: {all:?}");
        }
        for (fake, outbox, _) in &stays {
            fake.give(1000);
            while outbox.queued_bytes() > 0 {
                outbox.writable();
            }
            assert!(
                all.ends_with(&fake.texts()),
                "{:?} of {all:?}",
                fake.texts()
            );
        }
        assert!(
            is_window(&left.texts(), &all),
            "{:?} of {all:?}",
            left.texts()
        );
        assert_eq!(channel.len(), 3);
        assert_eq!(channel.broadcast(Frame::text("all")), 3);
        drop(stays);
        assert_eq!(channel.len(), 1);
    });
}

#[test]
fn a_broken_peer_is_thrown_out_and_nobody_else() {
    explore(|| {
        let channel = Channel::new();
        let well: Vec<_> = (0..2)
            .map(|_| {
                let fake = Fake::with_room(usize::MAX);
                let seat = channel.join(outbox(&fake, OutboxLimits::default()));
                (fake, seat)
            })
            .collect();
        let broken = Fake::with_room(usize::MAX);
        let broken_outbox = outbox(&broken, OutboxLimits::default());
        let seat = channel.join(broken_outbox.clone());
        let speaker = {
            let channel = channel.clone();
            thread::spawn(move || {
                for number in 0..4 {
                    channel.broadcast(Frame::text(&format!("{number}")));
                }
            })
        };
        let breaker = {
            let broken = broken.clone();
            thread::spawn(move || broken.break_it())
        };
        // Joins and leaves between a write and what comes of it (defect 28).
        let passer = {
            let channel = channel.clone();
            thread::spawn(move || {
                let fake = Fake::with_room(usize::MAX);
                drop(channel.join(outbox(&fake, OutboxLimits::default())));
                channel.join(outbox(&fake, OutboxLimits::default()))
            })
        };
        speaker.join().unwrap();
        breaker.join().unwrap();
        let passed = passer.join().unwrap();
        channel.broadcast(Frame::text("last"));

        assert_eq!(channel.len(), 3);
        assert_eq!(broken_outbox.close_reason(), Some(CloseReason::Left));
        for (fake, _) in &well {
            assert_eq!(fake.texts(), ["0", "1", "2", "3", "last"]);
        }
        // Leaving after having been thrown out takes nobody else's place.
        drop(seat);
        assert_eq!(channel.len(), 3);
        drop((well, passed));
        assert!(channel.is_empty());
    });
}

#[test]
fn a_slow_peer_is_cut_at_its_bound_after_whole_frames() {
    const BOUND: usize = 20;
    explore(|| {
        let channel = Channel::new();
        let witness = Fake::with_room(usize::MAX);
        let _witness = channel.join(outbox(&witness, OutboxLimits::default()));
        let slow = Fake::with_room(5);
        let slow_outbox = outbox(&slow, limits(BOUND));
        let _seat = channel.join(slow_outbox.clone());
        let speakers: Vec<_> = (0..2)
            .map(|speaker| {
                let (channel, outbox) = (channel.clone(), slow_outbox.clone());
                thread::spawn(move || {
                    for number in 0..4 {
                        channel.broadcast(Frame::text(&format!("{speaker}-{number}")));
                        let close = 2 + 2 + CloseReason::TooSlow.text().len();
                        assert!(outbox.queued_bytes() <= BOUND + close);
                    }
                })
            })
            .collect();
        let reader = {
            let (slow, outbox) = (slow.clone(), slow_outbox.clone());
            thread::spawn(move || {
                for _ in 0..3 {
                    slow.give(3);
                    outbox.writable();
                }
            })
        };
        for speaker in speakers {
            speaker.join().unwrap();
        }
        reader.join().unwrap();

        let all = witness.texts();
        assert_eq!(all.len(), 8, "the others got everything");
        slow.give(1000);
        slow_outbox.writable();
        let (frames, partial) = slow.frames();
        assert!(!partial);
        assert!(
            all.starts_with(&slow.texts()),
            "{:?} of {all:?}",
            slow.texts()
        );
        match slow_outbox.close_reason() {
            // 8 frames of 5 bytes, of which 14 were read and 20 may wait: it is
            // cut, unless it just happened to read in time.
            Some(reason) => {
                assert_eq!(reason, CloseReason::TooSlow);
                let code = CloseReason::TooSlow.code().to_be_bytes();
                let close = [b"close ", &code[..], CloseReason::TooSlow.text().as_bytes()].concat();
                assert_eq!(frames.last(), Some(&close));
                assert_eq!(channel.len(), 1);
            }
            None => assert_eq!(slow.texts(), all),
        }
    });
}

#[test]
fn nothing_follows_a_close_frame_and_the_first_reason_counts() {
    explore(|| {
        let fake = Fake::with_room(9);
        let outbox = outbox(&fake, OutboxLimits::default());
        let senders: Vec<_> = (0..2)
            .map(|_| {
                let outbox = outbox.clone();
                thread::spawn(move || {
                    let first = outbox.send(&Frame::text("one"));
                    let staged = outbox.stage(&Frame::text("two"));
                    outbox.flush();
                    assert!(
                        first.is_ok() || staged == first,
                        "once closed, it stays closed"
                    );
                    usize::from(first.is_ok()) + usize::from(staged.is_ok())
                })
            })
            .collect();
        let closers: Vec<_> = [CloseReason::Expired, CloseReason::TakenOver]
            .into_iter()
            .map(|reason| {
                let outbox = outbox.clone();
                thread::spawn(move || {
                    outbox.close(reason);
                    outbox.close_reason().unwrap()
                })
            })
            .collect();
        let accepted: usize = senders.into_iter().map(|one| one.join().unwrap()).sum();
        let reasons: Vec<_> = closers.into_iter().map(|one| one.join().unwrap()).collect();
        assert_eq!(reasons[0], reasons[1]);
        fake.give(1000);
        outbox.writable();
        // What was accepted goes out, then one close frame, then nothing.
        assert_eq!(fake.texts().len(), accepted);
        let (frames, _) = fake.frames();
        assert_eq!(frames.len(), accepted + 1);
        let code = reasons[0].code().to_be_bytes();
        assert!(frames[accepted].starts_with(&[b"close ", &code[..]].concat()));
    });
}

/// The other end of a stream that is no TCP: it never says anything.
impl AsyncRead for Fake {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

impl AsyncWrite for Fake {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.write(bytes, Some(cx.waker())) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            written => Poll::Ready(written),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// What one thread says to all and to one alone reaches that one in this order,
/// whoever writes the broadcasts that were staged.
#[test]
fn words_for_one_keep_their_place_among_those_for_all() {
    explore(|| {
        let channel = Channel::new();
        let plenty = OutboxLimits::default();
        let (one, other) = (Fake::with_room(usize::MAX), Fake::with_room(usize::MAX));
        let outbox_one = outbox(&one, plenty);
        let seats = [
            channel.join(outbox_one.clone()),
            channel.join(outbox(&other, plenty)),
        ];
        let speakers: Vec<_> = (0..2)
            .map(|speaker| {
                let (channel, outbox_one) = (channel.clone(), outbox_one.clone());
                thread::spawn(move || {
                    channel.stage(Frame::text(&format!("{speaker}-0")));
                    outbox_one
                        .send(&Frame::text(&format!("{speaker}-1")))
                        .unwrap();
                    channel.broadcast_now(Frame::text(&format!("{speaker}-2")));
                    channel.stage(Frame::text(&format!("{speaker}-3")));
                })
            })
            .collect();
        for speaker in speakers {
            speaker.join().unwrap();
        }
        drop(seats);
        let (seen, others) = (one.texts(), other.texts());
        for speaker in 0..2 {
            let own = seen
                .iter()
                .filter(|text| text.starts_with(&speaker.to_string()));
            let expected: Vec<String> = (0..4).map(|word| format!("{speaker}-{word}")).collect();
            assert!(own.eq(&expected), "{seen:?}");
        }
        let for_all = seen.iter().filter(|text| !text.ends_with('1'));
        assert!(for_all.eq(&others), "{seen:?} {others:?}");
    });
}

/// A connection's task must be woken for whatever others put into its outbox, and
/// by a socket that has room again; a wake that is lost is a deadlock to shuttle.
#[test]
fn a_connection_is_woken_for_what_others_send() {
    // Timers want a runtime; their time never comes here.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let handle = runtime.handle().clone();
    explore(move || {
        let config = ConnectionConfig {
            outbox: OutboxLimits {
                bytes: 1000,
                time: Duration::from_secs(3600),
            },
            ..ConnectionConfig::default()
        };
        let in_runtime = handle.enter();
        let channel = Channel::new();
        let fake = Fake::with_room(3);
        let outbox = Arc::new(Outbox::new(config.outbox));
        let seat = channel.join(outbox.clone());
        let mut connection = Connection::stream(fake.clone(), &[], outbox.clone(), config);
        let speakers: Vec<_> = (0..2)
            .map(|speaker| {
                let channel = channel.clone();
                thread::spawn(move || {
                    for number in 0..2 {
                        channel.broadcast_now(Frame::text(&format!("{speaker}-{number}")));
                    }
                })
            })
            .collect();
        let reader = {
            let fake = fake.clone();
            thread::spawn(move || {
                for _ in 0..4 {
                    fake.give(4);
                }
                fake.give(1000);
            })
        };
        let closer = {
            let outbox = outbox.clone();
            thread::spawn(move || {
                for speaker in speakers {
                    speaker.join().unwrap();
                }
                // The task alone writes here, so this waits for its being woken.
                while outbox.queued_bytes() > 0 {
                    thread::yield_now();
                }
                outbox.close(CloseReason::Expired);
            })
        };
        assert_eq!(shuttle::future::block_on(connection.recv()), None);
        closer.join().unwrap();
        reader.join().unwrap();
        assert_eq!(fake.texts().len(), 4);
        drop(seat);
        // Within a runtime its drop would go on in a task, which nobody runs here.
        drop(in_runtime);
        drop(connection);
    });
}
