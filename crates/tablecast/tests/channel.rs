//! What a channel writes, and when, on sockets that only count.
#![cfg(not(feature = "shuttle"))]
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex};

use tablecast::channel::{Channel, Subscription};
use tablecast::codec::Frame;
use tablecast::config::OutboxLimits;
use tablecast::core::CloseReason;
use tablecast::outbox::{Outbox, Socket};
use tablecast_testing::{DEADLINE, until};
use tokio::task::yield_now;

/// Takes everything, and remembers each write.
#[derive(Clone, Default)]
struct Fake(Arc<Mutex<Vec<Vec<u8>>>>);

impl Socket for Fake {
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let bytes: Vec<u8> = slices.iter().flat_map(|s| s.iter().copied()).collect();
        let count = bytes.len();
        self.0.lock().unwrap().push(bytes);
        Ok(count)
    }
}

impl Fake {
    fn writes(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// The short text frames that were written; a close frame as `close`.
    fn texts(&self) -> Vec<String> {
        let all = self.0.lock().unwrap().concat();
        let (mut texts, mut rest) = (Vec::new(), &all[..]);
        while let [first, length, ..] = *rest {
            let end = 2 + usize::from(length);
            let text = String::from_utf8_lossy(&rest[2..end]).into_owned();
            texts.push(if first == 0x88 {
                "close".to_owned()
            } else {
                text
            });
            rest = &rest[end..];
        }
        texts
    }
}

fn outbox(fake: &Fake) -> Arc<Outbox> {
    let outbox = Arc::new(Outbox::new(OutboxLimits::default()));
    outbox.attach(Box::new(fake.clone()));
    outbox
}

fn members(channel: &Arc<Channel>, count: usize) -> (Vec<Fake>, Vec<Subscription>) {
    let fakes: Vec<Fake> = (0..count).map(|_| Fake::default()).collect();
    let seats = fakes
        .iter()
        .map(|fake| channel.join(outbox(fake)))
        .collect();
    (fakes, seats)
}

/// Waits until so many frames were written, or more.
async fn written(fake: &Fake, count: usize) {
    let texts = async || fake.texts();
    until("all is written", texts, |texts| texts.len() >= count).await;
}

/// One worker, since each has turns of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_is_said_in_one_turn_reaches_each_socket_in_one_write() {
    let channel = Channel::new();
    let (fakes, _seats) = members(&channel, 3);
    // The first one makes the task that writes.
    channel.broadcast(Frame::text("zero"));
    written(&fakes[2], 1).await;
    let turn = {
        let channel = channel.clone();
        tokio::spawn(async move {
            for text in ["one", "two", "three"] {
                let channel = channel.clone();
                tokio::spawn(async move { channel.broadcast(Frame::text(text)) });
            }
        })
    };
    turn.await.unwrap();
    written(&fakes[2], 4).await;
    for fake in fakes {
        let mut texts = fake.texts();
        texts.sort();
        assert_eq!(texts, ["one", "three", "two", "zero"]);
        assert_eq!(fake.writes(), 2);
    }
}

#[test]
fn a_connection_that_has_ended_is_thrown_out_by_the_next_broadcast() {
    let channel = Channel::new();
    let (fakes, _seats) = members(&channel, 2);
    let ended = outbox(&Fake::default());
    let _seat = channel.join(ended.clone());
    ended.close(CloseReason::Left);
    channel.broadcast(Frame::text("all"));
    assert_eq!(channel.len(), 2);
    assert!(fakes.iter().all(|fake| fake.texts() == ["all"]));
}

#[tokio::test]
async fn what_is_sent_to_one_alone_stays_behind_the_broadcasts_before_it() {
    let channel = Channel::new();
    let (one, two, three) = (Fake::default(), Fake::default(), Fake::default());
    let (outbox_one, outbox_two) = (outbox(&one), outbox(&two));
    let _one = channel.join(outbox_one.clone());
    let _two = channel.join(outbox_two.clone());
    let leaver = channel.join(outbox(&three));
    channel.broadcast(Frame::text("all"));
    outbox_one.send(&Frame::text("alone")).unwrap();
    outbox_two.close(CloseReason::Expired);
    drop(leaver);
    // Nothing of it had to wait.
    assert_eq!(one.texts(), ["all", "alone"]);
    assert_eq!(two.texts(), ["all", "close"]);
    assert_eq!(three.texts(), ["all"]);
    channel.broadcast(Frame::text("more"));
    written(&one, 3).await;
    assert_eq!(one.texts(), ["all", "alone", "more"]);
    assert_eq!(two.texts(), ["all", "close"], "nothing follows a close");
    assert_eq!(three.texts(), ["all"], "it had left");
}

#[tokio::test]
async fn a_joiner_gets_what_is_said_after_it_joined_and_nothing_before() {
    let channel = Channel::new();
    let (fakes, _seats) = members(&channel, 1);
    channel.broadcast(Frame::text("before"));
    let late = Fake::default();
    let late_outbox = outbox(&late);
    let _seat = channel.join(late_outbox.clone());
    channel.broadcast(Frame::text("after"));
    late_outbox.send(&Frame::text("alone")).unwrap();
    written(&fakes[0], 1).await;
    assert_eq!(fakes[0].texts(), ["before", "after"]);
    assert_eq!(late.texts(), ["after", "alone"]);
}

