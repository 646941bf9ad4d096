//! Checks the heads of incoming HTTP requests for faults that an HTTP library accepts but a
//! server on the public internet should not.
//!
//! hyper accepts line ends without CR, a Content-Length beside a
//! Transfer-Encoding, and several equal Content-Lengths. A proxy in front may
//! read each of them differently and so take one request for two (request
//! smuggling). It also has one deadline for a slow head and for an idle
//! connection, and none for a head's first byte after the accept.
//!
//! [`HeadGuard`] wraps the stream that hyper reads. It changes no byte: it counts, and
//! reports its findings in a [`HeadReport`], which the server checks before it answers a
//! request. It passes over a body whose length is said. After a head that announces another
//! body or an upgrade it stops checking, so the server must close the connection after
//! answering such a request ([`ends_connection`]).
//! Whoever takes over an upgraded connection gets the [`TcpStream`] alone by [`From`]. The
//! stream inside may also be TLS: then the heads are checked as they were encrypted.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::{TRANSFER_ENCODING, UPGRADE};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

/// The longest request line. RFC 9112 (3) asks for at least 8,000 bytes.
pub const MAX_LINE_BYTES: usize = 8 * 1024;

/// The longest head, with the request line and all fields.
pub const MAX_HEAD_BYTES: usize = 16 * 1024;

/// What is wrong with a request's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// A line ends without CR: 400.
    #[error("a line of the request's head does not end with CR LF")]
    BareLf,
    /// More than one of Content-Length and Transfer-Encoding: 400.
    #[error(
        "the request says more than once how long it is: give one Content-Length or one Transfer-Encoding"
    )]
    Framing,
    /// The request line is too long: 414.
    #[error("the request line is too long: at most {MAX_LINE_BYTES} bytes")]
    LineTooLong,
    /// The head is too large: 431.
    #[error("the request's head is too large: at most {MAX_HEAD_BYTES} bytes")]
    TooLarge,
}

/// The findings of a [`HeadGuard`] so far. When hyper passes on a request, its head has
/// been checked.
#[derive(Debug, Clone, Default)]
pub struct HeadReport(Arc<Findings>);

#[derive(Debug, Default)]
struct Findings {
    error: OnceLock<HeadError>,
    is_inside_body: AtomicBool,
}

impl HeadReport {
    /// The first error on this connection. It stays, because other requests of the same
    /// sender cannot be trusted either.
    pub fn error(&self) -> Option<HeadError> {
        self.0.error.get().copied()
    }

    /// Whether a part of the request's body has not come yet. An answer at this time is the
    /// last one of its connection, because hyper does not wait for a body that nobody reads.
    pub fn is_inside_body(&self) -> bool {
        self.0.is_inside_body.load(Ordering::Relaxed)
    }
}

/// Whether the connection must close after the answer to this request, because bytes after
/// its head are not checked.
pub fn ends_connection(headers: &HeaderMap) -> bool {
    headers.contains_key(UPGRADE) || headers.contains_key(TRANSFER_ENCODING)
}

/// A stream whose incoming request heads are checked: TCP, or TLS over it.
#[derive(Debug)]
pub struct HeadGuard<T = TcpStream> {
    stream: T,
    scan: Scan,
    report: HeadReport,
    within: Duration,
    /// How long the other side may take none of the written bytes.
    stalled_after: Option<Duration>,
    /// Runs while the other side takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
    /// Runs while a head is expected or unfinished; see `armed`.
    deadline: Pin<Box<Sleep>>,
    armed: bool,
}

impl<T> HeadGuard<T> {
    /// Wraps this stream. The first head must be complete within this time from now, and
    /// each later one from its first byte. The HTTP library limits the idle time in
    /// between.
    pub fn new(stream: T, within: Duration) -> Self {
        HeadGuard {
            stream,
            scan: Scan::default(),
            report: HeadReport::default(),
            within,
            stalled_after: None,
            stalled: None,
            deadline: Box::pin(sleep(within)),
            armed: true,
        }
    }

    /// Ends the stream if none of the written bytes were taken for this long. Without it a
    /// client that does not read could keep its answer in memory for ever.
    #[must_use]
    pub fn stalled_after(self, time: Duration) -> Self {
        HeadGuard {
            stalled_after: Some(time),
            ..self
        }
    }

