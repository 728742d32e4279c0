//! What the scheduler puts into a pod and the worker finds there. What the worker's containers agree on among themselves (places in the
//! volumes, exit codes, termination messages) stands in [`beadlet_supervise::contract`]; here is how the pod presents it to them.
//!
//! How `git-push` learns that the agent ended, however it ended, is told in ARCHITECTURE.md. Containers do not share a process namespace,
//! so the agent cannot see the process that holds the git credential.

/// Containers of the pod. `git-init` is an init container.
pub mod container {
    pub const GIT_INIT: &str = "git-init";
    pub const AGENT: &str = "agent";
    pub const GIT_PUSH: &str = "git-push";
}

/// Where things are mounted, beside the places of [`beadlet_supervise::contract::places`].
pub mod path {
    /// The ConfigMap of `agentConfig.configMapRef`. In `agent` only.
    pub const AGENT_CONFIG: &str = "/agent-config";
    /// The Secret of `claudeCredsSecretRef`, copied below HOME by the supervisor. In `agent` only.
    pub const CLAUDE_CREDENTIALS: &str = "/claude-credentials";
    /// The Secret of `gitSecretRef`. In the git containers only.
    pub const GIT_CREDENTIAL: &str = "/git-credential";
    /// The ConfigMap of `sshKnownHostsConfigMapRef`. In the git containers only.
    pub const KNOWN_HOSTS: &str = "/known-hosts";
    pub const TEMPORARY: &str = "/tmp";
    pub const HOME: &str = "/tmp/home";
}

/// Environment of the containers; the worker's settings by their variables.
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

    pub const GIT_REPOSITORY: &str = "BEADLET_GIT_REPOSITORY";
    pub const GIT_BRANCH: &str = "BEADLET_GIT_BRANCH";
    pub const WORK_BRANCH: &str = "BEADLET_WORK_BRANCH";
    /// Folder with the credential's files; absent when the repository is read without one.
    pub const GIT_SECRET: &str = "BEADLET_GIT_SECRET";
    /// File of the host keys that are believed; absent when none were given.
    pub const KNOWN_HOSTS: &str = "BEADLET_KNOWN_HOSTS_FILE";
    /// Who commits.
    pub const AUTHOR_NAME: &str = "BEADLET_AUTHOR_NAME";
    pub const AUTHOR_EMAIL: &str = "BEADLET_AUTHOR_EMAIL";
    /// How long `git-push` waits for the agent once the pod is told to stop.
    pub const STOP_PATIENCE: &str = "BEADLET_STOP_PATIENCE";

    /// Which agent program is supervised: `claude-code`, `opencode` or `custom`.
    pub const AGENT: &str = "BEADLET_AGENT";
    pub const PROVIDER: &str = "BEADLET_PROVIDER";
    pub const ENDPOINT: &str = "BEADLET_ENDPOINT";
    pub const MODEL: &str = "BEADLET_MODEL";
    pub const AGENT_CONFIG: &str = "BEADLET_AGENT_CONFIG";
    pub const CLAUDE_CREDENTIALS: &str = "BEADLET_CLAUDE_CREDENTIALS";
    pub const TASK_DESCRIPTION: &str = "BEADLET_TASK_DESCRIPTION";
    pub const CONVOY_DESCRIPTION: &str = "BEADLET_CONVOY_DESCRIPTION";
    /// Time without output and without a changed file after which the agent is ended; absent when it is not watched.
    pub const MAX_IDLE: &str = "BEADLET_MAX_IDLE";
    /// Time that the agent has.
    pub const DEADLINE: &str = "BEADLET_DEADLINE";
    /// Time that the agent has to end by itself.
    pub const GRACE: &str = "BEADLET_GRACE";
}

/// Annotations of the pod that become [`env::TASK_DESCRIPTION`] and [`env::CONVOY_DESCRIPTION`]: in a variable's own value Kubernetes would
/// replace `$(NAME)` by other variables, such as the model's key.
pub mod task {
    pub const DESCRIPTION: &str = "gastown.gastown.io/task-description";
    pub const CONVOY: &str = "gastown.gastown.io/convoy-description";
}
