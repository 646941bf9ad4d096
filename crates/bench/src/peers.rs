//! The servers that are measured, and how each is started.

use std::fs;
use std::io;
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
    /// Sources of the peers and what is installed for them, `crates/bench/peers`.
    pub peers: PathBuf,
    /// Compiled programs of the workspace, such as `target/release`; examples are in
    /// `examples` below it.
    pub binaries: PathBuf,
    /// For files that a peer needs while it runs, `target/bench`.
    pub scratch: PathBuf,
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
    ///
    /// Fails if files that it needs while it runs cannot be written.
    pub command: fn(paths: &Paths, port: u16, redis: Option<&str>) -> io::Result<Command>,
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

impl Peer {
    /// What [`Peer::needs`] names and is not there.
    pub fn missing(&self, paths: &Paths) -> Vec<PathBuf> {
        let mut missing = (self.needs)(paths);
        missing.retain(|path| !path.exists());
        missing
    }
}

/// All of them, the bare limit first and ours last.
pub const PEERS: &[Peer] = &[
    Peer {
        needs: |paths| vec![paths.binaries.join("tablecast-bench")],
        command: |paths, port, _| {
            let mut command = Command::new(paths.binaries.join("tablecast-bench"));
            command.args(["raw", "--listen", &address(port)]);
            Ok(command)
        },
        version: |_| None,
        native: true,
        ..peer("raw", "bare limit")
    },
    Peer {
        needs: |paths| vec![bun(paths), paths.peers.join("bun.js")],
        command: |paths, port, _| Ok(script(bun(paths), paths, "bun.js", port)),
        version: |paths| {
            Some(format!(
                "Bun {}",
                said(Command::new(bun(paths)).arg("--version"))?
            ))
        },
        ..peer("bun", "Bun")
    },
    Peer {
        needs: |_| vec![program("nginx"), PathBuf::from(NCHAN)],
        command: nchan,
        version: |_| {
            let nginx = said(Command::new(program("nginx")).arg("-v"))?;
            let package = ["--showformat", "${Version}", "--show", "libnginx-mod-nchan"];
            let nchan = said(Command::new("dpkg-query").args(package))?;
            // `nginx version: nginx/1.22.1` and `1:1.3.6+dfsg-2`.
            let nginx = nginx.rsplit('/').next()?;
            let nchan = nchan.rsplit(':').next()?.split('+').next()?;
            Some(format!("nginx {nginx}, nchan {nchan}"))
        },
        native: true,
        ..peer("nchan", "nginx + nchan")
    },
    Peer {
        needs: |paths| {
            vec![
                program("node"),
                module(paths, "ws"),
                module(paths, "bufferutil"),
            ]
        },
        command: |paths, port, _| Ok(node(paths, "ws.js", port)),
        version: |paths| node_version(paths, "ws"),
        ..peer("ws", "Node ws")
    },
    Peer {
        protocol: Protocol::SocketIo,
        needs: |paths| vec![program("node"), module(paths, "socket.io")],
        command: |paths, port, _| Ok(node(paths, "socketio.js", port)),
        version: |paths| node_version(paths, "socket.io"),
        ..peer("socketio", "Socket.IO")
    },
    Peer {
        needs: |paths| vec![paths.binaries.join("bench-axum")],
        command: |paths, port, _| Ok(compiled(paths, "bench-axum", port)),
        version: |paths| Some(format!("axum {}", locked(paths, "axum")?)),
        native: true,
        ..peer("axum", "axum + broadcast")
    },
    Peer {
        protocol: Protocol::SocketIo,
        needs: |paths| vec![paths.binaries.join("bench-socketioxide")],
        command: |paths, port, _| Ok(compiled(paths, "bench-socketioxide", port)),
        version: |paths| Some(format!("socketioxide {}", locked(paths, "socketioxide")?)),
        native: true,
        ..peer("socketioxide", "socketioxide")
    },
    Peer {
        needs: |paths| vec![python(paths), paths.peers.join("fastapi_seed.py")],
        command: |paths, port, _| Ok(script(python(paths), paths, "fastapi_seed.py", port)),
        version: python_version,
        // Opening one takes it longer than others need for ten.
        connections: 2_000,
        ..peer("fastapi", "FastAPI")
    },
    Peer {
        protocol: Protocol::Lunch,
        needs: |paths| vec![python(paths), paths.peers.join("seed001.py")],
        command: |paths, port, redis| {
            let mut command = script(python(paths), paths, "seed001.py", port);
            command.env("REDIS_URL", redis.unwrap_or("redis://127.0.0.1:6379/0"));
            Ok(command)
        },
        version: python_version,
        needs_redis: true,
        ..peer("seed001", "starting code (FastAPI + Redis)")
    },
    Peer {
        needs: |paths| vec![relay(paths)],
        command: |paths, port, _| {
            let mut command = Command::new(relay(paths));
            command.args(["--listen", &address(port)]);
            Ok(command)
        },
        version: |_| Some(format!("Tablecast {}", env!("CARGO_PKG_VERSION"))),
        native: true,
        ..peer("relay", "Tablecast relay")
    },
    Peer {
        protocol: Protocol::Lunch,
        needs: |paths| vec![paths.binaries.join("tablecast")],
        command: |paths, port, redis| {
            let mut command = Command::new(paths.binaries.join("tablecast"));
            // All comes from one address, as fast as it can; what is measured is the way of a
            // command, not the limits before it.
            command.args(["serve", "--create-rate", "0", "--join-rate", "0"]);
            command.args(["--command-rate", "0", "--max-rooms", "20000"]);
            command.args(["--seats", "20000"]);
            command.args(["--listen", &address(port)]);
            command.args(["--store", redis.unwrap_or("memory")]);
            command.env("RUST_LOG", "warn");
            Ok(command)
        },
        version: |_| Some(format!("Tablecast {}", env!("CARGO_PKG_VERSION"))),
        native: true,
        ..peer("lunch", "Tablecast lunch server")
    },
];

