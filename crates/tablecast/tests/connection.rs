//! Connections and their upgrade on real sockets: the heartbeat, the closing
//! handshake, and what clients do to a socket.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tablecast::codec::{Frame, Frames};
use tablecast::config::ConnectionConfig;
use tablecast::connection::{Connection, Message};
use tablecast::core::CloseReason;
use tablecast::outbox::Outbox;
use tablecast_testing::client::{
    BINARY, CLOSE, CONTINUES, Client, ClientError, Connect, ENDS, PING, PONG, Said, TEXT,
    TEXT_BEGINS, frame,
};
use tablecast_testing::until;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufStream};

use support::{NEVER, Relay, patient, serve};

/// Soon over, where a test waits for it.
const SOON: Duration = Duration::from_millis(100);

async fn client(address: SocketAddr) -> Client {
    Client::connect(address, "/").await.unwrap()
}

// Heartbeat.

#[tokio::test]
async fn a_silent_client_that_answers_pings_stays() {
    let config = ConnectionConfig {
        ping_interval: SOON,
        pong_timeout: NEVER,
        ..patient()
    };
    let (_relay, address) = Relay::serve(config).await;
    let mut member = client(address).await;
    for _ in 0..4 {
        assert_eq!(member.next().await.unwrap(), Said::Ping(Vec::new()));
    }
    member.send_text("x").await.unwrap();
    assert_eq!(member.next_text().await.unwrap(), "x");
}

/// A whole minute and more ahead, too; up to two ticks late, and never early.
#[tokio::test(start_paused = true)]
async fn a_ping_comes_when_it_is_due_however_far_ahead_that_is() {
    for minutes in [1, 10, 300] {
        let interval = Duration::from_secs(60 * minutes);
        let (ours, mut theirs) = tokio::io::duplex(64);
        let mut connection = over(
            ours,
            ConnectionConfig {
                ping_interval: interval,
                ..patient()
            },
        );
        let begin = tokio::time::Instant::now();
        let reading = tokio::spawn(async move { connection.recv().await });
        let mut ping = [0; 2];
        let read = tokio::time::timeout(interval, theirs.read_exact(&mut ping));
        read.await.expect("a ping").unwrap();
        assert_eq!(ping, [PING, 0]);
        let late = begin.elapsed().checked_sub(interval / 2);
        let late = late.expect("never early");
        assert!(late <= Duration::from_millis(500), "{late:?} late");
        reading.abort();
    }
}

#[test]
fn each_runtime_has_a_clock_that_ends_with_its_last_connection() {
    for _ in 0..3 {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let metrics = tokio::runtime::Handle::current().metrics();
            let config = ConnectionConfig {
                ping_interval: SOON,
                ..patient()
            };
            let (first, mut one) = tokio::io::duplex(64);
            let (second, mut two) = tokio::io::duplex(64);
            let first = tokio::spawn(echo(over(first, config)));
            let second = tokio::spawn(echo(over(second, config)));
            let mut ping = [0; 2];
            one.read_exact(&mut ping).await.unwrap();
            drop(one);
            first.await.unwrap();
            two.read_exact(&mut ping).await.unwrap();
            drop(two);
            second.await.unwrap();
            let tasks = async || metrics.num_alive_tasks();
            until("no task is left", tasks, |tasks| *tasks == 0).await;
        });
    }
}

/// Hostile inputs 47 and 89: told, and then cut, since it answers neither.
#[tokio::test]
async fn a_client_that_answers_no_ping_is_closed_with_4408_and_cut() {
    let config = ConnectionConfig {
        ping_interval: SOON,
        pong_timeout: SOON,
        handshake: SOON,
        ..patient()
    };
    let (relay, address) = Relay::serve(config).await;
    let mut gone = client(address).await;
    gone.mute();
    assert_eq!(gone.closed().await.unwrap(), CloseReason::NoPong.code());
    gone.ended().await.unwrap();
    assert_eq!(relay.ended(1).await, [CloseReason::NoPong]);
    assert!(relay.channel.is_empty());
}

/// Hostile input 43.
#[tokio::test]
async fn a_message_begun_and_not_finished_is_closed() {
    let config = ConnectionConfig {
        handshake: SOON,
        ..patient()
    };
    let (_relay, address) = Relay::serve(config).await;
    for begun in [
        frame(TEXT_BEGINS, b"x"),
        frame(TEXT, b"hello")[..4].to_vec(),
        vec![TEXT],
    ] {
        let mut member = client(address).await;
        member.send_bytes(&begun).await.unwrap();
        assert_eq!(member.closed().await.unwrap(), CloseReason::NoPong.code());
        member.ended().await.unwrap();
    }
}

