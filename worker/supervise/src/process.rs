//! The agent's process and everything it leaves behind.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{ChildStderr, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process, kill_process_group};

use crate::agent::Launch;
use crate::conclusion::Exit;
use crate::contract::places::{API_KEY, SETTING_PREFIX, USAGE_FILE};

/// The agent, the leader of a process group of its own.
#[derive(Debug)]
pub(crate) struct Agent {
    pid: Pid,
}

impl Agent {
    /// Starts the agent in `folder`, without our own settings in its environment and with nothing to read.
    pub(crate) fn start(
        launch: &Launch,
        folder: &Path,
    ) -> std::io::Result<(Self, ChildStdout, ChildStderr)> {
        let (program, arguments) = launch
            .command
            .split_first()
            .ok_or_else(|| std::io::Error::from(std::io::ErrorKind::InvalidInput))?;
        let mut command = Command::new(program);
        command.args(arguments).current_dir(folder).process_group(0);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| is_own_setting(&name.to_string_lossy()))
        {
            command.env_remove(name);
        }
        command.envs(&launch.environment);
        let mut child = command.spawn()?;
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        match (pid, child.stdout.take(), child.stderr.take()) {
            (Some(pid), Some(stdout), Some(stderr)) => Ok((Self { pid }, stdout, stderr)),
            _ => Err(std::io::Error::other(
                "the system gave the process no number or no pipes",
            )),
        }
    }

    /// Sends `signal` to the agent and what it started, as far as that stayed in its group. A group that is gone is no error.
    pub(crate) fn signal(&self, signal: Signal) {
        if let Err(error) = kill_process_group(self.pid, signal) {
            tracing::debug!(%error, "signal not delivered");
        }
    }

    /// Takes leave of every child that has ended, ours and those we inherited; gives the agent's own end.
    pub(crate) fn reap(&self) -> Option<Exit> {
        let mut ended = None;
        while let Some((pid, status)) = reap_one() {
            if pid == self.pid {
                ended = exit(status);
            }
        }
        ended
    }
}

/// Ends by force whatever is left of the agent, and takes leave of it. Gives up after `patience`, when something does not end even so.
pub(crate) fn clear(patience: Duration) {
    let end = Instant::now() + patience;
    loop {
        for pid in descendants(rustix::process::getpid(), &parents()) {
            // It may have ended in between.
            let _ = kill_process(pid, Signal::KILL);
        }
        while reap_one().is_some() {}
        if !has_children() || Instant::now() >= end {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn is_own_setting(name: &str) -> bool {
    debug_assert!(API_KEY.starts_with(SETTING_PREFIX) && USAGE_FILE.starts_with(SETTING_PREFIX));
    name.starts_with(SETTING_PREFIX)
}

fn reap_one() -> Option<(Pid, WaitStatus)> {
    rustix::process::wait(WaitOptions::NOHANG).ok().flatten()
}

fn has_children() -> bool {
    let children = rustix::process::waitid(
        rustix::process::WaitId::All,
        rustix::process::WaitIdOptions::EXITED
            | rustix::process::WaitIdOptions::NOHANG
            | rustix::process::WaitIdOptions::NOWAIT,
    );
    !matches!(children, Err(rustix::io::Errno::CHILD))
}

fn exit(status: WaitStatus) -> Option<Exit> {
    status
        .exit_status()
        .map(Exit::Code)
        .or_else(|| status.terminating_signal().map(Exit::Signal))
}

/// Each process and its parent.
fn parents() -> BTreeMap<i32, i32> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return BTreeMap::new();
    };
    entries
        .flatten()
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            Some((
                pid,
                parent(&std::fs::read_to_string(entry.path().join("stat")).ok()?)?,
            ))
        })
        .collect()
}

/// The fourth field of `/proc/PID/stat`; the second, the name, may hold anything, also blanks and brackets (proc(5)).
fn parent(stat: &str) -> Option<i32> {
    stat.rsplit_once(')')?
        .1
        .split_whitespace()
        .nth(1)?
        .parse()
        .ok()
}

/// All processes below `root`.
fn descendants(root: Pid, parents: &BTreeMap<i32, i32>) -> Vec<Pid> {
    let mut found = vec![root.as_raw_nonzero().get()];
    let mut next = 0;
    while next < found.len() {
        let parent = found[next];
        let children: Vec<i32> = parents
            .iter()
            .filter(|&(pid, of)| *of == parent && !found.contains(pid))
            .map(|(pid, _)| *pid)
            .collect();
        found.extend(children);
        next += 1;
    }
    found
        .into_iter()
        .skip(1)
        .filter_map(Pid::from_raw)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parent_is_found_behind_any_name() {
        assert_eq!(parent("7 (sh) S 3 7 7 0"), Some(3));
        assert_eq!(parent("7 (a) R 9) (b) S 3 7 7 0"), Some(3));
        assert_eq!(parent("nonsense"), None);
    }

    #[test]
    fn descendants_are_all_below_and_nobody_else() {
        let parents = BTreeMap::from([(1, 0), (2, 1), (3, 2), (4, 3), (5, 1), (6, 5)]);
        let found: Vec<i32> = descendants(Pid::from_raw(2).unwrap(), &parents)
            .into_iter()
            .map(|pid| pid.as_raw_nonzero().get())
            .collect();
        assert_eq!(found, [3, 4]);
    }

    #[test]
    fn settings_of_ours_are_known_by_their_prefix() {
        assert!(is_own_setting(API_KEY));
        assert!(!is_own_setting("GT_ISSUE"));
    }
}
