//! The program itself as a child process.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Nothing here takes this long unless it hangs.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// A directory that is removed again.
pub struct Dir(pub PathBuf);

impl Dir {
    pub fn new() -> Dir {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir =
            std::env::temp_dir().join(format!("tablecast-test-{}-{next}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        Dir(dir)
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The variables by which whoever runs the tests has set something.
pub fn settings() -> impl Iterator<Item = OsString> {
    let names = std::env::vars_os().map(|(name, _)| name);
    names.filter(|name| name.to_string_lossy().starts_with("TABLECAST_") || name == "RUST_LOG")
}

/// The program in this directory, without the settings of whoever runs the tests.
pub fn tablecast(dir: &Dir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tablecast"));
    command.current_dir(&dir.0).stdin(Stdio::null());
    for name in settings() {
        command.env_remove(name);
    }
    command
}

/// Runs a program that ends by itself: its code and what it wrote to stderr.
pub fn ends(command: &mut Command) -> (Option<i32>, String) {
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let reading = std::thread::spawn(move || {
        let mut said = String::new();
        stderr.read_to_string(&mut said).unwrap();
        said
    });
    let code = wait(&mut child);
    (code, reading.join().unwrap())
}

/// Waits until it ends by itself: its code.
fn wait(child: &mut Child) -> Option<i32> {
    let begin = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        if begin.elapsed() > DEADLINE {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("it does not end");
        }
        // sleep: between two looks at whether it ended
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A program that serves. Killed when the test ends.
pub struct Serving {
    pub child: Child,
    pub at: SocketAddr,
    pub said: String,
}

impl Serving {
    pub fn start(command: &mut Command) -> Serving {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        while !said.contains("then type:") {
            match lines.next() {
                Some(line) => said = said + &line.unwrap() + "\n",
                None => {
                    let mut error = String::new();
                    child
                        .stderr
                        .take()
                        .unwrap()
                        .read_to_string(&mut error)
                        .unwrap();
                    panic!("it ended: {error}");
                }
            }
        }
        let url = said.split_once("http://").unwrap().1;
        let at = url.split([' ', '/']).next().unwrap().parse().unwrap();
        Serving { child, at, said }
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let kill = Command::new("kill").args([name, &pid]).status().unwrap();
        assert!(kill.success());
    }

    /// Waits until it ends by itself: its code.
    pub fn ended(&mut self) -> Option<i32> {
        wait(&mut self.child)
    }

    pub fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.at).unwrap();
        let request = format!("GET {path} HTTP/1.0\r\n\r\n");
        std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// A member of a new room, who never answers the server's goodbye.
    pub fn member(&self) -> TcpStream {
        let mut stream = TcpStream::connect(self.at).unwrap();
        let post = b"POST /session/ HTTP/1.0\r\n\r\n";
        std::io::Write::write_all(&mut stream, post).unwrap();
        let mut made = String::new();
        stream.read_to_string(&mut made).unwrap();
        let url = made
            .split("\"url\":\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap();
        let mut stream = TcpStream::connect(self.at).unwrap();
        let join = format!(
            "GET {url} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        std::io::Write::write_all(&mut stream, join.as_bytes()).unwrap();
        let mut status = [0; 12];
        stream.read_exact(&mut status).unwrap();
        assert_eq!(&status, b"HTTP/1.1 101");
        stream
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines that a program writes to stderr.
pub struct Log(mpsc::Receiver<String>);

impl Log {
    pub fn of(child: &mut Child) -> Log {
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (send, receive) = mpsc::channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        Log(receive)
    }

    /// Waits for the next line with this in it: all lines up to it.
    pub fn wait_for(&self, part: &str) -> Vec<String> {
        let end = Instant::now() + DEADLINE;
        let mut passed = Vec::new();
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.0.recv_timeout(left) {
                Ok(line) => {
                    let found = line.contains(part);
                    passed.push(line);
                    if found {
                        return passed;
                    }
                }
                Err(error) => panic!("no {part:?} ({error}) in {passed:#?}"),
            }
        }
    }
}

/// Options: on any free port, with rooms in memory.
pub const ANY_PORT: [&str; 4] = ["--listen", "127.0.0.1:0", "--store", "memory"];

/// Options: on any free port, with rooms in this store.
pub fn with_store(store: &str) -> [&str; 4] {
    ["--listen", "127.0.0.1:0", "--store", store]
}
