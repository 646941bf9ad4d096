//! One WebSocket connection in a task of its own. The library's defaults are for servers;
//! here a message may be as large as a room's state, and buffers are small.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tablecast_protocol::SUBPROTOCOL;
use tablecast_protocol::close::{CloseReason, ComeBack};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::http::header::{
    RETRY_AFTER, SEC_WEBSOCKET_PROTOCOL, USER_AGENT,
};
use tokio_tungstenite::tungstenite::http::{HeaderValue, Response, StatusCode};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use url::Url;

use super::{
    AGENT, MOST_MOVES, PATIENCE, Stream, Trust, authority, connect, location, moved, no_answer,
    retry_after, words,
};
use crate::session::link::{Failure, Reason};
use crate::session::{Incoming, Outgoing};

/// The whole state of a room is some hundred kilobytes at most.
const MOST_MESSAGE: usize = 4 << 20;

const BUFFER: usize = 16 * 1024;

/// Messages that wait in either direction. The session sends no more than the server's
/// allowance at once; whatever comes waits in the socket when nobody reads.
const QUEUE: usize = 256;

/// How long closing may take.
const LAST: Duration = Duration::from_secs(2);

/// A connection that ended without a close frame, as browsers call it.
const NO_CLOSE_FRAME: u16 = 1006;

/// The path of a room's socket, for a path that a redirect leads to.
type SocketPath = fn(&str) -> Result<String, String>;

/// A connection, or an attempt at one. Dropping it cuts it.
#[derive(Debug)]
pub(crate) struct Connection {
    outgoing: mpsc::Sender<Outgoing>,
    incoming: mpsc::Receiver<Incoming>,
    task: AbortHandle,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Connection {
    pub(crate) fn open(url: &Url, socket_path: SocketPath) -> Connection {
        let (outgoing, to_send) = mpsc::channel(QUEUE);
        let (heard, incoming) = mpsc::channel(QUEUE);
        let url = url.clone();
        let task = tokio::spawn(async move {
            let last = match timeout(PATIENCE, handshake(&url, socket_path)).await {
                Ok(Ok(socket)) => {
                    // An error means that nobody listens any more.
                    let _ = heard.send(Incoming::Opened).await;
                    Incoming::Closed(talk(socket, to_send, &heard).await)
                }
                Ok(Err(failure)) => Incoming::Failed(failure),
                Err(_) => Incoming::Failed(unreachable(&no_answer(&url, PATIENCE))),
            };
            let _ = heard.send(last).await;
        });
        Connection {
            outgoing,
            incoming,
            task: task.abort_handle(),
        }
    }

    /// Sends, if the connection still takes something.
    pub(crate) fn send(&self, out: Outgoing) {
        // A full queue means a dead connection. The session will notice it, because no answer
        // comes.
        let _ = self.outgoing.try_send(out);
    }

    /// Waits for the end, whatever comes before.
    pub(crate) async fn closed(&mut self) {
        while !matches!(self.next().await, Incoming::Closed(_) | Incoming::Failed(_)) {}
    }

    /// The next thing that happens. Cancel safe.
    pub(crate) async fn next(&mut self) -> Incoming {
        // The task always says how it ended, unless it panicked.
        let next = self.incoming.recv().await;
        next.unwrap_or(Incoming::Closed(NO_CLOSE_FRAME))
    }
}

type Socket = WebSocketStream<Box<dyn Stream>>;

/// Opens the socket. Follows redirects, such as those of a proxy from http to https.
async fn handshake(url: &Url, socket_path: SocketPath) -> Result<Socket, Failure> {
    let mut url = url.clone();
    for _ in 0..MOST_MOVES {
        let stream = connect(&url, Trust::Certified)
            .await
            .map_err(|error| unreachable(&error))?;
        match handshake_once(&url, stream).await {
            Ok(socket) => return Ok(socket),
            Err(Error::Http(response)) => url = redirected(&url, &response, socket_path)?,
            // The answer is incomplete, for example because the server is just shutting down.
            Err(error @ Error::Protocol(ProtocolError::HandshakeIncomplete)) => {
                return Err(unreachable(&error));
            }
            Err(error @ Error::Protocol(_)) => {
                let server = authority(&url);
                return Err(no_room(format!("{server} is no Tablecast server: {error}")));
            }
            Err(error) => return Err(unreachable(&error)),
        }
    }
    let what = "the server answers with one redirect after the other";
    Err(no_room(what.to_owned()))
}

async fn handshake_once(url: &Url, stream: Box<dyn Stream>) -> Result<Socket, Error> {
    let mut request = url.as_str().into_client_request()?;
    let headers = request.headers_mut();
    let subprotocol = HeaderValue::from_static(SUBPROTOCOL);
    headers.insert(SEC_WEBSOCKET_PROTOCOL, subprotocol);
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER)
        .write_buffer_size(0)
        .max_message_size(Some(MOST_MESSAGE))
        .max_frame_size(Some(MOST_MESSAGE));
    let (socket, _) = client_async_with_config(request, stream, Some(config)).await?;
    Ok(socket)
}

