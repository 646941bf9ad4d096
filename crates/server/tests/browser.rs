//! The page in a real browser, on this server.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::process::Command;

/// Its types, and all stories of `e2e/test`.
#[test]
fn the_page_passes_its_tests_in_a_browser() {
    let e2e = concat!(env!("CARGO_MANIFEST_DIR"), "/../../e2e");
    let output = Command::new("npm")
        .args(["test", "--prefix", e2e])
        .env("TABLECAST_BIN", env!("CARGO_BIN_EXE_tablecast"))
        .output()
        .expect("npm is missing; `cargo xtask test` installs it");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "if packages are missing: npm ci --prefix e2e, and npm ci --prefix clients/js\n{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    // What was measured is for people; `cargo test -- --nocapture` shows it.
    // What it measures is printed, and judged by whoever reads it.
    eprintln!("{said}");
}
