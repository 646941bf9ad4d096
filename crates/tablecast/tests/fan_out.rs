//! Fan-out on real sockets. Numbers of defects are those of `docs/testing.md`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use tablecast::codec::Frame;
use tablecast::config::{ConnectionConfig, OutboxLimits};
use tablecast::core::CloseReason;
use tablecast_testing::client::{Client, Connect, Said};
use tablecast_testing::until;

use support::{Relay, chat, patient, serve};

/// Soon over, where a test waits for it.
const SOON: Duration = Duration::from_millis(100);

async fn client(address: SocketAddr) -> Client {
    Client::connect(address, "/").await.unwrap()
}

/// Does not read, and has little room for what it does not read.
async fn stalled(address: SocketAddr) -> Client {
    Connect::to(address, "/")
        .receive_buffer(4096)
        .open()
        .await
        .unwrap()
}

/// Broadcasts, with `member` reading along, until the first connection is cut.
/// Returns what was said.
async fn until_cut(relay: &Relay, member: &mut Client) -> Vec<String> {
    let slow = relay.outboxes.lock().unwrap()[0].clone();
    let bound = patient().outbox.bytes + 200;
    let mut said = Vec::new();
    while slow.close_reason().is_none() {
        let text = format!("{:08}{}", said.len(), "x".repeat(8000));
        relay.channel.broadcast(Frame::text(&text));
        assert_eq!(member.next_text().await.unwrap(), text);
        assert!(slow.queued_bytes() <= bound, "what waits is bounded");
        said.push(text);
        assert!(said.len() < 10_000, "it was never cut");
    }
    said
}

#[tokio::test]
async fn the_documentations_chat_says_what_it_should() {
    let address = serve(chat()).await;
    let mut one = Client::connect(address, "/ws/1").await.unwrap();
    let mut two = Client::connect(address, "/ws/2").await.unwrap();
    one.send_text("안녕").await.unwrap();
    assert_eq!(one.next_text().await.unwrap(), "You wrote: 안녕");
    assert_eq!(one.next_text().await.unwrap(), "Client #1 says: 안녕");
    assert_eq!(two.next_text().await.unwrap(), "Client #1 says: 안녕");
    drop(one);
    assert_eq!(two.next_text().await.unwrap(), "Client #1 left the chat");
}

/// Defect 33: whoever has the server's answer gets everything from then on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_joiner_misses_nothing_that_is_said_after_its_handshake() {
    let (relay, address) = Relay::serve(patient()).await;
    for number in 0..300 {
        let mut joiner = client(address).await;
        let text = number.to_string();
        relay.channel.broadcast(Frame::text(&text));
        assert_eq!(joiner.next_text().await.unwrap(), text);
    }
}

/// Defects 22 and 27.
#[tokio::test]
async fn a_stalled_member_does_not_delay_the_others() {
    let (relay, address) = Relay::serve(patient()).await;
    let stalled = stalled(address).await;
    let mut member = client(address).await;
    // Each of these is read by the other member before the next is said.
    until_cut(&relay, &mut member).await;
    drop(stalled);
}

