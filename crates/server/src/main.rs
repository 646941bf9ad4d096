//! `tablecast`: see [`tablecast_server::program`].

use std::process::ExitCode;

use tablecast_server::program;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    program::main()
}
