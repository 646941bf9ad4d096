//! Connections, channels and their upgrade on real sockets: the rows of the seed
//! `ConnectionManager`'s defects, the heartbeat, the closing handshake, and what
//! clients do to a socket.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tablecast::codec::Frame;
use tablecast::config::{ConnectionConfig, OutboxLimits};
use tablecast::connection::{Connection, Message};
use tablecast::core::CloseReason;
use tablecast::outbox::Outbox;
use tablecast::testing::client::{
    BINARY, CLOSE, CONTINUES, Client, ClientError, Connect, ENDS, PING, PONG, Said, TEXT,
    TEXT_BEGINS, frame,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufStream};

use support::{Relay, chat, eventually, serve};

/// So long that a test which waits for it fails by its own deadline.
const NEVER: Duration = Duration::from_secs(3600);

/// Soon over, where a test waits for it.
const SOON: Duration = Duration::from_millis(100);

/// Nothing happens by itself.
fn patient() -> ConnectionConfig {
    ConnectionConfig {
        outbox: OutboxLimits { bytes: 64 * 1024, time: NEVER },
        ping_interval: NEVER,
        pong_timeout: NEVER,
        handshake: NEVER,
        ..ConnectionConfig::default()
    }
}

async fn client(address: SocketAddr) -> Client {
    Client::connect(address, "/").await.unwrap()
}

/// Does not read, and has little room for what it does not read.
async fn stalled(address: SocketAddr) -> Client {
    Connect::to(address, "/").receive_buffer(4096).open().await.unwrap()
}

/// Broadcasts, with `member` reading along, until the first connection is cut.
/// Returns what was said.
async fn until_cut(relay: &Relay, member: &mut Client) -> Vec<String> {
    let slow = relay.outboxes.lock().unwrap()[0].clone();
    let bound = patient().outbox.bytes + 200;
    let mut said = Vec::new();
    while slow.close_reason().is_none() {
        let text = format!("{:08}{}", said.len(), "x".repeat(8000));
        relay.channel.broadcast(&Frame::text(&text));
        assert_eq!(member.next_text().await.unwrap(), text);
        assert!(slow.queued_bytes() <= bound, "what waits is bounded");
        said.push(text);
        assert!(said.len() < 10_000, "it was never cut");
    }
    said
}

// Seed A.

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
        relay.channel.broadcast(&Frame::text(&text));
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
    config.outbox = OutboxLimits { bytes: usize::MAX, time: SOON };
    let (relay, address) = Relay::serve(config).await;
    let mut slow = stalled(address).await;
    let slow_outbox = relay.outboxes.lock().unwrap()[0].clone();
    while slow_outbox.queued_bytes() == 0 {
        relay.channel.broadcast(&Frame::text(&"x".repeat(8000)));
    }
    // Nothing more is said, so its bound in bytes is never reached.
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
        relay.channel.broadcast(&Frame::text(&format!("{number:08}{}", "x".repeat(2000))));
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
        relay.channel.broadcast(&Frame::text(&"x".repeat(8000)));
    }
    let mut joiner = client(address).await;
    joiner.send_text("hello").await.unwrap();
    assert_eq!(joiner.next_text().await.unwrap(), "hello");
    drop(joiner);
    eventually("the joiner left", || relay.channel.len() == 1).await;
    assert_eq!(outbox.close_reason(), None, "the stalled peer is still there");
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
    assert!(orders.iter().all(|order| *order == orders[0]), "one order for all");
    let mut once = orders[0].clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), MEMBERS * EACH, "each message exactly once");
    drop(open);
    eventually("all are gone", || relay.channel.is_empty()).await;
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
    eventually("both are gone", || relay.channel.len() == 4).await;
    relay.channel.broadcast(&Frame::text("still here"));
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
    one.channel.broadcast(&Frame::text("end"));
    assert_eq!(in_one.next_text().await.unwrap(), "end");
}

// Heartbeat.

#[tokio::test]
async fn a_silent_client_that_answers_pings_stays() {
    let config = ConnectionConfig { ping_interval: SOON, pong_timeout: NEVER, ..patient() };
    let (_relay, address) = Relay::serve(config).await;
    let mut member = client(address).await;
    for _ in 0..4 {
        assert_eq!(member.next().await.unwrap(), Said::Ping(Vec::new()));
    }
    member.send_text("x").await.unwrap();
    assert_eq!(member.next_text().await.unwrap(), "x");
}

