//! The servers that are measured, and how each is started.

use std::path::PathBuf;
use std::process::Command;

/// What a peer speaks after the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Protocol {
    /// Plain WebSocket at `/ws/{room}`: every text goes unchanged to everybody in
    /// the room, its sender too.
    Text,
    /// Socket.IO (engine.io 4) over the WebSocket transport alone, at
    /// `/socket.io/?EIO=4&transport=websocket&room={room}`.
    ///
    /// The client connects to the default namespace (`40`), and the server puts it
    /// into the room. An event `message` with one string goes to everybody in the
    /// room, its sender too, as the same event: `42["message","…"]`.
    SocketIo,
    /// The text dialect of the lunch server: a room is made by `POST /session/`,
    /// and `add:ITEM` and `remove:ITEM` send the whole menu to everybody.
    Lunch,
}

/// Where the things are that peers are started from.
#[derive(Debug, Clone)]
pub struct Paths {
    /// Sources of the peers, `crates/bench/peers`.
    pub peers: PathBuf,
    /// Compiled programs of the workspace, such as `target/release`; examples are in
    /// `examples` below it.
    pub binaries: PathBuf,
    /// What `cargo xtask bench` has installed, `target/bench`.
    pub installed: PathBuf,
}

/// A server that takes part.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    /// As it is written on the command line and in results.
    pub name: &'static str,
    /// As it is called in tables and plots.
    pub title: &'static str,
    /// What it speaks.
    pub protocol: Protocol,
    /// What must be there to start it; without it the run ends with an error that
    /// names `cargo xtask bench`.
    pub needs: fn(&Paths) -> Vec<PathBuf>,
    /// The program, listening on 127.0.0.1 at the port. It is ready when a handshake
    /// succeeds. `redis` is an URL, for peers that have a store.
    pub command: fn(paths: &Paths, port: u16, redis: Option<&str>) -> Command,
    /// What it is built from, `Bun 1.4.2`; `None` if it does not say.
    pub version: fn(&Paths) -> Option<String>,
    /// Whether it runs under valgrind: a compiled program without a JIT.
    pub native: bool,
    /// The most connections it is asked to hold in the short form, where opening more
    /// would take too long.
    pub connections: usize,
    /// Only takes part in the workloads on Redis.
    pub needs_redis: bool,
}

/// All of them, the bare limit first.
pub const PEERS: &[Peer] = &[];
