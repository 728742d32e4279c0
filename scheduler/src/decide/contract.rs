//! What the scheduler puts into a pod and the worker finds there: names, paths, variables, exit codes. Final: `beadlet worker` is built
//! against this file.
//!
//! How the three containers know of each other: `git-init` runs first and puts the `beadlet` binary and the clone into the workspace. The
//! wrapper in `agent` takes an exclusive `flock` on [`AGENT_LOCK`] before it starts the agent and writes [`AGENT_EXIT`] (atomically, by
//! rename) when the agent has ended. `git-push` waits until the lock was taken once and is free again: the kernel frees it however the
//! agent's container ends, also when everything in it was killed for want of memory, and then there is no exit record. Containers do not
//! share a process namespace, so the agent cannot see the process that holds the git credential.

/// Containers of the pod. `git-init` is an init container.
pub mod container {
    pub const GIT_INIT: &str = "git-init";
    pub const AGENT: &str = "agent";
    pub const GIT_PUSH: &str = "git-push";
}

/// Where things are in the containers.
pub mod path {
    /// The volume that all containers share.
    pub const WORKSPACE: &str = "/workspace";
    pub const REPOSITORY: &str = "/workspace/repo";
    /// The worker's own files in the workspace.
    pub const STATE: &str = "/workspace/.beadlet";
    /// The program that `git-init` puts there and that wraps the agent.
    pub const WORKER: &str = "/workspace/.beadlet/beadlet";
    pub const AGENT_LOCK: &str = "/workspace/.beadlet/agent.lock";
    pub const AGENT_EXIT: &str = "/workspace/.beadlet/agent-exit.json";
    /// The bead's ConfigMap: `issue.json`, `title`. Empty for a Polecat whose bead has no ConfigMap.
    pub const BEAD: &str = "/bead";
    /// `description` (the Polecat's `taskDescription`) and `convoy` (the Convoy's description), empty where there is none.
    pub const TASK: &str = "/task";
    /// The ConfigMap of `agentConfig.configMapRef`. In `agent` only.
    pub const AGENT_CONFIG: &str = "/agent-config";
    /// The Secret of `claudeCredsSecretRef`, to be copied below HOME by the wrapper. In `agent` only.
    pub const CLAUDE_CREDENTIALS: &str = "/claude-credentials";
    /// The Secret of `gitSecretRef`. In the git containers only.
    pub const GIT_CREDENTIAL: &str = "/git-credential";
    /// The ConfigMap of `sshKnownHostsConfigMapRef`. In the git containers only.
    pub const KNOWN_HOSTS: &str = "/known-hosts";
    pub const TEMPORARY: &str = "/tmp";
    pub const HOME: &str = "/tmp/home";
}

/// Environment of the containers.
pub mod env {
    /// The bead's id.
    pub const ISSUE: &str = "GT_ISSUE";
    /// The Polecat's name.
    pub const POLECAT: &str = "GT_POLECAT";
    /// The Rig's name; empty for a Polecat without one.
    pub const RIG: &str = "GT_RIG";
    /// The Convoy's name, where the bead belongs to one.
    pub const CONVOY: &str = "GT_CONVOY";
    /// From 1.
    pub const ATTEMPT: &str = "GT_ATTEMPT";

    /// In all containers: [`super::path::WORKSPACE`].
    pub const WORKSPACE: &str = "BEADLET_WORKSPACE";
    pub const GIT_URL: &str = "BEADLET_GIT_URL";
    pub const GIT_BRANCH: &str = "BEADLET_GIT_BRANCH";
    pub const WORK_BRANCH: &str = "BEADLET_WORK_BRANCH";
    /// Folder with the credential's files; absent when the repository is read without one.
    pub const GIT_CREDENTIAL: &str = "BEADLET_GIT_CREDENTIAL";
    /// File of the host keys that are believed; absent when none were given.
    pub const KNOWN_HOSTS: &str = "BEADLET_KNOWN_HOSTS";
    /// Who commits.
    pub const AUTHOR_NAME: &str = "BEADLET_AUTHOR_NAME";
    pub const AUTHOR_EMAIL: &str = "BEADLET_AUTHOR_EMAIL";
    /// Seconds without output and without a changed file after which the agent is ended; absent when it is not watched.
    pub const MAX_IDLE: &str = "BEADLET_MAX_IDLE_SECONDS";
    /// Seconds that the Job has.
    pub const DEADLINE: &str = "BEADLET_DEADLINE_SECONDS";
    /// Which agent program is wrapped: `claude-code`, `opencode` or `custom`.
    pub const AGENT: &str = "BEADLET_AGENT";

    /// The model, for agents of the kind `custom`.
    pub const LLM_PROVIDER: &str = "LLM_PROVIDER";
    pub const LLM_ENDPOINT: &str = "LLM_ENDPOINT";
    pub const LLM_MODEL: &str = "LLM_MODEL";
    pub const LLM_API_KEY: &str = "LLM_API_KEY";
}

/// An argument of the agent's command that the wrapper replaces by the prompt.
pub const PROMPT: &str = "{prompt}";

/// Annotations of the pod that become the files of [`path::TASK`].
pub mod task {
    pub const DESCRIPTION: &str = "gastown.gastown.io/task-description";
    pub const CONVOY: &str = "gastown.gastown.io/convoy-description";
}

/// Exit codes. `git-init` and `git-push` use no others; the agent's own codes go through the wrapper as they are.
pub mod exit {
    pub const WELL: i32 = 0;
    /// `git-init`: the repository could not be cloned.
    pub const CLONE_FAILED: i32 = 20;
    /// `git-push`: the work could not be pushed.
    pub const PUSH_FAILED: i32 = 21;
    /// `git-push`: the agent ended well and there was nothing to commit.
    pub const NO_CHANGES: i32 = 22;
    /// `agent`: silent for longer than `maxIdleSeconds`, and ended by the wrapper.
    pub const IDLE: i32 = 23;
    /// `agent`: ended by the wrapper because the Job's time was up.
    pub const DEADLINE: i32 = 24;
    /// `agent`: ended by the wrapper because the pod was told to stop.
    pub const STOPPED: i32 = 25;
}
