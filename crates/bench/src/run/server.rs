//! A server process: started on its core, and ended with its value.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::measure::{ProcessTree, Usage};

/// The core of whatever is measured.
pub(super) const SERVER_CORE: &str = "0";

/// The core of whatever measures: another one, where there is another.
pub(super) fn load_core() -> &'static str {
    match thread::available_parallelism() {
        Ok(cores) if cores.get() > 1 => "1",
        _ => SERVER_CORE,
    }
}

/// A program that is wrapped in this does not outlive the orchestrator, however that
/// ends.
const ENDS_WITH_US: [&str; 3] = ["setpriv", "--pdeathsig", "KILL"];

/// Under valgrind a start takes seconds, and the machine may be busy.
const START: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Server {
    process: Child,
    pub(super) address: SocketAddr,
}

/// The same program with others in front of it, such as `taskset -c 0`.
pub(super) fn wrapped<S: AsRef<str>>(wrapper: &[S], command: &Command) -> Command {
    let mut words = wrapper.iter().map(AsRef::as_ref);
    let Some(first) = words.next() else {
        let mut same = Command::new(command.get_program());
        copy(command, &mut same);
        return same;
    };
    let mut outer = Command::new(first);
    outer.args(words).arg(command.get_program());
    copy(command, &mut outer);
    outer
}

fn copy(from: &Command, to: &mut Command) {
    to.args(from.get_args());
    for (name, value) in from.get_envs() {
        match value {
            Some(value) => to.env(name, value),
            None => to.env_remove(name),
        };
    }
    if let Some(folder) = from.get_current_dir() {
        to.current_dir(folder);
    }
}

/// What keeps a program on one core.
pub(super) fn pinned(core: &str) -> [&str; 3] {
    ["taskset", "-c", core]
}

impl Server {
    /// Starts a program that listens at the port on 127.0.0.1, and waits until it does.
    pub(super) fn start(command: Command, port: u16) -> anyhow::Result<Self> {
        let process = wrapped(&ENDS_WITH_US, &command)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {command:?}"))?;
        let address = (Ipv4Addr::LOCALHOST, port).into();
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

    pub(super) fn tree(&self) -> ProcessTree {
        ProcessTree(self.process.id())
    }

    pub(super) fn usage(&self) -> anyhow::Result<Usage> {
        self.tree().usage().context("the server has ended")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its children too: a manager that is killed cannot end its workers.
        let pids = self.tree().pids().into_iter();
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
    use crate::port;

    #[test]
    fn a_wrapped_program_keeps_its_arguments_and_environment() {
        let mut inner = Command::new("server");
        inner.args(["--port", "1"]).env("A", "b").env_remove("C");
        let outer = wrapped(&pinned("0"), &inner);
        let words: Vec<_> = outer.get_args().collect();
        assert_eq!(outer.get_program(), "taskset");
        assert_eq!(words, ["-c", "0", "server", "--port", "1"]);
        assert_eq!(outer.get_envs().count(), 2);
        assert_eq!(wrapped::<&str>(&[], &inner).get_program(), "server");
    }

    #[test]
    fn a_program_that_ends_at_once_is_an_error() {
        let error = Server::start(Command::new("false"), port::free().unwrap()).unwrap_err();
        assert!(error.to_string().contains("ended at once"), "{error}");
    }
}
