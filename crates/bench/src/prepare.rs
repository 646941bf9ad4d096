//! What is there before anything is measured.

use anyhow::Context as _;
use xtask::invocation::Invocation;
use xtask::tools::{self, Missing, Tool};

use crate::peers::PEERS;
use crate::run::Options;

/// Each is built alone, as users build it: in one build each would also have the features that only another one asks for.
const BUILDS: [&str; 2] = [
    "cargo build --release --package tablecast-server",
    "cargo build --release --package tablecast --example relay",
];

/// Installs the tools that the peers of a run need, and builds those that are ours.
///
/// # Errors
/// A tool is missing and may not or could not be installed, or one of ours cannot be built.
pub fn prepare(options: &Options, missing: Missing) -> anyhow::Result<()> {
    tools::provide(needed(options)?, missing).context(
        "what the peers need is not all there (`--without PEER,…` measures without some)",
    )?;
    BUILDS
        .iter()
        .try_for_each(|build| Invocation::new(build).run())
}

/// Those of the benchmark itself, and those of the peers that are measured.
fn needed(options: &Options) -> anyhow::Result<Vec<Tool>> {
    let is_measured = |user: &str| {
        let mut peers = PEERS.iter().map(|peer| &peer.name);
        peers.any(|peer| peer == user && options.measures(peer))
    };
    tools::needed(|user| user == "bench" || is_measured(user))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_is_needed_while_any_peer_that_uses_it_is_measured() {
        let count = |peer: &[&str], without: &[&str]| {
            let names = |names: &[&str]| names.iter().map(ToString::to_string).collect();
            let options = Options {
                peer: names(peer),
                without: names(without),
                ..Options::default()
            };
            needed(&options).unwrap().len()
        };
        let all = count(&[], &[]);
        assert_eq!(count(&[], &["bun", "ws"]), all);
        assert_eq!(count(&[], &["bun", "ws", "socketio"]), all - 3);
        assert_eq!(count(&[], &["nchan"]), all - 2);
        assert_eq!(count(&["raw"], &[]), 3, "redis-server, valgrind, perf");
    }
}