type Refusal = Response<Option<Vec<u8>>>;

/// The address that a redirect leads to; any other answer is a failure.
fn redirected(url: &Url, response: &Refusal, socket_path: SocketPath) -> Result<Url, Failure> {
    let status = response.status();
    let Some(location) = location(status, response.headers()) else {
        return Err(refused(response));
    };
    let to = moved(url, &location).and_then(|mut to| {
        to.set_path(&socket_path(to.path())?);
        Ok(to)
    });
    let what = |wrong| format!("the server answers {status}, to {location:?}: {wrong}");
    to.map_err(|wrong| no_room(what(wrong)))
}

fn unreachable(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(ComeBack::Soon, Reason::Unreachable(error.to_string()))
}

/// A failure that will be the same the next time.
fn no_room(what: String) -> Failure {
    Failure::new(ComeBack::Never, Reason::Unreachable(what))
}

/// What an HTTP status instead of a socket means. A Tablecast server accepts this dialect and
/// then closes with a code. So a status comes from a proxy, a limit, or another server.
fn refused(response: &Refusal) -> Failure {
    let status = response.status();
    let body = response.body().as_deref().unwrap_or_default();
    let full = b"room_full";
    let is_full = body.windows(full.len()).any(|part| part == full);
    let said = words(body).map(|words| format!(": {words}"));
    let said = said.unwrap_or_default();
    let other = Reason::Unreachable(format!("the server answers {status}{said}"));
    let (again, reason) = match status {
        StatusCode::NOT_FOUND => (ComeBack::Never, Reason::Closed(CloseReason::NoSuchRoom)),
        StatusCode::FORBIDDEN if is_full => {
            (ComeBack::Later, Reason::Closed(CloseReason::RoomFull))
        }
        StatusCode::TOO_MANY_REQUESTS => (ComeBack::Later, other),
        StatusCode::REQUEST_TIMEOUT => (ComeBack::Soon, other),
        _ if status.is_server_error() => (ComeBack::Soon, other),
        _ => (ComeBack::Never, other),
    };
    let after = retry_after(response.headers().get(RETRY_AFTER));
    Failure {
        again,
        after: after.map(|seconds| seconds.saturating_mul(1000)),
        reason,
    }
}

/// Carries messages both ways until the connection ends: its close code.
async fn talk(
    mut socket: Socket,
    mut to_send: mpsc::Receiver<Outgoing>,
    heard: &mpsc::Sender<Incoming>,
) -> u16 {
    loop {
        let incoming = tokio::select! {
            incoming = socket.next() => incoming,
            out = to_send.recv() => {
                let message = match out {
                    Some(Outgoing::Text(text)) => Message::text(text),
                    Some(Outgoing::Ping) => Message::Ping(Default::default()),
                    Some(Outgoing::Goodbye) | None => return goodbye(socket).await,
                };
                match socket.send(message).await {
                    Ok(()) => continue,
                    // The server may have sent something before, most of all its close reason.
                    // That is read first.
                    Err(_) => socket.next().await,
                }
            }
        };
        let told = match incoming {
            Some(Ok(Message::Text(text))) => Incoming::Text(text.as_str().to_owned()),
            Some(Ok(Message::Close(frame))) => {
                // Sends the answer; nothing else comes.
                let _ = timeout(LAST, socket.next()).await;
                return frame.map_or(NO_CLOSE_FRAME, |frame| frame.code.into());
            }
            Some(Ok(_)) => Incoming::Alive,
            Some(Err(_)) | None => return NO_CLOSE_FRAME,
        };
        if heard.send(told).await.is_err() {
            return NO_CLOSE_FRAME;
        }
    }
}