/// What most peers have in common.
const fn peer(name: &'static str, title: &'static str) -> Peer {
    Peer {
        name,
        title,
        protocol: Protocol::Text,
        needs: |_| Vec::new(),
        command: |_, _, _| Ok(Command::new("false")),
        version: |_| None,
        native: false,
        connections: 15_000,
        needs_redis: false,
    }
}

/// The module that Debian's package brings.
const NCHAN: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";

/// nginx reads its port from a file alone.
fn nchan(paths: &Paths, port: u16, _: Option<&str>) -> io::Result<Command> {
    let folder = std::path::absolute(paths.scratch.join(format!("nchan-{port}")))?;
    fs::create_dir_all(&folder)?;
    let file = folder.join("nginx.conf");
    let conf = fs::read_to_string(paths.peers.join("nchan.conf"))?
        .replace("@PORT@", &port.to_string())
        .replace("@DIR@", &folder.display().to_string())
        .replace("@MODULE@", NCHAN);
    fs::write(&file, conf)?;
    let mut command = Command::new(program("nginx"));
    command.args(["-e", "stderr", "-c"]).arg(file);
    Ok(command)
}

fn address(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

fn bun(paths: &Paths) -> PathBuf {
    paths.peers.join("node_modules/.bin/bun")
}

fn python(paths: &Paths) -> PathBuf {
    paths.peers.join(".venv/bin/python")
}

fn relay(paths: &Paths) -> PathBuf {
    paths.binaries.join("examples/relay")
}

/// What says that npm has installed the package.
fn module(paths: &Paths, name: &str) -> PathBuf {
    paths
        .peers
        .join(format!("node_modules/{name}/package.json"))
}

fn script(interpreter: PathBuf, paths: &Paths, name: &str, port: u16) -> Command {
    let mut command = Command::new(interpreter);
    command.arg(paths.peers.join(name)).arg(port.to_string());
    command
}

fn node(paths: &Paths, name: &str, port: u16) -> Command {
    let mut command = script(program("node"), paths, name, port);
    command.env("NODE_ENV", "production");
    command
}

fn compiled(paths: &Paths, name: &str, port: u16) -> Command {
    let mut command = Command::new(paths.binaries.join(name));
    command.arg(port.to_string());
    command
}

/// Where a program of the system is; its bare name if it is nowhere.
fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Debian keeps servers where only root looks for programs.
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let mut places = folders.map(|folder| folder.join(name));
    places
        .find(|place| place.is_file())
        .unwrap_or_else(|| name.into())
}

/// What a program prints, on whichever of its outputs.
fn said(command: &mut Command) -> Option<String> {
    let output = command
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let bytes = [output.stdout, output.stderr].concat();
    let text = String::from_utf8(bytes).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn node_version(paths: &Paths, name: &str) -> Option<String> {
    let package = fs::read_to_string(module(paths, name)).ok()?;
    let package: serde_json::Value = serde_json::from_str(&package).ok()?;
    let version = package.get("version")?.as_str()?;
    let node = said(Command::new(program("node")).arg("--version"))?;
    Some(format!(
        "{name} {version}, Node {}",
        node.trim_start_matches('v')
    ))
}

fn python_version(paths: &Paths) -> Option<String> {
    let code = "import platform; from importlib.metadata import version as v; \
                print(f'FastAPI {v(\"fastapi\")}, uvicorn {v(\"uvicorn\")}, uvloop {v(\"uvloop\")}, \
                Python {platform.python_version()}')";
    said(Command::new(python(paths)).args(["-c", code]))
}

/// The version of a crate that the workspace is built with.
fn locked(paths: &Paths, name: &str) -> Option<String> {
    let lock = fs::read_to_string(paths.peers.join("../../../Cargo.lock")).ok()?;
    locked_in(&lock, name).map(str::to_owned)
}

fn locked_in<'a>(lock: &'a str, name: &str) -> Option<&'a str> {
    let name = format!("name = \"{name}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    lines
        .nth(1)?
        .strip_prefix("version = \"")?
        .strip_suffix('"')
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
        let mut names: Vec<&str> = PEERS.iter().map(|peer| peer.name).collect();
        assert_eq!(names.first(), Some(&"raw"));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), PEERS.len());
    }

    #[test]
    fn every_peer_is_started_at_the_port_with_what_it_says_it_needs() {
        let paths = paths("start");
        for peer in PEERS {
            let command = (peer.command)(&paths, 4321, None).unwrap();
            let program = PathBuf::from(command.get_program());
            assert!(
                (peer.needs)(&paths).contains(&program),
                "{}: {command:?}",
                peer.name
            );
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
        for peer in PEERS {
            let sources = (peer.needs)(&paths)
                .into_iter()
                .filter(|path| path.parent() == Some(&paths.peers));
            for source in sources {
                assert!(source.exists(), "{}: {}", peer.name, source.display());
            }
        }
    }

    #[test]
    fn nothing_is_left_to_put_into_the_configuration_of_nginx() {
        let paths = paths("nginx");
        let command = nchan(&paths, 4321, None).unwrap();
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
        let lock = "[[package]]\nname = \"axum-core\"\nversion = \"0.5.6\"\n\n\
                    [[package]]\nname = \"axum\"\nversion = \"0.8.9\"\n";
        assert_eq!(locked_in(lock, "axum"), Some("0.8.9"));
        assert_eq!(locked_in(lock, "hyper"), None);
        assert!(locked(&paths("lock"), "socketioxide").is_some());
    }
}
