//! `cargo xtask rolling`: nodes of another version are updated to this one, and then go back to the other.

use anyhow::Result;

use xtask::cargo::built;
use xtask::invocation::Invocation;

/// The last version whose nodes do not say which stored forms they read.
pub(crate) const NEIGHBOUR: &str = "175930a";

/// Where the other version's files are while it is built.
const TREE: &str = "target/rolling/tree";

/// Without debug information, in a directory of its own. The first time it takes minutes.
const BUILD: &str = "cargo build --package tablecast-server --target-dir target/rolling/built \
                     --config profile.dev.debug=false --manifest-path target/rolling/tree/Cargo.toml";

const TEST: &str = "cargo test --package tablecast-server --test system -- rolling::";

/// Builds the server of this commit, and runs the test of updates with it.
///
/// # Errors
/// There is no such commit, it cannot be built, or the test found something.
pub(crate) fn run(commit: &str) -> Result<()> {
    let remove = Invocation::new("git worktree remove --force").with([TREE]);
    // A run that was stopped has left one. Mostly there is none, which is an error here.
    let _ = remove.output();
    let add = Invocation::new("git worktree add --detach").with([TREE, commit]);
    add.run()?;
    let built = built(Invocation::new(BUILD), "tablecast");
    remove.run()?;
    let other = format!("TABLECAST_OTHER_SERVER={}", built?);
    let test = Invocation::new("env").with([&*other]);
    test.with(TEST.split(' ')).run()
}
