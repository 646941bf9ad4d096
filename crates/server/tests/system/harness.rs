//! Real server processes, and members who talk to them over real sockets.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tablecast_testing::client::{Client, ClientError, Connect, Said};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

/// Longer than anything here takes on a busy machine; what takes longer hangs. A dead
/// node's lease ends after 15 s, and 12 s later each time that Redis was not heard.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// Options: rooms whose end can be waited for. The steps before it have to fit into
/// this on a busy machine.
pub(crate) const BRIEF: [&str; 2] = ["--room-ttl", "5s"];

/// The real binary, without the settings of whoever runs the tests.
pub(crate) fn tablecast() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tablecast"));
    // No `tablecast.toml` is found there.
    command.current_dir("/");
    let settings = std::env::vars_os().map(|(name, _)| name);
    for name in settings.filter(|name| name.to_string_lossy().starts_with("TABLECAST_")) {
        command.env_remove(name);
    }
    command.env_remove("RUST_LOG");
    command
}

/// A running server process. Dropping it kills it.
pub(crate) struct Node {
    child: Child,
    pub(crate) address: SocketAddr,
    log: Arc<Mutex<String>>,
}

impl Node {
    /// Starts the real binary on a free port and waits until it is ready: its store
    /// has answered.
    pub(crate) fn start(store: &str, options: &[&str]) -> Node {
        Node::start_at("127.0.0.1:0", store, options)
    }

    /// Starts it at this address.
    pub(crate) fn start_at(listen: &str, store: &str, options: &[&str]) -> Node {
        Node::run(tablecast(), listen, store, options)
    }

    /// Starts it by another command that takes its arguments.
    pub(crate) fn start_by(command: Command, store: &str, options: &[&str]) -> Node {
        Node::run(command, "127.0.0.1:0", store, options)
    }

    fn run(mut command: Command, listen: &str, store: &str, options: &[&str]) -> Node {
        let mut child = command
            .args([
                "serve",
                "--listen",
                listen,
                "--store",
                store,
                "--create-rate",
                "0",
            ])
            .args(options)
            // Members answer a ping when they read next, which on a slow machine may be late. By
            // the environment, so that an option can say otherwise.
            .env("TABLECAST_PING_INTERVAL", "1h")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let log = Arc::new(Mutex::new(String::new()));
        let mut stderr = child.stderr.take().unwrap();
        let into = log.clone();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = stderr.read(&mut bytes) {
                into.lock()
                    .unwrap()
                    .push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
        });
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let address = line
            .split_once("http://")
            .and_then(|(_, rest)| rest.split_whitespace().next())
            .and_then(|address| address.parse().ok());
        std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
        let Some(address) = address else {
            panic!("the server said {line:?}, and {}", log.lock().unwrap());
        };
        let node = Node {
            child,
            address,
            log,
        };
        node.wait_until_ready();
        node
    }

    fn wait_until_ready(&self) {
        let begin = Instant::now();
        let mut answer = String::new();
        while !answer.starts_with("HTTP/1.0 200 ") {
            assert!(begin.elapsed() < DEADLINE, "not ready: {answer}");
            // sleep: between two looks
            std::thread::sleep(Duration::from_millis(5));
            let mut stream = std::net::TcpStream::connect(self.address)
                .unwrap_or_else(|error| panic!("it has ended ({error}): {}", self.log()));
            let request = b"GET /readyz HTTP/1.0\r\n\r\n";
            std::io::Write::write_all(&mut stream, request).unwrap();
            answer.clear();
            stream.read_to_string(&mut answer).unwrap();
        }
    }

    /// What it logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits until it has logged this: lines are written behind what they tell of.
    pub(crate) async fn logs(&self, what: &str) {
        until(what, async || self.log().contains(what)).await;
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        assert!(
            Command::new("kill")
                .args([name, &pid])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Stops it and waits until all its threads stand still.
    pub(crate) async fn pause(&self) {
        self.signal("-STOP");
        until("the server stands still", async || {
            let threads = std::fs::read_dir(format!("/proc/{}/task", self.pid())).unwrap();
            threads.into_iter().all(|thread| {
                let status = std::fs::read_to_string(thread.unwrap().path().join("status"));
                status.is_ok_and(|status| status.contains("\nState:\tT"))
            })
        })
        .await;
    }

    pub(crate) fn resume(&self) {
        self.signal("-CONT");
    }

    pub(crate) fn kill9(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Its resident memory.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .unwrap();
        line.trim()
            .trim_end_matches("kB")
            .trim()
            .parse::<u64>()
            .unwrap()
            * 1024
    }

    /// Waits for its end and returns the exit code.
    pub(crate) async fn exit_code(&mut self) -> Option<i32> {
        let end = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(
                Instant::now() < end,
                "the server did not end: {}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(5)).await; // sleep: polls a process
        }
    }

    /// Makes a room and returns its id.
    pub(crate) async fn make_room(&self) -> String {
        let reply = self.http("POST", "/session/").await;
        assert_eq!(reply.status, 201, "{}", reply.body);
        let made: Value = serde_json::from_str(&reply.body).unwrap();
        let id = made["id"].as_str().unwrap().to_owned();
        assert_eq!(made["url"], format!("/ws/{id}/"));
        id
    }

    pub(crate) async fn http(&self, method: &str, path: &str) -> Reply {
        timeout(DEADLINE, request(self.address, method, path))
            .await
            .expect("no answer in time")
    }

    /// A number from `/metrics`.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let body = self.http("GET", "/metrics").await.body;
        let line = body
            .lines()
            .find(|line| line.split([' ', '{']).next() == Some(name));
        let line = line.unwrap_or_else(|| panic!("no metric {name} in\n{body}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- log of the server at {}:\n{}", self.address, self.log());
        }
    }
}

pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: String,
}

async fn request(address: SocketAddr, method: &str, path: &str) -> Reply {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    let (head, body) = reply.split_once("\r\n\r\n").unwrap_or((&reply, ""));
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    Reply {
        status: status.unwrap_or_else(|| panic!("no status in {reply:?}")),
        body: body.to_owned(),
    }
}

/// What ended a conversation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// A close frame with this code.
    Closed(u16),
    /// The socket was cut.
    Cut,
}

/// A member of a room: one WebSocket connection.
pub(crate) struct Member {
    client: Client,
}

impl Member {
    fn by(mut client: Client) -> Member {
        client.set_deadline(DEADLINE);
        Member { client }
    }

    /// Joins in the text dialect, or returns the status of the refusal.
    pub(crate) async fn try_join(node: &Node, room: &str) -> Result<Member, u16> {
        match Client::connect(node.address, &format!("/ws/{room}/")).await {
            Ok(client) => Ok(Member::by(client)),
            Err(ClientError::Refused { status, .. }) => Err(status),
            Err(error) => panic!("handshake failed: {error}"),
        }
    }

    /// Joins in the text dialect with a small receive buffer, to read nothing.
    pub(crate) async fn join_stalled(node: &Node, room: &str) -> Member {
        let connect = Connect::to(node.address, &format!("/ws/{room}/")).receive_buffer(4096);
        Member::by(connect.open().await.unwrap())
    }

    /// Joins in the text dialect and reads the menu of that moment.
    pub(crate) async fn join(node: &Node, room: &str) -> (Member, Vec<String>) {
        let end = Instant::now() + DEADLINE;
        let mut joined = Member::try_join(node, room).await;
        // As it is told to: a busy store may not answer in time.
        while joined.as_ref().err() == Some(&503) && Instant::now() < end {
            joined = Member::try_join(node, room).await;
        }
        let mut member = joined.unwrap_or_else(|status| panic!("not let in: {status}"));
        let menu = member.menu().await;
        (member, menu)
    }

    /// Connects in `tablecast.v1` to a node or a proxy that may be gone, and says this
    /// first.
    pub(crate) async fn try_program(
        address: SocketAddr,
        room: &str,
        first: Value,
    ) -> Result<Member, ClientError> {
        let path = format!("/ws/{room}/");
        let mut client = Client::connect_json(address, &path).await?;
        client.send_text(&first.to_string()).await?;
        Ok(Member::by(client))
    }

    /// Connects in `tablecast.v1` and says this first.
    pub(crate) async fn program(node: &Node, room: &str, first: Value) -> Member {
        Member::try_program(node.address, room, first)
            .await
            .expect("not let in")
    }

    /// Joins in `tablecast.v1` and returns the hello.
    pub(crate) async fn join_json(node: &Node, room: &str) -> (Member, Value) {
        let mut member = Member::program(node, room, serde_json::json!({"join": {}})).await;
        let hello = member.json().await["hello"].take();
        assert!(hello.is_object(), "no hello");
        (member, hello)
    }

    pub(crate) async fn say(&mut self, text: &str) {
        self.client.send_text(text).await.unwrap();
    }

    /// Says something to a server that may be gone.
    pub(crate) async fn try_say(&mut self, text: &str) -> bool {
        self.client.send_text(text).await.is_ok()
    }

    /// The next text message, or how the conversation ended.
    pub(crate) async fn hear(&mut self) -> Result<String, Ended> {
        loop {
            match self.client.next().await {
                Ok(Said::Text(text)) => return Ok(text),
                Ok(Said::Close(Some(code))) => return Err(Ended::Closed(code)),
                Ok(Said::Close(None) | Said::End) => return Err(Ended::Cut),
                Ok(Said::Ping(_) | Said::Pong(_) | Said::Binary(_)) => {}
                Err(error @ ClientError::Late(..)) => panic!("{error}"),
                Err(_) => return Err(Ended::Cut),
            }
        }
    }

    /// The next message, which must be a menu.
    pub(crate) async fn menu(&mut self) -> Vec<String> {
        let text = self.hear().await.expect("the conversation ended");
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("not a menu: {text}"))
    }

    /// The next message, which must be JSON.
    pub(crate) async fn json(&mut self) -> Value {
        let text = self.hear().await.expect("the conversation ended");
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("not JSON: {text}"))
    }

    /// Reads until a message has this key, and returns what it holds.
    pub(crate) async fn json_with(&mut self, key: &str) -> Value {
        loop {
            let mut message = self.json().await;
            if let Some(found) = message.get_mut(key) {
                return found.take();
            }
        }
    }

    /// Reads to the end of the conversation.
    pub(crate) async fn end(&mut self) -> Ended {
        loop {
            if let Err(ended) = self.hear().await {
                return ended;
            }
        }
    }

    /// Says goodbye and waits until the server has agreed.
    pub(crate) async fn leave(mut self) {
        let _ = self.client.send_close(1000).await;
        let _ = self.client.ended().await;
    }
}

/// Waits until something is so.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let end = Instant::now() + DEADLINE;
    while !is_so().await {
        assert!(Instant::now() < end, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await; // sleep: polls a condition
    }
}
