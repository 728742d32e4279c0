//! A pod without a cluster: three containers as three processes that share two folders.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use beadlet_supervise::contract::{ExitCode, Report, Workspace};
use beadlet_testbed::git::GitRepo;
use serde_json::json;

/// The volumes of a pod, and what all its containers are told.
pub(super) struct Pod {
    folder: tempfile::TempDir,
    settings: Vec<(String, String)>,
}

/// How a container ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) code: ExitCode,
    pub(super) report: Report,
    pub(super) log: String,
}

impl Pod {
    /// A pod of Polecat `test-worker` at work on bead `gt-0042` in the repository at `url`.
    pub(super) fn new(url: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["workspace", "state", "bead", "secret"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let path = |name: &str| folder.path().join(name).display().to_string();
        let settings = [
            ("BEADLET_WORKSPACE", path("workspace")),
            ("BEADLET_STATE", path("state")),
            ("BEADLET_BEAD_DIR", path("bead")),
            ("BEADLET_GIT_SECRET", path("secret")),
            ("BEADLET_HOME", path("home")),
            ("BEADLET_GIT_REPOSITORY", url.to_owned()),
            ("BEADLET_GIT_BRANCH", "main".to_owned()),
            ("BEADLET_AGENT", "custom".to_owned()),
            ("BEADLET_AUTHOR_NAME", "Polecat".to_owned()),
            ("BEADLET_AUTHOR_EMAIL", "polecat@example.com".to_owned()),
            ("BEADLET_SUPERVISOR", supervisor().display().to_string()),
            ("GT_ISSUE", "gt-0042".to_owned()),
            ("GT_POLECAT", "test-worker".to_owned()),
            ("GT_RIG", "gastown".to_owned()),
        ];
        let settings = settings
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        let pod = Self { folder, settings };
        pod.bead(&json!({"id": "gt-0042", "title": "Mend the gate", "description": "It squeaks."}));
        pod
    }

    #[must_use]
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same volumes with other containers.
    #[must_use]
    pub(super) fn secret(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        std::fs::write(self.path("secret").join(name), value).unwrap();
        self
    }

    pub(super) fn bead(&self, issue: &serde_json::Value) {
        std::fs::write(self.path("bead/issue.json"), issue.to_string()).unwrap();
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn workspace(&self) -> Workspace {
        Workspace::new(self.path("workspace"))
    }

    /// A file of the work tree.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.workspace().repository().join(name)
    }

    pub(super) fn start(&self, container: &str, arguments: &[&str]) -> Container {
        let message = self.path(&format!("{container}-{}", fresh()));
        let mut command = Command::new(env!("CARGO_BIN_EXE_beadlet"));
        command
            .args(["worker", container])
            .args(arguments)
            .env_clear();
        command
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.folder.path());
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command.env("BEADLET_TERMINATION_LOG", &message);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Container {
            child: command.spawn().unwrap(),
            message,
        }
    }

    pub(super) fn clone(&self) -> Ended {
        self.start("clone", &[]).wait()
    }

    /// A shell script as the agent; `$1` is the prompt.
    pub(super) fn agent(&self, script: &str) -> Container {
        self.start("run", &["--", "sh", "-c", script, "agent", "{prompt}"])
    }

    pub(super) fn push(&self) -> Ended {
        self.start("push", &[]).wait()
    }

    /// All three containers, one after the other.
    pub(super) fn run(&self, script: &str) -> Ended {
        let cloned = self.clone();
        assert_eq!(cloned.code, ExitCode::Success, "{cloned:?}");
        self.agent(script).wait();
        self.push()
    }
}

/// A running container.
pub(super) struct Container {
    pub(super) child: Child,
    message: PathBuf,
}

impl Container {
    pub(super) fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal)
            .unwrap();
    }

    /// Whether it listens for signals: the process has replaced what SIGTERM does by default (proc(5), `SigCgt`).
    pub(super) fn is_waiting(&self) -> bool {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let caught = status
            .lines()
            .find_map(|line| line.strip_prefix("SigCgt:"))
            .unwrap();
        u64::from_str_radix(caught.trim(), 16).unwrap()
            & 1 << (rustix::process::Signal::TERM.as_raw() - 1)
            != 0
    }

    pub(super) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Gives it a signal, if it has not ended. To the first process of a container, which it stands for, one that nobody listens for is
    /// lost: so what is only just starting is waited for, unless the signal is one that nobody is asked about.
    pub(super) fn receive(&mut self, signal: rustix::process::Signal) {
        while signal != rustix::process::Signal::KILL && !self.has_ended() && !self.is_waiting() {
            std::thread::sleep(Duration::from_millis(1));
        }
        if !self.has_ended() {
            self.signal(signal);
        }
    }

    /// Its code and message, where it ended by itself.
    pub(super) fn said(mut self) -> Option<(ExitCode, Report)> {
        let code = self.child.wait().unwrap().code()?;
        let ended = self.wait();
        assert_eq!(ExitCode::from_code(code), Some(ended.code));
        Some((ended.code, ended.report))
    }

    pub(super) fn wait(self) -> Ended {
        let Output { status, stderr, .. } = self.child.wait_with_output().unwrap();
        let log = String::from_utf8_lossy(&stderr).into_owned();
        let code = status
            .code()
            .and_then(ExitCode::from_code)
            .unwrap_or_else(|| panic!("{status}: {log}"));
        let message = std::fs::read(&self.message)
            .unwrap_or_else(|error| panic!("no message, {error}: {log}"));
        assert!(message.len() <= 4096);
        Ended {
            code,
            report: serde_json::from_slice(&message).unwrap(),
            log,
        }
    }
}

fn fresh() -> usize {
    static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

/// A program that passes for the supervisor: static, as the check wants it. What it does is shown elsewhere.
fn supervisor() -> &'static Path {
    static FILE: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = FILE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let mut elf = vec![0; 0x40];
        elf[..6].copy_from_slice(b"\x7fELF\x02\x01");
        std::fs::write(folder.path().join("beadlet-supervise"), elf).unwrap();
        folder
    });
    Box::leak(folder.path().join("beadlet-supervise").into_boxed_path())
}

/// Waits until it is so.
pub(super) fn eventually(what: &str, mut look: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(120);
    while !look() {
        assert!(Instant::now() < end, "{what} did not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The message of a branch's last commit.
pub(super) fn message(repo: &GitRepo, branch: &str) -> String {
    let repository = repo.open();
    let commit = repository
        .find_branch(branch, git2::BranchType::Local)
        .unwrap()
        .get()
        .peel_to_commit()
        .unwrap();
    String::from_utf8_lossy(commit.message_bytes()).into_owned()
}
