//! Child processes that never outlive the process that started them, and are only ever ended by their own id.

use std::{
    env,
    ffi::OsStr,
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{OnceLock, mpsc},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, kill_process};

pub use rustix::process::Signal;

/// How often a child is looked at while it is waited for.
const LOOK: Duration = Duration::from_millis(10);

/// A child process whose output goes to a file. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` (made by [`command`]) with both outputs appended to `log`.
    ///
    /// # Errors
    /// The log cannot be written, or the program cannot be started.
    pub fn spawn(name: &str, command: Command, log: &Path) -> Result<Self> {
        Self::spawn_apart(name, command, log, log)
    }

    /// The same with a file for each output; what is told about the process is its stderr.
    ///
    /// # Errors
    /// As of [`Process::spawn`].
    pub fn spawn_apart(
        name: &str,
        mut command: Command,
        stdout: &Path,
        stderr: &Path,
    ) -> Result<Self> {
        command
            .stdin(Stdio::null())
            .stdout(appending(stdout)?)
            .stderr(appending(stderr)?);
        let child = spawn(command).with_context(|| format!("cannot start {name}"))?;
        Ok(Self {
            name: name.to_owned(),
            child,
            log: stderr.to_owned(),
        })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How the process ended, if it has.
    pub fn exit(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// # Errors
    /// The process has ended already.
    pub fn signal(&mut self, signal: Signal) -> Result<()> {
        // A child that was waited for has no id any more: its number may belong to somebody else.
        if let Some(status) = self.exit() {
            bail!(
                "{} cannot be signalled, it has ended with {status}",
                self.name
            );
        }
        let id = i32::try_from(self.id())
            .ok()
            .and_then(Pid::from_raw)
            .context("a process id is positive")?;
        kill_process(id, signal).with_context(|| format!("cannot signal {}", self.name))
    }

    /// Waits for the end of the process, blocking the thread.
    pub fn wait(&mut self, at_most: Duration) -> Option<ExitStatus> {
        let end = Instant::now() + at_most;
        loop {
            match self.exit() {
                Some(status) => return Some(status),
                None if Instant::now() >= end => return None,
                None => thread::sleep(LOOK),
            }
        }
    }

    /// Ends the process: SIGTERM (and SIGCONT, should it be stopped), and SIGKILL when `grace` is over.
    pub fn stop(&mut self, grace: Duration) {
        let asked = self.signal(Signal::TERM).is_ok() && self.signal(Signal::CONT).is_ok();
        if !asked || self.wait(grace).is_none() {
            self.kill();
        }
    }

    /// SIGKILL, and waits until it is gone.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// The last lines of the output, for an error message.
    pub fn log_tail(&self) -> String {
        tail(&self.log, 25)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A command for a child that the kernel kills when this process dies, even of SIGKILL. (`setpriv` is a part of every
/// Debian; where it is missing the child only ends with an orderly end of this process.) Start it with [`spawn`].
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let Some(setpriv) = on_path("setpriv") else {
        return Command::new(program);
    };
    let mut command = Command::new(setpriv);
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// Starts a [`command`] on a thread that never ends: the kernel ties the child to the thread that made it.
///
/// # Errors
/// As of [`Command::spawn`].
pub fn spawn(command: Command) -> io::Result<Child> {
    type Order = (Command, mpsc::Sender<io::Result<Child>>);
    static SPAWNER: OnceLock<mpsc::Sender<Order>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (orders, inbox) = mpsc::channel::<Order>();
        thread::spawn(move || {
            for (mut command, reply) in inbox {
                let _ = reply.send(command.spawn());
            }
        });
        orders
    });
    let (reply, answer) = mpsc::channel();
    let gone = |_| io::Error::other("the spawning thread is gone");
    spawner
        .send((command, reply))
        .map_err(|_| io::Error::other("the spawning thread is gone"))?;
    answer.recv().map_err(gone)?
}

/// Kills the children of a process that is our own child; none when it has none yet, or is gone.
pub(crate) fn kill_children(parent: u32) {
    let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"));
    for child in children.unwrap_or_default().split_whitespace() {
        if let Some(id) = child.parse().ok().and_then(Pid::from_raw) {
            let _ = kill_process(id, Signal::KILL);
        }
    }
}

/// A program of the `PATH`, or of the folders that a user's PATH often lacks.
pub fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin", "/usr/local/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}

/// The last `lines` of a file that may be missing.
pub fn tail(path: &Path, lines: usize) -> String {
    let text = fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let text = text.unwrap_or_else(|error| format!("({}: {error})", path.display()));
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

fn appending(path: &Path) -> Result<File> {
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.with_context(|| format!("cannot write the log {}", path.display()))
}

/// Makes an empty file, so that a reader finds one from the start.
pub(crate) fn touch(path: &Path) -> Result<()> {
    File::create(path)
        .map(drop)
        .with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper(folder: &Path, script: &str) -> Process {
        let mut command = command("sh");
        command.args(["-c", script]);
        Process::spawn("sh", command, &folder.join("log")).unwrap()
    }

    #[test]
    fn process_that_ignores_sigterm_is_killed_when_its_grace_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let mut process = sleeper(
            folder.path(),
            "trap '' TERM; echo ready; while :; do sleep 0.01; done",
        );
        while process.log_tail().is_empty() {
            thread::sleep(LOOK);
        }
        process.stop(Duration::from_millis(100));
        assert!(!process.exit().unwrap().success());
    }

    #[test]
    fn stopped_process_still_ends_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let mut process = sleeper(
            folder.path(),
            "trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.01; done",
        );
        while process.log_tail().is_empty() {
            thread::sleep(LOOK);
        }
        process.signal(Signal::STOP).unwrap();
        process.stop(Duration::from_secs(10));
        assert_eq!(process.exit().unwrap().code(), Some(3));
        assert!(process.log_tail().ends_with("bye"));
    }
}
