//! Hostile inputs 23 to 32 (`docs/testing.md`): handshakes, and who may come how often.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::time::Duration;

use support::{UPGRADE, config, start};
use tablecast_core::limits::Rate;

const NEVER: f64 = 1e-6;

#[tokio::test]
async fn a_handshake_that_is_none_is_told_what_it_lacks() {
    let server = start(config()).await;
    let path = format!("/ws/{}/", server.room().await);
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    let version = "Sec-WebSocket-Version: 13\r\n";
    for (name, headers, status) in [
        ("no upgrade", String::new(), 426),
        (
            "h2c",
            format!("Connection: Upgrade\r\nUpgrade: h2c\r\n{version}{key}"),
            426,
        ),
        (
            "upgrade not in Connection",
            format!("Upgrade: websocket\r\n{version}{key}"),
            426,
        ),
        (
            "version 8",
            format!("{upgrade}{key}Sec-WebSocket-Version: 8\r\n"),
            426,
        ),
        ("no version", format!("{upgrade}{key}"), 426),
        (
            "two versions",
            format!("{upgrade}{key}{version}{version}"),
            426,
        ),
        ("no key", format!("{upgrade}{version}"), 400),
        (
            "short key",
            format!("{upgrade}{version}Sec-WebSocket-Key: AAAA\r\n"),
            400,
        ),
        (
            "not base64",
            format!("{upgrade}{version}Sec-WebSocket-Key: ????????????????????????\r\n"),
            400,
        ),
        ("two keys", format!("{upgrade}{version}{key}{key}"), 400),
    ] {
        let answer = server.request(&format!("GET {path}"), &headers, "").await;
        assert_eq!(answer.status, status, "{name}: {answer:?}");
        answer.code();
        // What follows an attempt to upgrade cannot be told from frames.
        assert_eq!(answer.closes(), headers.contains("Upgrade: "), "{name}");
        if status == 426 {
            assert_eq!(answer.header("sec-websocket-version"), Some("13"), "{name}");
            assert_eq!(answer.header("upgrade"), Some("websocket"), "{name}");
        }
    }
    let post = server.request(&format!("POST {path}"), UPGRADE, "").await;
    assert_eq!((post.status, post.header("allow")), (405, Some("GET")));
}

#[tokio::test]
async fn only_the_own_and_listed_origins_may_connect() {
    let mut config = config();
    config.allowed_origins = vec!["https://lunch.example".parse().unwrap()];
    let server = start(config).await;
    let path = format!("/ws/{}/", server.room().await);
    let own = format!("http://{}", server.at);
    let own_tls = format!("https://{}", server.at);
    let evil = format!("http://{}.evil", server.at.ip());
    for (origin, status) in [
        (None, 101),
        (Some(own.as_str()), 101),
        (Some(own_tls.as_str()), 101),
        (Some("https://lunch.example"), 101),
        (Some("HTTPS://LUNCH.example:443"), 101),
        (Some("http://lunch.example"), 403),
        (Some("https://lunch.example.evil"), 403),
        (Some("https://evil.example"), 403),
        (Some(evil.as_str()), 403),
        (Some("http://127.0.0.1"), 403),
        (Some("null"), 403),
        (Some(""), 403),
    ] {
        let header = origin.map_or(String::new(), |origin| format!("Origin: {origin}\r\n"));
        let answer = server.handshake(&path, &header).await;
        assert_eq!(answer.status, status, "{origin:?}: {answer:?}");
        if status == 403 {
            assert_eq!(answer.code(), "foreign_origin");
        }
    }
}

#[tokio::test]
async fn a_handshake_is_answered_to_the_letter_and_garbage_extensions_are_ignored() {
    let server = start(config()).await;
    let id = server.room().await;
    for path in [format!("/ws/{id}/"), format!("/ws/{id}")] {
        let garbage = "Sec-WebSocket-Extensions: ;;,permessage-deflate; \"\\, x=\u{7f}\r\n";
        let garbage = garbage.replace('\u{7f}', "~");
        let answer = server.handshake(&path, &garbage).await;
        assert_eq!(answer.status, 101, "{answer:?}");
        // The example of RFC 6455, 1.3.
        assert_eq!(
            answer.header("sec-websocket-accept"),
            Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        );
        assert_eq!(answer.header("sec-websocket-extensions"), None);
        assert!(!answer.closes());
    }
}