/// Whoever finishes message after message is not cut because every time another
/// one has begun already.
#[tokio::test(start_paused = true)]
async fn a_client_that_is_always_within_a_message_stays() {
    let (ours, theirs) = tokio::io::duplex(64);
    let config = ConnectionConfig {
        handshake: SOON,
        ..patient()
    };
    let echo = tokio::spawn(echo(over(ours, config)));
    let mut member = Client::over(theirs);
    let (first, second) = {
        let text = frame(TEXT, b"hello");
        (text[..5].to_vec(), text[5..].to_vec())
    };
    let both = [&second[..], &first[..]].concat();
    member.send_bytes(&first).await.unwrap();
    for _ in 0..40 {
        // sleep: paused time, less of it than a message may take, and much more in all
        tokio::time::sleep(SOON / 2).await;
        member.send_bytes(&both).await.unwrap();
        assert_eq!(member.next_text().await.unwrap(), "hello");
    }
    assert!(!echo.is_finished());
}

// The closing handshake.

#[tokio::test]
async fn a_client_that_closes_is_answered_and_let_go_at_once() {
    let (relay, address) = Relay::serve(patient()).await;
    for close in [frame(CLOSE, &1000_u16.to_be_bytes()), frame(CLOSE, b"")] {
        let mut member = client(address).await;
        // Hostile input 46: what follows the close frame is ignored.
        member
            .send_bytes(&[close, frame(TEXT, b"late"), vec![0xFF; 9]].concat())
            .await
            .unwrap();
        assert_eq!(member.next().await.unwrap(), Said::Close(Some(1000)));
        member.ended().await.unwrap();
    }
    assert_eq!(relay.ended(2).await, [CloseReason::Left; 2]);
}

#[tokio::test]
async fn a_client_that_answers_a_close_is_let_go_at_once() {
    let (relay, address) = Relay::serve(patient()).await;
    let mut member = client(address).await;
    relay.channel.broadcast(Frame::text("last words"));
    relay.outboxes.lock().unwrap()[0].close(CloseReason::Expired);
    assert_eq!(member.next_text().await.unwrap(), "last words");
    assert_eq!(member.next().await.unwrap(), Said::Close(Some(4410)));
    assert_eq!(member.next().await.unwrap(), Said::End);
}

