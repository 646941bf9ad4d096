//! The heads of HTTP requests: what our check lets pass, hyper and a strict reader take for the
//! same requests.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::header::{CONNECTION, HeaderMap};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use parking_lot::Mutex;
use tablecast_http::head::{MAX_HEAD_BYTES, MAX_LINE_BYTES, ends_connection, scan};
use tokio::time::timeout;

/// The first byte says how the others, which are what a client sends, are cut.
///
/// # Panics
/// What passes means one thing to hyper and another to a reader that knows only the standard, or
/// the check depends on how the bytes are cut.
pub fn check(input: &[u8]) {
    let Some((size, bytes)) = input.split_first() else {
        return;
    };
    let (error, heads, done) = scan([bytes]);
    let pieces = scan(bytes.chunks(usize::from(*size).max(1)));
    assert_eq!(pieces.0, error, "in pieces");
    if error.is_some() {
        return;
    }
    assert_eq!(pieces, (error, heads, done), "in pieces");
    let (requests, ended) = hypers(bytes);
    let strict = strict(bytes);
    for (at, (method, fields)) in requests.iter().enumerate() {
        let Some(head) = strict.get(at) else {
            panic!("request {at} is none by the standard");
        };
        assert!(head.line.starts_with(method.as_bytes()));
        assert_eq!(head.line.get(method.len()), Some(&b' '));
        assert_eq!(all(fields), head.fields, "request {at}");
        let lengths = fields.get_all("content-length").iter().count();
        let encodings = usize::from(fields.contains_key("transfer-encoding"));
        assert!(lengths + encodings <= 1, "two lengths");
        let is_last = at + 1 == requests.len();
        assert!(is_last || !ends_connection(fields), "went on behind a body");
        assert!(head.line.len() <= MAX_LINE_BYTES && head.bytes <= MAX_HEAD_BYTES);
    }
    let last_ends = requests.last().is_some_and(|(_, it)| ends_connection(it));
    assert!(requests.len() as u64 <= heads, "a request passed unseen");
    // Where it does not pass on a head, it has refused the bytes and ended.
    if !ended {
        assert_eq!(
            requests.len() as u64,
            heads,
            "a head was seen and no request"
        );
        assert_eq!(done, last_ends);
    }
}

/// The requests that hyper passes on, and whether it has ended the connection.
fn hypers(bytes: &[u8]) -> (Vec<(String, HeaderMap)>, bool) {
    let requests = Mutex::new(Vec::new());
    let service = service_fn(|request: Request<hyper::body::Incoming>| {
        let (head, _) = request.into_parts();
        let mut response = Response::new(String::new());
        if ends_connection(&head.headers) {
            let close = hyper::header::HeaderValue::from_static("close");
            response.headers_mut().insert(CONNECTION, close);
        }
        requests
            .lock()
            .push((head.method.to_string(), head.headers));
        std::future::ready(Ok::<_, Infallible>(response))
    });
    let connection = http1::Builder::new().serve_connection(Client(bytes), service);
    let ended = crate::run(async { timeout(Duration::from_secs(1), connection).await.is_ok() });
    (requests.into_inner(), ended)
}

/// A client that sends this and reads everything.
struct Client<'a>(&'a [u8]);

impl Read for Client<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if self.0.is_empty() {
            return Poll::Pending;
        }
        let (now, later) = self.0.split_at(self.0.len().min(buffer.remaining()));
        buffer.put_slice(now);
        self.0 = later;
        Poll::Ready(Ok(()))
    }
}

impl Write for Client<'_> {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A field's name in lower case, and its value without blanks around it.
type Field = (String, Vec<u8>);

struct Head<'a> {
    line: &'a [u8],
    /// Sorted.
    fields: Vec<Field>,
    bytes: usize,
}

impl Head<'_> {
    /// The length of the body, if it is one.
    fn length(&self) -> Option<usize> {
        let mut fields = self.fields.iter();
        let length = fields.find(|(name, _)| name == "content-length");
        length.map_or(Some(0), |(_, value)| {
            str::from_utf8(value).ok()?.parse().ok()
        })
    }
}

/// The heads as RFC 9112 has them, to the letter: a line ends with CR LF, and neither stands
/// anywhere else.
fn strict(mut bytes: &[u8]) -> Vec<Head<'_>> {
    let mut heads = Vec::new();
    while let Some((head, rest)) = strict_head(bytes) {
        let behind = head.length().and_then(|length| rest.get(length..));
        heads.push(head);
        let Some(behind) = behind else { break };
        bytes = behind;
    }
    heads
}

fn strict_head(all: &[u8]) -> Option<(Head<'_>, &[u8])> {
    let mut bytes = all;
    let mut line = b"".as_slice();
    while line.is_empty() {
        (line, bytes) = strict_line(bytes)?;
    }
    let mut fields = Vec::new();
    loop {
        let (field, rest) = strict_line(bytes)?;
        bytes = rest;
        if field.is_empty() {
            break;
        }
        let colon = field.iter().position(|byte| *byte == b':')?;
        let (name, value) = field.split_at(colon);
        let name = str::from_utf8(name).ok()?.to_ascii_lowercase();
        fields.push((name, value[1..].trim_ascii().to_vec()));
    }
    fields.sort();
    let head = Head {
        line,
        fields,
        bytes: all.len() - bytes.len(),
    };
    Some((head, bytes))
}

fn strict_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.windows(2).position(|two| two == b"\r\n")?;
    let line = &bytes[..end];
    (!line.contains(&b'\r') && !line.contains(&b'\n')).then_some((line, &bytes[end + 2..]))
}

fn all(fields: &HeaderMap) -> Vec<Field> {
    let all = fields.iter();
    let all = all.map(|(name, value)| (name.to_string(), value.as_bytes().trim_ascii().to_vec()));
    let mut all: Vec<Field> = all.collect();
    all.sort();
    all
}
