//! The lunch room in a terminal: `tablecast join` and `tablecast create`.
//!
//! The core is pure: [`session::Session`] is told what happens and says what to do, and
//! [`room::Room`] is the room as far as it is known. Around it are the network, and two faces:
//! the full screen and plain lines.
// Its one clock is in `clock`.
#![deny(clippy::disallowed_types)]
// They panic when stderr cannot be written.
#![warn(clippy::print_stderr)]

pub mod cli;
pub mod clock;
mod create;
mod desk;
mod failed;
mod line;
mod lines;
mod net;
pub mod place;
mod plain;
mod qr;
pub mod room;
mod run;
pub mod say;
mod screen;
pub mod session;
pub mod text;
pub mod words;

pub use cli::Command;
