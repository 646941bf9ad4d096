//! Where a run takes place.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::measure::perf;
use crate::program::said;
use crate::results::Machine;

/// As many files as this user may open; servers that are started inherit it. Tells how
/// many that are.
pub(super) fn raise_file_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    // What it was is still the limit then.
    let _ = setrlimit(Resource::Nofile, raised);
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// What is known of this machine. `repository` is a folder in the work tree.
pub(super) fn read(repository: &Path, file_descriptors: u64) -> Machine {
    let git = |args: &[&str]| said(Command::new("git").arg("-C").arg(repository).args(args)).ok();
    let changes = git(&["status", "--porcelain", "--untracked-files=no"]);
    let dirty = match changes.as_deref() {
        Some("") | None => "",
        Some(_) => "-dirty",
    };
    let commit = git(&["rev-parse", "HEAD"]).unwrap_or_default();
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let system = value(&read("/etc/os-release"), "PRETTY_NAME=");
    let memory = value(&read("/proc/meminfo"), "MemTotal:");
    let kilobytes: u64 = memory.trim_end_matches(" kB").parse().unwrap_or_default();
    let tools = [
        ("perf", &["perf", "--version"][..]),
        ("valgrind", &["valgrind", "--version"]),
        ("redis", &["redis-server", "--version"]),
        ("rustc", &["rustc", "--version"]),
    ];
    let tools: BTreeMap<String, String> = tools
        .into_iter()
        .filter_map(|(name, command)| {
            let version = said(Command::new(command[0]).args(&command[1..])).ok()?;
            Some((name.to_owned(), version))
        })
        .collect();
    Machine {
        cpu: value(&read("/proc/cpuinfo"), "model name"),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        memory: kilobytes * 1024,
        kernel: said(Command::new("uname").arg("-sr")).unwrap_or_default(),
        system: system.trim_matches('"').to_owned(),
        file_descriptors,
        hardware_counters: perf::counts(perf::USER_INSTRUCTIONS),
        tools,
        commit: commit + dirty,
        date: said(Command::new("date").args(["-u", "+%FT%TZ"])).unwrap_or_default(),
    }
}

/// What follows a key at the beginning of a line.
fn value(text: &str, key: &str) -> String {
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    let value = line.unwrap_or_default();
    value.trim_start_matches([' ', '\t', ':']).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_their_keys() {
        let cpuinfo = "processor\t: 0\nmodel name\t: A CPU @ 2.0GHz\n";
        assert_eq!(value(cpuinfo, "model name"), "A CPU @ 2.0GHz");
        assert_eq!(value("MemTotal:       24 kB\n", "MemTotal:"), "24 kB");
        assert_eq!(value("", "MemTotal:"), "");
    }
}
