//! What cargo tells a program about the package that it is of.
//!
//! A program that calls cargo again must not pass this on: cargo would then build `ring`, and all that uses it, once
//! more, and so would the next cargo from a terminal. The tests of the benchmark take this file too, since xtask is not a
//! library.

use std::process::Command;

/// Hides it from a program that is started.
pub(crate) fn hide_from(command: &mut Command) {
    let is_told =
        |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(is_told) {
            command.env_remove(name);
        }
    }
}
