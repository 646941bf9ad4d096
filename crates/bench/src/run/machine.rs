//! Where a run takes place.

use std::fs;
use std::path::Path;
use std::process::Command;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::program::said;

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
pub(super) fn read(
    repository: &Path,
    file_descriptors: u64,
    has_hardware_counters: bool,
) -> Vec<(String, String)> {
    let git = |args: &[&str]| said(Command::new("git").arg("-C").arg(repository).args(args));
    let changes = git(&["status", "--porcelain", "--untracked-files=no"]);
    let dirty = match changes.is_ok_and(|changes| !changes.is_empty()) {
        true => "-dirty",
        false => "",
    };
    let commit = git(&["rev-parse", "HEAD"]).unwrap_or_default();
    let file = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let memory = value(&file("/proc/meminfo"), "MemTotal:");
    let kilobytes: f64 = memory.trim_end_matches(" kB").parse().unwrap_or_default();
    let system = value(&file("/etc/os-release"), "PRETTY_NAME=");
    let counters = match has_hardware_counters {
        true => "can be read",
        false => {
            "cannot be read here: instructions are callgrind's, of compiled servers alone and of user space alone"
        }
    };
    let mut rows = vec![
        ("processor", value(&file("/proc/cpuinfo"), "model name")),
        ("its counters", counters.to_owned()),
        ("cores", cores().to_string()),
        (
            "memory",
            format!("{:.1} GiB", kilobytes / f64::from(1 << 20)),
        ),
        ("system", system.trim_matches('"').to_owned()),
        ("`ulimit -n`", file_descriptors.to_string()),
        ("commit", commit + dirty),
    ];
    for (name, command) in [
        ("kernel", "uname -sr"),
        ("perf", "perf --version"),
        ("valgrind", "valgrind --version"),
        ("redis", "redis-server --version"),
        ("rustc", "rustc --version"),
        ("date", "date -u +%FT%TZ"),
    ] {
        let says = said(Command::new("sh").args(["-c", command])).ok();
        rows.extend(says.map(|says| (name, says)));
    }
    rows.into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// Cores that a run can use.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
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
