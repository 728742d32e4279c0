//! Runs the real program and looks at what it says.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What the program said.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: i32,
}

/// `beadlet` with these arguments, in an environment that says nothing.
pub(crate) fn command<A: AsRef<OsStr>>(args: &[A]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_beadlet"));
    command.env_clear().args(args);
    command
}

/// Runs `beadlet` to its end.
pub(crate) fn beadlet<A: AsRef<OsStr>>(args: &[A]) -> Answer {
    answer(command(args), b"")
}

/// Runs a command to its end with this on its standard input.
pub(crate) fn answer(mut command: Command, stdin: &[u8]) -> Answer {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(stdin).unwrap();
    let output = child.wait_with_output().unwrap();
    Answer {
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
        code: output.status.code().unwrap(),
    }
}

impl Answer {
    /// What it printed, where it went well and had nothing to say beside it.
    #[track_caller]
    pub(crate) fn good(&self) -> &str {
        assert_eq!(
            (self.code, self.stderr.as_str()),
            (0, ""),
            "{}",
            self.stdout
        );
        &self.stdout
    }

    /// What it said went wrong.
    #[track_caller]
    pub(crate) fn failed(&self, code: i32) -> &str {
        assert_eq!(self.code, code, "{}{}", self.stdout, self.stderr);
        assert_eq!(self.stdout, "");
        &self.stderr
    }

    /// The lines of the output.
    #[track_caller]
    pub(crate) fn lines(&self) -> Vec<&str> {
        self.good().lines().collect()
    }
}

/// A file of `fixtures/`.
pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(name)
}

/// The path of a file of `fixtures/`, for an argument.
pub(crate) fn fixture_text(name: &str) -> String {
    fixture(name).display().to_string()
}

/// A file of the inputs that several projects share.
pub(crate) fn shared(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared")
        .join(name)
}
