//! Real proxies, started from the files in `deploy/`. Addresses and ports are put in, and
//! a folder for temporary files; nothing else is changed.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tablecast_testing::free_port;

use crate::harness::DEADLINE;

/// The addresses of the nodes in the shipped files.
const SHIPPED: [&str; 2] = ["172.30.80.11:8000", "172.30.80.12:8000"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Nginx,
    Haproxy,
    Caddy,
}

pub(crate) const KINDS: [Kind; 3] = [Kind::Nginx, Kind::Haproxy, Kind::Caddy];

/// A running proxy in front of two nodes. Dropping it ends it.
pub(crate) struct Proxy {
    kind: Kind,
    child: Child,
    directory: PathBuf,
    pub(crate) address: SocketAddr,
}

impl Proxy {
    /// Starts one on a free port and waits until it passes a request on.
    pub(crate) fn start(kind: Kind, nodes: [SocketAddr; 2]) -> Proxy {
        loop {
            match Proxy::try_start(kind, nodes) {
                Ok(proxy) => return proxy,
                // Somebody took a port that was free a moment ago.
                Err(log) => assert!(log.contains("ddress already in use"), "{kind:?}: {log}"),
            }
        }
    }

    /// Or else what its log says.
    fn try_start(kind: Kind, nodes: [SocketAddr; 2]) -> Result<Proxy, String> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tablecast-proxy-{}-{number}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        fs::create_dir_all(&directory).unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let file = directory.join(kind.file());
        fs::write(&file, kind.config(address, nodes, &directory)).unwrap();
        let log = File::create(directory.join("log")).unwrap();
        let child = kind
            .command(&file, &directory)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| {
                panic!("{kind:?} cannot be run ({error}): cargo xtask test installs it")
            });
        let mut proxy = Proxy {
            kind,
            child,
            directory,
            address,
        };
        let begin = Instant::now();
        loop {
            let passes = proxy.passes();
            let log = proxy.log();
            let ended = proxy.child.try_wait().unwrap().is_some();
            if ended || log.contains("ddress already in use") {
                return Err(log);
            }
            if passes {
                return Ok(proxy);
            }
            assert!(begin.elapsed() < DEADLINE, "{kind:?} passes nothing: {log}");
            // sleep: between two looks
            std::thread::sleep(Duration::from_millis(10));
        }
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
    pub(crate) fn has_seen_one_go(&self) -> bool {
        match self.kind {
            Kind::Nginx | Kind::Haproxy => true,
            Kind::Caddy => self.log().contains("connection refused"),
        }
    }

    /// What it printed so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // nginx's workers would outlive a master that is killed.
        let pid = self.child.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &pid]).status();
        let begin = Instant::now();
        while begin.elapsed() < DEADLINE && matches!(self.child.try_wait(), Ok(None)) {
            // sleep: between two looks
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- log of {:?}:\n{}", self.kind, self.log());
        }
        let _ = fs::remove_dir_all(&self.directory);
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

    fn config(self, address: SocketAddr, nodes: [SocketAddr; 2], directory: &Path) -> String {
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
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy");
        let mut text = fs::read_to_string(shipped.join(self.file())).unwrap();
        for (place, value) in places {
            let count = text.matches(place).count();
            assert_eq!(count, 1, "{place:?} in deploy/{}", self.file());
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