    /// Handles the result of a write, or of what ends one.
    fn wrote<N>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<N>>,
    ) -> Poll<io::Result<N>> {
        if written.is_ready() {
            self.stalled = None;
        } else if let Some(time) = self.stalled_after {
            let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(time)));
            if stalled.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
        }
        written
    }

    /// The report of present and later findings.
    pub fn report(&self) -> HeadReport {
        self.report.clone()
    }

    /// Whether the client may still be sending a request: then closing at once could reset
    /// the connection before the client has read the answer.
    pub fn is_inside_request(&self) -> bool {
        let scan = &self.scan;
        scan.done || scan.is_begun() || scan.body > 0 || self.report.error().is_some()
    }

    /// The stream alone.
    pub fn into_inner(self) -> T {
        self.stream
    }

    fn saw(&mut self, bytes: &[u8]) {
        let heads = self.scan.heads;
        if let Err(error) = self.scan.read(bytes) {
            // The first one stays.
            let _ = self.report.0.error.set(error);
        }
        let inside_body = self.scan.body > 0;
        if inside_body != self.report.is_inside_body() {
            let findings = &self.report.0;
            findings
                .is_inside_body
                .store(inside_body, Ordering::Relaxed);
        }
        let begun = self.scan.is_begun();
        if self.armed && (!begun || self.scan.heads != heads) {
            self.armed = false;
        }
        if begun && !self.armed {
            self.armed = true;
            self.deadline.as_mut().reset(Instant::now() + self.within);
        }
    }
}

impl From<HeadGuard> for TcpStream {
    /// The stream alone.
    fn from(guard: HeadGuard) -> TcpStream {
        guard.stream
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for HeadGuard<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(cx, buf);
        match read {
            Poll::Ready(_) => this.saw(&buf.filled()[before..]),
            Poll::Pending if this.armed && this.deadline.as_mut().poll(cx).is_ready() => {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            Poll::Pending => {}
        }
        read
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for HeadGuard<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, buf);
        this.wrote(cx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        this.wrote(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // TLS has taken bytes that are not written yet.
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.stream).poll_flush(cx);
        this.wrote(cx, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let shut = Pin::new(&mut this.stream).poll_shutdown(cx);
        this.wrote(cx, shut)
    }
}

/// The field names that matter, and what each means for the framing.
const NAMES: [(&[u8], Field); 3] = [
    (b"content-length", Field::ContentLength),
    (b"transfer-encoding", Field::TransferEncoding),
    (b"upgrade", Field::Upgrade),
];

/// Longer than the longest of [`NAMES`], so that a longer name equals none.
const NAME_BYTES: usize = 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    ContentLength,
    TransferEncoding,
    Upgrade,
    Other,
}

/// A Content-Length, read byte by byte as hyper reads it: digits, with blanks around them.
#[derive(Debug, Clone, Copy, Default)]
enum Length {
    #[default]
    Nothing,
    Digits(u64),
    /// Blanks have followed.
    Whole(u64),
    /// hyper refuses it, and ends the connection.
    Wrong,
}

impl Length {
    fn read(self, byte: u8) -> Self {
        let digit = |before: u64| {
            let number = before.checked_mul(10)?.checked_add(u64::from(byte - b'0'));
            number.map(Length::Digits)
        };
        match (self, byte) {
            (Length::Nothing, b' ' | b'\t') | (_, b'\r') => self,
            (Length::Digits(number) | Length::Whole(number), b' ' | b'\t') => Length::Whole(number),
            (Length::Nothing, b'0'..=b'9') => digit(0).unwrap_or(Length::Wrong),
            (Length::Digits(number), b'0'..=b'9') => digit(number).unwrap_or(Length::Wrong),
            _ => Length::Wrong,
        }
    }

    /// `None`: it says no number.
    fn number(self) -> Option<u64> {
        match self {
            Length::Digits(number) | Length::Whole(number) => Some(number),
            Length::Nothing | Length::Wrong => None,
        }
    }
}

/// The state of the scan of a head. It finds the ends of lines and of heads exactly where
/// hyper (httparse) does: a line ends at LF, with or without CR before it, an empty line
/// ends the head, and empty lines before a head are skipped.
#[derive(Debug, Default)]
struct Scan {
    /// Complete heads so far.
    heads: u64,
    /// Bytes of this head.
    head: usize,
    /// Bytes of this line.
    line: usize,
    /// The first line of this head that is not empty is over.
    has_request_line: bool,
    /// The last byte of this line was CR.
    after_cr: bool,
    /// The name of this line's field, as far as it is read, in lower case.
    name: [u8; NAME_BYTES],
    /// Which field this line is; `None` until its colon.
    field: Option<Field>,
    lengths: u32,
    /// What the Content-Length says.
    length: Length,
    has_encoding: bool,
    has_upgrade: bool,
    /// Bytes of a body that are still to come, before the next head.
    body: u64,
    /// After this point no more heads can be found.
    done: bool,
}

impl Scan {
    /// Whether a head is unfinished.
    fn is_begun(&self) -> bool {
        !self.done && self.head > 0
    }

