//! The client once its handshake is made.

use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
use tungstenite::{Error as FrameError, Message};

use crate::wait::DEADLINE;

/// First byte of a text frame, whole.
pub const TEXT: u8 = 0x81;
/// First byte of a binary frame, whole.
pub const BINARY: u8 = 0x82;
/// First byte of the first fragment of a text.
pub const TEXT_BEGINS: u8 = 0x01;
/// First byte of a later fragment that is not the last.
pub const CONTINUES: u8 = 0x00;
/// First byte of the last fragment.
pub const ENDS: u8 = 0x80;
/// First byte of a close frame.
pub const CLOSE: u8 = 0x88;
/// First byte of a ping.
pub const PING: u8 = 0x89;
/// First byte of a pong.
pub const PONG: u8 = 0x8A;

/// What a [`Client`] can run into.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server answered the handshake with another status than 101.
    #[error("refused with status {status}: {body}")]
    Refused {
        /// The status.
        status: u16,
        /// The head of the answer, without its first line.
        head: String,
        /// The body of the answer.
        body: String,
    },
    /// The answer to the handshake is no HTTP, or not the right answer.
    #[error("not an answer to a WebSocket handshake: {0}")]
    Handshake(String),
    /// The server's bytes are not WebSocket frames.
    #[error("the server broke the protocol: {0}")]
    Protocol(FrameError),
    /// Nothing came within the deadline.
    #[error("nothing came within {0:?} while waiting for {1}")]
    Late(Duration, &'static str),
    /// Something else came than what was waited for.
    #[error("waited for {wanted}, but there came {came:?}")]
    Unexpected {
        /// What was waited for.
        wanted: &'static str,
        /// What came.
        came: Said,
    },
    /// The network failed.
    #[error("the network failed: {0}")]
    Io(#[from] io::Error),
}

/// What a server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
    /// A ping; it is answered unless the client is [mute](Client::mute).
    Ping(Vec<u8>),
    /// A pong.
    Pong(Vec<u8>),
    /// The close frame, with its code if it has one; echoed unless the client is
    /// [mute](Client::mute).
    Close(Option<u16>),
    /// The end of the stream, or a reset.
    End,
}

/// One frame as a client sends it: masked, and in no way checked. `first` is its
/// first byte, such as [`TEXT`].
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..=125 => bytes.push(0x80 | length as u8),
        length @ 126..=0xFFFF => {
            bytes.push(0x80 | 126);
            bytes.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            bytes.push(0x80 | 127);
            bytes.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(&MASK);
    let masks = MASK.into_iter().cycle();
    bytes.extend(payload.iter().zip(masks).map(|(byte, mask)| byte ^ mask));
    bytes
}

/// A WebSocket client.
#[derive(Debug)]
pub struct Client {
    io: Io,
    context: WebSocketContext,
    pipe: Pipe,
    answers: bool,
    deadline: Duration,
}

/// Any byte stream.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

pub(super) enum Io {
    Tcp(TcpStream),
    Other(Box<dyn Duplex>),
}

impl std::fmt::Debug for Io {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Io::Tcp(stream) => stream.fmt(f),
            Io::Other(_) => f.write_str("a stream"),
        }
    }
}

