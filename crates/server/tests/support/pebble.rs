//! Pebble, an ACME server of a test's own.
#![allow(unreachable_pub, clippy::unwrap_used)]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use tablecast_testing::process::{Process, program};
use tablecast_testing::{Directory, free_port, until};

use crate::secure;

pub struct Pebble {
    dir: Directory,
    ports: [u16; 2],
    process: Process,
}

impl Pebble {
    /// One that proves names at these ports of loopback, by TLS-ALPN-01 and HTTP-01.
    pub fn start(tls_port: u16, http_port: u16) -> Pebble {
        let dir = Directory::new();
        secure::write_certificate(&dir, "cert.pem", "key.pem");
        let ports = [free_port(), free_port()];
        let [directory, management] = ports;
        let config = serde_json::json!({"pebble": {
            "listenAddress": format!("127.0.0.1:{directory}"),
            "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": "cert.pem",
            "privateKey": "key.pem",
            "tlsPort": tls_port,
            "httpPort": http_port,
        }});
        dir.write("pebble.json", &config.to_string());
        let process = run(&dir, directory);
        Pebble {
            dir,
            ports,
            process,
        }
    }

    /// The URL of its directory.
    pub fn directory(&self) -> String {
        format!("https://localhost:{}/dir", self.ports[0])
    }

    /// The file with the root to trust for its directory.
    pub fn root(&self) -> PathBuf {
        self.dir.path().join("cert.pem")
    }

    /// What its certificates have to be trusted by; another one after each start.
    pub async fn issuer(&self) -> String {
        let trust = secure::trusting(&std::fs::read_to_string(self.root()).unwrap());
        let at = SocketAddr::from(([127, 0, 0, 1], self.ports[1]));
        let ask = async || secure::ask(&trust, at, "GET /roots/0").await;
        let answer = until("pebble tells its root", ask, Result::is_ok).await;
        let answer = answer.unwrap();
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    pub fn kill(&mut self) {
        self.process.kill9();
    }

    /// Starts another one in its place, which knows nothing of the first.
    pub fn restart(&mut self) {
        self.process = run(&self.dir, self.ports[0]);
    }
}

fn run(dir: &Directory, port: u16) -> Process {
    let mut command: Command = program("pebble");
    command
        .current_dir(dir.path())
        .args(["-config", "pebble.json"])
        .env("PEBBLE_VA_NOSLEEP", "1")
        .env("PEBBLE_WFE_NONCEREJECT", "0")
        .env("PEBBLE_AUTHZREUSE", "0");
    Process::start_at(&mut command, SocketAddr::from(([127, 0, 0, 1], port)))
}
