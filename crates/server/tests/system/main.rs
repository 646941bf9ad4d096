//! The whole system: real server processes, a real Redis, a real `websocat`.
//! Tests that guard against a defect say so by its number in `docs/testing.md`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod faults;
mod harness;
mod history;
mod nodes;
mod passing;
mod proxies;
mod rolling;
mod room;
mod site;
mod sqlite;
mod store;
mod streams;
mod websocat;
