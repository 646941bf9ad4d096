//! Servers for the tests: ours, the bare limit, and one that makes mistakes.
#![allow(dead_code, reason = "each test uses some of them")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use tablecast_testing::free_port;
use tablecast_testing::process::{Process, program};
use xtask::invocation::Invocation;

pub(crate) fn relay() -> Process {
    let at = free();
    let relay = built(&["--example", "relay"]).join("examples/relay");
    Process::start_at(program(relay).args(["--listen", &at.to_string()]), at)
}

pub(crate) fn lunch() -> Process {
    let lunch = built(&["--bin", "tablecast"]).join("tablecast");
    let unlimited = [
        "--create-rate",
        "0",
        "--join-rate",
        "0",
        "--command-rate",
        "0",
    ];
    let own = ["--listen", "127.0.0.1:0", "--store", "memory"];
    Process::start(program(lunch).args(own).args(unlimited))
}

pub(crate) fn socketioxide() -> Process {
    let at = free();
    let mut command = program(env!("CARGO_BIN_EXE_tablecast-bench"));
    Process::start_at(
        command.args(["socketioxide", "--listen", &at.to_string()]),
        at,
    )
}

fn free() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, free_port()).into()
}

/// Builds a program of the workspace, and returns the folder of its programs. When the whole workspace is tested,
/// the program is built already.
fn built(what: &[&str]) -> PathBuf {
    let build = Invocation::new("cargo build --quiet --workspace").with(what.iter().copied());
    build.run().unwrap();
    let test = std::env::current_exe().unwrap();
    // The test itself is in `deps`, a folder of that one.
    test.ancestors().nth(2).unwrap().to_owned()
}

/// The bare limit, in a thread that ends with the process.
pub(crate) fn raw() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || tablecast_bench::raw::serve(listener));
    address
}

/// What goes wrong with the tenth message, at the member who joined last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Missing,
    Twice,
    /// The tenth comes after the eleventh.
    Reordered,
    OtherRoom,
    Changed,
    Closed,
    /// Everybody waits for 200 ms.
    Stall,
}

/// All connections are in one room; every text is 32 bytes long.
struct Room {
    fault: Fault,
    members: Vec<TcpStream>,
    messages: usize,
    withheld: Option<Vec<u8>>,
}

/// A server with one fault, in threads that end with the process.
pub(crate) fn broken(fault: Fault) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let room = Arc::new(Mutex::new(Room {
        fault,
        members: Vec::new(),
        messages: 0,
        withheld: None,
    }));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let room = room.clone();
            thread::spawn(move || member(stream.unwrap(), &room));
        }
    });
    address
}

fn member(mut stream: TcpStream, room: &Mutex<Room>) {
    stream.set_nodelay(true).unwrap();
    let mut head = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        head.read_line(&mut line).unwrap();
    }
    {
        let mut room = room.lock().unwrap();
        let accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
        write!(
            stream,
            "HTTP/1.1 101 Switching Protocols\r\n{accept}\r\n\r\n"
        )
        .unwrap();
        room.members.push(stream);
    }
    let mut frame = [0; 2 + 4 + 32];
    while head.read_exact(&mut frame).is_ok() {
        let (mask, text) = frame[2..].split_at_mut(4);
        for (byte, key) in text.iter_mut().zip(mask.iter().cycle()) {
            *byte ^= key;
        }
        room.lock().unwrap().relay(text);
    }
}

impl Room {
    fn relay(&mut self, text: &[u8]) {
        let frame = [&[0x81, text.len() as u8], text].concat();
        // Probes have the highest numbers.
        if &text[6..10] != b"ffff" {
            self.messages += 1;
        }
        let is_tenth = self.messages == 10;
        if is_tenth && self.fault == Fault::Stall {
            // sleep: the fault itself
            thread::sleep(Duration::from_millis(200));
        }
        let last = self.members.len() - 1;
        for (at, mut member) in self.members.iter().enumerate() {
            let mut send = |frame: &[u8]| {
                // The load may be gone.
                let _ = member.write_all(frame);
            };
            if at < last {
                send(&frame);
                continue;
            }
            let mut changed = frame.clone();
            match self.fault {
                Fault::Missing if is_tenth => {}
                Fault::Twice if is_tenth => {
                    send(&frame);
                    send(&frame);
                }
                Fault::Reordered if is_tenth => self.withheld = Some(frame.clone()),
                Fault::OtherRoom if is_tenth => {
                    changed[2 + 5] = b'7';
                    send(&changed);
                }
                Fault::Changed if is_tenth => {
                    changed[2 + 31] = b'y';
                    send(&changed);
                }
                Fault::Closed if is_tenth => {
                    let _ = member.shutdown(Shutdown::Both);
                }
                _ => {
                    send(&frame);
                    if let Some(withheld) = self.withheld.take() {
                        send(&withheld);
                    }
                }
            }
        }
    }
}
