//! The servers that are measured, and how each is started.

use std::process::Command;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::lists;
use crate::program::{said, shell};

/// What a peer speaks after the handshake.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// Plain WebSocket at `/ws/{room}`: every text goes unchanged to everybody in
    /// the room, also to its sender.
    #[default]
    Text,
    /// Socket.IO (engine.io 4) over the WebSocket transport alone, at
    /// `/socket.io/?EIO=4&transport=websocket&room={room}`.
    ///
    /// The client connects to the default namespace (`40`), and the server puts it
    /// into the room. An event `message` with one string goes to everybody in the
    /// room, also to its sender, as the same event: `42["message","…"]`.
    SocketIo,
    /// The text dialect of the lunch server: a room is made by `POST /session/`,
    /// and `add:ITEM` and `remove:ITEM` send the whole menu to everybody.
    Lunch,
}

/// A server that takes part. `peers.toml` has all of them, and says what its lines mean.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Peer {
    /// Its name on the command line and in results.
    pub name: String,
    /// Its name in tables and plots.
    pub title: String,
    /// What it speaks.
    #[serde(default)]
    pub protocol: Protocol,
    command: String,
    #[serde(default)]
    prepare: String,
    version: String,
    /// Whether valgrind can run it: it is a compiled program without a JIT.
    #[serde(default)]
    pub native: bool,
    /// How many connections it must hold at most in the short form, if opening more takes too long.
    pub connections: Option<usize>,
    /// It has no store of its own, and takes part only in the workloads that name it.
    #[serde(default)]
    pub needs_redis: bool,
}

/// All of them, the bare limit first and ours last.
pub static PEERS: LazyLock<Vec<Peer>> =
    LazyLock::new(|| lists::entries(include_str!("peers.toml")));

impl Peer {
    /// Starts the program, which listens on 127.0.0.1 at the port. `wrapper` comes before it, such as
    /// `taskset -c 0`. `redis` is the URL of the Redis that is to be its store.
    pub fn command(&self, wrapper: &str, port: u16, redis: Option<&str>) -> Command {
        let mut command = shell(&format!(
            "{}\nexec {wrapper} {}",
            self.prepare, self.command
        ));
        command
            .env("port", port.to_string())
            .env("redis", redis.unwrap_or_default())
            .env("store", redis.unwrap_or("memory"));
        command
    }

    /// What it is built from, `Bun 1.4.2`.
    ///
    /// # Errors
    ///
    /// A part of it is missing.
    pub fn version(&self) -> anyhow::Result<String> {
        said(&mut shell(&self.version))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::{env, fs, process};

    use super::*;

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
        for peer in PEERS.iter() {
            let program = peer.command.split_whitespace().next().unwrap();
            // Whether it is there is found out by asking for its version.
            let name = program.rsplit('/').next().unwrap();
            assert!(peer.version.contains(name), "{peer:?}");
            assert!(peer.command.contains("$port"), "{peer:?}");
            let command = peer.command("", 4321, None);
            let port = command.get_envs().find(|(name, _)| *name == "port");
            assert_eq!(port.unwrap().1, Some("4321".as_ref()));
        }
    }

    #[test]
    fn sources_of_peers_are_in_the_repository() {
        for peer in PEERS.iter() {
            let words = peer.command.split_whitespace();
            let scripts = words.filter_map(|word| word.strip_prefix("\"$peers\"/"));
            for script in scripts.filter(|path| path.ends_with(".js")) {
                let path = format!("{}/peers/{script}", env!("CARGO_MANIFEST_DIR"));
                assert!(fs::exists(&path).unwrap(), "{path}");
            }
        }
    }

    #[test]
    fn nothing_is_left_to_put_into_the_configuration_of_nginx() {
        let folder = format!("tablecast-bench-{}-nginx", process::id());
        let scratch = env::temp_dir().join(folder);
        let nchan = PEERS.iter().find(|peer| peer.name == "nchan").unwrap();
        let prepare = Peer {
            command: "true".to_owned(),
            ..nchan.clone()
        };
        let mut prepare = prepare.command("", 4321, None);
        said(prepare.env("scratch", &scratch)).unwrap();
        let conf = fs::read_to_string(scratch.join("nchan-4321/nginx.conf")).unwrap();
        assert!(conf.contains("listen 127.0.0.1:4321 "), "{conf}");
        let rest: Vec<&str> = conf
            .lines()
            .filter(|line| !line.starts_with('#') && line.contains('@'))
            .collect();
        assert_eq!(rest, [""; 0]);
        fs::remove_dir_all(&scratch).unwrap();
    }

    #[test]
    fn a_version_is_read_from_the_lock_file() {
        for name in ["axum", "socketioxide"] {
            let peer = PEERS.iter().find(|peer| peer.name == name).unwrap();
            // It is not built for this test.
            let version = peer.version.replace("test -x", ":");
            let version = said(&mut shell(&version)).unwrap();
            assert!(version.starts_with(&format!("{name} 0.")), "{version}");
        }
    }
}
