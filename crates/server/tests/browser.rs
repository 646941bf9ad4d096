//! The page in a real browser, on this server.
#![allow(clippy::expect_used)]

#[path = "support/javascript.rs"]
mod javascript;

/// Its types, and all stories of `e2e/test`.
#[test]
fn the_page_passes_its_tests_in_a_browser() {
    let said = javascript::passes("npm", ["test", "--prefix", "e2e"]);
    // What it measures is judged by whoever reads it: `cargo test -- --nocapture`.
    eprintln!("{said}");
}
