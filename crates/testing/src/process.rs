//! Programs as processes of a test's own: servers, and what ends by itself.

use std::ffi::{OsStr, OsString};
use std::fs::{self, DirEntry};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use crate::wait::{DEADLINE, blocking_until, until};

/// The variables by which whoever runs the tests has set something of a server.
pub fn settings() -> impl Iterator<Item = OsString> {
    let names = std::env::vars_os().map(|(name, _)| name);
    names.filter(|name| name.to_string_lossy().starts_with("TABLECAST_") || name == "RUST_LOG")
}

/// A server's program without these settings and without input, where no `tablecast.toml` is found.
pub fn program(path: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(path);
    command.current_dir("/").stdin(Stdio::null());
    for name in settings() {
        command.env_remove(name);
    }
    command
}

/// Runs a program that ends by itself: its exit code, which it has unless a signal ended it, and what it wrote to
/// stderr.
///
/// # Panics
/// It cannot be started, or does not end within [`DEADLINE`].
pub fn run_to_end(command: &mut Command) -> (Option<i32>, String) {
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut child = child.unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    let mut said = Reading::of(child.stderr.take());
    let status = end_of(&mut child);
    said.complete();
    (status.code(), said.text())
}

/// Waits until a program ends by itself.
///
/// # Panics
/// It does not end within [`DEADLINE`]; then it is killed.
pub fn end_of(child: &mut Child) -> ExitStatus {
    let child = Guard(child);
    let ended = || child.0.try_wait().expect("a child to wait for");
    let status = blocking_until("the program ends", ended, Option::is_some);
    status.expect("it has ended")
}

struct Guard<'a>(&'a mut Child);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        // It has ended, or never will.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Sends a process a signal, such as `-TERM`.
///
/// # Panics
/// It has ended and was waited for.
pub fn signal(process: &Child, name: &str) {
    let pid = process.id().to_string();
    let kill = Command::new("kill").args([name, &pid]).status();
    assert!(kill.expect("kill").success(), "kill {name} {pid}");
}

/// See [`Process::pause`]. The signal stops only the thread that takes it, which may have to wait for a core, and the
/// others work on until it has told them.
pub(crate) fn pause(process: &Child) {
    signal(process, "-STOP");
    let threads = format!("/proc/{}/task", process.id());
    let states = || {
        let threads = fs::read_dir(&threads).expect("its threads");
        let state = |thread: io::Result<DirEntry>| {
            let status = fs::read_to_string(thread?.path().join("status"))?;
            let state = status.lines().find(|line| line.starts_with("State:"));
            io::Result::Ok(state.unwrap_or_default().to_owned())
        };
        // The status of a thread that has just ended cannot be read.
        threads.map(|one| state(one).ok()).collect::<Vec<_>>()
    };
    let is_stopped = |state: &Option<String>| {
        let state = state.as_ref();
        state.is_some_and(|state| state.starts_with("State:\tT"))
    };
    let all = |states: &Vec<_>| states.iter().all(is_stopped);
    blocking_until("the process stands still", states, all);
}

/// A server process. It is killed when this is dropped; where that is since the test failed, its log is printed.
#[derive(Debug)]
pub struct Process {
    child: Child,
    address: SocketAddr,
    said: Reading,
    log: Reading,
    /// How many lines of the log [`Process::log_up_to`] has passed.
    passed: usize,
}

impl Process {
    /// Starts a server, and waits until it says where it listens: on stdout, or in a log of JSON.
    ///
    /// # Panics
    /// It cannot be started, ends, or does not say it within [`DEADLINE`]; with what it said and logged.
    pub fn start(command: &mut Command) -> Process {
        let mut server = Process::spawn(command);
        server.log = Reading::of(server.child.stderr.take());
        server.learn_address();
        server
    }

    /// As [`Process::start`], but nobody reads its log: that is for the test to do, or not to do.
    ///
    /// # Panics
    /// As [`Process::start`].
    pub fn start_unread(command: &mut Command) -> (Process, ChildStderr) {
        let mut server = Process::spawn(command);
        let log = server.child.stderr.take().expect("a pipe for its log");
        server.learn_address();
        (server, log)
    }

    /// Starts a server that cannot say where it listens, and waits until it does: at this address.
    ///
    /// # Panics
    /// It cannot be started, ends, or does not listen there within [`DEADLINE`].
    pub fn start_at(command: &mut Command, address: SocketAddr) -> Process {
        let mut server = Process::spawn(command);
        server.log = Reading::of(server.child.stderr.take());
        server.address = address;
        let connect = || {
            server.must_run();
            TcpStream::connect(address).map(drop)
        };
        let listens = blocking_until("the server listens", connect, Result::is_ok);
        listens.expect("it listens");
        server
    }

    fn spawn(command: &mut Command) -> Process {
        let spawned = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = spawned.unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        Process {
            said: Reading::of(child.stdout.take()),
            log: Reading::default(),
            address: SocketAddr::from(([0; 4], 0)),
            child,
            passed: 0,
        }
    }

    fn learn_address(&mut self) {
        let look = || {
            self.must_run();
            let (said, log) = (self.said.text(), self.log.text());
            address_in(&said, &log).ok_or((said, log))
        };
        let found = blocking_until("the server says where it listens", look, Result::is_ok);
        self.address = found.expect("it has said it");
    }

    fn must_run(&mut self) {
        if let Some(status) = self.child.try_wait().expect("a child to wait for") {
            self.complete();
            let (said, log) = (self.said(), self.log());
            panic!("the server ended with {status}; it said {said:?}, and logged:\n{log}");
        }
    }