#[tokio::test]
async fn frames_sent_before_the_answer_are_not_lost() {
    let server = start(config()).await;
    let id = server.room().await;
    let mut client = server.connect().await;
    // `add:a\nb` with LF in it, so that the watch over heads must have ended; and
    // `add:x`. Masked with zeros.
    let frame = |text: &[u8]| [&[0x81, 0x80 | text.len() as u8, 0, 0, 0, 0], text].concat();
    let head = format!("GET /ws/{id}/ HTTP/1.1\r\nHost: a\r\n{UPGRADE}\r\n").into_bytes();
    let all = [head, frame(b"add:a\nb"), frame(b"add:x"), frame(b"\n\n\n")].concat();
    assert_eq!(client.ask(all).await.status, 101);
    client.expect("[\"x\"]").await;
    drop(client);
}

#[tokio::test]
async fn the_eleventh_member_is_refused_at_the_handshake() {
    let server = start(config()).await;
    let path = format!("/ws/{}/", server.room().await);
    let head = format!("GET {path} HTTP/1.1\r\nHost: a\r\n{UPGRADE}\r\n");
    let mut members = Vec::new();
    for _ in 0..10 {
        let mut client = server.connect().await;
        assert_eq!(client.ask(&head).await.status, 101);
        members.push(client);
    }
    let answer = server.ask(&head).await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "room_full"));
    assert!(answer.closes());
}

#[tokio::test]
async fn rooms_are_made_at_a_rate_for_each_address() {
    let mut config = config();
    config.create_rate = Rate {
        per_second: NEVER,
        burst: 3,
    };
    config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    let server = start(config).await;
    let make = |from: &'static str| {
        let header = format!("X-Forwarded-For: {from}\r\n");
        let server = &server;
        async move { server.request("POST /session/", &header, "").await }
    };
    for _ in 0..3 {
        assert_eq!(make("192.0.2.1").await.status, 201);
    }
    let refused = make("192.0.2.1").await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (429, "rate_limited")
    );
    assert!(
        refused
            .header("retry-after")
            .unwrap()
            .parse::<u64>()
            .unwrap()
            > 0
    );
    assert_eq!(make("192.0.2.2").await.status, 201);
    // What the client claims about itself stands to the left and does not count.
    assert_eq!(make("203.0.113.9, 192.0.2.1").await.status, 429);
    // One subscriber's IPv6 network is one address.
    for n in 0..3 {
        let from = ["2001:db8::1", "2001:db8::2", "2001:db8::3"][n];
        assert_eq!(make(from).await.status, 201);
    }
    assert_eq!(make("2001:db8::ffff").await.status, 429);
    assert_eq!(make("2001:db8:0:1::").await.status, 201);
    // A malformed request costs nothing.
    let bad = "X-Forwarded-For: 192.0.2.3\r\nContent-Type: text/plain\r\n";
    for _ in 0..5 {
        assert_eq!(server.request("POST /session/", bad, "x").await.status, 415);
    }
    assert_eq!(make("192.0.2.3").await.status, 201);
}

#[tokio::test]
async fn a_forged_x_forwarded_for_is_ignored() {
    let mut config = config();
    config.create_rate = Rate {
        per_second: NEVER,
        burst: 1,
    };
    let server = start(config).await;
    assert_eq!(
        server
            .request("POST /session/", "X-Forwarded-For: 192.0.2.1\r\n", "")
            .await
            .status,
        201
    );
    assert_eq!(
        server
            .request("POST /session/", "X-Forwarded-For: 192.0.2.2\r\n", "")
            .await
            .status,
        429
    );
}

