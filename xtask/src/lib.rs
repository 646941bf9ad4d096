//! What the tasks of the repository have in common with the programs that they start: commands, and tools that are
//! installed.
#![allow(
    clippy::print_stdout,
    reason = "of command line tools: what they print is their result"
)]

pub mod cargo;
pub mod invocation;
pub mod tools;
