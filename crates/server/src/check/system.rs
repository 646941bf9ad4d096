//! What the machine allows this process.

use std::fs;
use std::time::{Duration, SystemTime};

use rustix::process::{Resource, geteuid, getrlimit};

use super::finding::{Finding, Subject, ok, warn};

/// Files that are open beside the connections.
const FEW: u64 = 100;

/// With less memory than this only small rooms are comfortable.
const LITTLE_MEMORY: u64 = 128 << 20;

/// 2026-01-01, when no version of this program was there yet.
const NO_EARLIER: Duration = Duration::from_secs(1_767_225_600);

pub(super) fn descriptors(subject: &Subject<'_>) -> Vec<Finding> {
    let hub = &subject.config.hub;
    let Some(limit) = getrlimit(Resource::Nofile).current else {
        return vec![ok("files may be open without a limit")];
    };
    let seats = (hub.max_rooms as u64).saturating_mul(hub.seats as u64);
    let connections = limit.saturating_sub(FEW);
    vec![match connections >= seats {
        true => ok(format!("{limit} files may be open")),
        false => warn(format!(
            "{limit} files may be open, enough for some {connections} connections, but --max-rooms {} with --seats {} allow {seats}: raise it (ulimit -n, LimitNOFILE) to the connections that you expect",
            hub.max_rooms, hub.seats
        )),
    }]
}

pub(super) fn memory(_: &Subject<'_>) -> Vec<Finding> {
    let Some(bytes) = memory_limit() else {
        return Vec::new();
    };
    let shown = format!("{} MiB for this process", bytes >> 20);
    vec![match bytes < LITTLE_MEMORY {
        true => warn(format!("only {shown}")),
        false => ok(shown),
    }]
}

/// The least of the machine's memory and the limits of the control groups that this process is
/// in, where the system tells.
fn memory_limit() -> Option<u64> {
    let read = |path: &str| fs::read_to_string(path).ok();
    let machine = read("/proc/meminfo").and_then(|text| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("MemTotal:"))?;
        let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kib * 1024)
    });
    let groups = read("/proc/self/cgroup").unwrap_or_default();
    let group = groups.lines().find_map(|line| line.strip_prefix("0::"));
    let group = group.unwrap_or_default().trim_end_matches('/').to_owned();
    // Each group is limited by those around it.
    let around = group.rmatch_indices('/').map(|(at, _)| &group[..at]);
    let limits = std::iter::once(group.as_str())
        .chain(around)
        .filter_map(|group| read(&format!("/sys/fs/cgroup{group}/memory.max")))
        .filter_map(|text| text.trim().parse().ok());
    limits.chain(machine).min()
}

pub(super) fn user(_: &Subject<'_>) -> Vec<Finding> {
    match geteuid().is_root() {
        true => vec![warn(
            "this is root; a server needs no more rights than to its own files",
        )],
        false => Vec::new(),
    }
}

pub(super) fn clock(_: &Subject<'_>) -> Vec<Finding> {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    match since_1970.unwrap_or_default() < NO_EARLIER {
        true => vec![warn("this machine's clock is before 2026: let NTP set it")],
        false => Vec::new(),
    }
}
