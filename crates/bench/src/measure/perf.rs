//! `perf stat` on running processes: the processor's counters where there are any,
//! and the kernel's count of system calls.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use super::ProcessTree;

/// Instructions in user space.
pub const USER_INSTRUCTIONS: &str = "instructions:u";

/// Instructions in the kernel.
pub const KERNEL_INSTRUCTIONS: &str = "instructions:k";

/// System calls.
pub const SYSCALLS: &str = "raw_syscalls:sys_enter";

/// Opening the counters takes perf a moment, more with many threads.
const OPENING: Duration = Duration::from_secs(5);

/// Counting, until [`Counting::stop`].
#[derive(Debug)]
pub struct Counting {
    perf: Child,
}

/// Whether this machine counts an event.
pub fn counts(event: &str) -> bool {
    let perf = Command::new("perf")
        .args(["stat", "-x,", "-e", event, "true"])
        .output();
    perf.is_ok_and(|output| {
        parse(&String::from_utf8_lossy(&output.stderr)).is_ok_and(|counts| !counts.is_empty())
    })
}

impl Counting {
    /// Counts events of all threads there are now, and of what they start.
    ///
    /// # Errors
    ///
    /// perf is not there, or may not count.
    pub fn start(of: ProcessTree, events: &[&str]) -> anyhow::Result<Self> {
        let pids: Vec<String> = of.pids().iter().map(u32::to_string).collect();
        let mut perf = Command::new("perf")
            .args([
                "stat",
                "-x,",
                "-e",
                &events.join(","),
                "-p",
                &pids.join(","),
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start perf")?;
        // It does not say when it has begun; it has counters open and sleeps then.
        let deadline = Instant::now() + OPENING;
        while !has_begun(perf.id()) {
            if perf.try_wait()?.is_some() || Instant::now() > deadline {
                Counting { perf }.stop()?;
                bail!("perf does not begin to count");
            }
            thread::sleep(Duration::from_millis(2));
        }
        Ok(Counting { perf })
    }

    /// What was counted; events that this machine does not count are not there.
    ///
    /// # Errors
    ///
    /// perf has failed.
    pub fn stop(mut self) -> anyhow::Result<BTreeMap<String, u64>> {
        let pid = Pid::from_child(&self.perf);
        // It may have ended with the server.
        let _ = kill_process(pid, Signal::INT);
        let mut text = String::new();
        let output = self.perf.stderr.take().context("no output of perf")?;
        { output }.read_to_string(&mut text)?;
        // A signal is how it ends when all is well.
        let status = self.perf.wait()?;
        ensure!(
            status.code().is_none_or(|code| code == 0),
            "perf: {}",
            text.trim()
        );
        parse(&text)
    }
}

fn has_begun(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let files = fs::read_dir(format!("/proc/{pid}/fd"));
    let counts = |file: fs::DirEntry| {
        fs::read_link(file.path()).is_ok_and(|to| to.as_os_str() == "anon_inode:[perf_event]")
    };
    state.starts_with('S') && files.is_ok_and(|mut files| files.any(|file| file.is_ok_and(counts)))
}

/// Lines of `perf stat -x,`: the count or `<not supported>`, a unit, the event.
fn parse(text: &str) -> anyhow::Result<BTreeMap<String, u64>> {
    let mut counts = BTreeMap::new();
    for line in text.lines().filter(|line| line.contains(',')) {
        let mut fields = line.split(',');
        let (Some(count), _, Some(event)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        if count.starts_with('<') {
            continue;
        }
        let Ok(count) = count.parse() else {
            bail!("perf says {line:?}");
        };
        counts.insert(event.to_owned(), count);
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_counted_is_left_out() {
        let text = "<not supported>,,instructions:u,0,100.00,,\n29,,raw_syscalls:sys_enter,419455,100.00,,\n";
        let counts = parse(text).unwrap();
        assert_eq!(counts, BTreeMap::from([(SYSCALLS.to_owned(), 29)]));
        assert!(parse("many,,raw_syscalls:sys_enter,1").is_err());
    }
}
