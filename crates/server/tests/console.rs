//! The console of `/docs/live`: its parts without a page, and the tests that it
//! makes of what was said and heard.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::process::Command;

/// Made by the console; that it would make the same today is tested beside it.
mod recorded {
    include!("console/recorded.rs");

    #[tokio::test]
    async fn a_recorded_rust_test_passes_in_a_new_room() {
        let server = super::support::start(super::support::config()).await;
        recorded(server.at).await.expect("what was recorded");
    }
}

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

fn passes(command: &mut Command) {
    let output = command
        .current_dir(ROOT)
        .env("TABLECAST_BIN", env!("CARGO_BIN_EXE_tablecast"))
        .output()
        .expect("Node.js is missing; `cargo xtask test` installs it");
    assert!(
        output.status.success(),
        "if packages are missing: npm ci --prefix clients/js\n{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn the_console_passes_its_tests() {
    let tests = ["schema", "log", "hostile", "scripts"]
        .map(|name| format!("crates/server/tests/console/{name}.test.js"));
    passes(
        Command::new("node")
            .args(["--test", "--test-timeout=120000"])
            .args(tests),
    );
}

#[test]
fn the_types_of_the_console_are_sound() {
    let compiler = "clients/js/node_modules/typescript/bin/tsc";
    passes(Command::new("node").args([compiler, "--project", "crates/server/tests/console"]));
}
