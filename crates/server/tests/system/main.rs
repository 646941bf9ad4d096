//! The whole system: real server processes, a real Redis, a real `websocat`.
//! Tests that guard a defect of the seed documents' code say so by its number.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod faults;
mod harness;
mod history;
mod nodes;
mod room;
mod websocat;
