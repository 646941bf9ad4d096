//! The JavaScript client against this server.
#![allow(clippy::expect_used)]

#[path = "support/javascript.rs"]
mod javascript;

/// Its types, its golden frames and its rooms; see `clients/js/README.md`.
#[test]
fn the_javascript_client_passes_its_tests() {
    javascript::passes("npm", ["test", "--prefix", "clients/js"]);
}
