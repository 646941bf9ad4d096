//! The program itself as a child process.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;

use tablecast_testing::Directory;
use tablecast_testing::process::program;

pub const ANY_PORT: [&str; 4] = ["--listen", "127.0.0.1:0", "--store", "memory"];

/// The program in this directory, without the settings of whoever runs the tests. Whoever joins
/// by it is the same person each time.
pub fn tablecast(dir: &Directory) -> Command {
    let mut command = program(env!("CARGO_BIN_EXE_tablecast"));
    command
        .current_dir(dir.path())
        .env("XDG_STATE_HOME", dir.path());
    command
}

/// A member of a new room, who never answers the server's goodbye.
pub fn member(at: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(at).unwrap();
    stream
        .write_all(b"POST /session/ HTTP/1.0\r\n\r\n")
        .unwrap();
    let mut made = String::new();
    stream.read_to_string(&mut made).unwrap();
    let url = made
        .split("\"url\":\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let mut stream = TcpStream::connect(at).unwrap();
    let join = format!(
        "GET {url} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(join.as_bytes()).unwrap();
    let mut status = [0; 12];
    stream.read_exact(&mut status).unwrap();
    assert_eq!(&status, b"HTTP/1.1 101");
    stream
}

/// Options: on any free port, with rooms in this store.
pub fn with_store(store: &str) -> [&str; 4] {
    ["--listen", "127.0.0.1:0", "--store", store]
}
