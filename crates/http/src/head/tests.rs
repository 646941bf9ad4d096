use super::*;

/// The first error, and the number of heads; checks that feeding all at once and byte by
/// byte give the same result.
fn scan(bytes: &[u8]) -> (Option<HeadError>, u64) {
    let mut whole = Scan::default();
    let error = whole.read(bytes).err();
    let mut slow = Scan::default();
    let slow_error = bytes.iter().find_map(|byte| slow.read(&[*byte]).err());
    assert_eq!(
        (error, error.is_some() || whole.heads == slow.heads),
        (slow_error, true)
    );
    (error, whole.heads)
}

#[test]
fn requests_one_after_another_are_found() {
    let get = b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(scan(&get.repeat(1000)), (None, 1000));
    assert_eq!(
        scan(b"\r\n\r\nGET / HTTP/1.1\r\n\r\n\r\nGET / HTTP/1.1\r\n\r\n"),
        (None, 2)
    );
}

#[test]
fn what_two_readers_may_take_differently_is_found() {
    for (head, error) in [
        ("GET / HTTP/1.1\nHost: a\n\n", HeadError::BareLf),
        ("GET / HTTP/1.1\r\nHost: a\n\r\n", HeadError::BareLf),
        ("\nGET / HTTP/1.1\r\n\r\n", HeadError::BareLf),
        ("GET / HTTP/1.1\r\nHost: a\r\n\n", HeadError::BareLf),
        (
            "POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            HeadError::Framing,
        ),
        (
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\ncontent-length: 0\r\n\r\n",
            HeadError::Framing,
        ),
        (
            "POST / HTTP/1.1\r\nCONTENT-LENGTH: 5\r\nContent-Length: 5\r\n\r\n",
            HeadError::Framing,
        ),
        (
            "POST / HTTP/1.1\r\nContent-Length:0\r\nContent-Length:0\r\n\r\n",
            HeadError::Framing,
        ),
    ] {
        assert_eq!(scan(head.as_bytes()).0, Some(error), "{head:?}");
    }
}

#[test]
fn what_is_too_long_is_found_and_the_rest_is_not() {
    let line = |n: usize| format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(n));
    assert_eq!(scan(line(8000).as_bytes()), (None, 1));
    assert_eq!(scan(line(9000).as_bytes()).0, Some(HeadError::LineTooLong));
    let field = |n: usize| format!("GET / HTTP/1.1\r\na: {}\r\n\r\n", "a".repeat(n));
    assert_eq!(scan(field(16_000).as_bytes()), (None, 1));
    assert_eq!(scan(field(17_000).as_bytes()).0, Some(HeadError::TooLarge));
    assert_eq!(scan(&b"\r\n".repeat(9000)).0, Some(HeadError::TooLarge));
}

#[test]
fn the_head_behind_a_body_is_looked_at() {
    for (length, body, found) in [
        ("5", "\n\n\r\n\n", (None, 2)),
        (" 5\t ", "\n\n\r\n\n", (None, 2)),
        ("0005", "\n\n\r\n\n", (None, 2)),
        ("5", "\n\n\r\n\n\n", (Some(HeadError::BareLf), 1)),
        ("5", "12345GET / HTTP/1.1\n", (Some(HeadError::BareLf), 1)),
        ("99999999999999999999", "\n\n\n", (None, 1)),
        ("18446744073709551615", "\n\n\n", (None, 1)),
    ] {
        let post = format!("POST / HTTP/1.1\r\nContent-Length:{length}\r\n\r\n{body}");
        let get = "GET / HTTP/1.1\r\n\r\n";
        assert_eq!(scan(format!("{post}{get}").as_bytes()), found, "{post:?}");
    }
}

#[test]
fn behind_a_body_without_a_length_or_an_upgrade_nothing_is_looked_at() {
    for head in [
        "POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n\n\n\n",
        "POST / HTTP/1.1\r\nContent-Length: 1 1\r\n\r\n\n\n\n",
        "POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\n\n\n\n",
        "POST / HTTP/1.1\r\nContent-Length:\r\n\r\n\n\n\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\n\n\n",
        "GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n\n\n\n",
    ] {
        assert_eq!(scan(head.as_bytes()), (None, 1), "{head:?}");
    }
}

#[test]
fn the_server_ends_a_connection_exactly_where_the_scan_does() {
    for (name, value) in [
        ("content-length", "0"),
        ("content-length", "000"),
        ("content-length", "10"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("x-content-length", "10"),
        ("content-length-of-old", "10"),
    ] {
        let mut scanned = Scan::default();
        let head = format!("POST / HTTP/1.1\r\n{name}: {value}\r\n\r\n");
        assert_eq!(scanned.read(head.as_bytes()), Ok(()));
        let mut headers = HeaderMap::new();
        headers.insert(name, axum::http::HeaderValue::from_static(value));
        assert_eq!(ends_connection(&headers), scanned.done, "{head:?}");
    }
}
