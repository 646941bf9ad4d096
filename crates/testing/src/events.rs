//! A client that hears by a stream of events and speaks by POST.
//!
//! It speaks HTTP/1.0: an answer ends with its connection, and has no chunks.

use std::io;
use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::wait::DEADLINE;

/// A stream of events.
#[derive(Debug)]
pub struct Events {
    lines: BufReader<TcpStream>,
    /// The `hello` with which it began.
    pub hello: Value,
}

/// What comes by a stream of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// An event without a name.
    Frame(Value),
    /// A comment.
    Ping,
    /// The event `close`: code and reason.
    Close(u64, String),
    /// The stream has ended.
    End,
}

/// The answer to a request.
#[derive(Debug)]
pub struct Answered {
    /// The status.
    pub status: u16,
    /// The status line and the fields.
    pub head: String,
    /// The body as JSON, or null.
    pub body: Value,
}

impl Events {
    /// Opens a stream at this address and path, and reads the `hello`; `first` is what a
    /// WebSocket would say first.
    ///
    /// # Panics
    /// It is refused, with the answer.
    pub async fn open(address: SocketAddr, path: &str, first: &Value) -> Events {
        match Events::try_open(address, path, first).await {
            Ok(stream) => stream,
            Err(refused) => panic!("refused: {refused:?}"),
        }
    }

    /// As [`Events::open`].
    ///
    /// # Errors
    /// The refusal.
    pub async fn try_open(
        address: SocketAddr,
        path: &str,
        first: &Value,
    ) -> Result<Events, Box<Answered>> {
        let asked = format!("Accept: text/event-stream\r\nTablecast-Join: {first}\r\n");
        let sent = send(address, "GET", path, &asked, "").await;
        let mut lines = BufReader::new(sent.expect("it connects"));
        let head = head(&mut lines).await.expect("an answer comes");
        if !head.contains(" 200 ") {
            return Err(Box::new(answered(head, &mut lines).await));
        }
        let hello = Value::Null;
        let mut stream = Events { lines, hello };
        match stream.next().await {
            Heard::Frame(mut hello) if hello["hello"].is_object() => {
                stream.hello = hello["hello"].take();
            }
            other => panic!("the first word is a hello: {other:?}"),
        }
        Ok(stream)
    }

    /// What comes next.
    pub async fn next(&mut self) -> Heard {
        let (mut name, mut data) = (String::new(), String::new());
        loop {
            let mut line = String::new();
            let read = timeout(DEADLINE, self.lines.read_line(&mut line)).await;
            let read = read.expect("something comes");
            if read.is_err() || line.is_empty() {
                return Heard::End;
            }
            match line.trim_end_matches('\n').split_once(':') {
                Some(("", _)) => return Heard::Ping,
                Some(("event", rest)) => rest.trim_start().clone_into(&mut name),
                Some(("data", rest)) => data.push_str(rest.strip_prefix(' ').unwrap_or(rest)),
                Some(_) => {}
                None if data.is_empty() => {}
                None => {
                    let mut value: Value = serde_json::from_str(&data).expect("JSON");
                    return match name.as_str() {
                        "" => Heard::Frame(value),
                        "close" => Heard::Close(
                            value["code"].as_u64().expect("a code"),
                            value["reason"].take().as_str().unwrap_or_default().into(),
                        ),
                        other => panic!("an event {other:?}"),
                    };
                }
            }
        }
    }

    /// The next frame, whatever comments come before it.
    ///
    /// # Panics
    /// The stream ends.
    pub async fn frame(&mut self) -> Value {
        loop {
            match self.next().await {
                Heard::Frame(frame) => return frame,
                Heard::Ping => {}
                ended @ (Heard::Close(..) | Heard::End) => panic!("it ends: {ended:?}"),
            }
        }
    }

    /// The code with which it ends, whatever comes before that.
    ///
    /// # Panics
    /// It ends without one.
    pub async fn close_code(&mut self) -> u64 {
        loop {
            match self.next().await {
                Heard::Close(code, _) => return code,
                Heard::Frame(_) | Heard::Ping => {}
                Heard::End => panic!("it ends without a word"),
            }
        }
    }

    /// The secret to speak with.
    pub fn secret(&self) -> &Value {
        match &self.hello["seat"] {
            Value::Null => &self.hello["stream"],
            seat => seat,
        }
    }

    /// Says this by POST to any node, and returns the answers.
    ///
    /// # Panics
    /// It is refused.
    pub async fn say(&self, address: SocketAddr, path: &str, commands: &[Value]) -> Vec<Value> {
        let said = json!({ "seat": self.secret(), "commands": commands });
        let mut answered = post(address, path, &said).await;
        assert_eq!(answered.status, 200, "{answered:?}");
        match answered.body["answers"].take() {
            Value::Array(answers) => answers,
            other => panic!("no answers: {other}"),
        }
    }
}

/// Says something by POST.
///
/// # Panics
/// No answer comes.
pub async fn post(address: SocketAddr, path: &str, said: &Value) -> Answered {
    let json = "Content-Type: application/json\r\n";
    request(address, "POST", path, json, &said.to_string()).await
}

/// Sends a request with these fields and this body.
///
/// # Panics
/// No answer comes.
pub async fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    fields: &str,
    body: &str,
) -> Answered {
    let sent = send(address, method, path, fields, body).await;
    let mut lines = BufReader::new(sent.expect("it connects"));
    let head = head(&mut lines).await.expect("an answer comes");
    answered(head, &mut lines).await
}

async fn send(
    address: SocketAddr,
    method: &str,
    path: &str,
    fields: &str,
    body: &str,
) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.0\r\nHost: {address}\r\n{fields}Content-Length: {length}\r\n\r\n"
    );
    stream.write_all((head + body).as_bytes()).await?;
    Ok(stream)
}

async fn head(lines: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        let read = timeout(DEADLINE, lines.read_line(&mut head)).await??;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(head)
}

async fn answered(head: String, lines: &mut BufReader<TcpStream>) -> Answered {
    let mut body = String::new();
    let read = timeout(DEADLINE, lines.read_to_string(&mut body)).await;
    read.expect("the answer ends").expect("it is text");
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    Answered {
        status: status.expect("a status"),
        body: serde_json::from_str(&body).unwrap_or_default(),
        head,
    }
}