impl Client {
    /// Talks over a stream on which the handshake was made already.
    pub fn over(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Client {
        Client::new(Io::Other(Box::new(stream)), BytesMut::new())
    }

    pub(super) fn new(io: Io, input: BytesMut) -> Client {
        // Its own write buffer is never full: `Pipe` takes everything.
        let config = WebSocketConfig::default()
            .read_buffer_size(4096)
            .max_message_size(None)
            .max_frame_size(None);
        Client {
            io,
            context: WebSocketContext::new(Role::Client, Some(config)),
            pipe: Pipe {
                input,
                ended: false,
                output: Vec::new(),
            },
            answers: true,
            deadline: DEADLINE,
        }
    }

    /// From now on pings and close frames are read and not answered.
    pub fn mute(&mut self) {
        self.answers = false;
    }

    /// Waits this long instead of [`DEADLINE`].
    pub fn set_deadline(&mut self, deadline: Duration) {
        self.deadline = deadline;
    }

    /// Sends a text message.
    ///
    /// # Errors
    /// The network failed, or the server took nothing within the deadline.
    pub async fn send_text(&mut self, text: &str) -> Result<(), ClientError> {
        self.send_frame(TEXT, text.as_bytes()).await
    }

    /// Sends one masked frame with this first byte, right or wrong; see [`frame`].
    ///
    /// # Errors
    /// As [`Client::send_text`].
    pub async fn send_frame(&mut self, first: u8, payload: &[u8]) -> Result<(), ClientError> {
        self.send_bytes(&frame(first, payload)).await
    }

    /// Sends a close frame with this code.
    ///
    /// # Errors
    /// As [`Client::send_text`].
    pub async fn send_close(&mut self, code: u16) -> Result<(), ClientError> {
        self.send_frame(CLOSE, &code.to_be_bytes()).await
    }

    /// Sends these bytes as they are.
    ///
    /// # Errors
    /// As [`Client::send_text`].
    pub async fn send_bytes(&mut self, bytes: &[u8]) -> Result<(), ClientError> {
        let (io, deadline) = (&mut self.io, self.deadline);
        let sending = async {
            io.write_all(bytes).await?;
            io.flush().await
        };
        match tokio::time::timeout(deadline, sending).await {
            Ok(sent) => Ok(sent?),
            Err(_) => Err(ClientError::Late(deadline, "the server to read")),
        }
    }

    /// The next thing the server says, whatever it is. May be dropped and called
    /// again: nothing is lost.
    ///
    /// # Errors
    /// The server broke the protocol, or said nothing within the deadline.
    pub async fn next(&mut self) -> Result<Said, ClientError> {
        let deadline = self.deadline;
        match tokio::time::timeout(deadline, self.next_without_deadline()).await {
            Ok(next) => next,
            Err(_) => Err(ClientError::Late(deadline, "a message")),
        }
    }

    async fn next_without_deadline(&mut self) -> Result<Said, ClientError> {
        loop {
            let read = self.context.read(&mut self.pipe);
            self.answer().await?;
            let message = match read {
                Ok(message) => message,
                Err(FrameError::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    match self.io.read_buf(&mut self.pipe.input).await {
                        Ok(0) | Err(_) => self.pipe.ended = true,
                        Ok(_) => {}
                    }
                    continue;
                }
                Err(error) if self.pipe.ended && self.pipe.input.is_empty() => {
                    return match error {
                        // The server may cut; what it means is for the test to say.
                        FrameError::ConnectionClosed
                        | FrameError::AlreadyClosed
                        | FrameError::Protocol(
                            tungstenite::error::ProtocolError::ResetWithoutClosingHandshake,
                        ) => Ok(Said::End),
                        error => Err(ClientError::Protocol(error)),
                    };
                }
                Err(error) => return Err(ClientError::Protocol(error)),
            };
            return Ok(match message {
                Message::Text(text) => Said::Text(text.as_str().to_owned()),
                Message::Binary(bytes) => Said::Binary(bytes.to_vec()),
                Message::Ping(payload) => Said::Ping(payload.to_vec()),
                Message::Pong(payload) => Said::Pong(payload.to_vec()),
                Message::Close(frame) => Said::Close(frame.map(|frame| frame.code.into())),
                Message::Frame(_) => continue,
            });
        }
    }

    /// Writes what `tungstenite` wants to be answered.
    async fn answer(&mut self) -> Result<(), ClientError> {
        // It fails only if there is nothing to write to any more.
        let _ = self.context.flush(&mut self.pipe);
        let output = std::mem::take(&mut self.pipe.output);
        if self.answers && !output.is_empty() {
            // A server that has cut may still have said something before.
            let _ = self.io.write_all(&output).await;
            let _ = self.io.flush().await;
        }
        Ok(())
    }

    /// The next text; pings and pongs are passed over.
    ///
    /// # Errors
    /// As [`Client::next`], and if something else came.
    pub async fn next_text(&mut self) -> Result<String, ClientError> {
        loop {
            match self.next().await? {
                Said::Text(text) => return Ok(text),
                Said::Ping(_) | Said::Pong(_) => {}
                came => {
                    let wanted = "a text";
                    return Err(ClientError::Unexpected { wanted, came });
                }
            }
        }
    }

    /// The next text, as JSON.
    ///
    /// # Errors
    /// As [`Client::next_text`]; a text that is no JSON is unexpected.
    pub async fn next_json(&mut self) -> Result<serde_json::Value, ClientError> {
        let text = self.next_text().await?;
        serde_json::from_str(&text).map_err(|_| ClientError::Unexpected {
            wanted: "JSON",
            came: Said::Text(text),
        })
    }

    /// Passes over everything up to the close frame, and returns its code.
    ///
    /// # Errors
    /// As [`Client::next`], and if the stream ended without a close frame or with
    /// one that has no code.
    pub async fn closed(&mut self) -> Result<u16, ClientError> {
        loop {
            match self.next().await? {
                Said::Close(Some(code)) => return Ok(code),
                Said::Text(_) | Said::Binary(_) | Said::Ping(_) | Said::Pong(_) => {}
                came @ (Said::Close(None) | Said::End) => {
                    let wanted = "a close frame with a code";
                    return Err(ClientError::Unexpected { wanted, came });
                }
            }
        }
    }

    /// Passes over everything up to the end of the stream, with or without a
    /// closing handshake.
    ///
    /// # Errors
    /// As [`Client::next`].
    pub async fn ended(&mut self) -> Result<(), ClientError> {
        while self.next().await? != Said::End {}
        Ok(())
    }

    /// Cuts the connection by a reset, as a crashed machine's network would.
    ///
    /// # Errors
    /// The socket refused, or the stream is no TCP socket.
    pub fn reset(self) -> Result<(), ClientError> {
        match &self.io {
            Io::Tcp(stream) => Ok(socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO))?),
            Io::Other(_) => Err(ClientError::Io(io::ErrorKind::Unsupported.into())),
        }
    }
}

/// The stream that `tungstenite` reads and writes: memory on both sides.
#[derive(Debug)]
struct Pipe {
    input: BytesMut,
    ended: bool,
    output: Vec<u8>,
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.input.is_empty() && !self.ended {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = buffer.len().min(self.input.len());
        self.input.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsyncRead for Io {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Io::Tcp(stream) => Pin::new(stream).poll_read(cx, buffer),
            Io::Other(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Io {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Io::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Io::Other(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Io::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Io::Other(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Io::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Io::Other(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
