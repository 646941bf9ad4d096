//! The lunch room in a terminal: `tablecast join` and `tablecast create`.
//!
//! [`tablecast_client`] sits in the room; [`lunch`] is what it knows of a lunch. Around them are
//! two faces: the full screen and plain lines.
#![deny(clippy::disallowed_types)]
// They panic when stderr cannot be written.
#![warn(clippy::print_stderr)]

pub mod cli;
mod create;
mod desk;
mod failed;
mod line;
mod lines;
pub mod lunch;
pub mod place;
mod plain;
mod qr;
mod run;
pub mod say;
mod screen;
pub mod text;
pub mod words;

pub use cli::Command;
