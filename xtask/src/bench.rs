//! `cargo xtask bench`: installs what the benchmark's peers need, builds what is measured, and runs it.

use anyhow::{Context as _, Result};

use xtask::invocation::Invocation;
use xtask::tools::{self, Missing, Tool};

/// What is measured. Each is built alone, as users build it: in one build each would also have the
/// features that only another one asks for.
const BUILDS: [&str; 3] = [
    "cargo build --release --package tablecast-server",
    "cargo build --release --package tablecast --example relay",
    "cargo build --release --package tablecast-bench --bins",
];

const RUN: &str =
    "cargo run --quiet --release --package tablecast-bench --bin tablecast-bench -- run";

/// Installs, builds, and runs `tablecast-bench run` with `arguments`. Only `--no-install` is for this
/// task and is not passed on.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let is_own = |word: &&str| *word == "--no-install";
    let (own, passed_on): (Vec<&str>, Vec<&str>) = arguments.iter().partition(|word| is_own(word));
    let missing = match own.is_empty() {
        true => Missing::Install,
        false => Missing::Refuse,
    };
    tools::provide(needed(&without(&passed_on)?)?, missing).context(
        "what the peers need is not all there (`--without PEER,…` measures without some)",
    )?;
    // With `--out` it is a trial, which leaves the documents as they are.
    let is_trial = passed_on.iter().any(|word| word.starts_with("--out"));
    let folder: &[&str] = if is_trial { &[] } else { &["--out", "docs"] };
    let run = Invocation::new(RUN).with(folder.iter().chain(&passed_on).copied());
    for command in BUILDS.map(Invocation::new).iter().chain([&run]) {
        command.run()?;
    }
    Ok(())
}

/// The peers that `--without` names, as `--without a,b` or `--without=a,b`.
fn without<'a>(arguments: &[&'a str]) -> Result<Vec<&'a str>> {
    let mut words = arguments.iter().flat_map(|argument| argument.split('='));
    let mut peers = Vec::new();
    while let Some(word) = words.find(|word| word.starts_with("--without")) {
        let list = words.next().filter(|_| word == "--without");
        let list =
            list.context("`--without` needs names of peers, as in `--without nchan,fastapi`")?;
        peers.extend(list.split(','));
    }
    Ok(peers)
}

/// The tools that a run without those peers needs.
fn needed(without: &[&str]) -> Result<Vec<Tool>> {
    tools::needed(|user| !matches!(user, "test" | "fuzz") && !without.contains(&user))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_to_leave_out_are_read_in_both_forms() -> Result<()> {
        for (arguments, peers) in [
            (vec!["--full"], vec![]),
            (vec!["--without", "nchan,ws"], vec!["nchan", "ws"]),
            (
                vec!["--without=bun", "--full", "--without", "ws"],
                vec!["bun", "ws"],
            ),
        ] {
            assert_eq!(without(&arguments)?, peers, "{arguments:?}");
        }
        for wrong in [vec!["--without"], vec!["--withoutbun"]] {
            assert!(without(&wrong).is_err(), "{wrong:?}");
        }
        Ok(())
    }

    #[test]
    fn a_tool_is_needed_while_any_peer_that_uses_it_takes_part() {
        let count = |peers: &[&str]| needed(peers).unwrap().len();
        let all = count(&[]);
        assert_eq!(count(&["bun", "ws"]), all);
        assert_eq!(count(&["bun", "ws", "socketio"]), all - 3);
        assert_eq!(count(&["nchan"]), all - 2);
    }
}
