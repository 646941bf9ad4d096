//! What the system says of this process, under the names that Prometheus' own clients use. Where there is no `/proc`,
//! nothing is said.

use std::fmt;
use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

/// The unit of times in `/proc`: Linux promises programs a hundred a second.
const TICKS: f64 = 100.0;

/// What was read at one moment.
#[derive(Debug, Default)]
pub(super) struct Process {
    cpu_seconds: Option<f64>,
    resident_bytes: Option<u64>,
    open_files: Option<u64>,
    most_files: Option<u64>,
    started: Option<f64>,
}

impl Process {
    /// Reads it; with very many descriptors this takes some milliseconds.
    pub(super) fn read() -> Self {
        let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let stat = text("/proc/self/stat");
        // The name of the program stands in brackets and may hold blanks.
        let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let field = |at: usize| fields.split_whitespace().nth(at)?.parse::<f64>().ok();
        let number = |text: &str, key: &str, at: usize| {
            let line = text.lines().find_map(|line| line.strip_prefix(key))?;
            line.split_whitespace().nth(at)?.parse::<u64>().ok()
        };
        let booted = number(&text("/proc/stat"), "btime ", 0);
        Process {
            cpu_seconds: field(11)
                .zip(field(12))
                .map(|(user, system)| (user + system) / TICKS),
            resident_bytes: number(&text("/proc/self/status"), "VmRSS:", 0).map(|kib| kib * 1024),
            open_files: open_files(),
            most_files: number(&text("/proc/self/limits"), "Max open files", 0),
            started: field(19)
                .zip(booted)
                .map(|(after, booted)| booted as f64 + after / TICKS),
        }
    }
}

/// How many descriptors are open. Newer kernels tell the number as the folder's size.
fn open_files() -> Option<u64> {
    const FOLDER: &str = "/proc/self/fd";
    match fs::metadata(FOLDER).ok()?.len() {
        // One of them is open for this reading only.
        0 => Some((fs::read_dir(FOLDER).ok()?.count() as u64).saturating_sub(1)),
        count => Some(count),
    }
}

impl Collector for Process {
    fn encode(&self, mut to: DescriptorEncoder<'_>) -> fmt::Result {
        if let Some(seconds) = self.cpu_seconds {
            let help = "CPU time, of the user and the system";
            let cpu =
                to.encode_descriptor("cpu", help, Some(&Unit::Seconds), MetricType::Counter)?;
            ConstCounter::new(seconds).encode(cpu)?;
        }
        let started = self.started;
        let resident = self.resident_bytes.map(|bytes| bytes as f64);
        let count = |files: Option<u64>| files.map(|files| files as f64);
        for (name, help, unit, value) in [
            (
                "resident_memory",
                "Memory in use",
                Some(Unit::Bytes),
                resident,
            ),
            (
                "start_time",
                "When the process began, since 1970",
                Some(Unit::Seconds),
                started,
            ),
            ("open_fds", "Open descriptors", None, count(self.open_files)),
            (
                "max_fds",
                "The limit of open descriptors",
                None,
                count(self.most_files),
            ),
        ] {
            if let Some(value) = value {
                let gauge = to.encode_descriptor(name, help, unit.as_ref(), MetricType::Gauge)?;
                ConstGauge::<f64>::new(value).encode(gauge)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn the_system_tells_of_this_process() {
        let read = Process::read();
        assert!(read.cpu_seconds.is_some());
        assert!(read.resident_bytes.unwrap() > 1024 * 1024);
        assert!(read.open_files.unwrap() >= 3);
        assert!(read.most_files.unwrap() >= read.open_files.unwrap());
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
        let started = read.started.unwrap();
        // Either clock may be a little off, but this is neither 1970 nor the future.
        assert!(started > now - 86_400.0 && started < now + 60.0);
    }
}
