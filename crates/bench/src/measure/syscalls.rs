//! Counts the system calls of running processes: by the kernel's tracepoint, with `perf stat`.

use std::io::Read;
use std::process::{Child, Command, Stdio};

use anyhow::Context;

use super::tree;

const EVENT: &str = "raw_syscalls:sys_enter";

/// A count that runs until [`Counting::stop`].
#[derive(Debug)]
pub struct Counting {
    perf: Child,
}

impl Counting {
    /// Counts those of all threads that a process and its descendants have now or start later.
    ///
    /// # Errors
    ///
    /// perf is missing, or is not allowed to count.
    pub fn start(of: u32) -> anyhow::Result<Self> {
        let pids: Vec<String> = tree(of).iter().map(u32::to_string).collect();
        let mut perf = Command::new("perf")
            .args(["stat", "-x,", "-e", EVENT, "-p", &pids.join(",")])
            // perf begins to count before it runs this, and ends with it.
            .args(["--", "sh", "-c", "echo; exec cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start perf")?;
        let begun = perf.stdout.as_mut().context("no output of perf")?;
        if begun.read_exact(&mut [0]).is_err() {
            Counting { perf }.stop()?;
            anyhow::bail!("perf does not begin to count");
        }
        Ok(Counting { perf })
    }

    /// Ends the count, and returns it.
    ///
    /// # Errors
    ///
    /// perf has failed, or the kernel does not count them.
    pub fn stop(self) -> anyhow::Result<u64> {
        // This closes perf's stdin first, which ends the count.
        let output = self.perf.wait_with_output()?;
        let text = String::from_utf8_lossy(&output.stderr);
        count(&text).with_context(|| format!("perf: {}", text.trim()))
    }
}

/// The count in lines of `perf stat -x,`, which are the count or `<not supported>`, a unit, the event.
fn count(text: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.contains(EVENT))?;
    line.split(',').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_counted_is_left_out() {
        let counted = "29,,raw_syscalls:sys_enter,419455,100.00,,\n";
        assert_eq!(count(counted), Some(29));
        assert_eq!(
            count("<not supported>,,raw_syscalls:sys_enter,0,100.00,,\n"),
            None
        );
        assert_eq!(count("many,,raw_syscalls:sys_enter,1"), None);
    }
}
