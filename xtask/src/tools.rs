//! The programs that tasks need, and how each is installed where it is missing.

use std::io::IsTerminal as _;
use std::ops::Range;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use crate::invocation::Invocation;

/// What to do about a missing tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Install it.
    Install,
    /// Fail, naming the command that installs it.
    Refuse,
}

/// The list of tools. It says itself what its columns mean.
const LIST: &str = include_str!("../tools.txt");

/// Major and minor version.
type Version = (u32, u32);

/// The end of a range without an end: no version is too new.
const ANY: Version = (u32::MAX, 0);

/// Where the version does not matter: it is enough that the probe succeeds.
const WORKS: Version = (0, 0);

/// A program that tasks or peers of the benchmark need.
#[derive(Clone, Debug)]
pub struct Tool {
    /// Who needs it: tasks, and peers of the benchmark.
    users: &'static str,
    /// Its name. Where no commands are given, the Debian package has it too.
    name: &'static str,
    accepted: Range<Version>,
    /// A command of the shell that prints the version. That it runs shows that the tool works.
    probe: &'static str,
    /// The commands that install it, in their order; none for a Debian package.
    install: Vec<&'static str>,
}

/// The tools that these users need.
///
/// # Errors
/// The list cannot be read.
pub fn needed(is_user: impl Fn(&str) -> bool) -> Result<Vec<Tool>> {
    let mut tools: Vec<Tool> = Vec::new();
    for line in LIST
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        match (tools.last_mut(), line.strip_prefix("    ")) {
            (Some(tool), Some(command)) => tool.install.push(command),
            _ => tools.push(Tool::read(line).with_context(|| format!("no tool: {line}"))?),
        }
    }
    tools.retain(|tool| tool.users.split(',').any(&is_user));
    Ok(tools)
}

/// The packages that Debian starts as a service when they are installed, and the port of each.
const SERVICES: [(&str, u16); 4] = [
    ("redis-server", 6379),
    ("nginx", 80),
    ("caddy", 80),
    ("prometheus", 9090),
];

/// Installs those of `tools` that are missing, or fails and names the commands to run by hand.
pub fn provide(mut tools: Vec<Tool>, missing: Missing) -> Result<()> {
    tools.retain(|tool| !tool.is_there());
    if tools.is_empty() {
        return Ok(());
    }
    let works = |line: &str| Invocation::new("sh -c").with([line]).output().is_ok();
    let by_hand = commands(&tools, if works(IS_ROOT) { "" } else { "sudo" });
    let by_hand: String = by_hand.iter().map(|line| format!("\n  {line}")).collect();
    if missing == Missing::Refuse {
        bail!("tools are missing and --no-install was given; to install them:{by_hand}");
    }
    let needs_apt = tools.iter().any(|tool| tool.install.is_empty());
    let prefix = prefix(works, std::io::stdin().is_terminal());
    if let (true, Err(reason)) = (needs_apt, prefix) {
        bail!(
            "{reason}, so nothing can be installed here; on Debian these commands install what is missing, elsewhere take the same \
             programs from the system's own packages:{by_hand}"
        );
    }
    println!("installing what is missing:{by_hand}");
    for command in commands(&tools, prefix.unwrap_or_default()) {
        command.run()?;
    }
    for (package, port) in SERVICES {
        if tools.iter().any(|tool| tool.name == package) {
            println!(
                "note: Debian starts {package} as a service of its own on port {port}. It is not used here, where \
                 each run starts its own on free ports; `systemctl disable --now {package}` stops it"
            );
        }
    }
    tools.retain(|tool| !tool.is_there());
    let still: Vec<&str> = tools.iter().map(|tool| tool.name).collect();
    if !still.is_empty() {
        bail!("installed, but still not usable: {}", still.join(", "));
    }
    Ok(())
}

impl Tool {
    /// Reads a line of the list.
    fn read(line: &'static str) -> Option<Tool> {
        let (users, rest) = line.split_once(' ')?;
        let (name, rest) = rest.trim_start().split_once(' ')?;
        let (accepted, probe) = rest.trim_start().split_once(' ')?;
        let (least, below) = accepted.split_once("..").unwrap_or((accepted, ""));
        Some(Tool {
            users,
            name,
            accepted: version(least).unwrap_or(WORKS)..version(below).unwrap_or(ANY),
            probe: probe.trim_start(),
            install: Vec::new(),
        })
    }

    /// Whether it is there in an accepted version; prints one line about it.
    fn is_there(&self) -> bool {
        let Self { name, accepted, .. } = self;
        // Some print their version to stderr, and some are in a folder that is only on the PATH of root.
        let line = format!("PATH=$PATH:/usr/sbin; ({}) 2>&1", self.probe);
        let output = Invocation::new("sh -c").with([&*line]).output().ok();
        let found = output.as_deref().and_then(version);
        let is_accepted = match found {
            Some(found) => accepted.contains(&found),
            None => output.is_some() && accepted.start == WORKS,
        };
        let (version, accepted) = match found {
            Some((major, minor)) => (format!(" {major}.{minor}"), "accepted"),
            None => (String::new(), "works"),
        };
        println!("  {name}{version}, {accepted}: {is_accepted}");
        is_accepted
    }
}