#[tokio::test]
async fn a_large_channel_lets_others_have_their_turn() {
    let channel = Channel::new();
    let (fakes, _seats) = members(&channel, 2000);
    channel.broadcast(Frame::text("zero"));
    let written = |count: usize| fakes.iter().filter(|fake| fake.writes() == count).count();
    let mut between = 0;
    let all_have_it = async {
        while written(1) < 2000 {
            between += usize::from(written(1) > 0);
            yield_now().await;
        }
    };
    let waited = tokio::time::timeout(DEADLINE, all_have_it).await;
    assert!(waited.is_ok(), "only {} of 2000 have it", written(1));
    assert!(between > 2, "this task ran {between} times in between");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn all_of_a_large_channel_see_one_order_while_some_come_and_go() {
    const SPEAKERS: usize = 4;
    const EACH: usize = 50;
    let channel = Channel::new();
    let (fakes, _seats) = members(&channel, 3000);
    let speakers: Vec<_> = (0..SPEAKERS)
        .map(|who| {
            let channel = channel.clone();
            tokio::spawn(async move {
                for number in 0..EACH {
                    channel.broadcast(Frame::text(&format!("{who} {number}")));
                    yield_now().await;
                }
            })
        })
        .collect();
    let comers: Vec<_> = (0..200)
        .map(|_| {
            let channel = channel.clone();
            tokio::spawn(async move {
                let fake = Fake::default();
                let seat = channel.join(outbox(&fake));
                for _ in 0..5 {
                    yield_now().await;
                }
                drop(seat);
                fake.texts()
            })
        })
        .collect();
    for speaker in speakers {
        speaker.await.unwrap();
    }
    for fake in &fakes {
        written(fake, SPEAKERS * EACH).await;
    }
    let order = fakes[0].texts();
    assert!(fakes.iter().all(|fake| fake.texts() == order), "one order");
    for who in 0..SPEAKERS {
        let own = order
            .iter()
            .filter(|text| text.starts_with(&format!("{who} ")));
        let expected: Vec<String> = (0..EACH).map(|number| format!("{who} {number}")).collect();
        assert!(own.eq(&expected), "each once, as said");
    }
    for comer in comers {
        let seen = comer.await.unwrap();
        let window = seen.is_empty() || order.windows(seen.len()).any(|part| part == seen);
        assert!(window, "without a gap: {seen:?}");
    }
    assert_eq!(channel.len(), 3000);
}

/// Whoever says more than is put together writes it, so that nothing piles up.
#[tokio::test]
async fn what_waits_is_bounded() {
    let channel = Channel::new();
    let (fakes, _seats) = members(&channel, 2);
    let text = "x".repeat(1000);
    for _ in 0..100 {
        channel.broadcast(Frame::text(&text));
    }
    let written: usize = fakes[1].0.lock().unwrap().iter().map(Vec::len).sum();
    assert!(written >= 100 * 1004 - 16 * 1024, "{written} were written");
    assert!(fakes[1].writes() < 10, "and put together");
}

#[test]
fn without_a_runtime_it_is_written_at_once() {
    let channel = Channel::new();
    let (fakes, _seats) = members(&channel, 300);
    assert_eq!(channel.broadcast(Frame::text("now")), 300);
    assert!(fakes.iter().all(|fake| fake.texts() == ["now"]));
}

#[test]
fn what_waits_when_the_runtime_ends_is_written() {
    let channel = Channel::new();
    let (fakes, _seats) = members(&channel, 1);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        channel.broadcast(Frame::text("last"));
        assert_eq!(fakes[0].writes(), 0);
    });
    drop(runtime);
    assert_eq!(fakes[0].texts(), ["last"]);
    channel.broadcast(Frame::text("later"));
    assert_eq!(fakes[0].texts(), ["last", "later"]);
}

/// As a task does that says goodbye when it is dropped.
struct SaysGoodbye(Arc<Channel>);

impl Drop for SaysGoodbye {
    fn drop(&mut self) {
        self.0.broadcast(Frame::text("goodbye"));
    }
}

#[test]
fn what_is_said_while_the_runtime_shuts_down_is_written() {
    let (done, is_done) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let channel = Channel::new();
        let (fakes, _seats) = members(&channel, 1);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .build()
            .unwrap();
        for _ in 0..3 {
            let guard = SaysGoodbye(channel.clone());
            runtime.spawn(async move {
                let _guard = guard;
                std::future::pending::<()>().await;
            });
        }
        drop(runtime);
        done.send(fakes[0].texts()).unwrap();
    });
    let texts = is_done.recv_timeout(DEADLINE).expect("it hangs");
    assert_eq!(texts, ["goodbye"; 3]);
}

/// Otherwise each room that ever was would leave a task behind.
#[tokio::test]
async fn the_task_that_writes_ends_with_its_channel() {
    let alive = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    for _ in 0..10 {
        let channel = Channel::new();
        let (fakes, seats) = members(&channel, 1);
        channel.broadcast(Frame::text("hello"));
        written(&fakes[0], 1).await;
        drop((channel, seats));
    }
    until("they are gone", async || alive(), |alive| *alive == 0).await;
}