    fn read(&mut self, mut bytes: &[u8]) -> Result<(), HeadError> {
        while !self.done && !bytes.is_empty() {
            if self.body > 0 {
                let here = bytes
                    .len()
                    .min(usize::try_from(self.body).unwrap_or(usize::MAX));
                self.body -= here as u64;
                bytes = &bytes[here..];
                continue;
            }
            let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
                return self.part(bytes);
            };
            self.part(&bytes[..end])?;
            self.head += 1;
            if !std::mem::take(&mut self.after_cr) {
                return Err(HeadError::BareLf);
            }
            if self.head > MAX_HEAD_BYTES {
                return Err(HeadError::TooLarge);
            }
            self.line_end()?;
            bytes = &bytes[end + 1..];
        }
        Ok(())
    }

    /// A part of a line, or all of it, without its LF.
    fn part(&mut self, mut bytes: &[u8]) -> Result<(), HeadError> {
        let Some(last) = bytes.last() else {
            return Ok(());
        };
        self.after_cr = *last == b'\r';
        let begin = self.line;
        self.line += bytes.len();
        self.head += bytes.len();
        let line_over = if self.has_request_line {
            0
        } else {
            self.line.saturating_sub(MAX_LINE_BYTES)
        };
        let head_over = self.head.saturating_sub(MAX_HEAD_BYTES);
        // The limit that was exceeded first is the error.
        if line_over > 0 && line_over >= head_over {
            return Err(HeadError::LineTooLong);
        }
        if head_over > 0 {
            return Err(HeadError::TooLarge);
        }
        if self.field.is_none() && self.has_request_line {
            let colon = bytes.iter().position(|byte| *byte == b':');
            let (name, value) = bytes.split_at(colon.unwrap_or(bytes.len()));
            let places = self.name.iter_mut().skip(begin);
            for (place, byte) in places.zip(name) {
                *place = byte.to_ascii_lowercase();
            }
            if colon.is_some() {
                self.field = Some(self.named(begin + name.len()));
            }
            bytes = value.get(1..).unwrap_or_default();
        }
        if self.field == Some(Field::ContentLength) {
            let length = bytes
                .iter()
                .fold(self.length, |length, byte| length.read(*byte));
            self.length = length;
        }
        Ok(())
    }

    /// The field whose name has this length.
    fn named(&self, length: usize) -> Field {
        let name = self.name.get(..length).unwrap_or_default();
        let known = NAMES.iter().find(|(known, _)| *known == name);
        known.map_or(Field::Other, |(_, field)| *field)
    }

    fn line_end(&mut self) -> Result<(), HeadError> {
        // The CR was counted.
        let is_empty = self.line <= 1;
        match self.field.take() {
            Some(Field::ContentLength) => self.lengths += 1,
            Some(Field::TransferEncoding) => self.has_encoding = true,
            Some(Field::Upgrade) => self.has_upgrade = true,
            Some(Field::Other) | None => {}
        }
        self.line = 0;
        if !is_empty {
            self.has_request_line = true;
            return Ok(());
        }
        if !self.has_request_line {
            return Ok(());
        }
        let two_lengths = self.lengths + u32::from(self.has_encoding) > 1;
        let body = match self.lengths {
            0 => Some(0),
            _ => self.length.number(),
        };
        let done = self.has_encoding || self.has_upgrade || body.is_none();
        *self = Scan {
            heads: self.heads + 1,
            body: body.filter(|_| !done).unwrap_or(0),
            done,
            ..Scan::default()
        };
        if two_lengths {
            Err(HeadError::Framing)
        } else {
            Ok(())
        }
    }
}

/// What a guard finds in these pieces of one connection's bytes: the first error, the number of
/// complete heads before it, and whether no more heads can be found.
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub fn scan<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Option<HeadError>, u64, bool) {
    let mut scan = Scan::default();
    let error = pieces.into_iter().find_map(|piece| scan.read(piece).err());
    (error, scan.heads, scan.done)
}

#[cfg(test)]
mod tests;
