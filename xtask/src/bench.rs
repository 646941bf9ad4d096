//! `cargo xtask bench`: installs what the benchmark's peers need, builds what is measured, and runs it.

use anyhow::{Context as _, Result, bail};

use crate::invocation::Invocation;
use crate::tools::{self, ANY, Missing, NGINX, NPM, Source, Tool, WORKS};

/// Something that only some of the peers need.
struct Need {
    /// Names of the peers as in `tablecast-bench`; empty if every run needs it.
    peers: &'static [&'static str],
    tool: Tool,
}

const NEEDS: &[Need] = &[
    // Counts instructions where the processor's counters cannot be read.
    Need {
        peers: &[],
        tool: Tool {
            probe: &["valgrind", "--version"],
            accepted: (3, 15)..ANY,
            source: Source::Apt("valgrind"),
        },
    },
    Need {
        peers: &[],
        tool: Tool {
            probe: &["perf", "--version"],
            accepted: (5, 0)..ANY,
            source: Source::Apt("linux-perf"),
        },
    },
    // 7.0 brought sharded publish and subscribe. It brings redis-benchmark.
    Need {
        peers: &[],
        tool: Tool {
            probe: &["redis-server", "--version"],
            accepted: (7, 0)..ANY,
            source: Source::Apt("redis-server"),
        },
    },
    Need {
        peers: &["nchan"],
        tool: NGINX,
    },
    Need {
        peers: &["nchan"],
        tool: Tool {
            probe: &["test", "-e", "/usr/lib/nginx/modules/ngx_nchan_module.so"],
            accepted: WORKS,
            source: Source::Apt("libnginx-mod-nchan"),
        },
    },
    Need {
        peers: &["bun", "ws", "socketio"],
        tool: Tool {
            probe: &["node", "--version"],
            accepted: (18, 0)..ANY,
            source: Source::Apt("nodejs"),
        },
    },
    Need {
        peers: &["bun", "ws", "socketio"],
        tool: NPM,
    },
    Need {
        peers: &["bun", "ws", "socketio"],
        tool: Tool {
            // Fails if anything is missing, or there in another version.
            probe: &["npm", "ls", "--prefix", "crates/bench/peers"],
            accepted: WORKS,
            source: Source::Commands(
                "peers of npm",
                &[&["npm", "ci", "--prefix", "crates/bench/peers"]],
            ),
        },
    },
    Need {
        peers: &["fastapi", "seed001"],
        tool: Tool {
            // What makes an environment, and is a package of its own in Debian.
            probe: &["python3", "-c", "import ensurepip, venv"],
            accepted: WORKS,
            source: Source::Apt("python3-venv"),
        },
    },
    Need {
        peers: &["fastapi", "seed001"],
        tool: Tool {
            // Without an index nothing can be fetched: fails unless everything is there.
            probe: &[
                "crates/bench/peers/.venv/bin/python",
                "-m",
                "pip",
                "install",
                "--dry-run",
                "--quiet",
                "--no-index",
                "--requirement",
                "crates/bench/peers/requirements.txt",
            ],
            accepted: WORKS,
            source: Source::Commands(
                "peers of pip",
                &[
                    &[
                        "python3",
                        "-m",
                        "venv",
                        "--clear",
                        "crates/bench/peers/.venv",
                    ],
                    &[
                        "crates/bench/peers/.venv/bin/python",
                        "-m",
                        "pip",
                        "install",
                        "--quiet",
                        "--requirement",
                        "crates/bench/peers/requirements.txt",
                    ],
                ],
            ),
        },
    },
];

/// What is measured. Built one after the other, as users build it: together, each would have the
/// features that only another asks for.
const BUILDS: &[&[&str]] = &[
    &["--package", "tablecast-server"],
    &["--package", "tablecast", "--example", "relay"],
    &["--package", "tablecast-bench", "--bins"],
];

/// Installs, builds, and runs `tablecast-bench run` with `arguments`, except `--no-install`, which is
/// for this task.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let (own, passed_on): (Vec<&str>, Vec<&str>) =
        arguments.iter().partition(|word| **word == "--no-install");
    let missing = if own.is_empty() {
        Missing::Install
    } else {
        Missing::Refuse
    };
    tools::provide(needed(&without(&passed_on)?), missing).context(
        "what the peers need is not all there (`--without PEER,…` measures without some)",
    )?;
    for build in BUILDS {
        let words = ["cargo", "build", "--release"].iter().chain(*build);
        let command = Invocation::new(words.copied());
        println!("$ {command}");
        command.run()?;
    }
    let cargo = [
        "cargo",
        "run",
        "--quiet",
        "--release",
        "--package",
        "tablecast-bench",
    ];
    let program = ["--bin", "tablecast-bench", "--", "run"];
    // Trials can go elsewhere.
    let folder: &[&str] = if passed_on.iter().any(|word| word.starts_with("--out")) {
        &[]
    } else {
        &["--out", "docs"]
    };
    let command = Invocation::new([&cargo, &program[..], folder, &passed_on].concat());
    println!("$ {command}");
    command.run()
}

/// What `--without` names, in either way of writing it.
fn without<'a>(arguments: &[&'a str]) -> Result<Vec<&'a str>> {
    let mut peers = Vec::new();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let list = match argument.strip_prefix("--without") {
            Some("") => arguments.next().copied(),
            Some(rest) => rest.strip_prefix('='),
            None => continue,
        };
        let Some(list) = list else {
            bail!("`{argument}` needs names of peers, as in `--without nchan,fastapi`");
        };
        peers.extend(list.split(','));
    }
    Ok(peers)
}

/// What a run without those peers still needs.
fn needed(without: &[&str]) -> impl Iterator<Item = &'static Tool> {
    let is_needed = |need: &&Need| {
        need.peers.is_empty() || need.peers.iter().any(|peer| !without.contains(peer))
    };
    NEEDS.iter().filter(is_needed).map(|need| &need.tool)
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
        let count = |peers: &[&str]| needed(peers).count();
        assert_eq!(count(&[]), NEEDS.len());
        assert_eq!(count(&["bun", "ws"]), NEEDS.len());
        assert_eq!(count(&["bun", "ws", "socketio"]), NEEDS.len() - 3);
        assert_eq!(count(&["nchan"]), NEEDS.len() - 2);
    }
}
