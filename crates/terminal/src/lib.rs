//! The lunch room in a terminal: `tablecast join` and `tablecast create`.
//!
//! [`tablecast_client`] sits in the room; [`lunch`] is what it knows of a lunch. Around them are
//! two user interfaces: the full screen and plain lines.
#![deny(clippy::disallowed_types)]
// They panic when stderr cannot be written.
#![warn(clippy::print_stderr)]

pub mod action;
pub mod cli;
pub mod clock;
mod create;
mod editor;
mod failed;
mod inputs;
mod lines;
pub mod lunch;
mod person;
mod plain;
mod qr;
pub mod room_url;
mod run;
mod screen;
pub mod show;
pub mod text;
mod user;
pub mod words;

pub use cli::Command;
