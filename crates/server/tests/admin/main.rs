//! The operators' address: what it answers, what it hides, and that nobody else reaches it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod program;
mod reach;
mod rooms;
#[path = "../support/mod.rs"]
mod support;
mod visits;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use support::{Answer, Running, UPGRADE, config, redis_backend, say, start, start_managed};
use tablecast::MemoryBackend;
use tablecast::core::limits::Rate;
use tablecast_server::config::Config;
use tablecast_testing::client::{Client, Connect};
use tablecast_testing::process::{Process, program};
use tablecast_testing::redis::RedisServer;
use tablecast_testing::until;

const REVEAL: &str = "Tablecast-Reveal: Mina asked why\r\n";

/// The operators of a server.
struct Operators(SocketAddr);

impl Operators {
    async fn ask(&self, line: &str, headers: &str, body: &str) -> Answer {
        let (at, length) = (self.0, body.len());
        let request = format!(
            "{line} HTTP/1.1\r\nHost: {at}\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        );
        support::Client::to(at).await.ask(request).await
    }

    /// What is found there, with these header lines.
    async fn see(&self, path: &str, headers: &str) -> Value {
        let answer = self.ask(&format!("GET {path}"), headers, "").await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    }

    async fn get(&self, path: &str) -> Value {
        self.see(path, "").await
    }

    async fn post(&self, path: &str, body: &str) -> Answer {
        let headers = "Content-Type: application/json\r\n";
        self.ask(&format!("POST {path}"), headers, body).await
    }

    /// The newest visit that is asked for by this query, once there is one.
    async fn visit(&self, query: &str) -> Value {
        let path = format!("/api/visits?{query}");
        let newest = async || self.see(&path, REVEAL).await["visits"][0].clone();
        until(&format!("there is a visit with {query}"), newest, |one| {
            one.is_object()
        })
        .await
    }
}

async fn managed(config: Config) -> (Running, Operators) {
    let (server, at) = start_managed(config, Arc::new(MemoryBackend::new())).await;
    (server, Operators(at))
}

/// Commands of one connection are not counted.
fn unhurried() -> Config {
    let mut config = config();
    config.hub.command_rate = Rate::OFF;
    config
}

async fn join(server: &Running, room: &str, name: &str) -> Client {
    enter(server, room, json!({ "join": { "name": name } }))
        .await
        .0
}

async fn enter(server: &Running, room: &str, first: Value) -> (Client, Value) {
    let path = format!("/ws/{room}/");
    let mut member = Client::connect_json(server.at, &path).await.unwrap();
    member.send_text(&first.to_string()).await.unwrap();
    let mut hello = member.next_json().await.unwrap();
    (member, hello["hello"].take())
}

async fn make(server: &Running, settings: &str) -> String {
    let headers = "Content-Type: application/json\r\n";
    let made = server.request("POST /session/", headers, settings).await;
    made.json()["id"].as_str().unwrap().to_owned()
}
