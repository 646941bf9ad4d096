//! What is written in JavaScript is tested in JavaScript.

use std::ffi::OsStr;
use std::process::Command;

/// The repository.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Runs `program` in the repository, with the path of this server in its
/// environment; it must succeed. What it says is returned.
pub(crate) fn passes(program: &str, arguments: impl IntoIterator<Item: AsRef<OsStr>>) -> String {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(ROOT)
        .env("TABLECAST_BIN", env!("CARGO_BIN_EXE_tablecast"))
        .output()
        .expect("Node.js is missing; `cargo xtask test` installs it");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "if packages are missing: npm ci --prefix clients/js, and npm ci --prefix e2e\n{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    said.into_owned()
}
