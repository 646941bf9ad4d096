//! The programs that tasks need, and how each is got where it is missing.

use std::io::IsTerminal as _;
use std::ops::Range;

use anyhow::{Result, bail};

use crate::invocation::Invocation;

/// What to do about a missing tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// Install it.
    Install,
    /// Fail, naming the command that installs it.
    Refuse,
}

/// Major and minor version.
pub(crate) type Version = (u32, u32);

/// No version is known yet that would be too new.
pub(crate) const ANY: Version = (u32::MAX, 0);

/// That the probe succeeds is enough, whatever it prints.
pub(crate) const WORKS: Range<Version> = (0, 0)..ANY;

pub(crate) enum Source {
    /// A Debian package.
    Apt(&'static str),
    /// Arguments of `cargo install`.
    Cargo(&'static [&'static str]),
    /// A component of the Rust toolchain.
    Rustup(&'static str),
    /// Something of another package manager: its name, and the commands that install it in their order.
    Commands(&'static str, &'static [&'static [&'static str]]),
}

pub(crate) struct Tool {
    /// Prints the version; running it is the proof that the tool works.
    pub(crate) probe: &'static [&'static str],
    pub(crate) accepted: Range<Version>,
    pub(crate) source: Source,
}

/// A Debian package of at least this version.
const fn debian(package: &'static str, least: Version, probe: &'static [&'static str]) -> Tool {
    Tool {
        probe,
        accepted: least..ANY,
        source: Source::Apt(package),
    }
}

/// Installs what is written in JavaScript.
pub(crate) const NPM: Tool = debian("npm", (9, 0), &["npm", "--version"]);

/// A proxy, and what one of the measured servers runs in. It prints its version to the standard error, and
/// is not where users look for programs. 1.19.10 brought `keepalive_time`.
pub(crate) const NGINX: Tool = debian(
    "nginx",
    (1, 20),
    &["sh", "-c", "PATH=$PATH:/usr/sbin nginx -v 2>&1"],
);

/// What the test run needs.
pub(crate) const TEST: &[Tool] = &[
    debian("git", (2, 0), &["git", "--version"]),
    debian("curl", (7, 0), &["curl", "--version"]),
    // 7.0 brought sharded publish and subscribe.
    Tool {
        probe: &["redis-server", "--version"],
        accepted: (7, 0)..ANY,
        source: Source::Apt("redis-server"),
    },
    // A node whose clock is wrong is part of the tests.
    Tool {
        probe: &["faketime", "--version"],
        accepted: (0, 9)..ANY,
        source: Source::Apt("faketime"),
    },
    // The proxies whose configuration is shipped.
    NGINX,
    debian(
        "haproxy",
        (2, 6),
        &["sh", "-c", "PATH=$PATH:/usr/sbin haproxy -v"],
    ),
    debian("caddy", (2, 6), &["caddy", "version"]),
    // Reads the unit that is shipped; nothing has to be started by it.
    Tool {
        probe: &["systemd-analyze", "--version"],
        accepted: WORKS,
        source: Source::Apt("systemd"),
    },
    // Callgrind counts the instructions of the hot paths.
    Tool {
        probe: &["valgrind", "--version"],
        accepted: (3, 0)..ANY,
        source: Source::Apt("valgrind"),
    },
    Tool {
        probe: &["cargo", "fmt", "--version"],
        accepted: (1, 0)..ANY,
        source: Source::Rustup("rustfmt"),
    },
    Tool {
        probe: &["cargo", "clippy", "--version"],
        accepted: (0, 1)..ANY,
        source: Source::Rustup("clippy"),
    },
    // Versions after 1 are another program with another command line. Without TLS, which loopback does
    // not need and which would need OpenSSL's headers.
    Tool {
        probe: &["websocat", "--version"],
        accepted: (1, 12)..(2, 0),
        source: Source::Cargo(&[
            "websocat",
            "--version",
            "1.14.1",
            "--no-default-features",
            "--features",
            "signal_handler,tokio-process,unix_stdio",
        ]),
    },
    Tool {
        probe: &["cargo", "deny", "--version"],
        accepted: (0, 18)..ANY,
        source: Source::Cargo(&["cargo-deny"]),
    },
    NPM,
    // Debian's own is older than what is still maintained.
    Tool {
        probe: &["node", "--version"],
        accepted: (20, 11)..ANY,
        source: Source::Commands("node", &[&["npm", "install", "--global", "node@20"]]),
    },
    Tool {
        // Fails if anything is missing, or there in another version.
        probe: &["npm", "ls", "--prefix", "clients/js"],
        accepted: WORKS,
        source: Source::Commands(
            "what the JavaScript client's tests need",
            &[&["npm", "ci", "--prefix", "clients/js"]],
        ),
    },
    Tool {
        probe: &["npm", "ls", "--prefix", "e2e"],
        accepted: WORKS,
        source: Source::Commands(
            "what the tests of the page need",
            &[&["npm", "ci", "--prefix", "e2e"]],
        ),
    },
    // In 112 it learned to be without a window and otherwise the same.
    Tool {
        probe: &["/usr/bin/chromium", "--version"],
        accepted: (112, 0)..ANY,
        source: Source::Apt("chromium"),
    },
    // Any font with Korean letters will do; without one they are seen as boxes.
    Tool {
        probe: &["sh", "-c", "fc-list :lang=ko | grep ."],
        accepted: WORKS,
        source: Source::Apt("fonts-nanum"),
    },
    // Debian's Python comes without it.
    Tool {
        probe: &["python3", "-m", "ensurepip", "--version"],
        accepted: (22, 0)..ANY,
        source: Source::Apt("python3-venv"),
    },
    Tool {
        probe: &[".venv/bin/schemathesis", "--version"],
        accepted: (4, 32)..(4, 33),
        source: Source::Commands(
            "schemathesis",
            &[
                &["python3", "-m", "venv", ".venv"],
                &[
                    ".venv/bin/pip",
                    "install",
                    "--requirement",
                    "crates/server/tests/requirements.txt",
                ],
            ],
        ),
    },
];

/// Finds out what of `tools` is missing and installs it, or fails naming the commands to run by hand.
pub(crate) fn provide<'a>(
    tools: impl IntoIterator<Item = &'a Tool>,
    missing: Missing,
) -> Result<()> {
    let absent: Vec<&Tool> = tools.into_iter().filter(|tool| !report(tool)).collect();
    if absent.is_empty() {
        return Ok(());
    }
    let machine = Machine::look();
    let by_hand = || {
        let prefix: &[&str] = if machine.is_root { &[] } else { &["sudo"] };
        let commands = commands(&absent, prefix).into_iter();
        let lines: Vec<String> = commands.map(|command| format!("  {command}")).collect();
        lines.join("\n")
    };
    if missing == Missing::Refuse {
        bail!(
            "tools are missing and --no-install was given; to install them:\n{}",
            by_hand()
        );
    }
    if absent
        .iter()
        .any(|tool| matches!(tool.source, Source::Apt(_)))
        && let Some(reason) = machine.cannot_use_apt()
    {
        bail!(
            "{reason}; on Debian these commands install what is missing, elsewhere take the same \
             programs from the system's own packages:\n{}",
            by_hand()
        );
    }

    println!("installing what is missing:\n{}", by_hand());
    for command in commands(&absent, machine.prefix()) {
        println!("$ {command}");
        command.run()?;
    }
    for (package, port) in [("redis-server", 6379), ("nginx", 80), ("caddy", 80)] {
        let is_new = |tool: &&Tool| matches!(tool.source, Source::Apt(name) if name == package);
        if absent.iter().any(is_new) {
            println!(
                "note: Debian starts {package} as a service of its own on port {port}. It is not used here, where \
                 each run starts its own on free ports; `systemctl disable --now {package}` stops it"
            );
        }
    }
    let still: Vec<&str> = absent
        .into_iter()
        .filter(|tool| !report(tool))
        .map(Tool::name)
        .collect();
    if !still.is_empty() {
        bail!("installed, but still not usable: {}", still.join(", "));
    }
    Ok(())
}

