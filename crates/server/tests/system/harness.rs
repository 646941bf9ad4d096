//! Real server processes, and members who talk to them over real sockets.

use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::process::Command;

use serde_json::Value;
use tablecast_testing::client::{Client, ClientError, Connect, Said};
use tablecast_testing::process::{Process, program};
use tablecast_testing::{DEADLINE, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Options: rooms whose end can be waited for. The steps before it have to fit into
/// this on a busy machine.
pub(crate) const BRIEF: [&str; 2] = ["--room-ttl", "5s"];

/// Options: a store that does not answer is given up as soon as by default.
pub(crate) const IMPATIENT: [&str; 2] = ["--store-timeout", "1s"];

/// The real binary, without the settings of whoever runs the tests.
pub(crate) fn tablecast() -> Command {
    program(env!("CARGO_BIN_EXE_tablecast"))
}

/// A running server process. Dropping it kills it.
pub(crate) struct Node(Process);

impl Deref for Node {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.0
    }
}

impl DerefMut for Node {
    fn deref_mut(&mut self) -> &mut Process {
        &mut self.0
    }
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
        command
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
            // Members answer a ping when they read next, and a store answers when it is its turn:
            // on a slow machine both may be late. By the environment, so that an option can say
            // otherwise.
            .env("TABLECAST_PING_INTERVAL", "1h")
            .env("TABLECAST_STORE_TIMEOUT", "30s");
        let process = Process::start(&mut command);
        process.until_ready();
        Node(process)
    }

    /// Waits until it says that it is ready.
    pub(crate) async fn is_ready(&self) {
        let ready = async || self.http("GET", "/readyz").await;
        until("the node is ready", ready, |reply| reply.status == 200).await;
    }

    /// Its resident memory.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
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
        timeout(DEADLINE, request(self.address(), method, path))
            .await
            .expect("no answer in time")
    }

    /// A number from `/metrics`: the first of this name, or the one with these labels.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let body = self.http("GET", "/metrics").await.body;
        let is_it = |line: &&str| {
            line.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with([' ', '{']))
        };
        let line = body.lines().find(is_it);
        let line = line.unwrap_or_else(|| panic!("no metric {name} in\n{body}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }
}

#[derive(Debug)]
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
#[derive(Debug)]
pub(crate) struct Member {
    client: Client,
}

impl Member {
    fn by(client: Client) -> Member {
        Member { client }
    }

    /// Joins in the text dialect, or returns the status of the refusal.
    pub(crate) async fn try_join(node: &Node, room: &str) -> Result<Member, u16> {
        match Client::connect(node.address(), &format!("/ws/{room}/")).await {
            Ok(client) => Ok(Member::by(client)),
            Err(ClientError::Refused { status, .. }) => Err(status),
            Err(error) => panic!("handshake failed: {error}"),
        }
    }

    /// Joins in the text dialect with a small receive buffer, to read nothing.
    pub(crate) async fn join_stalled(node: &Node, room: &str) -> Member {
        let connect = Connect::to(node.address(), &format!("/ws/{room}/")).receive_buffer(4096);
        Member::by(connect.open().await.unwrap())
    }

    /// Joins in the text dialect and reads the menu of that moment.
    pub(crate) async fn join(node: &Node, room: &str) -> (Member, Vec<String>) {
        let join = async || Member::try_join(node, room).await;
        // As it is told to: a busy store may not answer in time.
        let is_final = |joined: &Result<_, u16>| joined.as_ref().err() != Some(&503);
        let joined = until("the member is let in", join, is_final).await;
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
        Member::try_program(node.address(), room, first)
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