    fn complete(&mut self) {
        self.said.complete();
        self.log.complete();
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The number of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote to stdout so far.
    pub fn said(&self) -> String {
        self.said.text()
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// Waits until it has logged this: lines are written behind what they tell of.
    ///
    /// # Panics
    /// As [`until`].
    pub async fn logs(&self, part: &str) {
        let what = format!("the log has {part:?}");
        until(&what, async || self.log(), |log| log.contains(part)).await;
    }

    /// Waits for the next line of the log with this in it: all lines up to it, from where the last call ended.
    ///
    /// # Panics
    /// As [`blocking_until`].
    pub fn log_up_to(&mut self, part: &str) -> Vec<String> {
        let look = || {
            let log = self.log.text();
            let whole = log.rfind('\n').map_or("", |end| &log[..end]);
            let lines = whole.lines().skip(self.passed).map(str::to_owned);
            lines.collect::<Vec<_>>()
        };
        let at = |lines: &Vec<String>| lines.iter().position(|line| line.contains(part));
        let what = format!("the log has a line with {part:?}");
        let mut lines = blocking_until(&what, look, |lines| at(lines).is_some());
        lines.truncate(at(&lines).map_or(0, |at| at + 1));
        self.passed += lines.len();
        lines
    }

    /// Waits until `/readyz` says that it is ready.
    ///
    /// # Panics
    /// As [`blocking_until`], and if it ends.
    pub fn until_ready(&self) {
        let is_ready = |answer: &String| answer.starts_with("HTTP/1.0 200 ");
        blocking_until("the server is ready", || self.get("/readyz"), is_ready);
    }

    /// The whole answer to a GET by HTTP/1.0.
    ///
    /// # Panics
    /// There is none.
    pub fn get(&self, path: &str) -> String {
        let stream = TcpStream::connect(self.address);
        let mut stream = stream.unwrap_or_else(|error| panic!("{error}; {}", self.log()));
        let limited = stream.set_read_timeout(Some(DEADLINE));
        let request = format!("GET {path} HTTP/1.0\r\n\r\n");
        let asked = limited.and_then(|()| stream.write_all(request.as_bytes()));
        let mut answer = String::new();
        let answered = asked.and_then(|()| stream.read_to_string(&mut answer));
        answered.unwrap_or_else(|error| panic!("{error} after {answer:?}; {}", self.log()));
        answer
    }

    /// Sends it a signal, such as `-TERM`.
    ///
    /// # Panics
    /// If it has ended.
    pub fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    /// Stops it where it is, and waits until all its threads stand still.
    ///
    /// # Panics
    /// As [`blocking_until`], and if it has ended.
    pub fn pause(&self) {
        pause(&self.child);
    }

    /// Lets it go on.
    ///
    /// # Panics
    /// If it has ended.
    pub fn resume(&self) {
        self.signal("-CONT");
    }

    /// Kills it without a chance to say anything.
    pub fn kill9(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.complete();
    }

    /// Whether it has ended by itself.
    ///
    /// # Panics
    /// The system does not tell.
    pub fn has_ended(&mut self) -> bool {
        let ended = self.child.try_wait();
        ended.expect("a child to wait for").is_some()
    }

    /// Waits until it has ended by itself: its exit code, which it has unless a signal ended it.
    ///
    /// # Panics
    /// As [`until`].
    pub async fn exit_code(&mut self) -> Option<i32> {
        let look = async || self.status_or_log();
        let ended = until("the server ends", look, Result::is_ok).await;
        self.code(ended)
    }

    /// As [`Process::exit_code`], for tests that are not async.
    ///
    /// # Panics
    /// As [`blocking_until`].
    pub fn blocking_exit_code(&mut self) -> Option<i32> {
        let ended = blocking_until("the server ends", || self.status_or_log(), Result::is_ok);
        self.code(ended)
    }

    fn status_or_log(&mut self) -> Result<ExitStatus, String> {
        let status = self.child.try_wait().expect("a child to wait for");
        status.ok_or_else(|| self.log.text())
    }

    fn code(&mut self, ended: Result<ExitStatus, String>) -> Option<i32> {
        self.complete();
        ended.expect("it has ended").code()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- log of the server at {}:\n{}", self.address, self.log());
        }
    }
}

/// Where a server listens, as the line says in which it says so.
fn address_in(said: &str, log: &str) -> Option<SocketAddr> {
    let plain = said
        .split_once("://")
        .filter(|(_, rest)| rest.contains('\n'));
    let plain = plain.and_then(|(_, rest)| rest.split([' ', '/', '\n']).next());
    let json = log
        .split_once("\"address\":\"")
        .and_then(|(_, rest)| Some(rest.split_once('"')?.0));
    plain.or(json)?.parse().ok()
}

/// What a thread has read of a pipe so far.
#[derive(Debug, Default)]
struct Reading {
    bytes: Arc<Mutex<Vec<u8>>>,
    thread: Option<JoinHandle<()>>,
}

impl Reading {
    fn of(pipe: Option<impl Read + Send + 'static>) -> Reading {
        let mut pipe = pipe.expect("a pipe to read");
        let bytes = Arc::<Mutex<Vec<u8>>>::default();
        let into = Arc::clone(&bytes);
        let thread = thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = pipe.read(&mut buffer) {
                into.lock().unwrap().extend_from_slice(&buffer[..count]);
            }
        });
        Reading {
            bytes,
            thread: Some(thread),
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap()).into_owned()
    }

    /// Waits until all is read of a process that has ended.
    fn complete(&mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
