//! The JavaScript client against this server.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::process::Command;

/// Its types, its golden frames and its rooms; see `clients/js/README.md`.
#[test]
fn the_javascript_client_passes_its_tests() {
    let client = concat!(env!("CARGO_MANIFEST_DIR"), "/../../clients/js");
    let output = Command::new("npm")
        .args(["test", "--prefix", client])
        .env("TABLECAST_BIN", env!("CARGO_BIN_EXE_tablecast"))
        .output()
        .expect("npm is missing; `cargo xtask test` installs it");
    assert!(
        output.status.success(),
        "if packages are missing: npm ci --prefix clients/js\n{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
