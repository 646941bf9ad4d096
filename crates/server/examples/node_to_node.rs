//! How long a change takes from one node to a member on another: two server
//! processes, one Redis, all of it on this machine.
//!
//! `cargo build --release && cargo run --release -p tablecast-server --example node_to_node`
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tablecast::testing::client::{Client, Connect};
use tablecast_redis::testing::RedisServer;

const CHANGES: usize = 5_000;

struct Node(Child, SocketAddr);

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the release binary, which stands beside this example's folder.
fn start(store: &str) -> Node {
    let here = std::env::current_exe().unwrap();
    let binary = here.parent().unwrap().parent().unwrap().join("tablecast");
    let mut child = Command::new(&binary)
        .args([
            "--listen",
            "127.0.0.1:0",
            "--store",
            store,
            "--command-rate",
            "0",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("build it first: {}: {error}", binary.display()));
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let address = line
        .split("http://")
        .nth(1)
        .and_then(|rest| rest.split(' ').next());
    Node(child, address.unwrap().parse().unwrap())
}

fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}

async fn make_room(node: &Node) -> String {
    let url = format!("http://{}/session/", node.1);
    let made = Command::new("curl")
        .args(["-sX", "POST", &url])
        .output()
        .expect("curl");
    let made: serde_json::Value = serde_json::from_slice(&made.stdout).expect("a room");
    format!("/ws/{}/", made["id"].as_str().unwrap())
}

async fn join(node: &Node, room: &str) -> Client {
    let mut client = Connect::to(node.1, room).open().await.unwrap();
    client.next_text().await.unwrap();
    client
}

#[tokio::main]
async fn main() {
    let redis = RedisServer::start(&[]);
    let (here, there) = (start(&redis.url()), start(&redis.url()));
    let room = make_room(&here).await;
    let mut speaks = join(&here, &room).await;
    let mut watches = join(&there, &room).await;
    let mut own = Vec::new();
    let mut other = Vec::new();
    for at in 0..CHANGES {
        let command = if at % 2 == 0 {
            "add:pizza"
        } else {
            "remove:pizza"
        };
        let sent = Instant::now();
        speaks.send_text(command).await.unwrap();
        let (seen, far) = tokio::join!(
            async {
                speaks.next_text().await.unwrap();
                sent.elapsed()
            },
            async {
                watches.next_text().await.unwrap();
                sent.elapsed()
            }
        );
        own.push(seen);
        other.push(far);
    }
    for (who, times) in [
        ("on the same node", &mut own),
        ("on the other node", &mut other),
    ] {
        times.sort();
        println!(
            "change to seen {who}: p50 {:?}, p99 {:?}, longest {:?} ({CHANGES} changes)",
            percentile(times, 50),
            percentile(times, 99),
            percentile(times, 100),
        );
    }
    let reply = redis.cli(&["--intrinsic-latency", "1"]);
    println!(
        "redis-cli's own measure of this machine's pauses:\n{}",
        reply.trim()
    );
}