impl Tool {
    fn name(&self) -> &'static str {
        match self.source {
            Source::Apt(name) | Source::Rustup(name) | Source::Commands(name, _) => name,
            Source::Cargo(arguments) => arguments.first().copied().unwrap_or_default(),
        }
    }
}

/// Prints one line about the tool; whether it is there in an accepted version.
fn report(tool: &Tool) -> bool {
    let name = tool.name();
    let Ok(output) = Invocation::new(tool.probe.iter().copied()).output() else {
        println!("  {name:12} missing");
        return false;
    };
    if tool.accepted == WORKS {
        println!("  {name:12} works");
        return true;
    }
    match version(&output) {
        Some(found) if tool.accepted.contains(&found) => {
            println!("  {name:12} {}.{}", found.0, found.1);
            true
        }
        Some(found) => {
            let Range { start, end } = tool.accepted;
            let limit = if end == ANY {
                String::new()
            } else {
                format!(", below {}.{}", end.0, end.1)
            };
            println!(
                "  {name:12} {}.{} is not accepted: at least {}.{}{limit}",
                found.0, found.1, start.0, start.1
            );
            false
        }
        None => {
            println!(
                "  {name:12} printed no version: {}",
                output.lines().next().unwrap_or_default()
            );
            false
        }
    }
}