async fn goodbye(mut socket: Socket) -> u16 {
    let frame = CloseFrame {
        code: CloseCode::Normal,
        reason: "".into(),
    };
    let answered = async {
        socket.close(Some(frame)).await?;
        while let Some(message) = socket.next().await {
            message?;
        }
        Ok::<(), Error>(())
    };
    // Whether it was heard or not, there is nothing left to do.
    let _ = timeout(LAST, answered).await;
    CloseReason::Left.code()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Rooms are below /ws/.
    fn open(page: &str) -> Connection {
        let socket_path: SocketPath = |path| match path.starts_with("/ws/") {
            true => Ok(path.to_owned()),
            false => Err("no room".to_owned()),
        };
        Connection::open(&page.parse().unwrap(), socket_path)
    }

    /// What comes of a connection to a server that answers the handshake with these bytes.
    async fn answered(answer: &str) -> Incoming {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut connection = open(&format!("ws://{}/ws/a/", listener.local_addr().unwrap()));
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        assert!(
            head.contains("sec-websocket-protocol: tablecast.v1\r\n"),
            "{head}"
        );
        stream.write_all(answer.as_bytes()).await.unwrap();
        drop(stream);
        connection.next().await
    }

    #[tokio::test]
    async fn what_is_answered_instead_of_a_socket_decides_whether_to_come_back() {
        use ComeBack::{Later, Never, Soon};
        for (answer, again, after) in [
            ("404 Not Found\r\nContent-Length: 0", Never, None),
            (
                "403 Forbidden\r\nContent-Length: 16\r\n\r\n{\"code\":\"foreign",
                Never,
                None,
            ),
            (
                "403 Forbidden\r\nContent-Length: 20\r\n\r\n{\"code\":\"room_full\"}",
                Later,
                None,
            ),
            (
                "429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 0",
                Later,
                Some(7_000),
            ),
            (
                "503 Service Unavailable\r\nRetry-After: 2\r\nContent-Length: 0",
                Soon,
                Some(2_000),
            ),
            (
                "502 Bad Gateway\r\nRetry-After: soon\r\nContent-Length: 0",
                Soon,
                None,
            ),
            (
                "301 Moved Permanently\r\nLocation: /\r\nContent-Length: 0",
                Never,
                None,
            ),
            ("200 OK\r\nContent-Length: 0", Never, None),
            ("101 Switching Protocols\r\nUpgrade: x", Never, None),
        ] {
            let Incoming::Failed(failure) = answered(&format!("HTTP/1.1 {answer}\r\n\r\n")).await
            else {
                panic!("{answer}: no failure");
            };
            assert_eq!(
                (failure.again, failure.after),
                (again, after),
                "{answer}: {failure:?}"
            );
        }
        let Incoming::Failed(failure) = answered("HTTP/1.1 101 Swit").await else {
            panic!("no failure");
        };
        assert_eq!(failure.again, Soon, "cut off in the middle: {failure:?}");
    }

    /// Answers as many handshakes with these, one after the other: the paths that were asked
    /// for, and what came of it.
    async fn moves(answers: Vec<String>, from: &str) -> (Vec<String>, Incoming) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let mut connection = open(&format!("ws://{at}{from}"));
        let mut paths = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let head = String::from_utf8(head).unwrap();
            paths.push(head.split(' ').nth(1).unwrap().to_owned());
            let answer = answer.replace("AT", &at.to_string());
            let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        (paths, connection.next().await)
    }

    #[tokio::test]
    async fn redirects_are_followed_and_not_for_ever() {
        for status in ["301", "302", "307", "308"] {
            let answers = vec![
                format!("{status} Moved\r\nLocation: http://AT/ws/b/"),
                format!("{status} Moved\r\nLocation: /ws/c/"),
                "404 Not Found".to_owned(),
            ];
            let (paths, ended) = moves(answers, "/ws/a/").await;
            assert_eq!(paths, ["/ws/a/", "/ws/b/", "/ws/c/"]);
            let Incoming::Failed(failure) = ended else {
                panic!("{ended:?}");
            };
            assert_eq!(failure.reason, Reason::Closed(CloseReason::NoSuchRoom));
        }
        let again = "308 Moved\r\nLocation: /ws/a/".to_owned();
        let (_, ended) = moves(vec![again; MOST_MOVES], "/ws/a/").await;
        let Incoming::Failed(failure) = ended else {
            panic!("{ended:?}");
        };
        assert_eq!(failure.again, ComeBack::Never);
        assert!(format!("{failure:?}").contains("redirect"), "{failure:?}");
    }
}