/// The first `MAJOR.MINOR` in the output of a `--version`.
fn version(output: &str) -> Option<Version> {
    let mut words = output.split(|c: char| !c.is_ascii_digit() && c != '.');
    words.find_map(|word| {
        let mut parts = word.split('.');
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    })
}

/// The commands that install `tools`. apt comes first, since the others may need what it installs. The
/// variable is set by `env`, since sudo does not pass our environment on.
fn commands(tools: &[Tool], prefix: &str) -> Vec<Invocation> {
    let (packages, others): (Vec<&Tool>, Vec<&Tool>) =
        tools.iter().partition(|tool| tool.install.is_empty());
    let mut commands = Vec::new();
    if !packages.is_empty() {
        let apt = format!("{prefix} env DEBIAN_FRONTEND=noninteractive apt-get");
        commands.push(Invocation::new(&format!("{apt} update")));
        let install = Invocation::new(&format!("{apt} install --yes --no-install-recommends"));
        commands.push(install.with(packages.iter().map(|tool| tool.name)));
    }
    let others = others.iter().flat_map(|tool| &tool.install);
    commands.extend(others.map(|line| Invocation::new(line)));
    commands
}

const IS_ROOT: &str = "test $(id -u) = 0";

/// What is put before apt-get, or why it cannot be used. `works` tries a command of the shell; at a terminal somebody
/// can answer sudo's question.
fn prefix(works: impl Fn(&str) -> bool, has_terminal: bool) -> Result<&'static str, &'static str> {
    if !works("apt-get --version") {
        Err("this system has no apt-get")
    } else if works(IS_ROOT) {
        Ok("")
    } else if !works("sudo --version") {
        Err("not root, and there is no sudo")
    } else if has_terminal {
        Ok("sudo")
    } else {
        // It must fail, not wait for a password for ever.
        Ok("sudo --non-interactive")
    }
}

/// The folder that a variable names, or else this one in the home directory.
///
/// # Errors
/// Neither is known.
pub fn folder(variable: &str, in_home: &str) -> Result<PathBuf> {
    let named = std::env::var_os(variable).map(PathBuf::from);
    let folder = named.or_else(|| Some(std::env::home_dir()?.join(in_home)));
    folder.with_context(|| format!("neither {variable} nor a home directory is known"))
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let is_there = |line| Tool::read(line).is_some_and(|tool| tool.is_there());
        assert!(is_there("test tool 4.2 echo tool 4.2.0"));
        assert!(!is_there("test tool 4.3 echo tool 4.2.0"));
        assert!(!is_there("test tool 1.0..4.0 echo tool 4.2.0"));
        assert!(!is_there("test tool works false"));
        assert!(is_there("test tool works true"));
        assert!(!is_there("test tool 1.0 true"));
    }

    #[test]
    fn everything_missing_is_installed_by_printable_commands() {
        let mut all = needed(|user| user == "test").unwrap();
        let python = Tool {
            install: vec!["python3 -m venv x", "x/pip"],
            ..all[0].clone()
        };
        all.insert(0, python);
        let commands: Vec<String> = super::commands(&all, "sudo")
            .iter()
            .map(Invocation::to_string)
            .collect();
        assert_eq!(
            commands,
            [
                "sudo env DEBIAN_FRONTEND=noninteractive apt-get update",
                "sudo env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends git curl redis-server faketime nginx haproxy caddy pebble systemd prometheus valgrind npm chromium-headless-shell fonts-nanum python3-venv",
                "python3 -m venv x",
                "x/pip",
                "rustup component add rustfmt",
                "rustup component add clippy",
                "cargo install --locked websocat --version 1.14.1 --no-default-features --features signal_handler,tokio-process,unix_stdio",
                "cargo install --locked cargo-deny",
                "npm install --global node@20",
                "npm ci --prefix clients/js",
                "npm ci --prefix e2e",
                "npm ci --prefix xtask",
                "python3 -m venv .venv",
                ".venv/bin/pip install --quiet --requirement xtask/requirements.txt",
            ]
        );
        assert_eq!(super::commands(&[], ""), []);
    }

    #[test]
    fn only_root_and_sudo_may_use_apt() {
        let with = |there: &[&str]| {
            let works = |line: &str| there.iter().any(|program| line.starts_with(program));
            prefix(works, false)
        };
        let root = "test $(id -u)";
        assert_eq!(with(&["apt-get", root]), Ok(""));
        assert!(with(&["apt-get"]).is_err_and(|reason| reason.contains("sudo")));
        assert_eq!(with(&["apt-get", "sudo"]), Ok("sudo --non-interactive"));
        assert!(with(&[root]).is_err_and(|reason| reason.contains("apt-get")));
    }
}