/// The first `MAJOR.MINOR` in the output of a `--version`.
fn version(output: &str) -> Option<Version> {
    output
        .split(|c: char| !c.is_ascii_digit() && c != '.')
        .find_map(|word| {
            let mut parts = word.split('.');
            let major = parts.next()?.parse().ok()?;
            let minor = parts.next()?.parse().ok()?;
            Some((major, minor))
        })
}

/// The commands that install `tools`. apt first: the others may need what it brings.
fn commands(tools: &[&Tool], prefix: &[&str]) -> Vec<Invocation> {
    let mut packages = Vec::new();
    let mut components = Vec::new();
    let mut crates = Vec::new();
    let mut others = Vec::new();
    for tool in tools {
        match tool.source {
            Source::Apt(package) => packages.push(package),
            Source::Rustup(component) => components.push(component),
            Source::Cargo(arguments) => crates.push(arguments),
            Source::Commands(_, own) => others.extend(own),
        }
    }
    let with = |head: &[&'static str], tail: &[&'static str]| {
        Invocation::new(head.iter().chain(tail).copied())
    };
    let mut commands = Vec::new();
    if !packages.is_empty() {
        let apt = |arguments: &[&str]| {
            // `env` and not our own environment: sudo does not pass that on.
            let words = prefix
                .iter()
                .chain(&["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"])
                .chain(arguments);
            Invocation::new(words.copied())
        };
        commands.push(apt(&["update"]));
        let install = ["install", "--yes", "--no-install-recommends"];
        commands.push(apt(&[&install, packages.as_slice()].concat()));
    }
    if !components.is_empty() {
        commands.push(with(&["rustup", "component", "add"], &components));
    }
    for arguments in crates {
        commands.push(with(&["cargo", "install", "--locked"], arguments));
    }
    commands.extend(others.into_iter().map(|words| with(words, &[])));
    commands
}

/// What this machine allows us to install.
struct Machine {
    has_apt: bool,
    is_root: bool,
    has_sudo: bool,
    /// Somebody is there who can answer sudo's question.
    has_terminal: bool,
}

impl Machine {
    fn look() -> Self {
        let works =
            |words: &[&'static str]| Invocation::new(words.iter().copied()).output().is_ok();
        Self {
            has_apt: works(&["apt-get", "--version"]),
            is_root: Invocation::new(["id", "-u"])
                .output()
                .is_ok_and(|id| id.trim() == "0"),
            has_sudo: works(&["sudo", "--version"]),
            has_terminal: std::io::stdin().is_terminal(),
        }
    }

    fn prefix(&self) -> &'static [&'static str] {
        match self {
            Self { is_root: true, .. } => &[],
            // Without a terminal sudo must fail instead of waiting for a password for ever.
            Self {
                has_terminal: false,
                ..
            } => &["sudo", "--non-interactive"],
            Self { .. } => &["sudo"],
        }
    }

