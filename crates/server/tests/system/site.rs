//! Two nodes, one Redis, and a proxy in front of them.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use serde_json::Value;
use tablecast_testing::DEADLINE;
use tablecast_testing::client::Client;
use tablecast_testing::redis::RedisServer;
use tablecast_testing::reverse_proxy::{Kind, ReverseProxy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use crate::harness::Node;

/// A listener at an address that nobody connects from keeps its port to itself: what is
/// stopped there can start again.
const NODES_LISTEN: &str = "127.0.0.2:0";

/// The proxies' address, as the nodes see it.
const BEHIND_A_PROXY: [&str; 2] = ["--trusted-proxy", "127.0.0.1"];

pub(crate) struct Site {
    pub(crate) nodes: Vec<Node>,
    pub(crate) proxy: ReverseProxy,
    redis: RedisServer,
    options: Vec<&'static str>,
}

impl Site {
    pub(crate) fn start(kind: Kind, options: &[&'static str]) -> Site {
        let options = [options, &BEHIND_A_PROXY].concat();
        let redis = RedisServer::start(&[]);
        let start = || Node::start_at(NODES_LISTEN, &redis.url(), &options);
        let nodes = vec![start(), start()];
        let addresses = [nodes[0].address(), nodes[1].address()];
        let deploy = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy");
        let proxy = ReverseProxy::start(kind, Path::new(deploy), addresses);
        Site {
            nodes,
            proxy,
            redis,
            options,
        }
    }

    /// Somebody who is connected to this node and does not say what seat they want. A drain
    /// waits for them, up to 5 s, in which the node is there and of no use.
    pub(crate) async fn silent(&self, at: usize, room: &str) -> Client {
        let path = format!("/ws/{room}/");
        let connected = Client::connect_json(self.nodes[at].address(), &path);
        connected.await.unwrap()
    }

    /// Waits for the end of a node that was told to.
    pub(crate) async fn ended(&mut self, at: usize) {
        let code = self.nodes[at].exit_code().await;
        assert_eq!(code, Some(0), "{}", self.nodes[at].log());
    }

    /// Starts a node that was stopped where it was, and waits until it is ready.
    pub(crate) fn start_again(&mut self, at: usize) {
        let address = self.nodes[at].address().to_string();
        self.nodes[at] = Node::start_at(&address, &self.redis.url(), &self.options);
    }
}

#[derive(Debug)]
pub(crate) struct Reply {
    /// 0: there was no answer.
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Reply {
    /// The `code` of a node's own refusal. A proxy's has none.
    pub(crate) fn code(&self) -> Option<String> {
        code_in(&self.body)
    }
}

pub(crate) fn code_in(body: &str) -> Option<String> {
    let problem: Value = serde_json::from_str(body).ok()?;
    Some(problem["code"].as_str()?.to_owned())
}

/// One request on a connection of its own, made from this address.
pub(crate) async fn ask(
    from: IpAddr,
    to: SocketAddr,
    line: &str,
    headers: &str,
    body: &str,
) -> Reply {
    let host = match headers.contains("Host:") {
        true => String::new(),
        false => format!("Host: {to}\r\n"),
    };
    let length = body.len();
    let request = format!(
        "{line} HTTP/1.1\r\n{host}Connection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    );
    let mut answer = Vec::new();
    let asking = async {
        let socket = TcpSocket::new_v4()?;
        socket.bind((from, 0).into())?;
        let mut stream = socket.connect(to).await?;
        // Who refuses a body may not read all of it.
        let _ = stream.write_all(request.as_bytes()).await;
        stream.read_to_end(&mut answer).await
    };
    // What came before a reset counts.
    let _ = tokio::time::timeout(DEADLINE, asking)
        .await
        .unwrap_or_else(|_| panic!("no answer to {line}"));
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    Reply {
        status: status.unwrap_or(0),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}