/// HOSTILE 47 and 89: told, and then cut, since it answers neither.
#[tokio::test]
async fn a_client_that_answers_no_ping_is_closed_with_4408_and_cut() {
    let config =
        ConnectionConfig { ping_interval: SOON, pong_timeout: SOON, handshake: SOON, ..patient() };
    let (relay, address) = Relay::serve(config).await;
    let mut gone = client(address).await;
    gone.mute();
    assert_eq!(gone.closed().await.unwrap(), CloseReason::NoPong.code());
    gone.ended().await.unwrap();
    assert_eq!(relay.ended(1).await, [CloseReason::NoPong]);
    assert!(relay.channel.is_empty());
}

/// HOSTILE 43.
#[tokio::test]
async fn a_message_begun_and_not_finished_is_closed() {
    let config = ConnectionConfig { handshake: SOON, ..patient() };
    let (_relay, address) = Relay::serve(config).await;
    for begun in [frame(TEXT_BEGINS, b"x"), frame(TEXT, b"hello")[..4].to_vec(), vec![TEXT]] {
        let mut member = client(address).await;
        member.send_bytes(&begun).await.unwrap();
        assert_eq!(member.closed().await.unwrap(), CloseReason::NoPong.code());
        member.ended().await.unwrap();
    }
}

/// Whoever finishes message after message is not cut because every time another
/// one has begun already.
#[tokio::test]
async fn a_client_that_is_always_within_a_message_stays() {
    let config = ConnectionConfig { handshake: Duration::from_millis(50), ..patient() };
    let (relay, address) = Relay::serve(config).await;
    let mut member = client(address).await;
    let (first, second) = {
        let text = frame(TEXT, b"hello");
        (text[..5].to_vec(), text[5..].to_vec())
    };
    let both = [&second[..], &first[..]].concat();
    member.send_bytes(&first).await.unwrap();
    let until = tokio::time::Instant::now() + Duration::from_millis(400);
    while tokio::time::Instant::now() < until {
        member.send_bytes(&both).await.unwrap();
        assert_eq!(member.next_text().await.unwrap(), "hello");
    }
    assert_eq!(relay.channel.len(), 1);
}

// The closing handshake.

#[tokio::test]
async fn a_client_that_closes_is_answered_and_let_go_at_once() {
    let (relay, address) = Relay::serve(patient()).await;
    for close in [frame(CLOSE, &1000_u16.to_be_bytes()), frame(CLOSE, b"")] {
        let mut member = client(address).await;
        // HOSTILE 46: what follows the close frame is ignored.
        member.send_bytes(&[close, frame(TEXT, b"late"), vec![0xFF; 9]].concat()).await.unwrap();
        assert_eq!(member.next().await.unwrap(), Said::Close(Some(1000)));
        member.ended().await.unwrap();
    }
    assert_eq!(relay.ended(2).await, [CloseReason::Left; 2]);
}

#[tokio::test]
async fn a_client_that_answers_a_close_is_let_go_at_once() {
    let (relay, address) = Relay::serve(patient()).await;
    let mut member = client(address).await;
    relay.channel.broadcast(&Frame::text("last words"));
    relay.outboxes.lock().unwrap()[0].close(CloseReason::Expired);
    assert_eq!(member.next_text().await.unwrap(), "last words");
    assert_eq!(member.next().await.unwrap(), Said::Close(Some(4410)));
    assert_eq!(member.next().await.unwrap(), Said::End);
}

/// HOSTILE 47.
#[tokio::test]
async fn a_client_that_does_not_answer_a_close_is_cut() {
    let (relay, address) = Relay::serve(ConnectionConfig { handshake: SOON, ..patient() }).await;
    let mut member = client(address).await;
    member.mute();
    relay.outboxes.lock().unwrap()[0].close(CloseReason::Expired);
    assert_eq!(member.closed().await.unwrap(), CloseReason::Expired.code());
    // It talks on, which keeps nothing alive.
    let _ = member.send_text("and another thing").await;
    member.ended().await.unwrap();
}