    fn cannot_use_apt(&self) -> Option<&'static str> {
        if !self.has_apt {
            Some("this system has no apt-get, so nothing can be installed here")
        } else if !self.is_root && !self.has_sudo {
            Some("not root, and there is no sudo, so nothing can be installed here")
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: Machine = Machine {
        has_apt: true,
        is_root: true,
        has_sudo: false,
        has_terminal: false,
    };

    #[test]
    fn versions_are_read_as_the_programs_print_them() {
        for (printed, expected) in [
            ("Redis server v=7.0.15 sha=00000000:0 bits=64", Some((7, 0))),
            ("websocat 1.14.1", Some((1, 14))),
            ("curl 7.88.1 (x86_64-pc-linux-gnu)", Some((7, 88))),
            ("clippy 0.1.95 (59807616e1 2026-04-14)", Some((0, 1))),
            ("cargo-deny 0.20.2", Some((0, 20))),
            ("valgrind-3.19.0", Some((3, 19))),
            ("nginx version: nginx/1.22.1", Some((1, 22))),
            (
                "HAProxy version 2.6.12-1+deb12u4 2026/10/17 - https://haproxy.org/",
                Some((2, 6)),
            ),
            ("v2.8.4 h1:q3pe=", Some((2, 8))),
            ("no version here 7", None),
        ] {
            assert_eq!(version(printed), expected, "{printed}");
        }
    }

    #[test]
    fn a_version_outside_the_accepted_range_counts_as_missing() {
        let tool = |accepted| Tool {
            probe: &["echo", "tool 4.2.0"],
            accepted,
            source: Source::Apt("tool"),
        };
        assert!(report(&tool((4, 2)..ANY)));
        assert!(!report(&tool((4, 3)..ANY)));
        assert!(!report(&tool((1, 0)..(4, 0))));
    }

    #[test]
    fn everything_missing_is_installed_by_printable_commands() {
        let python = Tool {
            probe: &["false"],
            accepted: (1, 0)..ANY,
            source: Source::Commands("python", &[&["python3", "-m", "venv", "x"], &["x/pip"]]),
        };
        let all: Vec<&Tool> = [&python].into_iter().chain(TEST).collect();
        let printed: Vec<String> = commands(&all, &["sudo"])
            .iter()
            .map(Invocation::to_string)
            .collect();
        assert_eq!(
            printed,
            [
                "sudo env DEBIAN_FRONTEND=noninteractive apt-get update",
                "sudo env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends git curl redis-server faketime nginx haproxy caddy systemd valgrind npm chromium fonts-nanum python3-venv",
                "rustup component add rustfmt clippy",
                "cargo install --locked websocat --version 1.14.1 --no-default-features --features signal_handler,tokio-process,unix_stdio",
                "cargo install --locked cargo-deny",
                "python3 -m venv x",
                "x/pip",
                "npm install --global node@20",
                "npm ci --prefix clients/js",
                "npm ci --prefix e2e",
                "python3 -m venv .venv",
                ".venv/bin/pip install --requirement crates/server/tests/requirements.txt",
            ]
        );
        assert_eq!(commands(&[], &[]), []);
    }

    #[test]
    fn only_root_and_sudo_may_use_apt() {
        assert_eq!(ROOT.cannot_use_apt(), None);
        assert_eq!(ROOT.prefix(), [""; 0]);
        let user = Machine {
            is_root: false,
            ..ROOT
        };
        assert!(user.cannot_use_apt().is_some_and(|r| r.contains("sudo")));
        let sudoer = Machine {
            has_sudo: true,
            ..user
        };
        assert_eq!(sudoer.cannot_use_apt(), None);
        assert_eq!(sudoer.prefix(), ["sudo", "--non-interactive"]);
        let other_system = Machine {
            has_apt: false,
            ..ROOT
        };
        assert!(
            other_system
                .cannot_use_apt()
                .is_some_and(|r| r.contains("apt-get"))
        );
    }
}