/// Defects 30 and 31.
#[tokio::test]
async fn a_slow_reader_is_cut_at_its_bound_with_4413_and_memory_stays_bounded() {
    let (relay, address) = Relay::serve(patient()).await;
    let mut slow = stalled(address).await;
    let mut member = client(address).await;
    let said = until_cut(&relay, &mut member).await;
    assert_eq!(relay.channel.len(), 1, "it is thrown out at once");
    // It gets whole messages in order, and then learns why the rest is missing.
    let mut got = 0;
    let code = loop {
        match slow.next().await.unwrap() {
            Said::Text(text) => {
                assert_eq!(text, said[got]);
                got += 1;
            }
            Said::Close(code) => break code,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(code, Some(CloseReason::TooSlow.code()));
    assert!(got < said.len());
    slow.ended().await.unwrap();
    assert_eq!(relay.ended(1).await, [CloseReason::TooSlow]);
}

#[tokio::test]
async fn a_slow_reader_is_cut_when_its_oldest_byte_waits_too_long() {
    let mut config = patient();
    config.outbox = OutboxLimits {
        bytes: usize::MAX,
        time: SOON,
    };
    let (relay, address) = Relay::serve(config).await;
    let mut slow = stalled(address).await;
    let slow_outbox = relay.outboxes.lock().unwrap()[0].clone();
    // Only as much is said as keeps something waiting: the socket's buffer may have grown, or
    // not have been there yet. So its bound in bytes is never reached.
    let reason = async || {
        while slow_outbox.queued_bytes() == 0 && slow_outbox.close_reason().is_none() {
            relay.channel.broadcast(Frame::text(&"x".repeat(8000)));
        }
        slow_outbox.close_reason()
    };
    until("it is cut", reason, Option::is_some).await;
    assert_eq!(relay.ended(1).await, [CloseReason::TooSlow]);
    assert_eq!(slow.closed().await.unwrap(), CloseReason::TooSlow.code());
}

/// A reader who is slow but reads is not cut, however much is said in all.
#[tokio::test]
async fn a_reader_that_catches_up_gets_everything() {
    let (relay, address) = Relay::serve(patient()).await;
    let mut slow = stalled(address).await;
    let outbox = relay.outboxes.lock().unwrap()[0].clone();
    let mut next = 0;
    for number in 0..2000_u32 {
        relay
            .channel
            .broadcast(Frame::text(&format!("{number:08}{}", "x".repeat(2000))));
        while outbox.queued_bytes() > 32 * 1024 {
            let text = slow.next_text().await.unwrap();
            assert_eq!(text[..8].parse::<u32>().unwrap(), next);
            next += 1;
        }
    }
    while next < 2000 {
        let text = slow.next_text().await.unwrap();
        assert_eq!(text[..8].parse::<u32>().unwrap(), next);
        next += 1;
    }
    assert_eq!(outbox.close_reason(), None);
}

/// Defect 27.
#[tokio::test]
async fn a_join_is_not_held_up_by_a_stalled_peer() {
    let (relay, address) = Relay::serve(patient()).await;
    let stalled = stalled(address).await;
    let outbox = relay.outboxes.lock().unwrap()[0].clone();
    while outbox.queued_bytes() == 0 {
        relay.channel.broadcast(Frame::text(&"x".repeat(8000)));
    }
    let mut joiner = client(address).await;
    joiner.send_text("hello").await.unwrap();
    assert_eq!(joiner.next_text().await.unwrap(), "hello");
    drop(joiner);
    let members = async || relay.channel.len();
    until("the joiner left", members, |members| *members == 1).await;
    assert_eq!(
        outbox.close_reason(),
        None,
        "the stalled peer is still there"
    );
    drop(stalled);
}

/// Defects 5 and 29.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_see_the_same_order_whoever_speaks_at_the_same_time() {
    const MEMBERS: usize = 8;
    const EACH: usize = 200;
    let (relay, address) = Relay::serve(ConnectionConfig::default()).await;
    let mut members = Vec::new();
    for _ in 0..MEMBERS {
        members.push(client(address).await);
    }
    let members = members.into_iter().enumerate().map(|(who, mut member)| {
        tokio::spawn(async move {
            for number in 0..EACH {
                member.send_text(&format!("{who} {number}")).await.unwrap();
            }
            let mut seen = Vec::new();
            for _ in 0..MEMBERS * EACH {
                seen.push(member.next_text().await.unwrap());
            }
            (member, seen)
        })
    });
    let mut orders = Vec::new();
    let mut open = Vec::new();
    for member in members.collect::<Vec<_>>() {
        let (member, seen) = member.await.unwrap();
        open.push(member);
        orders.push(seen);
    }
    assert!(
        orders.iter().all(|order| *order == orders[0]),
        "one order for all"
    );
    let mut once = orders[0].clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), MEMBERS * EACH, "each message exactly once");
    drop(open);
    let members = async || relay.channel.len();
    until("all are gone", members, |members| *members == 0).await;
}

/// Defect 28.
#[tokio::test]
async fn a_peer_that_is_gone_is_forgotten_and_nobody_else_is() {
    let (relay, address) = Relay::serve(patient()).await;
    let mut members = Vec::new();
    for _ in 0..6 {
        members.push(client(address).await);
    }
    members.remove(4).reset().unwrap();
    members.remove(1).reset().unwrap();
    let left = async || relay.channel.len();
    until("both are gone", left, |left| *left == 4).await;
    relay.channel.broadcast(Frame::text("still here"));
    for member in &mut members {
        assert_eq!(member.next_text().await.unwrap(), "still here");
    }
}

/// Defect 32.
#[tokio::test]
async fn a_room_never_sees_another_rooms_words() {
    let (one, one_address) = Relay::serve(patient()).await;
    let (_, two_address) = Relay::serve(patient()).await;
    let mut in_one = client(one_address).await;
    let mut in_two = client(two_address).await;
    in_one.send_text("canary").await.unwrap();
    assert_eq!(in_one.next_text().await.unwrap(), "canary");
    in_two.send_text("two").await.unwrap();
    assert_eq!(in_two.next_text().await.unwrap(), "two");
    one.channel.broadcast(Frame::text("end"));
    assert_eq!(in_one.next_text().await.unwrap(), "end");
}
