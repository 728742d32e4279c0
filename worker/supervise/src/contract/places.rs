//! Where the containers of a pod find what they share, and the names of the variables that tell them.

use std::path::{Path, PathBuf};

/// The volume that all three containers mount.
pub const WORKSPACE: &str = "/workspace";
/// Where the bead's ConfigMap is mounted.
pub const BEAD: &str = "/bead";
/// A volume that `git-init` and `git-push` mount, and the agent does not.
pub const STATE: &str = "/state";
/// What Kubernetes shows as a container's last message.
pub const TERMINATION_LOG: &str = "/dev/termination-log";
/// Kubernetes cuts a termination message off here, in bytes.
pub const TERMINATION_LOG_LIMIT: usize = 4096;

/// The key of the model endpoint; the supervisor hands it to the agent under the name that the agent knows.
pub const API_KEY: &str = "BEADLET_API_KEY";
/// A file where a custom agent may leave what it used: `{"tokens": {"input": 1, "output": 2}, "cost": 0.5}`.
pub const USAGE_FILE: &str = "BEADLET_USAGE_FILE";
/// All variables with this prefix are settings of ours and are not passed on to the agent.
pub const SETTING_PREFIX: &str = "BEADLET_";

/// The files of a workspace.
#[derive(Clone, Debug)]
pub struct Workspace(PathBuf);

impl Workspace {
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self(root.into())
    }

    #[must_use]
    pub fn root(&self) -> &Path {
        &self.0
    }

    /// The work tree.
    #[must_use]
    pub fn repository(&self) -> PathBuf {
        self.0.join("repo")
    }

    /// The folder of everything below that is not the work tree.
    #[must_use]
    pub fn own(&self) -> PathBuf {
        self.0.join(".beadlet")
    }

    #[must_use]
    pub fn supervisor(&self) -> PathBuf {
        self.own().join("bin/beadlet-supervise")
    }

    /// What the agent is asked to do.
    #[must_use]
    pub fn prompt(&self) -> PathBuf {
        self.own().join("prompt.md")
    }

    /// The issue as it stands in git.
    #[must_use]
    pub fn issue(&self) -> PathBuf {
        self.own().join("issue.json")
    }

    /// What an earlier attempt left, where one did: an [`Earlier`](super::Earlier).
    #[must_use]
    pub fn earlier(&self) -> PathBuf {
        self.own().join("earlier.json")
    }

    /// Locked by the supervisor for as long as it lives: the kernel lets go of the lock when it dies, however it dies.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.own().join("agent.lock")
    }

    /// Written by the supervisor once it holds the lock.
    #[must_use]
    pub fn started(&self) -> PathBuf {
        self.own().join("started.json")
    }

    /// How the agent ended, written by the supervisor as its last act.
    #[must_use]
    pub fn ended(&self) -> PathBuf {
        self.own().join("ended.json")
    }

    /// See [`USAGE_FILE`].
    #[must_use]
    pub fn usage(&self) -> PathBuf {
        self.own().join("usage.json")
    }
}
