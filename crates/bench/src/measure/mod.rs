//! What a server uses, read from outside.

pub mod callgrind;
pub mod perf;

use std::fs;
use std::io;

/// A process and all its descendants.
#[derive(Debug, Clone, Copy)]
pub struct ProcessTree(pub u32);

/// What a [`ProcessTree`] has used so far, and holds now.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    /// CPU time, seconds. Exact to what the scheduler counts, nanoseconds.
    pub cpu: f64,
    /// The part of it that was in the kernel, seconds. Exact to 10 ms.
    pub system: f64,
    /// Resident memory in bytes.
    pub rss: u64,
}

/// What `/proc/PID/stat` counts time in: `USER_HZ`, 100 on every Linux that Rust's
/// standard library runs on.
const TICKS: f64 = 100.0;

impl std::ops::Add for Usage {
    type Output = Usage;

    fn add(self, other: Usage) -> Usage {
        Usage {
            cpu: self.cpu + other.cpu,
            system: self.system + other.system,
            rss: self.rss + other.rss,
        }
    }
}

impl ProcessTree {
    /// The processes, this one first.
    pub fn pids(self) -> Vec<u32> {
        let mut pids = vec![self.0];
        let mut at = 0;
        while let Some(&pid) = pids.get(at) {
            at += 1;
            for task in tasks(pid) {
                let children = fs::read_to_string(format!("/proc/{pid}/task/{task}/children"));
                let children = children.unwrap_or_default();
                pids.extend(
                    children
                        .split_whitespace()
                        .filter_map(|pid| pid.parse::<u32>().ok()),
                );
            }
        }
        pids
    }

    /// What it has used until now.
    ///
    /// # Errors
    ///
    /// It has ended.
    pub fn usage(self) -> io::Result<Usage> {
        let mut sum = Usage::default();
        for pid in self.pids() {
            match usage(pid) {
                Ok(usage) => sum = sum + usage,
                // A child may end between two looks.
                Err(_) if pid != self.0 => {}
                Err(error) => return Err(error),
            }
        }
        Ok(sum)
    }
}

fn tasks(pid: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task"));
    let names = tasks.into_iter().flatten().flatten();
    names
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

fn usage(pid: u32) -> io::Result<Usage> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let nanoseconds: u64 = tasks(pid)
        .into_iter()
        .filter_map(|task| fs::read_to_string(format!("/proc/{pid}/task/{task}/schedstat")).ok())
        .filter_map(|schedstat| schedstat.split(' ').next()?.parse::<u64>().ok())
        .sum();
    let memory = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    Ok(Usage {
        cpu: nanoseconds as f64 / 1e9,
        system: system_seconds(&stat).unwrap_or_default(),
        rss: resident(&memory).unwrap_or_default(),
    })
}

/// `stime`, the fifteenth field. The second one is a name in parentheses, which may
/// hold spaces and parentheses itself.
fn system_seconds(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let ticks: f64 = fields.split(' ').nth(12)?.parse().ok()?;
    Some(ticks / TICKS)
}

fn resident(smaps_rollup: &str) -> Option<u64> {
    let line = smaps_rollup
        .lines()
        .find_map(|line| line.strip_prefix("Rss:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn the_kernels_files_are_read() {
        let stat = "7 (a) (b c) S 1 7 7 0 -1 4194560 96 0 0 0 150 275 0 0 20 0 1 0 9";
        assert_eq!(system_seconds(stat), Some(2.75));
        let smaps =
            "00-ff ---p 00000000 00:00 0 [rollup]\nRss:                4584 kB\nPss: 985 kB\n";
        assert_eq!(resident(smaps), Some(4584 * 1024));
    }

    /// Of a process that does nothing else: other tests in this one take memory and give
    /// it back meanwhile.
    #[test]
    fn work_and_memory_show_in_the_usage() {
        const MIB: u64 = 1 << 20;
        let mut worker = Command::new("sh")
            .args([
                "-c",
                "read go; hoard=$(head -c 33554432 /dev/zero | tr '\\0' x); read end",
            ])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let usage = || ProcessTree(worker.id()).usage().unwrap();
        let before = usage();
        worker.stdin.as_ref().unwrap().write_all(b"go\n").unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut after = usage();
        while after.cpu < before.cpu + 0.005 || after.rss < before.rss + 16 * MIB {
            assert!(Instant::now() < deadline, "{before:?} {after:?}");
            // sleep: between two looks
            thread::sleep(Duration::from_millis(10));
            after = usage();
        }
        worker.kill().unwrap();
        worker.wait().unwrap();
    }

    #[test]
    fn children_belong_to_the_tree() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let pids = ProcessTree(std::process::id()).pids();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(pids.contains(&child.id()), "{pids:?}");
    }
}
