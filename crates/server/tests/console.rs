//! The console of `/docs/live`: its parts without a page, and the tests that it
//! makes of what was said and heard. And the parts of the operators' page.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/javascript.rs"]
mod javascript;
mod support;

/// Made by the console; that it would make the same today is tested beside it.
mod recorded {
    include!("console/recorded.rs");

    #[tokio::test]
    async fn a_recorded_rust_test_passes_in_a_new_room() {
        let server = super::support::start(super::support::config()).await;
        recorded(server.at).await.expect("what was recorded");
    }
}

#[test]
fn the_console_passes_its_tests() {
    let tests = ["schema", "log", "hostile", "scripts", "operator"]
        .map(|name| format!("crates/server/tests/console/{name}.test.js"));
    let options = ["--test", "--test-timeout=600000"].map(str::to_owned);
    javascript::passes("node", options.into_iter().chain(tests));
}

#[test]
fn the_types_of_the_console_are_sound() {
    let compiler = "clients/js/node_modules/typescript/bin/tsc";
    javascript::passes(
        "node",
        [compiler, "--project", "crates/server/tests/console"],
    );
}