#[tokio::test]
async fn a_connection_that_is_dropped_closes_with_1000_after_all_it_had_to_say() {
    let app = axum::Router::new().route(
        "/",
        axum::routing::get(async |upgrade: tablecast::upgrade::Upgrade| {
            upgrade.accept(patient(), async |connection| {
                connection.send("goodbye").unwrap();
            })
        }),
    );
    let mut member = client(serve(app).await).await;
    assert_eq!(member.next_text().await.unwrap(), "goodbye");
    assert_eq!(member.next().await.unwrap(), Said::Close(Some(1000)));
    member.ended().await.unwrap();
}

// What clients send.

#[tokio::test]
async fn what_is_not_allowed_is_closed_with_its_code() {
    let (_relay, address) = Relay::serve(patient()).await;
    let too_big = frame(TEXT, &vec![b'x'; 16 * 1024 + 1]);
    // HOSTILE 58: it goes on sending long after it was refused.
    let far_too_big = frame(TEXT, &vec![b'x'; 1 << 20]);
    let mut endless = vec![0x81, 0xFF];
    endless.extend_from_slice(&(1_u64 << 63).to_be_bytes());
    endless.extend_from_slice(&[0; 100]);
    let fragments = [frame(TEXT_BEGINS, b""), frame(CONTINUES, b"x").repeat(131_000)].concat();
    let cases = [
        (vec![TEXT, 2, b'h', b'i'], CloseReason::Protocol),
        (frame(0x83, b""), CloseReason::Protocol),
        (frame(PING, &[0; 126]), CloseReason::Protocol),
        (frame(ENDS, b""), CloseReason::Protocol),
        (frame(CLOSE, &1005_u16.to_be_bytes()), CloseReason::Protocol),
        (frame(TEXT, &[0xFF]), CloseReason::NotUtf8),
        (too_big, CloseReason::TooBig),
        (far_too_big, CloseReason::TooBig),
        (endless, CloseReason::TooBig),
        (fragments, CloseReason::TooBig),
    ];
    for (bytes, reason) in cases {
        let start = format!("{:?}", &bytes[..bytes.len().min(6)]);
        let mut member = client(address).await;
        // The server reads on, though it does not listen: a reset could overtake
        // the close frame.
        member.send_bytes(&bytes).await.unwrap();
        assert_eq!(member.closed().await.unwrap(), reason.code(), "{start}");
        member.ended().await.unwrap();
    }
}

#[tokio::test]
async fn messages_before_a_fault_are_heard() {
    let (_relay, address) = Relay::serve(patient()).await;
    let mut member = client(address).await;
    let bytes = [frame(TEXT, b"one"), frame(TEXT, b"two"), frame(0x83, b""), frame(TEXT, b"no")];
    member.send_bytes(&bytes.concat()).await.unwrap();
    assert_eq!(member.next_text().await.unwrap(), "one");
    assert_eq!(member.next_text().await.unwrap(), "two");
    assert_eq!(member.next().await.unwrap(), Said::Close(Some(1002)));
}

/// HOSTILE 32.
#[tokio::test]
async fn what_is_sent_before_the_answer_is_not_lost() {
    let (_relay, address) = Relay::serve(patient()).await;
    let text = frame(TEXT, b"hello");
    for early in [&text[..], &[&text[..], &text].concat(), &text[..3]] {
        let mut member = Connect::to(address, "/").early(early).open().await.unwrap();
        if early.len() < text.len() {
            member.send_bytes(&text[early.len()..]).await.unwrap();
        }
        assert_eq!(member.next_text().await.unwrap(), "hello");
    }
}

