//! What a server uses, as the system counts it.

pub mod callgrind;
pub mod syscalls;

use procfs::ProcResult;
use procfs::process::{Process, Task};

/// What processes have used so far, and hold now.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    /// CPU time in seconds. The scheduler counts it in nanoseconds.
    pub cpu: f64,
    /// The part of it that was in the kernel, in seconds. Counted in steps of 10 ms.
    pub system: f64,
    /// Resident memory in bytes.
    pub rss: u64,
}

/// A process and its descendants, this one first.
pub fn tree(of: u32) -> Vec<u32> {
    let mut pids = vec![of];
    let mut at = 0;
    while let Some(&pid) = pids.get(at) {
        at += 1;
        pids.extend(tasks(pid).flat_map(|task| task.children().unwrap_or_default()));
    }
    pids
}

impl Usage {
    /// What processes and their descendants have used until now.
    ///
    /// # Errors
    ///
    /// One of them has ended.
    pub fn of(processes: impl IntoIterator<Item = u32>) -> ProcResult<Self> {
        let mut sum = Usage::default();
        for process in processes {
            for pid in tree(process) {
                match sum.add(pid) {
                    // A child may have ended since it was listed.
                    Err(_) if pid != process => {}
                    added => added?,
                }
            }
        }
        Ok(sum)
    }

    fn add(&mut self, pid: u32) -> ProcResult<()> {
        let process = Process::new(pid as i32)?;
        let schedules = tasks(pid).filter_map(|task| task.schedstat().ok());
        let nanoseconds: u64 = schedules.map(|schedule| schedule.sum_exec_runtime).sum();
        self.cpu += nanoseconds as f64 / 1e9;
        self.system += process.stat()?.stime as f64 / procfs::ticks_per_second() as f64;
        let memory = process.smaps_rollup()?.memory_map_rollup;
        let maps = memory.iter();
        let resident = maps.filter_map(|map| map.extension.map.get("Rss"));
        self.rss += resident.sum::<u64>();
        Ok(())
    }
}

fn tasks(pid: u32) -> impl Iterator<Item = Task> {
    let tasks = Process::new(pid as i32).and_then(|process| process.tasks());
    tasks.into_iter().flatten().flatten()
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
        let usage = || Usage::of([worker.id()]).unwrap();
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
        let pids = tree(std::process::id());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(pids.contains(&child.id()), "{pids:?}");
    }
}