#[tokio::test]
async fn there_is_a_cap_on_rooms_for_all() {
    let mut config = config();
    config.hub.max_rooms = 2;
    let server = start(config).await;
    server.room().await;
    server.room().await;
    let refused = server.request("POST /session/", "", "").await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (503, "too_many_rooms")
    );
    assert!(
        refused
            .header("retry-after")
            .unwrap()
            .parse::<u64>()
            .unwrap()
            > 0
    );
}

#[tokio::test]
async fn guessing_room_ids_is_limited_for_each_address() {
    let mut config = config();
    config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    config.miss_rate = Rate {
        per_second: NEVER,
        burst: 100,
    };
    let server = start(config).await;
    let id = server.room().await;
    let look = |from: &'static str, id: String| {
        let server = &server;
        async move {
            let header = format!("X-Forwarded-For: {from}\r\n");
            server
                .request(&format!("GET /session/{id}/"), &header, "")
                .await
        }
    };
    for n in 0..100 {
        let answer = look("192.0.2.1", format!("guess-{n}")).await;
        assert_eq!(answer.status, 404, "{n}");
    }
    let refused = look("192.0.2.1", id.clone()).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (429, "rate_limited")
    );
    // Who joins from the same address by a page does not pay for it.
    let json = "X-Forwarded-For: 192.0.2.1\r\nSec-WebSocket-Protocol: tablecast.v1\r\n";
    let joined = server.handshake(&format!("/ws/{id}/"), json).await;
    assert_eq!(joined.status, 101);
    // Others are not, and looking at a room that is there is not counted.
    for _ in 0..150 {
        assert_eq!(look("192.0.2.2", id.clone()).await.status, 200);
    }
}

#[tokio::test]
async fn handshakes_are_limited_for_each_address() {
    let mut config = config();
    config.join_rate = Rate {
        per_second: NEVER,
        burst: 20,
    };
    let server = start(config).await;
    let path = format!("/ws/{}/", server.room().await);
    // Join and leave, again and again.
    for n in 0..20 {
        let mut client = server.connect().await;
        let head = format!("GET {path} HTTP/1.1\r\nHost: a\r\n{UPGRADE}\r\n");
        assert_eq!(client.ask(head).await.status, 101, "{n}");
        client.leave().await;
    }
    let refused = server.handshake(&path, "").await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (429, "rate_limited")
    );
    assert!(refused.header("retry-after").is_some());
}

/// By the defaults, behind one address: a conference that makes its rooms together, and
/// all who come back to a server that has started again.
#[tokio::test]
async fn a_crowd_is_no_flood() {
    let defaults = tablecast_server::config::Config::default();
    assert!(defaults.create_rate.burst >= 500);
    assert!(defaults.join_rate.burst >= 2 * 10_000);
    assert!(defaults.miss_rate.burst >= 1000);
    let server = start(tablecast_server::config::Config {
        drain_timeout: Duration::from_secs(2),
        ..defaults
    })
    .await;
    for n in 0..100 {
        let made = server.request("POST /session/", "", "").await;
        assert_eq!(made.status, 201, "room {n}");
    }
}

