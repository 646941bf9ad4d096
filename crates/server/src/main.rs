//! The lunch server.
fn main() {}
