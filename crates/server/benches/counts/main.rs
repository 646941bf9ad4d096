//! The hot paths, for counting their instructions: `cargo xtask counts`.
//!
//! Run with the name of a path, this program prepares it, walks it a number of times within
//! [`measured`], and prints how many times that was. Callgrind collects within that function
//! alone. Without a name it lists the paths.
//!
//! Everything is driven from outside, as users of the crates would, and the same bytes go the
//! same way in each run.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod fan_out;
mod rooms;
mod sockets;

use std::process::ExitCode;

/// A path, and what walks it and says how many times.
type Path = (&'static str, fn() -> usize);

const PATHS: &[Path] = &[
    ("decode: a text of 32 bytes", || fan_out::decode(32)),
    ("decode: a text of 16 KiB", || fan_out::decode(16 * 1024)),
    ("encode: a text of 32 bytes", fan_out::encode),
    ("broadcast: 10 members", || fan_out::broadcast(10)),
    ("broadcast: 100 members", || fan_out::broadcast(100)),
    ("broadcast: 5,000 members", || fan_out::broadcast(5_000)),
    ("outbox: 64 frames for a full socket", fan_out::full_socket),
    ("decide: an item is added", rooms::add),
    ("decide: a vote is given", rooms::vote),
    ("store: an event is encoded", rooms::encode_event),
    ("store: a room is encoded", rooms::encode_room),
    ("render: the menu as text", rooms::render),
    ("relay: a message in a room of 10", sockets::relay),
    ("lunch: a command in a room of 10", sockets::command),
    ("join: text, handshake to menu", sockets::join_text),
    ("join: JSON, handshake to hello", sockets::join_json),
];

/// What is counted. A function of its own in the compiled program, since callgrind knows it by its
/// name.
#[inline(never)]
fn measured(work: &mut dyn FnMut()) {
    work();
}

/// Walks a path once to warm up, then `times` within [`measured`]. Returns `times`.
fn repeat(times: usize, mut walk: impl FnMut()) -> usize {
    walk();
    measured(&mut || (0..times).for_each(|_| walk()));
    times
}

fn main() -> ExitCode {
    // `cargo bench` adds a flag of its own.
    let Some(wanted) = std::env::args().skip(1).find(|arg| !arg.starts_with("--")) else {
        PATHS.iter().for_each(|(name, _)| println!("{name}"));
        return ExitCode::SUCCESS;
    };
    let Some((_, walk)) = PATHS.iter().find(|(name, _)| *name == wanted) else {
        eprintln!("error: there is no path `{wanted}`; without a name all are listed");
        return ExitCode::FAILURE;
    };
    println!("{}", walk());
    ExitCode::SUCCESS
}
