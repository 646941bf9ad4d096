//! The servers that are measured, and how each is started.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::program::said;

/// What a peer speaks after the handshake.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// Plain WebSocket at `/ws/{room}`: every text goes unchanged to everybody in
    /// the room, its sender too.
    #[default]
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
    /// Sources of the peers and what is installed for them, `crates/bench/peers`.
    pub peers: PathBuf,
    /// Compiled programs of the workspace, such as `target/release`; examples are in
    /// `examples` below it.
    pub binaries: PathBuf,
    /// For files that a peer needs while it runs, `target/bench`.
    pub scratch: PathBuf,
}

/// A server that takes part. `peers.toml` has them all, and says what a line of it means.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Peer {
    /// As it is written on the command line and in results.
    pub name: String,
    /// As it is called in tables and plots.
    pub title: String,
    /// What it speaks.
    #[serde(default)]
    pub protocol: Protocol,
    command: String,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    version: String,
    /// Whether it runs under valgrind: a compiled program without a JIT.
    #[serde(default)]
    pub native: bool,
    /// The most connections it is asked to hold in the short form, where opening more
    /// would take too long.
    #[serde(default = "all_connections")]
    pub connections: usize,
    /// Only takes part in the workloads on Redis.
    #[serde(default)]
    pub needs_redis: bool,
}

fn all_connections() -> usize {
    15_000
}

#[derive(Deserialize)]
struct Peers {
    peer: Vec<Peer>,
}

/// All of them, the bare limit first and ours last.
#[expect(clippy::expect_used, reason = "it is part of this program")]
pub static PEERS: LazyLock<Vec<Peer>> = LazyLock::new(|| {
    let peers: Peers = toml::from_str(include_str!("peers.toml")).expect("a list of peers");
    peers.peer
});

impl Peer {
    /// The program, listening on 127.0.0.1 at the port. `redis` is an URL, for peers that have a store.
    ///
    /// # Errors
    ///
    /// Files that it needs while it runs cannot be written.
    pub fn command(&self, paths: &Paths, port: u16, redis: Option<&str>) -> io::Result<Command> {
        let words = self.command.split_whitespace();
        let mut words = words.map(|word| paths.fill(word, port, redis));
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words);
        let environment = self.environment.iter();
        command.envs(environment.map(|(name, value)| (name, paths.fill(value, port, redis))));
        if self.name == "nchan" {
            configure_nginx(paths, port)?;
        }
        Ok(command)
    }

    /// What it is built from, `Bun 1.4.2`.
    ///
    /// # Errors
    ///
    /// It is not all there.
    pub fn version(&self, paths: &Paths) -> anyhow::Result<String> {
        let script = paths.fill(&self.version, 0, None);
        said(Command::new("sh").args(["-c", &format!("set -e; {script}")]))
    }
}

impl Paths {
    fn fill(&self, text: &str, port: u16, redis: Option<&str>) -> String {
        text.replace("{peers}", &self.peers.display().to_string())
            .replace("{bin}", &self.binaries.display().to_string())
            .replace("{scratch}", &self.scratch.display().to_string())
            .replace("{port}", &port.to_string())
            .replace("{redis}", redis.unwrap_or("redis://127.0.0.1:6379/0"))
            .replace("{store}", redis.unwrap_or("memory"))
            .replace("{version}", env!("CARGO_PKG_VERSION"))
    }
}

/// nginx reads its port from a file alone.
fn configure_nginx(paths: &Paths, port: u16) -> io::Result<()> {
    let folder = paths.scratch.join(format!("nchan-{port}"));
    fs::create_dir_all(&folder)?;
    let conf = fs::read_to_string(paths.peers.join("nchan.conf"))?
        .replace("@PORT@", &port.to_string())
        .replace("@DIR@", &folder.display().to_string());
    fs::write(folder.join("nginx.conf"), conf)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    /// Each test has a folder of its own for what it writes.
    fn paths(test: &str) -> Paths {
        let folder = format!("tablecast-bench-{}-{test}", std::process::id());
        Paths {
            peers: PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/peers")),
            binaries: PathBuf::from("/nowhere"),
            scratch: std::env::temp_dir().join(folder),
        }
    }

    #[test]
    fn names_are_unique_and_the_bare_limit_is_first() {
        let mut names: Vec<&str> = PEERS.iter().map(|peer| &*peer.name).collect();
        assert_eq!(names.first(), Some(&"raw"));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), PEERS.len());
    }

    #[test]
    fn every_peer_is_started_at_the_port_with_what_it_says_it_needs() {
        let paths = paths("start");
        for peer in PEERS.iter() {
            let command = peer.command(&paths, 4321, None).unwrap();
            let program = command.get_program().to_string_lossy();
            // Whether it is there is found out by asking for its version.
            let name = program.rsplit('/').next().unwrap();
            assert!(peer.version.contains(name), "{}: {command:?}", peer.name);
            let in_arguments = command
                .get_args()
                .any(|argument| argument.to_string_lossy().contains("4321"));
            assert!(in_arguments, "{}: {command:?}", peer.name);
        }
        fs::remove_dir_all(&paths.scratch).unwrap();
    }

    #[test]
    fn sources_of_peers_are_in_the_repository() {
        let paths = paths("sources");
        for peer in PEERS.iter() {
            let words = peer.command.split_whitespace();
            let sources = words.filter(|word| word.ends_with(".js") || word.ends_with(".py"));
            for source in sources {
                let source = PathBuf::from(paths.fill(source, 0, None));
                assert!(source.exists(), "{}: {}", peer.name, source.display());
            }
        }
    }

    #[test]
    fn nothing_is_left_to_put_into_the_configuration_of_nginx() {
        let paths = paths("nginx");
        let nchan = PEERS.iter().find(|peer| peer.name == "nchan").unwrap();
        let command = nchan.command(&paths, 4321, None).unwrap();
        let file = command.get_args().last().unwrap();
        let conf = fs::read_to_string(file).unwrap();
        assert!(conf.contains("listen 127.0.0.1:4321 "), "{conf}");
        let rest: Vec<&str> = conf
            .lines()
            .filter(|line| !line.starts_with('#') && line.contains('@'))
            .collect();
        assert_eq!(rest, [""; 0]);
        fs::remove_dir_all(&paths.scratch).unwrap();
    }

    #[test]
    fn a_version_is_read_from_the_lock_file() {
        for name in ["axum", "socketioxide"] {
            let lock = PEERS.iter().find(|peer| peer.name == name).unwrap();
            // Which is not built here.
            let version = lock.version.replace("test -x", ":");
            let peer = Peer {
                version,
                ..lock.clone()
            };
            let version = peer.version(&paths("lock")).unwrap();
            assert!(version.starts_with(&format!("{name} 0.")), "{version}");
        }
    }
}
