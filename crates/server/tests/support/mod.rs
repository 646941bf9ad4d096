//! A server in this process, and a client that sends exactly the bytes it is told.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(unreachable_pub, clippy::expect_used)]

pub mod protocol;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tablecast::MemoryBackend;
use tablecast::core::Backend;
use tablecast_lunch_hub::LunchHub;
use tablecast_redis::{RedisBackend, RedisConfig};
use tablecast_server::config::Config;
use tablecast_server::{Failed, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

pub use tablecast_testing::DEADLINE;

/// A node's way to a Redis. A busy machine is no reason for it to give up.
pub fn redis_backend(url: &str) -> RedisBackend {
    let config = RedisConfig {
        timeout: DEADLINE,
        ..RedisConfig::default()
    };
    RedisBackend::connect_with(url, &config).expect("a Redis URL")
}

/// Says it as a member, and waits until it is done.
pub async fn say(member: &mut tablecast_testing::client::Client, command: serde_json::Value) {
    let sent = member.send_text(&command.to_string()).await;
    sent.expect("the server listens");
    loop {
        let said = member.next_json().await.expect("it answers");
        assert!(said.get("error").is_none(), "{said}");
        if said.get("ack").is_some() {
            return;
        }
    }
}

/// What a handshake needs besides the path.
pub const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// A server that ends when it is dropped or told to.
pub struct Running {
    pub at: SocketAddr,
    pub hub: LunchHub,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<Result<(), Failed>>,
}

/// Limits that are not the test's matter are off: all tests come from one address, and answer
/// a ping when they read next, which on a slow machine may be late.
pub fn config() -> Config {
    let mut config = Config::default();
    config.create_rate.per_second = 0.0;
    config.join_rate.per_second = 0.0;
    config.hub.connection.ping_interval = Duration::from_secs(3600);
    config.drain_timeout = Duration::from_secs(2);
    config
}

pub async fn start(config: Config) -> Running {
    start_on(config, Arc::new(MemoryBackend::new())).await
}

pub async fn start_on(config: Config, backend: Arc<dyn Backend>) -> Running {
    serve(Server::new(config, backend)).await
}

/// A server with an address for operators, which is returned too.
pub async fn start_managed(mut config: Config, backend: Arc<dyn Backend>) -> (Running, SocketAddr) {
    let operators = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = operators.local_addr().expect("an address");
    config.admin_listen = Some(address);
    let server = Server::new(config, backend).with_operators(operators);
    (serve(server).await, address)
}

async fn serve(server: Server) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let at = listener.local_addr().expect("an address");
    let hub = server.hub().clone();
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(server.run(listener, async {
        // Told to, or dropped.
        let _ = stopped.await;
    }));
    Running {
        at,
        hub,
        stop: Some(stop),
        task,
    }
}

impl Running {
    /// Tells the server to shut down and waits until it did.
    pub async fn stop(mut self) {
        drop(self.stop.take());
        timeout(DEADLINE, self.task)
            .await
            .expect("the server did not shut down")
            .expect("the server panicked")
            .expect("the server has failed");
    }

    pub async fn connect(&self) -> Client {
        Client::to(self.at).await
    }

    /// One request on a connection of its own.
    pub async fn ask(&self, request: &str) -> Answer {
        self.connect().await.ask(request).await
    }

    /// `METHOD PATH` with these further header lines and this body.
    pub async fn request(&self, line: &str, headers: &str, body: &str) -> Answer {
        let length = match body.len() {
            0 => String::new(),
            length => format!("Content-Length: {length}\r\n"),
        };
        let head = format!(
            "{line} HTTP/1.1\r\nHost: {}\r\n{headers}{length}\r\n",
            self.at
        );
        self.ask(&(head + body)).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.request(&format!("GET {path}"), "", "").await
    }

    /// A WebSocket handshake with these further header lines.
    pub async fn handshake(&self, path: &str, headers: &str) -> Answer {
        self.request(&format!("GET {path}"), &format!("{UPGRADE}{headers}"), "")
            .await
    }

    /// Makes a room: its id.
    pub async fn room(&self) -> String {
        let made = self.request("POST /session/", "", "").await;
        assert_eq!(made.status, 201, "{made:?}");
        made.json()["id"].as_str().expect("an id").to_owned()
    }
}

pub struct Client {
    stream: TcpStream,
    read: Vec<u8>,
    /// The answer only tells the length of a body that does not follow.
    has_no_body: bool,
}