/// HOSTILE 52.
#[tokio::test]
async fn one_byte_a_segment_is_as_good_as_any() {
    let (_relay, address) = Relay::serve(patient()).await;
    let mut member = client(address).await;
    for byte in [frame(TEXT_BEGINS, "김치".as_bytes()), frame(ENDS, "찌개".as_bytes())].concat() {
        member.send_bytes(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(member.next_text().await.unwrap(), "김치찌개");
}

/// HOSTILE 53.
#[tokio::test]
async fn a_reset_inside_a_frame_is_cleaned_up() {
    let (relay, address) = Relay::serve(patient()).await;
    let mut member = client(address).await;
    member.send_bytes(&frame(TEXT, b"hello")[..4]).await.unwrap();
    member.reset().unwrap();
    assert_eq!(relay.ended(1).await, [CloseReason::Left]);
    assert!(relay.channel.is_empty());
}

#[tokio::test]
async fn a_ping_is_answered_and_an_unasked_pong_is_not() {
    let (_relay, address) = Relay::serve(patient()).await;
    let mut member = client(address).await;
    member.send_frame(PONG, b"unasked").await.unwrap();
    member.send_frame(PING, b"are you there").await.unwrap();
    assert_eq!(member.next().await.unwrap(), Said::Pong(b"are you there".to_vec()));
    // Between the fragments of a message, too.
    member.send_frame(TEXT_BEGINS, b"a").await.unwrap();
    member.send_frame(PING, b"").await.unwrap();
    assert_eq!(member.next().await.unwrap(), Said::Pong(Vec::new()));
    member.send_frame(ENDS, b"b").await.unwrap();
    assert_eq!(member.next_text().await.unwrap(), "ab");
}

/// HOSTILE 48.
#[tokio::test]
async fn a_flood_of_pings_is_answered_in_few_pongs_and_then_closed_with_4429() {
    let (_relay, address) = Relay::serve(patient()).await;
    let mut member = client(address).await;
    let pings: Vec<u8> = (0..60_u8).flat_map(|number| frame(PING, &[number])).collect();
    member.send_bytes(&pings).await.unwrap();
    let mut pongs = 0;
    loop {
        let Said::Pong(payload) = member.next().await.unwrap() else { panic!("no pong") };
        pongs += 1;
        if payload == [59] {
            break;
        }
    }
    assert!(pongs < 60, "several pings, one pong: {pongs}");
    member.send_bytes(&frame(PING, b"").repeat(5000)).await.unwrap();
    assert_eq!(member.closed().await.unwrap(), CloseReason::TooMany.code());
    member.ended().await.unwrap();
}

#[tokio::test]
async fn a_binary_message_reaches_the_owner_as_it_is() {
    let app = axum::Router::new().route(
        "/",
        axum::routing::get(async |upgrade: tablecast::upgrade::Upgrade| {
            upgrade.accept(patient(), async |mut connection| {
                let message = connection.recv().await;
                let is_it = message == Some(Message::Binary(vec![0, 0xFF].into()));
                connection.send(&is_it.to_string()).unwrap();
            })
        }),
    );
    let mut member = client(serve(app).await).await;
    member.send_frame(BINARY, &[0, 0xFF]).await.unwrap();
    assert_eq!(member.next_text().await.unwrap(), "true");
}

// Handshakes.

#[tokio::test]
async fn a_wrong_handshake_is_refused_with_its_status() {
    let (relay, address) = Relay::serve(patient()).await;
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let right = "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n";
    let version = "Sec-WebSocket-Version: 13\r\n";
    let cases = [
        ("GET", format!("{right}{key}{version}"), "101"),
        ("GET", format!("{right}{key}Sec-WebSocket-Version: 8\r\n"), "426"),
        ("GET", format!("{right}{key}"), "426"),
        ("GET", format!("{right}{version}"), "400"),
        ("GET", format!("{right}{version}{key}{key}"), "400"),
        ("GET", format!("{right}{version}Sec-WebSocket-Key: dGhlIHNhbXBsZQ==\r\n"), "400"),
        ("GET", format!("Upgrade: websocket\r\n{key}{version}"), "426"),
        ("GET", format!("Connection: Upgrade\r\n{key}{version}"), "426"),
        ("POST", format!("{right}{key}{version}Content-Length: 0\r\n"), "405"),
    ];
    for (method, headers, status) in cases {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = format!("{method} / HTTP/1.1\r\nHost: x\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut first = [0; 12];
        stream.read_exact(&mut first).await.unwrap();
        let first = String::from_utf8_lossy(&first).into_owned();
        assert_eq!(first, format!("HTTP/1.1 {status}"), "{method} {headers}");
    }
    eventually("nobody is left", || relay.channel.is_empty()).await;
}

#[tokio::test]
async fn a_refusal_names_the_version_that_is_spoken() {
    let (_relay, address) = Relay::serve(patient()).await;
    let refused = Connect::to(address, "/").header("Sec-WebSocket-Version", "8").open().await;
    let Err(ClientError::Refused { status: 426, head, .. }) = refused else {
        panic!("{refused:?}")
    };
    assert!(head.to_lowercase().contains("sec-websocket-version: 13"), "{head}");
}

// Streams that are no TCP.

/// Sends back what it hears.
async fn echo(mut connection: Connection) {
    while let Some(message) = connection.recv().await {
        if let Message::Text(text) = message
            && connection.send(&text).is_err()
        {
            break;
        }
    }
}

fn over(
    stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
    config: ConnectionConfig,
) -> Connection {
    Connection::stream(stream, &[], Arc::new(Outbox::new(config.outbox)), config)
}

#[tokio::test]
async fn any_stream_carries_a_connection() {
    let (ours, theirs) = tokio::io::duplex(64);
    let echo = tokio::spawn(echo(over(ours, patient())));
    let mut member = Client::over(theirs);
    for length in [0, 1, 125, 126, 1000, 16 * 1024] {
        let text = "x".repeat(length);
        member.send_text(&text).await.unwrap();
        assert_eq!(member.next_text().await.unwrap(), text);
    }
    member.send_close(1000).await.unwrap();
    assert_eq!(member.next().await.unwrap(), Said::Close(Some(1000)));
    member.ended().await.unwrap();
    echo.await.unwrap();
}

#[tokio::test]
async fn a_stream_that_is_not_read_is_cut_at_the_bound() {
    let (ours, theirs) = tokio::io::duplex(64);
    let mut connection = over(ours, patient());
    let outbox = connection.outbox().clone();
    let reading = tokio::spawn(async move { connection.recv().await });
    let mut sent = 0;
    let refused = loop {
        if let Err(reason) = outbox.send(&Frame::text(&"x".repeat(1000))) {
            break reason;
        }
        sent += 1;
        assert!(sent < 1000, "never cut");
        tokio::task::yield_now().await;
    };
    assert_eq!(refused, CloseReason::TooSlow);
    assert_eq!(reading.await.unwrap(), None);
    assert_eq!(Client::over(theirs).closed().await.unwrap(), CloseReason::TooSlow.code());
}

/// A TLS stream keeps what its socket does not take; that must go out as soon as
/// there is room, even if nothing more is said.
#[tokio::test]
async fn what_a_buffering_stream_keeps_goes_out_without_another_word() {
    let (ours, theirs) = tokio::io::duplex(16);
    let connection = over(BufStream::new(ours), patient());
    connection.send(&"x".repeat(500)).unwrap();
    let echo = tokio::spawn(echo(connection));
    let mut member = Client::over(theirs);
    assert_eq!(member.next_text().await.unwrap(), "x".repeat(500));
    member.send_text("hello").await.unwrap();
    assert_eq!(member.next_text().await.unwrap(), "hello");
    member.send_close(1000).await.unwrap();
    assert_eq!(member.next().await.unwrap(), Said::Close(Some(1000)));
    member.ended().await.unwrap();
    echo.await.unwrap();
}

// Fairness.

/// One read holds thousands of short messages; others must have their turn
/// between them.
#[tokio::test]
async fn a_client_that_floods_lets_others_have_their_turn() {
    let (ours, mut theirs) = tokio::io::duplex(1 << 20);
    let flood = frame(TEXT, b"").repeat(20_000);
    theirs.write_all(&flood).await.unwrap();
    let heard = Arc::new(AtomicUsize::new(0));
    let mut connection = over(ours, patient());
    let reading = {
        let heard = heard.clone();
        tokio::spawn(async move {
            while heard.fetch_add(1, Ordering::Relaxed) < 20_000 - 1 {
                connection.recv().await.unwrap();
            }
        })
    };
    let (mut before, mut longest) = (0, 0);
    while !reading.is_finished() {
        tokio::task::yield_now().await;
        let now = heard.load(Ordering::Relaxed);
        longest = longest.max(now - before);
        before = now;
    }
    assert!(longest <= 200, "{longest} messages without a pause");
}
