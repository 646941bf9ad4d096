//! Hostile inputs 1 to 22 (`docs/testing.md`): HTTP, each byte sent as it stands.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::time::{Duration, Instant};

use support::{config, start};
use tokio::time::timeout;

const GET: &str = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";

/// A deadline is waited for, never measured: only that it came, and not at once.
const NOT_AT_ONCE: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_silent_connection_is_closed() {
    let server = start(config()).await;
    let begin = Instant::now();
    assert_eq!(server.connect().await.closed().await, b"");
    assert!(begin.elapsed() > NOT_AT_ONCE);
}

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_is_not_waited_for() {
    let server = start(config()).await;
    let mut client = server.connect().await;
    let begin = Instant::now();
    let mut head = "GET / HTTP/1.1\r\nHost: a\r\nX: "
        .bytes()
        .chain(std::iter::repeat(b'x'));
    let said = loop {
        client.send([head.next().unwrap()]).await;
        let next_byte = timeout(Duration::from_millis(200), client.closed());
        if let Ok(said) = next_byte.await {
            break said;
        }
        assert!(begin.elapsed() < support::DEADLINE, "it is waited for");
    };
    assert_eq!(said, b"", "it was answered");
    assert!(begin.elapsed() > NOT_AT_ONCE);
}

#[tokio::test]
async fn a_later_head_has_the_same_deadline_and_idling_before_it_has_more() {
    let server = start(config()).await;
    let mut client = server.connect().await;
    assert_eq!(client.ask(GET).await.status, 200);
    // Longer than a head may take, shorter than a connection may idle.
    // sleep: idling is what is tested
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(client.ask(GET).await.status, 200);
    client.send("GET / HTTP/1.1\r\n").await;
    let begin = Instant::now();
    assert_eq!(client.closed().await, b"");
    assert!(begin.elapsed() > NOT_AT_ONCE);
}

#[tokio::test]
async fn large_heads_and_long_uris_are_refused_by_their_own_status() {
    let server = start(config()).await;
    let megabyte = format!(
        "GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n",
        "x".repeat(1 << 20)
    );
    let twenty_kib = format!(
        "GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n",
        "x".repeat(20 << 10)
    );
    let two_thousand = format!(
        "GET / HTTP/1.1\r\nHost: a\r\n{}\r\n",
        "X: x\r\n".repeat(2000)
    );
    let hundred = format!(
        "GET / HTTP/1.1\r\nHost: a\r\n{}\r\n",
        "X: x\r\n".repeat(101)
    );
    let uri = |n: usize| format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(n));
    let protocols = format!(
        "GET /ws/x/ HTTP/1.1\r\nHost: a\r\n{}Sec-WebSocket-Protocol: {}\r\n\r\n",
        support::UPGRADE,
        "a,".repeat(16 << 10)
    );
    for (name, request, status) in [
        ("1 MiB of header", megabyte, 431),
        ("20 KiB of header", twenty_kib, 431),
        ("2,000 headers", two_thousand, 431),
        ("102 headers", hundred, 431),
        ("100 KiB of URI", uri(100 << 10), 414),
        ("10 KiB of URI", uri(10 << 10), 414),
        ("32 KiB of protocols", protocols, 431),
    ] {
        let mut client = server.connect().await;
        assert_eq!(client.ask(&request).await.status, status, "{name}");
        client.closed().await;
    }
    assert_eq!(server.ask(&uri(7 << 10)).await.status, 404);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_a_timeout() {
    let server = start(config()).await;
    let mut client = server.connect().await;
    let head = "POST /session/ HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{";
    let answer = client.ask(head).await;
    assert_eq!((answer.status, answer.code().as_str()), (408, "timeout"));
    assert!(answer.closes());
    client.closed().await;
}

