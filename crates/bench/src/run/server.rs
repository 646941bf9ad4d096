//! A server process, which ends when its value is dropped.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use tablecast_testing::free_port;

use crate::measure::tree;

/// How long a start may take. Under valgrind it takes seconds, and the machine may be busy.
const START: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Server {
    process: Child,
    pub(super) address: SocketAddr,
}

impl Server {
    /// Starts the program of `command`, which gets a port, and waits until it listens there on 127.0.0.1.
    pub(super) fn start(command: impl FnOnce(u16) -> Command) -> anyhow::Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let mut command = command(address.port());
        let silent = command.stdin(Stdio::null()).stdout(Stdio::null());
        let process = silent.stderr(Stdio::null()).spawn();
        let process = process.with_context(|| format!("cannot start {command:?}"))?;
        let mut server = Server { process, address };
        let deadline = Instant::now() + START;
        while TcpStream::connect(address).is_err() {
            if let Some(status) = server.process.try_wait()? {
                bail!("{command:?} has ended at once: {status}; start it by hand to see why");
            }
            if Instant::now() > deadline {
                bail!("{command:?} does not listen after {} s", START.as_secs());
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(server)
    }

    pub(super) fn pid(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its children too: it cannot end them when it is killed.
        let pids = tree(self.pid()).into_iter();
        for pid in pids.filter_map(|pid| Pid::from_raw(pid as i32)) {
            // It may have ended by itself.
            let _ = kill_process(pid, Signal::KILL);
        }
        let _ = self.process.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_ends_at_once_is_an_error() {
        let error = Server::start(|_| Command::new("false")).unwrap_err();
        assert!(error.to_string().contains("ended at once"), "{error}");
    }
}
