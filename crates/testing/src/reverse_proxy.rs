//! Real proxies in front of two nodes, started from the files that are shipped in `deploy/`. Addresses and ports are put
//! in, and a folder for temporary files; nothing else is changed.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::directory::Directory;
use crate::port::free_port;
use crate::wait::{DEADLINE, blocking_until};

/// The addresses of the nodes in the shipped files.
const SHIPPED: [&str; 2] = ["172.30.80.11:8000", "172.30.80.12:8000"];

/// Which proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// By `nginx.conf`.
    Nginx,
    /// By `haproxy.cfg`.
    Haproxy,
    /// By `Caddyfile`.
    Caddy,
}

/// All of them.
pub const KINDS: [Kind; 3] = [Kind::Nginx, Kind::Haproxy, Kind::Caddy];

/// A running proxy in front of two nodes. Dropping it ends it.
#[derive(Debug)]
pub struct ReverseProxy {
    kind: Kind,
    child: Child,
    directory: Directory,
    address: SocketAddr,
}

impl ReverseProxy {
    /// Starts one on a free port, from its file in this folder, and waits until it passes a request on.
    ///
    /// # Panics
    /// It is not installed, refuses the file, or passes nothing on within [`DEADLINE`].
    pub fn start(kind: Kind, deploy: &Path, nodes: [SocketAddr; 2]) -> ReverseProxy {
        loop {
            match ReverseProxy::try_start(kind, deploy, nodes) {
                Ok(proxy) => return proxy,
                // Somebody took a port that was free a moment ago.
                Err(log) => assert!(log.contains("ddress already in use"), "{kind:?}: {log}"),
            }
        }
    }

    /// Or else what its log says.
    fn try_start(
        kind: Kind,
        deploy: &Path,
        nodes: [SocketAddr; 2],
    ) -> Result<ReverseProxy, String> {
        let directory = Directory::new();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let config = kind.config(deploy, address, nodes, directory.path());
        let file = directory.write(kind.file(), &config);
        let log = File::create(directory.path().join("log")).unwrap();
        let child = kind
            .command(&file, directory.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| {
                panic!("{kind:?} cannot be run ({error}): cargo xtask test installs it")
            });
        let mut proxy = ReverseProxy {
            kind,
            child,
            directory,
            address,
        };
        let look = || {
            let passes = proxy.passes();
            let log = proxy.log();
            let ended = proxy.child.try_wait().unwrap().is_some();
            (passes, ended || log.contains("ddress already in use"), log)
        };
        let is_decided = |(passes, fails, _): &(bool, bool, String)| *passes || *fails;
        let what = format!("{kind:?} passes a request on");
        match blocking_until(&what, look, is_decided) {
            (_, true, log) => Err(log),
            (_, false, _) => Ok(proxy),
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    fn passes(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(self.address) else {
            return false;
        };
        let request = format!(
            "GET /healthz HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            self.address
        );
        let mut answer = String::new();
        stream.write_all(request.as_bytes()).is_ok()
            && stream.read_to_string(&mut answer).is_ok()
            && answer.starts_with("HTTP/1.1 200 ")
    }

    /// Whether it has found that a node is gone and asks it no more. nginx has no checks, and
    /// HAProxy's are patient: both ask every node each time.
    pub fn has_seen_one_go(&self) -> bool {
        match self.kind {
            Kind::Nginx | Kind::Haproxy => true,
            Kind::Caddy => self.log().contains("connection refused"),
        }
    }

    /// What it printed so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }
}

impl Drop for ReverseProxy {
    fn drop(&mut self) {
        // nginx's workers would outlive a master that is killed.
        let pid = self.child.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &pid]).status();
        let begin = Instant::now();
        // Not `blocking_until`, which may panic: that would be a second panic where the test has failed.
        while begin.elapsed() < DEADLINE && matches!(self.child.try_wait(), Ok(None)) {
            // sleep: between two looks
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- log of {:?}:\n{}", self.kind, self.log());
        }
    }
}

impl Kind {
    fn file(self) -> &'static str {
        match self {
            Kind::Nginx => "nginx.conf",
            Kind::Haproxy => "haproxy.cfg",
            Kind::Caddy => "Caddyfile",
        }
    }

    fn config(
        self,
        deploy: &Path,
        address: SocketAddr,
        nodes: [SocketAddr; 2],
        directory: &Path,
    ) -> String {
        let port = address.port();
        let mut places = vec![
            (SHIPPED[0], nodes[0].to_string()),
            (SHIPPED[1], nodes[1].to_string()),
        ];
        match self {
            Kind::Nginx => {
                // Its own folders are root's.
                let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
                let temporary =
                    temporary.map(|of| format!(" {of}_temp_path {}/{of};", directory.display()));
                places.push(("\nhttp {", format!("\nhttp {{{}", temporary.concat())));
                places.push(("listen 8080", format!("listen {address}")));
            }
            Kind::Haproxy => places.push(("bind :8080", format!("bind {address}"))),
            Kind::Caddy => {
                let site = format!("\n:{port} {{\n\tbind {}\n", address.ip());
                places.push(("\n:8080 {\n", site));
                places.push(("localhost:2019", format!("127.0.0.1:{}", free_port())));
            }
        }
        let mut text = fs::read_to_string(deploy.join(self.file())).unwrap();
        for (place, value) in places {
            let count = text.matches(place).count();
            assert_eq!(count, 1, "{place:?} in {}", self.file());
            text = text.replace(place, &value);
        }
        text
    }

    fn command(self, file: &Path, directory: &Path) -> Command {
        let mut command = match self {
            Kind::Nginx => {
                let pid = directory.join("pid");
                let globals = format!("daemon off; error_log stderr; pid {};", pid.display());
                let mut nginx = Command::new("nginx");
                nginx.args(["-e", "stderr", "-g", &globals, "-c"]).arg(file);
                nginx
            }
            Kind::Haproxy => {
                let mut haproxy = Command::new("haproxy");
                haproxy.args(["-db", "-f"]).arg(file);
                haproxy
            }
            Kind::Caddy => {
                let mut caddy = Command::new("caddy");
                caddy
                    .args(["run", "--adapter", "caddyfile", "--config"])
                    .arg(file);
                // Where it keeps certificates and the last configuration.
                caddy
                    .env("XDG_DATA_HOME", directory)
                    .env("XDG_CONFIG_HOME", directory);
                caddy
            }
        };
        // Debian puts servers where users do not look for programs.
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{path}:/usr/sbin"));
        command
    }
}