/// Hostile input 47.
#[tokio::test]
async fn a_client_that_does_not_answer_a_close_is_cut() {
    let (relay, address) = Relay::serve(ConnectionConfig {
        handshake: SOON,
        ..patient()
    })
    .await;
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
async fn a_whole_message_is_taken_whatever_the_limit_of_frames() {
    let config = ConnectionConfig {
        message_fragments: 0,
        ..patient()
    };
    let (_relay, address) = Relay::serve(config).await;
    let mut member = client(address).await;
    member.send_text("x").await.unwrap();
    assert_eq!(member.next_text().await.unwrap(), "x");
}

#[tokio::test]
async fn what_is_not_allowed_is_closed_with_its_code() {
    let (_relay, address) = Relay::serve(patient()).await;
    let too_big = frame(TEXT, &vec![b'x'; 16 * 1024 + 1]);
    // Hostile input 58: it goes on sending long after it was refused.
    let far_too_big = frame(TEXT, &vec![b'x'; 1 << 20]);
    let mut endless = vec![0x81, 0xFF];
    endless.extend_from_slice(&(1_u64 << 63).to_be_bytes());
    endless.extend_from_slice(&[0; 100]);
    let fragments = [
        frame(TEXT_BEGINS, b""),
        frame(CONTINUES, b"x").repeat(131_000),
    ]
    .concat();
    let cases = [
        (vec![TEXT, 2, b'h', b'i'], CloseReason::Protocol),
        (frame(0x83, b""), CloseReason::Protocol),
        (frame(PING, &[0; 126]), CloseReason::Protocol),
        (frame(ENDS, b""), CloseReason::Protocol),
        (frame(CLOSE, &1005_u16.to_be_bytes()), CloseReason::Protocol),
        (frame(TEXT, &[0xFF]), CloseReason::NotUtf8),
        // Most of this frame never comes.
        (
            frame(TEXT, &[0xFF; 100])[..7].to_vec(),
            CloseReason::NotUtf8,
        ),
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
    let bytes = [
        frame(TEXT, b"one"),
        frame(TEXT, b"two"),
        frame(0x83, b""),
        frame(TEXT, b"no"),
    ];
    member.send_bytes(&bytes.concat()).await.unwrap();
    assert_eq!(member.next_text().await.unwrap(), "one");
    assert_eq!(member.next_text().await.unwrap(), "two");
    assert_eq!(member.next().await.unwrap(), Said::Close(Some(1002)));
}

/// Hostile input 32.
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

/// Hostile input 52.
#[tokio::test]
async fn one_byte_a_segment_is_as_good_as_any() {
    let (_relay, address) = Relay::serve(patient()).await;
    let mut member = client(address).await;
    for byte in [
        frame(TEXT_BEGINS, "김치".as_bytes()),
        frame(ENDS, "찌개".as_bytes()),
    ]
    .concat()
    {
        member.send_bytes(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(member.next_text().await.unwrap(), "김치찌개");
}

/// Hostile input 53.
#[tokio::test]
async fn a_reset_inside_a_frame_is_cleaned_up() {
    let (relay, address) = Relay::serve(patient()).await;
    let mut member = client(address).await;
    member
        .send_bytes(&frame(TEXT, b"hello")[..4])
        .await
        .unwrap();
    member.reset().unwrap();
    assert_eq!(relay.ended(1).await, [CloseReason::Left]);
    assert!(relay.channel.is_empty());
}

/// Hostile input 49.
#[tokio::test]
async fn a_ping_is_answered_and_an_unasked_pong_is_not() {
    let (_relay, address) = Relay::serve(patient()).await;
    let mut member = client(address).await;
    member.send_frame(PONG, b"unasked").await.unwrap();
    member.send_frame(PING, b"are you there").await.unwrap();
    assert_eq!(
        member.next().await.unwrap(),
        Said::Pong(b"are you there".to_vec())
    );
    // Between the fragments of a message, too.
    member.send_frame(TEXT_BEGINS, b"a").await.unwrap();
    member.send_frame(PING, b"").await.unwrap();
    assert_eq!(member.next().await.unwrap(), Said::Pong(Vec::new()));
    member.send_frame(ENDS, b"b").await.unwrap();
    assert_eq!(member.next_text().await.unwrap(), "ab");
}

/// Hostile input 48.
#[tokio::test]
async fn a_flood_of_pings_is_answered_in_few_pongs_and_then_closed_with_4429() {
    let (_relay, address) = Relay::serve(patient()).await;
    let mut member = client(address).await;
    let pings: Vec<u8> = (0..60_u8)
        .flat_map(|number| frame(PING, &[number]))
        .collect();
    member.send_bytes(&pings).await.unwrap();
    let mut pongs = 0;
    loop {
        let Said::Pong(payload) = member.next().await.unwrap() else {
            panic!("no pong")
        };
        pongs += 1;
        if payload == [59] {
            break;
        }
    }
    assert!(pongs < 60, "several pings, one pong: {pongs}");
    member
        .send_bytes(&frame(PING, b"").repeat(5000))
        .await
        .unwrap();
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

/// Hostile inputs 23 to 25.
#[tokio::test]
async fn a_wrong_handshake_is_refused_with_its_status() {
    let (relay, address) = Relay::serve(patient()).await;
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let right = "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n";
    let version = "Sec-WebSocket-Version: 13\r\n";
    let cases = [
        ("GET", format!("{right}{key}{version}"), "101"),
        (
            "GET",
            format!("{right}{key}Sec-WebSocket-Version: 8\r\n"),
            "426",
        ),
        ("GET", format!("{right}{key}"), "426"),
        ("GET", format!("{right}{version}"), "400"),
        ("GET", format!("{right}{version}{key}{key}"), "400"),
        (
            "GET",
            format!("{right}{version}Sec-WebSocket-Key: dGhlIHNhbXBsZQ==\r\n"),
            "400",
        ),
        (
            "GET",
            format!("Upgrade: websocket\r\n{key}{version}"),
            "426",
        ),
        (
            "GET",
            format!("Connection: Upgrade\r\n{key}{version}"),
            "426",
        ),
        (
            "POST",
            format!("{right}{key}{version}Content-Length: 0\r\n"),
            "405",
        ),
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
    let left = async || relay.channel.len();
    until("nobody is left", left, |left| *left == 0).await;
}

#[tokio::test]
async fn a_refusal_names_the_version_that_is_spoken() {
    let (_relay, address) = Relay::serve(patient()).await;
    let refused = Connect::to(address, "/")
        .header("Sec-WebSocket-Version", "8")
        .open()
        .await;
    let Err(ClientError::Refused {
        status: 426, head, ..
    }) = refused
    else {
        panic!("{refused:?}")
    };
    assert!(
        head.to_lowercase().contains("sec-websocket-version: 13"),
        "{head}"
    );
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
    let connection = over(ours, patient());
    // Nothing to say is no fault.
    connection
        .outbox()
        .send(&Frames::default().finish())
        .unwrap();
    let echo = tokio::spawn(echo(connection));
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
    assert_eq!(
        Client::over(theirs).closed().await.unwrap(),
        CloseReason::TooSlow.code()
    );
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