#[tokio::test]
async fn a_large_body_is_refused_unread() {
    let server = start(config()).await;
    let mut client = server.connect().await;
    // Only the head is sent: there is an answer without the body.
    let head = "POST /session/ HTTP/1.1\r\nHost: a\r\nContent-Length: 10485760\r\n\r\n";
    let answer = client.ask(head).await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "too_long"));
    client.closed().await;

    let chunked = format!(
        "POST /session/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n11000\r\n{}\r\n0\r\n\r\n",
        "x".repeat(0x11000)
    );
    assert_eq!(server.ask(&chunked).await.status, 413);
}

#[tokio::test]
async fn what_a_proxy_may_read_otherwise_is_refused_and_the_connection_closed() {
    let server = start(config()).await;
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    for (name, head) in [
        (
            "both lengths",
            "POST /session/ HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        (
            "both lengths",
            "POST /session/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        ),
        (
            "equal lengths",
            "POST /session/ HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
        ),
        (
            "unequal lengths",
            "POST /session/ HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n",
        ),
        (
            "a list of lengths",
            "POST /session/ HTTP/1.1\r\nHost: a\r\nContent-Length: 0, 0\r\n\r\n",
        ),
        ("bare LF", "GET /healthz HTTP/1.1\nHost: a\n\n"),
        ("one bare LF", "GET /healthz HTTP/1.1\r\nHost: a\n\r\n"),
        (
            "a folded line",
            "GET /healthz HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
        ),
        (
            "a blank before the colon",
            "GET /healthz HTTP/1.1\r\nHost : a\r\n\r\n",
        ),
        ("no host", "GET /healthz HTTP/1.1\r\n\r\n"),
        (
            "two hosts",
            "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        ),
    ] {
        let mut client = server.connect().await;
        let answer = client.ask(format!("{head}{smuggled}")).await;
        assert_eq!(answer.status, 400, "{name}: {answer:?}");
        assert!(answer.closes(), "{name}");
        assert_eq!(client.closed().await, b"", "{name}: more than one answer");
    }
}

#[tokio::test]
async fn a_request_with_a_body_is_the_last_of_its_connection_only_if_its_length_is_not_said() {
    let server = start(config()).await;
    let id = server.room().await;
    let mut client = server.connect().await;
    let post = |path: &str, fields: &str, body: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n{fields}\r\n\r\n{body}"
        )
    };
    let make = post("/session/", "Content-Length: 2", "{}");
    let answer = client.ask(format!("{GET}{make}{GET}")).await;
    assert_eq!((answer.status, answer.closes()), (200, false));
    for status in [201, 200] {
        let answer = client.answer().await.unwrap();
        assert_eq!((answer.status, answer.closes()), (status, false));
    }
    let body = format!(r#"{{"seat":"{}","commands":[]}}"#, "0".repeat(32));
    let length = format!("Content-Length: {}", body.len());
    for _ in 0..2 {
        let answer = client
            .ask(post(&format!("/sse/{id}/"), &length, &body))
            .await;
        assert!(answer.status >= 400 && !answer.closes(), "{answer:?}");
    }
    let make = post(
        "/session/",
        "Transfer-Encoding: chunked",
        "2\r\n{}\r\n0\r\n\r\n",
    );
    let answer = client.ask(format!("{make}{GET}")).await;
    assert_eq!((answer.status, answer.closes()), (201, true));
    assert_eq!(client.closed().await, b"");
}

#[tokio::test]
async fn a_wrong_method_is_told_which_are_right() {
    let server = start(config()).await;
    let id = server.room().await;
    for (method, path, allow) in [
        ("GET", "/session/".to_owned(), "POST"),
        ("HEAD", "/session".to_owned(), "POST"),
        ("DELETE", "/session/".to_owned(), "POST"),
        ("POST", format!("/session/{id}/"), "GET, HEAD"),
        ("POST", format!("/session/{id}/result"), "GET, HEAD"),
        ("POST", format!("/ws/{id}/"), "GET"),
        ("HEAD", format!("/ws/{id}/"), "GET"),
        ("PUT", "/".to_owned(), "GET, HEAD"),
        ("POST", "/healthz".to_owned(), "GET, HEAD"),
        ("BREW", "/metrics".to_owned(), "GET, HEAD"),
        ("CONNECT", format!("/r/{id}"), "GET, HEAD"),
    ] {
        let answer = server.request(&format!("{method} {path}"), "", "").await;
        assert_eq!(
            (answer.status, answer.header("allow")),
            (405, Some(allow)),
            "{method} {path}"
        );
        if method != "HEAD" {
            let detail = format!("use {}", allow.replace(", ", " or "));
            assert!(answer.body.contains(&detail), "{answer:?}");
        }
        let answer = server.request(&format!("OPTIONS {path}"), "", "").await;
        assert_eq!(
            (answer.status, answer.header("allow")),
            (204, Some(allow)),
            "{path}"
        );
    }
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let server = start(config()).await;
    let id = server.room().await;
    for path in [
        "/".to_owned(),
        "/healthz".to_owned(),
        "/readyz/".to_owned(),
        format!("/session/{id}"),
    ] {
        let mut client = server.connect().await;
        client
            .send(format!(
                "HEAD {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
            ))
            .await;
        let answer = String::from_utf8(client.closed().await).unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\n"),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn a_body_must_be_a_json_object_of_known_settings_or_nothing() {
    let server = start(config()).await;
    let deep = "[".repeat(8000) + &"]".repeat(8000);
    let deep_value = format!("{{\"title\":{}1{}}}", "[".repeat(7000), "]".repeat(7000));
    let json = "Content-Type: application/json\r\n";
    for (content_type, body, status, named) in [
        ("", "{}", 415, "application/json"),
        (
            "Content-Type: text/plain\r\n",
            "{}",
            415,
            "application/json",
        ),
        (
            "Content-Type: application/x-www-form-urlencoded\r\n",
            "a=b",
            415,
            "application/json",
        ),
        (json, "{", 400, "line 1 column 1"),
        (json, "{\n  \"title\" 1}", 400, "line 2 column 11"),
        (json, "{} {}", 400, "line 1 column 4"),
        (json, "[]", 400, "must be a JSON object"),
        (json, "null", 400, "must be a JSON object"),
        (json, "\u{feff}{}", 400, "must be a JSON object"),
        (json, &deep, 400, "must be a JSON object"),
        (json, &deep_value, 400, "recursion"),
        (
            json,
            "{\"minutes\":1,\"minutes\":2}",
            400,
            "duplicate field `minutes`",
        ),
    ] {
        let answer = server.request("POST /session/", content_type, body).await;
        assert_eq!(answer.status, status, "{body:.60}: {answer:?}");
        answer.code();
        assert!(
            answer.body.replace('\\', "").contains(named),
            "{body:.60}: {answer:?}"
        );
    }
    for content_type in [json, "Content-Type: Application/JSON; charset=utf-8\r\n"] {
        assert_eq!(
            server
                .request("POST /session", content_type, " {} ")
                .await
                .status,
            201
        );
    }
    for ignored in ["", "{\"seats\":5}", "{\"__proto__\":{\"title\":\"\"}}"] {
        let answer = server.request("POST /session", json, ignored).await;
        assert_eq!(answer.status, 201, "{ignored}");
    }
}

#[tokio::test]
async fn paths_that_lead_nowhere_are_not_found() {
    let server = start(config()).await;
    let id = server.room().await;
    for path in [
        "//".to_owned(),
        "/session//".to_owned(),
        format!("//session/{id}/"),
        format!("/session//{id}"),
        format!("/session/{id}//"),
        format!("/session/{id}/result//"),
        format!("/session/{id}/results"),
        "/session//result".to_owned(),
        format!("/session/..%2f{id}/"),
        format!("/session/x%2f..%2f{id}/"),
        format!("/x/../session/{id}/"),
        format!("/session/{id}%00/"),
        format!("/session/{id}%20"),
        format!("/session/{id}%0d%0aX:%20y/"),
        "/session/%ff/".to_owned(),
        "/session/*/".to_owned(),
        "/session/%7B%7D/".to_owned(),
        "/..%2f..%2fetc/passwd".to_owned(),
        "/ws".to_owned(),
        "/favicon.ico".to_owned(),
        "/Session/".to_owned(),
    ] {
        let answer = server.get(&path).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (404, "not_found"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn unknown_and_malformed_room_ids_get_one_and_the_same_answer() {
    let server = start(config()).await;
    let without_date = |answer: support::Answer| {
        let head = answer
            .head
            .lines()
            .filter(|line| !line.starts_with("date:"));
        (head.collect::<Vec<_>>().join("\n"), answer.body)
    };
    let unknown = "e0432a93-e791-437b-a8f8-3b27ea76c3e5";
    let expected = without_date(server.get(&format!("/session/{unknown}/")).await);
    let at_handshake = without_date(server.handshake(&format!("/ws/{unknown}/"), "").await);
    assert_eq!(at_handshake.1, expected.1);
    let result = without_date(server.get(&format!("/session/{unknown}/result/")).await);
    for id in [
        "x",
        "*",
        "%7B%7D",
        "a%20b",
        "a%0d%0ab",
        "%ff",
        "..%2f",
        "a%00",
        &"x".repeat(65),
    ] {
        let answer = server.get(&format!("/session/{id}/")).await;
        assert_eq!(without_date(answer), expected, "{id}");
        let answer = server.get(&format!("/session/{id}/result/")).await;
        assert_eq!(without_date(answer), result, "{id}");
        let answer = server.handshake(&format!("/ws/{id}/"), "").await;
        assert_eq!(without_date(answer), at_handshake, "{id}");
    }
}

#[tokio::test]
async fn a_foreign_page_gets_no_leave_to_read_and_makes_no_room() {
    let server = start(config()).await;
    let foreign = "Origin: https://evil.example\r\n";
    let preflight = "Access-Control-Request-Method: POST\r\n";
    for (line, headers, status) in [
        ("OPTIONS /session/", format!("{foreign}{preflight}"), 204),
        ("POST /session/", foreign.to_owned(), 403),
        ("GET /healthz", foreign.to_owned(), 200),
    ] {
        let answer = server.request(line, &headers, "").await;
        assert_eq!(answer.status, status, "{line}");
        assert!(
            !answer.head.to_ascii_lowercase().contains("access-control"),
            "{answer:?}"
        );
    }
    let metrics = server.get("/metrics").await.body;
    assert!(
        metrics.contains("tablecast_rooms_created_total 0\n"),
        "{metrics}"
    );
}

#[tokio::test]
async fn a_thousand_pipelined_requests_are_answered_in_order_and_bounded() {
    let server = start(config()).await;
    let mut client = server.connect().await;
    let request = |n| format!("GET /nowhere HTTP/1.1\r\nHost: a\r\nX: {n}\r\n\r\n");
    let all: String = (0..999).map(request).collect();
    let last = "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    client.send(format!("{all}{last}")).await;
    for n in 0..999 {
        assert_eq!(client.answer().await.expect("an answer").status, 404, "{n}");
    }
    assert_eq!(client.answer().await.expect("the last answer").status, 200);
    assert_eq!(client.closed().await, b"");
}

#[tokio::test]
async fn every_answer_keeps_the_browser_on_a_short_leash() {
    let server = start(config()).await;
    for path in ["/", "/r/x", "/healthz", "/nowhere", "/session/x"] {
        let answer = server.get(path).await;
        let policy = answer.header("content-security-policy").unwrap_or_default();
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{path}"
        );
        assert!(!policy.contains("unsafe"));
        assert_eq!(
            answer.header("x-content-type-options"),
            Some("nosniff"),
            "{path}"
        );
        assert_eq!(
            answer.header("referrer-policy"),
            Some("no-referrer"),
            "{path}"
        );
    }
}
