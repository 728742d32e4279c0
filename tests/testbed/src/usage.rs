//! What a process has used, as the kernel counts it.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// The unit of times in `/proc/<pid>/stat`: 100 a second on every Linux that Rust runs on.
const TICK: Duration = Duration::from_millis(10);
/// Places of utime and stime behind the process's name in `/proc/<pid>/stat`.
const UTIME: usize = 11;
const STIME: usize = 12;

/// Memory in bytes and processor time of one process, all threads together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Resident now.
    pub resident: u64,
    /// The most that ever was resident.
    pub peak: u64,
    /// User and system time since its start, in steps of 10 ms.
    pub time: Duration,
}

impl Usage {
    /// # Errors
    /// There is no process of this id.
    pub fn of(id: u32) -> Result<Self> {
        let read = |file: &str| {
            let path = format!("/proc/{id}/{file}");
            fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))
        };
        let (status, stat) = (read("status")?, read("stat")?);
        let memory = |field| {
            kibibytes(&status, field).with_context(|| format!("/proc/{id}/status has no {field}"))
        };
        let time = time(&stat).with_context(|| format!("/proc/{id}/stat has no times"))?;
        Ok(Self {
            resident: memory("VmRSS")? * 1024,
            peak: memory("VmHWM")? * 1024,
            time,
        })
    }
}

/// The number of a line `VmRSS:     1234 kB`.
fn kibibytes(status: &str, field: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

fn time(stat: &str) -> Option<Duration> {
    // The name stands in parentheses and may hold anything, also parentheses.
    let (_, numbers) = stat.rsplit_once(')')?;
    let numbers: Vec<&str> = numbers.split_whitespace().collect();
    let ticks = |place: usize| numbers.get(place)?.parse::<u32>().ok();
    Some(TICK * (ticks(UTIME)? + ticks(STIME)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_usage_is_read() {
        let usage = Usage::of(std::process::id()).unwrap();
        assert!(
            usage.resident > 1_000_000 && usage.peak >= usage.resident,
            "{usage:?}"
        );
    }

    #[test]
    fn times_are_found_behind_a_strange_name() {
        let stat = "17 (a ) b) S 1 17 17 0 -1 4194560 500 0 0 0 250 50 0 0 20 0 1 0";
        assert_eq!(time(stat), Some(Duration::from_secs(3)));
    }
}