#[tokio::test]
async fn a_room_is_shown_to_anybody_with_its_link_and_without_secrets() {
    let server = start(config()).await;
    let made = server.request("POST /session/", "", "").await;
    assert_eq!(made.status, 201);
    let body = made.json();
    let id = body["id"].as_str().unwrap();
    assert_eq!(body["url"], format!("/ws/{id}/"));
    assert_eq!(body["page"], format!("/r/{id}"));
    assert_eq!(body["seats"], 10);
    let left = body["expires_at"].as_u64().unwrap() - body["now"].as_u64().unwrap();
    assert_eq!(Duration::from_millis(left), Duration::from_secs(600));
    let location = made.header("location").unwrap();
    assert_eq!(location, format!("/session/{id}/"));

    let mut member = server.connect().await;
    let head = format!("GET /ws/{id}/ HTTP/1.1\r\nHost: a\r\n{UPGRADE}\r\n");
    assert_eq!(member.ask(head).await.status, 101);
    let shown = server.get(location).await;
    assert_eq!(shown.status, 200);
    let body = shown.json();
    assert_eq!(body["id"], id);
    assert_eq!(body["seq"], 1);
    assert_eq!(body["members"].as_array().map(Vec::len), Some(1));
    let state = &body["state"];
    let draw = &state["next_draw"];
    assert_eq!(draw["commitment"].as_str().map(str::len), Some(64));
    assert_eq!(
        *state,
        serde_json::json!({
            "title": null, "items": [], "max_items": 100,
            "next_draw": {"number": 1, "commitment": draw["commitment"]},
            "drawing": null, "decision": null, "past": [], "removed": [],
            "rules": {"hidden_votes": false, "votes_each": null}, "locked": false, "voted": [],
        })
    );
    for secret in ["token", "secret"] {
        assert!(!shown.body.contains(secret));
    }
    assert_eq!(server.get(&format!("/r/{id}")).await.status, 200);
}

#[tokio::test]
async fn a_server_that_shuts_down_says_so_and_lets_nobody_in() {
    let server = start(config()).await;
    let path = format!("/ws/{}/", server.room().await);
    assert_eq!(server.get("/readyz").await.status, 200);
    server.hub.drain(Duration::from_secs(1)).await;
    for refused in [
        server.get("/readyz").await,
        server.request("POST /session/", "", "").await,
        server.handshake(&path, "").await,
        server
            .handshake(&path, "Sec-WebSocket-Protocol: tablecast.v1\r\n")
            .await,
    ] {
        assert_eq!(refused.status, 503, "{refused:?}");
        assert_eq!(refused.code(), "draining");
        assert!(refused.header("retry-after").is_some());
    }
    assert_eq!(server.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn a_shutdown_tells_members_and_closes_idle_connections() {
    let server = start(config()).await;
    let path = format!("/ws/{}/", server.room().await);
    let mut member = server.connect().await;
    let head = format!("GET {path} HTTP/1.1\r\nHost: a\r\n{UPGRADE}\r\n");
    assert_eq!(member.ask(&head).await.status, 101);
    member.expect("[]").await;
    let mut idle = server.connect().await;
    let get = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(idle.ask(get).await.status, 200);
    server.stop().await;
    member.expect("server restarting").await;
    assert_eq!(idle.closed().await, b"");
}

#[tokio::test]
async fn metrics_are_what_prometheus_reads() {
    let server = start(config()).await;
    let id = server.room().await;
    let mut member = server.connect().await;
    let head = format!("GET /ws/{id}/ HTTP/1.1\r\nHost: a\r\n{UPGRADE}\r\n");
    assert_eq!(member.ask(head).await.status, 101);
    let answer = server.get("/metrics").await;
    assert!(
        answer
            .header("content-type")
            .unwrap()
            .starts_with("application/openmetrics-text")
    );
    for line in [
        "# TYPE tablecast_rooms gauge",
        "tablecast_rooms 1",
        "tablecast_members 1",
        "tablecast_connections 1",
        "tablecast_rooms_created_total 1",
        "tablecast_commands_total 0",
        "# TYPE tablecast_rejections counter",
        "# TYPE tablecast_closes counter",
        "tablecast_conflicts_total 0",
        "tablecast_resyncs_total 0",
        "tablecast_backend_up 1",
        "tablecast_draining 0",
        "# TYPE tablecast_commit_seconds histogram",
        "tablecast_commit_seconds_count 1",
        "tablecast_commit_seconds_bucket{le=\"+Inf\"} 1",
        concat!(
            "tablecast_build_info{version=\"",
            env!("CARGO_PKG_VERSION"),
            "\"} 1"
        ),
        "# EOF",
    ] {
        assert!(
            answer.body.lines().any(|found| found == line),
            "no {line:?} in\n{}",
            answer.body
        );
    }
}
