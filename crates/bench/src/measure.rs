//! What a server uses, read from outside.

pub mod callgrind;
pub mod syscalls;

use std::iter::Sum;

use procfs::ProcResult;
use procfs::process::{Process, Task};

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

impl Sum for Usage {
    fn sum<I: Iterator<Item = Usage>>(usages: I) -> Usage {
        usages.fold(Usage::default(), |sum, usage| Usage {
            cpu: sum.cpu + usage.cpu,
            system: sum.system + usage.system,
            rss: sum.rss + usage.rss,
        })
    }
}

impl ProcessTree {
    /// The processes, this one first.
    pub fn pids(self) -> Vec<u32> {
        let mut pids = vec![self.0];
        let mut at = 0;
        while let Some(&pid) = pids.get(at) {
            at += 1;
            pids.extend(tasks(pid).flat_map(|task| task.children().unwrap_or_default()));
        }
        pids
    }

    /// What it has used until now.
    ///
    /// # Errors
    ///
    /// It has ended.
    pub fn usage(self) -> ProcResult<Usage> {
        let descendants = self.pids().into_iter().skip(1);
        // One of them may end between two looks.
        let of_descendants = descendants.filter_map(|pid| usage(pid).ok());
        Ok(of_descendants.chain([usage(self.0)?]).sum())
    }
}

fn tasks(pid: u32) -> impl Iterator<Item = Task> {
    let tasks = Process::new(pid as i32).and_then(|process| process.tasks());
    tasks.into_iter().flatten().flatten()
}

fn usage(pid: u32) -> ProcResult<Usage> {
    let process = Process::new(pid as i32)?;
    let schedules = tasks(pid).filter_map(|task| task.schedstat().ok());
    let nanoseconds: u64 = schedules.map(|schedule| schedule.sum_exec_runtime).sum();
    let memory = process.smaps_rollup()?.memory_map_rollup;
    Ok(Usage {
        cpu: nanoseconds as f64 / 1e9,
        system: process.stat()?.stime as f64 / procfs::ticks_per_second() as f64,
        rss: memory
            .iter()
            .filter_map(|map| map.extension.map.get("Rss"))
            .sum(),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;

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
