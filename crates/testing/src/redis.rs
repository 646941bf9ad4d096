//! Redis servers of a test's own: on free loopback ports, in directories of
//! their own, killed when dropped.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::directory::Directory;
use crate::port::free_port;
use crate::process;
use crate::wait::blocking_until;

/// One `redis-server`.
#[derive(Debug)]
pub struct RedisServer {
    port: u16,
    directory: Directory,
    options: Vec<String>,
    process: Option<Child>,
}

impl RedisServer {
    /// Starts one that keeps nothing on disk unless `options` say otherwise, for
    /// instance `["--appendonly", "yes"]`, and waits until it answers.
    ///
    /// # Panics
    /// If there is no `redis-server`, or it does not answer in time.
    pub fn start(options: &[&str]) -> RedisServer {
        let mut server = RedisServer {
            port: free_port(),
            directory: Directory::new(),
            options: options.iter().map(|option| (*option).to_owned()).collect(),
            process: None,
        };
        server.run();
        server
    }

    /// `redis://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Where it listens, on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its working directory.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Kills it without a chance to save anything.
    pub fn kill9(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It may have ended by itself.
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Kills it, unless it is dead already, and starts it on the same port with
    /// what is in its directory.
    ///
    /// # Panics
    /// As [`RedisServer::start`].
    pub fn restart(&mut self) {
        self.kill9();
        self.run();
    }

    /// Stops the process where it is (SIGSTOP), and waits until it stands still; the kernel goes on accepting
    /// connections and data for it.
    ///
    /// # Panics
    /// As [`Process::pause`](crate::process::Process::pause), and if it does not run.
    pub fn pause(&self) {
        process::pause(self.running());
    }

    /// Lets it go on (SIGCONT).
    ///
    /// # Panics
    /// If it does not run.
    pub fn resume(&self) {
        process::signal(self.running(), "-CONT");
    }

    /// What `redis-cli` prints for a command, without the line end.
    ///
    /// # Panics
    /// If there is no `redis-cli`, or it fails.
    pub fn cli(&self, command: &[&str]) -> String {
        let mut cli = Command::new("redis-cli");
        cli.args(["-h", "127.0.0.1", "-p", &self.port.to_string()])
            .args(command);
        let output = cli
            .output()
            .unwrap_or_else(|error| missing("redis-cli", &error));
        assert!(output.status.success(), "redis-cli {command:?}: {output:?}");
        String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned()
    }

    fn run(&mut self) {
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.directory.path().join("log"));
        let child = Command::new("redis-server")
            .args([
                "--bind",
                "127.0.0.1",
                "--port",
                &self.port.to_string(),
                "--save",
                "",
            ])
            .args(["--daemonize", "no"])
            .arg("--dir")
            .arg(self.directory.path())
            .args(&self.options)
            .stdin(Stdio::null())
            .stdout(log.expect("a log file for redis-server"))
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| missing("redis-server", &error));
        let process = self.process.insert(child);
        let answers = || {
            if let Ok(Some(status)) = process.try_wait() {
                let log = fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
                panic!("redis-server ended with {status}: {log}");
            }
            answers(self.port)
        };
        blocking_until("redis-server answers", answers, |answers| *answers);
    }

    fn running(&self) -> &Child {
        self.process.as_ref().expect("redis-server runs")
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill9();
    }
}

/// A Redis Cluster of three servers without replicas, each with a third of the
/// slots.
#[derive(Debug)]
pub struct RedisCluster {
    nodes: Vec<RedisServer>,
}

impl RedisCluster {
    /// Starts one and waits until all its servers agree.
    ///
    /// # Panics
    /// As [`RedisServer::start`].
    pub fn start() -> RedisCluster {
        let nodes: Vec<_> = (0..3).map(|_| Self::start_node()).collect();
        let ports: Vec<_> = nodes.iter().map(RedisServer::port).collect();
        let ranges = [("0", "5460"), ("5461", "10922"), ("10923", "16383")];
        for (number, (node, (first, last))) in nodes.iter().zip(ranges).enumerate() {
            node.cli(&["CLUSTER", "SET-CONFIG-EPOCH", &(number + 1).to_string()]);
            node.cli(&["CLUSTER", "ADDSLOTSRANGE", first, last]);
            for (port, other) in ports.iter().zip(&nodes) {
                let bus = other.cli(&["CONFIG", "GET", "cluster-port"]);
                let bus = bus.lines().nth(1).unwrap_or_default().to_owned();
                node.cli(&["CLUSTER", "MEET", "127.0.0.1", &port.to_string(), &bus]);
            }
        }
        let cluster = RedisCluster { nodes };
        for node in &cluster.nodes {
            let look = || node.cli(&["CLUSTER", "INFO"]);
            let is_whole = |info: &String| {
                info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")
            };
            blocking_until("the cluster is whole", look, is_whole);
        }
        cluster
    }

    /// `redis-cluster://127.0.0.1:PORT,…` with all servers.
    pub fn url(&self) -> String {
        let hosts: Vec<_> = self
            .nodes
            .iter()
            .map(|node| format!("127.0.0.1:{}", node.port))
            .collect();
        format!("redis-cluster://{}", hosts.join(","))
    }

    /// Its servers, in the order of their slots.
    pub fn nodes(&self) -> &[RedisServer] {
        &self.nodes
    }

    /// Its servers, to be killed and restarted.
    pub fn nodes_mut(&mut self) -> &mut [RedisServer] {
        &mut self.nodes
    }

    /// Moves a slot with all its keys from one server to another, as a resharding
    /// does.
    ///
    /// # Panics
    /// If a server refuses a step.
    pub fn migrate(&self, slot: u16, from: usize, to: usize) {
        let (from, to) = (&self.nodes[from], &self.nodes[to]);
        let (from_id, to_id) = (from.cli(&["CLUSTER", "MYID"]), to.cli(&["CLUSTER", "MYID"]));
        let slot = slot.to_string();
        to.cli(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id]);
        from.cli(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id]);
        let keys = from.cli(&["CLUSTER", "GETKEYSINSLOT", &slot, "1000"]);
        let port = to.port.to_string();
        for key in keys.lines().filter(|key| !key.is_empty()) {
            from.cli(&["MIGRATE", "127.0.0.1", &port, key, "0", "5000"]);
        }
        for node in [to, from] {
            node.cli(&["CLUSTER", "SETSLOT", &slot, "NODE", &to_id]);
        }
        for node in self
            .nodes
            .iter()
            .filter(|node| !matches!(node.port, port if port == from.port || port == to.port))
        {
            node.cli(&["CLUSTER", "SETSLOT", &slot, "NODE", &to_id]);
        }
    }

    fn start_node() -> RedisServer {
        // The bus port is fixed, because the default is the port + 10,000, which a
        // free port may be too large for.
        let bus = free_port().to_string();
        RedisServer::start(&[
            "--cluster-enabled",
            "yes",
            "--cluster-port",
            &bus,
            "--cluster-node-timeout",
            // So that a node that stands still on a busy machine is not taken for dead.
            "30000",
        ])
    }
}

/// Whether it has loaded its data; one with a password says only that.
fn answers(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else {
        return false;
    };
    let mut answer = [0; 5];
    stream
        .set_read_timeout(Some(Duration::from_secs(1)))
        .is_ok()
        && stream.write_all(b"PING\r\n").is_ok()
        && stream.read_exact(&mut answer).is_ok()
        && matches!(&answer, b"+PONG" | b"-NOAU")
}

fn missing(program: &str, error: &std::io::Error) -> ! {
    panic!("{program} cannot be run ({error}): apt-get install redis-server")
}
