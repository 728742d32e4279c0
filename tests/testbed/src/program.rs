//! The program under test as a child process.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;
use tempfile::TempDir;

use crate::process::{self, Process, Signal};

/// How often a running program is looked at while something of it is waited for.
const LOOK: Duration = Duration::from_millis(10);
/// How many lines of each output a failing test shows.
const SHOWN: usize = 300;

/// A program that is about to start. Of our environment it gets `PATH` only, and a `HOME` of its own.
pub struct Program {
    name: String,
    command: Command,
    home: TempDir,
}

/// A started program. Dropped, it is killed; dropped by a failing test, its output is printed.
pub struct Running {
    process: Process,
    home: TempDir,
}

impl Program {
    /// In a test: `Program::new(env!("CARGO_BIN_EXE_beadlet"))`.
    ///
    /// # Panics
    /// There is no room for a temporary folder.
    pub fn new(path: impl AsRef<OsStr>) -> Self {
        let home = tempfile::tempdir().unwrap();
        let name = Path::new(path.as_ref())
            .file_name()
            .unwrap_or_default()
            .display()
            .to_string();
        let mut command = process::command(path);
        command
            .env_clear()
            .env("HOME", home.path())
            .env("RUST_BACKTRACE", "1");
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        Self {
            name,
            command,
            home,
        }
    }

    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.command.args(arguments);
        self
    }

    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// The folder that the program takes for its user's home.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// # Panics
    /// It cannot be started.
    pub fn start(self) -> Running {
        let Self {
            name,
            command,
            home,
        } = self;
        let [out, err] = outputs(home.path());
        Running {
            process: Process::spawn_apart(&name, command, &out, &err).unwrap(),
            home,
        }
    }
}

impl Running {
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// How it ended, if it has.
    pub fn exit(&mut self) -> Option<ExitStatus> {
        self.process.exit()
    }

    /// SIGTERM, SIGHUP and the like.
    ///
    /// # Errors
    /// It has ended.
    pub fn signal(&mut self, signal: Signal) -> Result<()> {
        self.process.signal(signal)
    }

    /// SIGKILL, and waits until it is gone.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// SIGSTOP.
    ///
    /// # Errors
    /// It has ended.
    pub fn pause(&mut self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// SIGCONT.
    ///
    /// # Errors
    /// It has ended.
    pub fn resume(&mut self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    /// SIGTERM, and waits for the end.
    ///
    /// # Panics
    /// It has ended before, or does not end in time.
    pub async fn terminate(&mut self, at_most: Duration) -> ExitStatus {
        self.signal(Signal::TERM).unwrap();
        self.wait(at_most).await
    }

    /// Waits for the end.
    ///
    /// # Panics
    /// It does not end in time.
    #[track_caller]
    pub fn wait(&mut self, at_most: Duration) -> impl Future<Output = ExitStatus> {
        let end = Instant::now() + at_most;
        async move {
            loop {
                if let Some(status) = self.process.exit() {
                    return status;
                }
                assert!(
                    Instant::now() < end,
                    "{} still runs after {at_most:?}",
                    self.process.name()
                );
                tokio::time::sleep(LOOK).await;
            }
        }
    }

    /// What it wrote to stdout.
    ///
    /// # Panics
    /// The file is gone.
    pub fn stdout(&self) -> String {
        self.output(0)
    }

    /// What it wrote to stderr.
    ///
    /// # Panics
    /// The file is gone.
    pub fn stderr(&self) -> String {
        self.output(1)
    }

    /// Waits for a line of either output that contains `text`, and gives the first.
    ///
    /// # Panics
    /// It is not there in time, or the program ends without it.
    pub async fn line(&mut self, text: &str, at_most: Duration) -> String {
        let end = Instant::now() + at_most;
        loop {
            let exit = self.process.exit();
            let all = self.stdout() + &self.stderr();
            if let Some(line) = all.lines().find(|line| line.contains(text)) {
                return line.to_owned();
            }
            let name = self.process.name();
            assert!(
                exit.is_none(),
                "{name} ended with {exit:?} and never wrote {text:?}"
            );
            assert!(
                Instant::now() < end,
                "{name} has not written {text:?} after {at_most:?}"
            );
            tokio::time::sleep(LOOK).await;
        }
    }

    fn output(&self, which: usize) -> String {
        let bytes = fs::read(&outputs(self.home.path())[which]).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let exit = self.process.exit();
        self.process.kill();
        if thread::panicking() {
            let how = exit.map_or("was running".into(), |status| {
                format!("had ended with {status}")
            });
            eprintln!("\n== {} {how}", self.process.name());
            for path in outputs(self.home.path()) {
                eprintln!("-- {}\n{}", path.display(), process::tail(&path, SHOWN));
            }
        }
    }
}

/// stdout and stderr.
fn outputs(home: &Path) -> [PathBuf; 2] {
    ["stdout.log", "stderr.log"].map(|name| home.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(20);

    fn shell(script: &str) -> Program {
        Program::new("sh").args(["-c", script])
    }

    #[tokio::test]
    async fn outputs_and_exit_are_those_of_the_program() {
        let mut program = shell("echo $GREETING; echo oops >&2; exit 7")
            .env("GREETING", "hello")
            .start();
        assert_eq!(program.wait(SOON).await.code(), Some(7));
        assert_eq!(
            (program.stdout().as_str(), program.stderr().as_str()),
            ("hello\n", "oops\n")
        );
    }

    #[tokio::test]
    async fn line_is_waited_for_and_sigterm_is_seen() {
        let mut program =
            shell("trap 'exit 0' TERM; echo up; while :; do sleep 0.01; done").start();
        assert_eq!(program.line("up", SOON).await, "up");
        assert!(program.terminate(SOON).await.success());
    }

    #[tokio::test]
    #[should_panic(expected = "never wrote")]
    async fn end_of_the_program_ends_the_wait_for_a_line() {
        shell("exit 1").start().line("up", SOON).await;
    }
}
