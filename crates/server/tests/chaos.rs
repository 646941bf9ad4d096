//! The clients that people hold in their hands, under faults: see `e2e/chaos`.
#![allow(clippy::expect_used)]

#[path = "support/javascript.rs"]
mod javascript;

/// Its parts, and that each kind of planted fault is found.
#[test]
fn what_is_done_wrong_on_purpose_is_found() {
    javascript::passes("npm", ["run", "chaos", "--prefix", "e2e"]);
}

/// More by `cargo xtask chaos`.
#[test]
fn fifty_runs_of_the_javascript_client_under_faults_have_sound_histories() {
    fifty_from("1");
}

#[test]
fn fifty_runs_of_the_javascript_client_by_any_way_have_sound_histories() {
    fifty_from("1001");
}

fn fifty_from(seed: &str) {
    let arguments = [
        "--client", "js", "--from", seed, "--seeds", "50", "--jobs", "4",
    ];
    let said = javascript::passes("node", ["e2e/chaos/main.js"].iter().chain(&arguments));
    eprintln!("{said}");
}