/// An answer: its status, its head as it was sent, and its body.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    /// The values of a header, in the order they were sent.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let fields = self
            .head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(':'));
        fields
            .filter(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
            .collect()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }

    pub fn closes(&self) -> bool {
        let items = self
            .all("connection")
            .into_iter()
            .flat_map(|line| line.split(','));
        items.map(str::trim).any(|item| item == "close")
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The `code` of a problem document, after checking that it is one.
    pub fn code(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{self:?}"
        );
        let problem = self.json();
        assert_eq!(problem["status"], self.status, "{self:?}");
        assert_eq!(problem["type"], "about:blank");
        assert!(problem["title"].is_string() && problem["detail"].is_string());
        problem["code"].as_str().expect("a code").to_owned()
    }
}

impl Client {
    pub async fn to(at: SocketAddr) -> Client {
        let stream = TcpStream::connect(at).await.expect("no connection");
        Client {
            stream,
            read: Vec::new(),
            has_no_body: false,
        }
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        // The server may have answered and closed before all was sent.
        let _ = self.stream.write_all(bytes.as_ref()).await;
    }

    pub async fn ask(&mut self, request: impl AsRef<[u8]>) -> Answer {
        self.has_no_body = request.as_ref().starts_with(b"HEAD ");
        self.send(request).await;
        self.answer().await.expect("closed without an answer")
    }

    /// The next answer, or `None` if the connection was closed before it.
    pub async fn answer(&mut self) -> Option<Answer> {
        timeout(DEADLINE, self.read_answer())
            .await
            .expect("no answer in time")
    }

    async fn read_answer(&mut self) -> Option<Answer> {
        let end = loop {
            if let Some(end) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            self.more().await?;
        };
        let head =
            String::from_utf8(self.read.drain(..end + 4).collect()).expect("a head in UTF-8");
        let status = head
            .get(9..12)
            .and_then(|text| text.parse().ok())
            .expect("a status");
        let mut answer = Answer {
            status,
            head,
            body: String::new(),
        };
        if let Some(length) = answer
            .header("content-length")
            .filter(|_| !self.has_no_body)
        {
            let length: usize = length.parse().expect("a length");
            while self.read.len() < length {
                self.more().await?;
            }
            let body: Vec<u8> = self.read.drain(..length).collect();
            answer.body = match answer.header("content-type") {
                // No test reads one as text.
                Some("image/png") => String::from_utf8_lossy(&body).into_owned(),
                _ => String::from_utf8(body).expect("a body in UTF-8"),
            };
        }
        Some(answer)
    }

    async fn more(&mut self) -> Option<()> {
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer).await {
            Ok(0) | Err(_) => None,
            Ok(read) => {
                self.read.extend_from_slice(&buffer[..read]);
                Some(())
            }
        }
    }

    /// Waits until the server closes the connection; what it still said.
    pub async fn closed(&mut self) -> Vec<u8> {
        let read_all = async { while self.more().await.is_some() {} };
        timeout(DEADLINE, read_all)
            .await
            .expect("the server did not close the connection");
        std::mem::take(&mut self.read)
    }

    /// Waits until the server has sent this text.
    pub async fn expect(&mut self, text: &str) {
        let found = async {
            while !self
                .read
                .windows(text.len())
                .any(|part| part == text.as_bytes())
            {
                self.more().await.expect("closed");
            }
        };
        timeout(DEADLINE, found).await.expect("it never came");
    }

    /// Closes a WebSocket connection in order (a close frame with 1000, masked
    /// with zeros) and waits for the server's end of it.
    pub async fn leave(&mut self) {
        self.send([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xE8]).await;
        self.closed().await;
    }
}

/// Every `$ref` of a document leads to a place in it.
pub fn assert_references_resolve(document: &serde_json::Value) {
    fn walk(at: &serde_json::Value, document: &serde_json::Value) {
        if let Some(place) = at.get("$ref").and_then(serde_json::Value::as_str) {
            let place = place.strip_prefix('#').expect("a place in the document");
            assert!(document.pointer(place).is_some(), "{place} is missing");
        }
        match at {
            serde_json::Value::Object(fields) => {
                fields.values().for_each(|value| walk(value, document))
            }
            serde_json::Value::Array(values) => {
                values.iter().for_each(|value| walk(value, document))
            }
            _ => {}
        }
    }
    walk(document, document);
}
